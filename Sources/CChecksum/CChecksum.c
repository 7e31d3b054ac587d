#include "CChecksum.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <nmmintrin.h>

int cchecksum_is_available(void) {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) != 0;
}

#define HAS_INSTRUCTIONS __attribute__((target("sse4.2")))
#define FOLD_8(value, word) ((uint32_t)_mm_crc32_u64(value, word))
#define FOLD_4(value, word) _mm_crc32_u32(value, word)
#define FOLD_1(value, byte) _mm_crc32_u8(value, byte)

#elif defined(__aarch64__) && defined(__LITTLE_ENDIAN__)

#include <arm_acle.h>
#include <sys/auxv.h>

/* HWCAP_CRC32 of <asm/hwcap.h>. */
int cchecksum_is_available(void) { return (getauxval(AT_HWCAP) & 1UL << 7) != 0; }

#define HAS_INSTRUCTIONS __attribute__((target("crc")))
#define FOLD_8(value, word) __crc32cd(value, word)
#define FOLD_4(value, word) __crc32cw(value, word)
#define FOLD_1(value, byte) __crc32cb(value, byte)

#else

int cchecksum_is_available(void) { return 0; }

#endif

#ifdef HAS_INSTRUCTIONS

HAS_INSTRUCTIONS uint32_t cchecksum_fold(uint32_t value, const void *bytes, size_t count) {
  const uint8_t *next = bytes;
  for (; count >= 8; count -= 8, next += 8) {
    uint64_t word;
    __builtin_memcpy(&word, next, 8);
    value = FOLD_8(value, word);
  }
  if (count >= 4) {
    uint32_t word;
    __builtin_memcpy(&word, next, 4);
    value = FOLD_4(value, word);
    next += 4;
    count -= 4;
  }
  for (; count > 0; count--) value = FOLD_1(value, *next++);
  return value;
}

#else

uint32_t cchecksum_fold(uint32_t value, const void *bytes, size_t count) {
  (void)bytes;
  (void)count;
  return value;
}

#endif
