/*
 * crc32c.c - CRC-32C, see crc32c.h.
 *
 * With the SSE 4.2 instruction three streams are interleaved, since it takes
 * three cycles and one can start in each; a stream's checksum is moved over
 * the bytes that follow it by a carry-less product with a power of x
 * (Gopal et al., "Fast CRC computation for iSCSI polynomial using CRC32
 * instruction", Intel 2011). Without it, eight tables take eight bytes at a
 * time (Kounavis and Berry, "A systematic approach to building high
 * performance software-based CRC generators", 2005).
 */
#include "format/crc32c.h"

#include <errno.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/parallel.h"

#define POLYNOMIAL 0x82f63b78u

/*
 * tables[s][b]: the register after byte b and s zero bytes. It is linear in
 * b, so the eight values of single bits give the row.
 */
#define BIT(i, k, v) ((i) >> (k)&1 ? (v) : 0u)
#define ENTRY(i, b0, b1, b2, b3, b4, b5, b6, b7)                  \
  BIT(i, 0, b0) ^ BIT(i, 1, b1) ^ BIT(i, 2, b2) ^ BIT(i, 3, b3) ^ \
      BIT(i, 4, b4) ^ BIT(i, 5, b5) ^ BIT(i, 6, b6) ^ BIT(i, 7, b7)
#define BY4(B, i) B(i, ENTRY), B(i + 1, ENTRY), B(i + 2, ENTRY), B(i + 3, ENTRY)
#define BY16(B, i) BY4(B, i), BY4(B, i + 4), BY4(B, i + 8), BY4(B, i + 12)
#define BY64(B, i) BY16(B, i), BY16(B, i + 16), BY16(B, i + 32), BY16(B, i + 48)
#define BY256(B) \
  { BY64(B, 0), BY64(B, 64), BY64(B, 128), BY64(B, 192) }
/* clang-format off */
#define BASIS_0(i, M) M(i, 0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78)
#define BASIS_1(i, M) M(i, 0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9)
#define BASIS_2(i, M) M(i, 0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743)
#define BASIS_3(i, M) M(i, 0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f)
#define BASIS_4(i, M) M(i, 0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c)
#define BASIS_5(i, M) M(i, 0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6)
#define BASIS_6(i, M) M(i, 0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4)
#define BASIS_7(i, M) M(i, 0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664)
/* clang-format on */

static const uint32_t tables[8][256] = {
    BY256(BASIS_0), BY256(BASIS_1), BY256(BASIS_2), BY256(BASIS_3),
    BY256(BASIS_4), BY256(BASIS_5), BY256(BASIS_6), BY256(BASIS_7)};

static uint64_t little64(const unsigned char *p) {
  uint64_t v = 0;
  for (int i = 7; i >= 0; i--) v = v << 8 | p[i];
  return v;
}

uint32_t ht_crc32c_portable(uint32_t crc, const void *data, size_t n) {
  const unsigned char *p = data;
  crc = ~crc;
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t v = little64(p) ^ crc;
    crc = 0;
    for (int i = 0; i < 8; i++) crc ^= tables[7 - i][v >> 8 * i & 255];
  }
  for (; n; p++, n--) crc = crc >> 8 ^ tables[0][(crc ^ *p) & 255];
  return ~crc;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define WITH_CRC32 __attribute__((target("sse4.2,pclmul")))

/* Three streams of `bytes` each; over1 and over2 are x^(8 bytes - 33) and
 * x^(16 bytes - 33), bits reversed. */
typedef struct {
  size_t bytes;
  uint32_t over1, over2;
} stride;
static const stride strides[] = {{4096, 0x82f89c77, 0x54a86326},
                                 {256, 0xb9e02b86, 0xdd7e3b0c}};

static inline uint64_t load64(const unsigned char *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}

WITH_CRC32 static uint64_t move_over(uint64_t crc, uint32_t power) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)crc),
                                         _mm_cvtsi32_si128((int)power), 0);
  return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

WITH_CRC32 static uint64_t three_streams(uint64_t crc, const unsigned char *p,
                                         const stride *s) {
  uint64_t a = crc, b = 0, c = 0;
  const unsigned char *q = p + s->bytes, *r = q + s->bytes;
  for (size_t i = 0; i < s->bytes; i += 8) {
    a = _mm_crc32_u64(a, load64(p + i));
    b = _mm_crc32_u64(b, load64(q + i));
    c = _mm_crc32_u64(c, load64(r + i));
  }
  return move_over(a, s->over2) ^ move_over(b, s->over1) ^ c;
}

WITH_CRC32 static uint32_t extend_sse42(uint32_t start, const void *data,
                                        size_t n) {
  const unsigned char *p = data;
  uint64_t crc = ~start;
  for (size_t k = 0; k < sizeof strides / sizeof *strides; k++)
    for (size_t all = 3 * strides[k].bytes; n >= all; p += all, n -= all)
      crc = three_streams(crc, p, &strides[k]);
  for (; n >= 8; p += 8, n -= 8) crc = _mm_crc32_u64(crc, load64(p));
  for (; n; p++, n--) crc = _mm_crc32_u8((uint32_t)crc, *p);
  return ~(uint32_t)crc;
}

uint32_t ht_crc32c_extend(uint32_t crc, const void *p, size_t n) {
  if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"))
    return extend_sse42(crc, p, n);
  return ht_crc32c_portable(crc, p, n);
}
#else
uint32_t ht_crc32c_extend(uint32_t crc, const void *p, size_t n) {
  return ht_crc32c_portable(crc, p, n);
}
#endif

/* The product of two polynomials modulo the CRC's, bits reversed. */
static uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t sum = 0;
  for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
    if (a & bit) sum ^= b;
    b = b >> 1 ^ (b & 1 ? POLYNOMIAL : 0);
  }
  return sum;
}

/* x^(8 n), by squaring. */
static uint32_t power_of_bytes(size_t n) {
  uint32_t power = 1u << 31, square = 1u << 23; /* 1, x^8 */
  for (; n; n >>= 1) {
    if (n & 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power;
}

uint32_t ht_crc32c_combine(uint32_t a, uint32_t b, size_t n) {
  return multiply(a, power_of_bytes(n)) ^ b;
}

enum { BLOCK = 1 << 20 };

typedef struct {
  const unsigned char *p;
  uint32_t *crc; /* per block */
} block_job;

static void check_block(size_t from, size_t to, void *arg) {
  block_job *job = arg;
  job->crc[from / BLOCK] = ht_crc32c_extend(0, job->p + from, to - from);
}

uint32_t ht_crc32c(const void *p, size_t n) {
  size_t blocks = n / BLOCK + (n % BLOCK != 0);
  block_job job = {p, blocks > 1 ? malloc(blocks * sizeof(uint32_t)) : NULL};
  if (!job.crc) return ht_crc32c_extend(0, p, n);
  ht_parallel(n, BLOCK, check_block, &job);
  uint32_t crc = job.crc[0], power = power_of_bytes(BLOCK);
  for (size_t i = 1; i + 1 < blocks; i++)
    crc = multiply(crc, power) ^ job.crc[i];
  crc = ht_crc32c_combine(crc, job.crc[blocks - 1],
                          n - (blocks - 1) * (size_t)BLOCK);
  free(job.crc);
  return crc;
}

uint32_t ht_crc32c_mask(uint32_t crc) {
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

uint32_t ht_crc32c_unmask(uint32_t masked) {
  uint32_t rotated = masked - 0xa282ead8u;
  return rotated >> 17 | rotated << 15;
}

/* ---- of files */

typedef struct {
  int fd;
  int64_t offset;
  uint32_t *crc; /* per block */
  bool *failed;  /* per block */
} file_job;

static void check_file_block(size_t from, size_t to, void *arg) {
  enum { PIECE = 1 << 16 }; /* stays in the cache until it is summed */
  file_job *job = arg;
  unsigned char piece[PIECE];
  uint32_t crc = 0;
  for (size_t at = from; at < to;) {
    size_t want = to - at < PIECE ? to - at : PIECE;
    ssize_t got = pread(job->fd, piece, want, job->offset + (int64_t)at);
    if (got <= 0) {
      if (got < 0 && errno == EINTR) continue;
      job->failed[from / BLOCK] = true;
      return;
    }
    crc = ht_crc32c_extend(crc, piece, (size_t)got);
    at += (size_t)got;
  }
  job->crc[from / BLOCK] = crc;
}

bool ht_crc32c_file(int fd, int64_t offset, size_t n, uint32_t *crc) {
  size_t blocks = n / BLOCK + 1;
  uint32_t *part = calloc(blocks, sizeof *part);
  bool *failed = calloc(blocks, sizeof *failed), ok = part && failed;
  file_job job = {fd, offset, part, failed};
  if (ok) ht_parallel(n, BLOCK, check_file_block, &job);
  *crc = 0;
  for (size_t at = 0; at < n && ok; at += BLOCK) {
    size_t size = n - at < BLOCK ? n - at : BLOCK;
    ok = !failed[at / BLOCK];
    *crc = ht_crc32c_combine(*crc, part[at / BLOCK], size);
  }
  free(part);
  free(failed);
  return ok;
}
