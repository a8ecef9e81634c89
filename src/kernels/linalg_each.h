/*
 * linalg_each.h - includes the file EACH twice: for matrices of doubles, and of
 * complex numbers. Without a guard: a file that stands once for both types
 * names itself and includes this.
 */
#define NUMBER double
#define NAME(x) x##_d
#define MAT(x) ht_mat_##x
#define CONJ(x) (x)
#define REAL_OF(x) (x)
#define SIZE_OF(x) fabs(x)
#define LAPACK(real, complex) d##real##_
#define RWORK(...)
#include EACH
#undef NUMBER
#undef NAME
#undef MAT
#undef CONJ
#undef REAL_OF
#undef SIZE_OF
#undef LAPACK
#undef RWORK

#define NUMBER ht_pair
#define NAME(x) x##_z
#define MAT(x) ht_pair_##x
#define CONJ(x) conj(x)
#define REAL_OF(x) creal(x)
#define SIZE_OF(x) cabs(x)
#define LAPACK(real, complex) z##complex##_
#define RWORK(...) __VA_ARGS__,
#include EACH
#undef NUMBER
#undef NAME
#undef MAT
#undef CONJ
#undef REAL_OF
#undef SIZE_OF
#undef LAPACK
#undef RWORK
