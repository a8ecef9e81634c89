/*
 * tensor.h - a dtype, a shape and a reference-counted buffer.
 *
 * A tensor is a small struct passed by value or pointer; copying the struct
 * does not count a reference. Ownership: a function that fills an `out`
 * tensor gives one reference, which ht_tensor_drop returns; const tensors
 * are borrowed; ht_tensor_share makes one more reference.
 *
 * Data is row-major and dense. A buffer with one reference may be written;
 * else ht_tensor_own makes a copy first.
 */
#ifndef HT_TENSOR_TENSOR_H
#define HT_TENSOR_TENSOR_H

#include "base/arena.h"
#include "tensor/dtype.h"

enum { HT_MAX_RANK = 8 };

typedef struct ht_shape {
  int rank;                 /* -1: unknown (declared shapes only) */
  int64_t dim[HT_MAX_RANK]; /* -1: unknown (declared shapes only) */
} ht_shape;

typedef struct ht_buffer ht_buffer;
typedef struct ht_pool ht_pool;

typedef struct ht_tensor {
  ht_dtype dtype; /* HT_INVALID: no tensor */
  ht_shape shape;
  ht_buffer *buffer; /* NULL: no elements, or a shape without values */
  void *data;        /* inside the buffer */
  uint32_t trace; /* the tape's number of this value, 0: no gradient wanted */
  bool dead;      /* v1 control flow: the branch was not taken */
} ht_tensor;

/* An element of a string tensor: n bytes that live in the tensor's buffer,
 * or in one that it keeps. */
typedef struct ht_string {
  const char *p;
  size_t n;
} ht_string;

/* An element of a resource or variant tensor (which holds pointers to it):
 * a variable, table, list ... told apart by its class. NULL is allowed. */
typedef struct ht_object ht_object;
typedef struct ht_object_class {
  const char *name;
  void (*release)(ht_object *object); /* called with the last reference */
  /* An op that makes one like it from attributes alone, and those of the
   * node that made it (they live as long as their model); NULL: none. */
  const char *op;
  const struct ht_attrs *(*attrs)(const ht_object *object);
} ht_object_class;
struct ht_object {
  const ht_object_class *class;
  _Atomic int references;
};
ht_object *ht_object_share(ht_object *object); /* NULL gives NULL */
void ht_object_drop(ht_object *object);        /* NULL is fine */

/* ---- shapes */

ht_shape ht_shape_of(int rank, const int64_t *dim);
#define HT_SCALAR ((ht_shape){0})
ht_shape ht_shape_1(int64_t n);
ht_shape ht_shape_2(int64_t rows, int64_t cols);
int64_t ht_shape_count(const ht_shape *s); /* elements; shapes are checked */
bool ht_shape_equal(const ht_shape *a, const ht_shape *b);
/* Whether a value of shape s fits a declared one (-1: any). */
bool ht_shape_fits(const ht_shape *s, const ht_shape *declared);
/* Whether one value may have both declared shapes. */
bool ht_shape_meets(const ht_shape *a, const ht_shape *b);
/* "[2,3]", "[?,3]", "?" ; returns text. */
enum { HT_SHAPE_TEXT = 160 };
const char *ht_shape_text(const ht_shape *s, char text[HT_SHAPE_TEXT]);
/* numpy's rule: the shape of a op b; fails where they do not fit. */
ht_status ht_shape_broadcast(const ht_shape *a, const ht_shape *b,
                             ht_shape *out) HT_MUST_CHECK;

/* ---- buffers */

/* Keeps freed buffers for the next of their size. Thread-safe. NULL as a pool
 * means malloc and free. Buffers may outlive their pool. */
ht_pool *ht_pool_new(void);
void ht_pool_free(ht_pool *pool);
size_t ht_pool_peak(const ht_pool *pool); /* bytes in use at the worst time */
bool ht_memory_limited(void);             /* whether ht_memory_limit holds */

/* Zeroed memory for n elements that values ask for, freed with free(). NULL
 * where n is negative, the size overflows or ht_memory_limit has no room. */
void *ht_scratch(int64_t n, size_t size);

/* A buffer over memory of somebody else; release(arg) with the last
 * reference. */
ht_status ht_buffer_wrap(void *data, size_t bytes, void (*release)(void *arg),
                         void *arg, ht_buffer **out) HT_MUST_CHECK;
void ht_buffer_share(ht_buffer *b);
void ht_buffer_drop(ht_buffer *b);
bool ht_buffer_unique(const ht_buffer *b);

/* ---- tensors */

/*
 * A new tensor, 64-byte aligned. Numbers are uninitialised; strings are
 * empty and objects NULL. Fails where the element count or byte size
 * overflows.
 */
ht_status ht_tensor_new(ht_pool *pool, ht_dtype dtype, const ht_shape *shape,
                        ht_tensor *out) HT_MUST_CHECK;
ht_status ht_tensor_zeros(ht_pool *pool, ht_dtype dtype, const ht_shape *shape,
                          ht_tensor *out) HT_MUST_CHECK;

ht_tensor ht_tensor_share(const ht_tensor *t);
void ht_tensor_drop(ht_tensor *t); /* leaves an empty tensor */
int64_t ht_count(const ht_tensor *t);
size_t ht_tensor_bytes(const ht_tensor *t);

/* Another shape of the same count over the same buffer (one more
 * reference). */
ht_tensor ht_tensor_shaped(const ht_tensor *t, const ht_shape *shape);
/* Rows from .. from+n-1 of axis 0, over the same buffer. */
ht_tensor ht_tensor_rows(const ht_tensor *t, int64_t from, int64_t n);
/* A copy of its own; `ht_tensor_own` copies only what is shared. */
ht_status ht_tensor_copy(ht_pool *pool, const ht_tensor *t,
                         ht_tensor *out) HT_MUST_CHECK;
ht_status ht_tensor_own(ht_pool *pool, ht_tensor *t) HT_MUST_CHECK;
/* The arena holds a reference of t until it is freed. */
ht_status ht_tensor_keep(ht_arena *arena, const ht_tensor *t) HT_MUST_CHECK;
/* The dtype and shape alone: what the tape keeps of values it lets go. */
ht_tensor ht_tensor_outline(const ht_tensor *t);

/* Typed access: HT_DATA(float, t)[i]. */
#define HT_DATA(type, t) ((type *)(t)->data)
#define ht_f(t) HT_DATA(float, t)
#define ht_i32(t) HT_DATA(int32_t, t)
#define ht_i64(t) HT_DATA(int64_t, t)
#define ht_bool(t) HT_DATA(bool, t)
#define ht_str(t) HT_DATA(ht_string, t)
#define ht_obj(t) HT_DATA(ht_object *, t)

/* Element i of any integer (or bool) tensor, of any real tensor. */
int64_t ht_int_at(const ht_tensor *t, int64_t i);
double ht_real_at(const ht_tensor *t, int64_t i);

/* Sets string i to a copy of n bytes, which the buffer owns. */
ht_status ht_string_set(ht_tensor *t, int64_t i, const char *p,
                        size_t n) HT_MUST_CHECK;
/* Room for n bytes owned by t's buffer, to build a string in; NULL: no
 * memory. The caller then sets ht_str(t)[i] itself. */
char *ht_string_room(ht_tensor *t, size_t n);
/*
 * Makes t's buffer keep `from`'s alive, so that strings of t may point into
 * strings of `from` instead of being copied.
 */
ht_status ht_string_keep(ht_tensor *t, const ht_tensor *from) HT_MUST_CHECK;

/* Scalars and vectors. */
ht_status ht_scalar_int64(int64_t v, ht_tensor *out) HT_MUST_CHECK;
ht_status ht_scalar_float(float v, ht_tensor *out) HT_MUST_CHECK;
ht_status ht_scalar_string(const char *p, size_t n,
                           ht_tensor *out) HT_MUST_CHECK;

#endif
