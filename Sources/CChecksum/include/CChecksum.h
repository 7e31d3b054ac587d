/* CRC-32C by the processor's own instructions, which Swift cannot name.
 *
 * The register is the bare one: start value and final xor are the caller's.
 */
#ifndef CCHECKSUM_H
#define CCHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* 1 where the processor has them: SSE 4.2 on amd64, the CRC extension on arm64; 0 on everything else. */
int cchecksum_is_available(void);

/* The register after `count` bytes at `bytes`. Only where the processor has the instructions. */
uint32_t cchecksum_fold(uint32_t value, const void *bytes, size_t count);

#endif
