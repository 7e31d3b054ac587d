#ifndef EDGERELAY_CBENCH_H
#define EDGERELAY_CBENCH_H
#include <stdint.h>

/* Allocations of any kind since the program started. */
uint64_t cbench_allocations(void);
int64_t cbench_nanoseconds(void);
void cbench_write(const uint8_t *bytes, long count);

#endif
