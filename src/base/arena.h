/*
 * arena.h - memory that is freed all at once.
 *
 * Ownership in one sentence: what a function makes lives in the arena it was
 * given; everything else is borrowed.
 */
#ifndef HT_BASE_ARENA_H
#define HT_BASE_ARENA_H

#include "base/status.h"

typedef struct ht_arena {
  struct ht_arena_block *block; /* newest first */
  struct ht_arena_last *last;   /* what to do before it is freed */
  size_t used, max;             /* bytes handed out, limit (0: none) */
} ht_arena;

/* n * size zeroed bytes aligned for any type, or NULL. */
void *ht_alloc(ht_arena *arena, size_t n, size_t size);

/* Copies of a string, of n bytes (with a NUL after them); NULL: no memory. */
char *ht_arena_string(ht_arena *arena, const char *s);
char *ht_arena_bytes(ht_arena *arena, const void *p, size_t n);
char *ht_arena_printf(ht_arena *arena, const char *format, ...) HT_PRINTF(2, 3);

/* Calls fn(arg) when the arena is freed, the last deferred first: for what
 * it points to and has to let go. */
ht_status ht_arena_defer(ht_arena *arena, void (*fn)(void *arg),
                         void *arg) HT_MUST_CHECK;

/* Frees everything the arena gave; it may be used again. */
void ht_arena_free(ht_arena *arena);

/* p = n zeroed elements from the arena, or return with HT_NO_MEMORY. */
#define HT_NEW(p, arena, n)                                           \
  do {                                                                \
    (p) = ht_alloc((arena), (size_t)(n), sizeof *(p));                \
    if (!(p)) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", #p); \
  } while (0)

/*
 * Makes room for one more element in a growing array that lives in an arena:
 * p[n] may be written afterwards. The old array stays in the arena, which
 * costs at most as much again.
 */
#define HT_GROW(p, n, capacity, arena)                                  \
  do {                                                                  \
    if ((n) == (capacity))                                              \
      HT_TRY(ht_grow_((arena), (void **)&(p), (size_t)(n), sizeof *(p), \
                      &(capacity), sizeof(capacity)));                  \
  } while (0)

ht_status ht_grow_(ht_arena *arena, void **p, size_t n, size_t size,
                   void *capacity, size_t capacity_size) HT_MUST_CHECK;

#endif
