/*
 * real.h - loops written once for float and double: a file that has such
 * loops includes itself twice, with REAL and NAME(x) set.
 */
#ifndef HT_KERNELS_REAL_H
#define HT_KERNELS_REAL_H

/*
 * Before a function whose loops gain from wide vectors: compiled for several
 * generations of processors, chosen when the program is loaded.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* By features, not by model names, which are one maker's. */
#if __GNUC__ >= 12
#define HT_CLONES "default", "arch=x86-64-v3", "arch=x86-64-v4"
#else
#define HT_CLONES "default", "avx2", "avx512f"
#endif
#define HT_WIDE                    \
  __attribute__((flatten,          \
                 optimize("O3"),   \
                 target_clones(HT_CLONES)))
#else
#define HT_WIDE
#endif

/* Work of about this many multiply-adds is worth a range of its own. */
enum { HT_RANGE_WORK = 1 << 15 };

/* How many items of `each` multiply-adds make a range. */
static inline size_t ht_grain(double each) {
  double n = HT_RANGE_WORK / (each < 1 ? 1 : each);
  return n < 1 ? 1 : (size_t)n;
}

#endif
