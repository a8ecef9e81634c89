/* arena.c - blocks that double in size, see arena.h. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ht_arena_block {
  struct ht_arena_block *next;
  size_t size, used;
  _Alignas(16) unsigned char data[];
};

enum { FIRST_BLOCK = 1024, LARGEST_STEP = 1 << 20 };

static struct ht_arena_block *add_block(ht_arena *arena, size_t need) {
  size_t size = arena->block ? arena->block->size * 2 : FIRST_BLOCK;
  if (size > LARGEST_STEP) size = LARGEST_STEP;
  if (size < need) size = need;
  struct ht_arena_block *block = malloc(sizeof *block + size);
  if (!block) return NULL;
  *block = (struct ht_arena_block){.next = arena->block, .size = size};
  arena->block = block;
  return block;
}

void *ht_alloc(ht_arena *arena, size_t n, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 4)
    return NULL;
  bytes = (bytes + 15) & ~(size_t)15;
  if (arena->max && bytes > arena->max - arena->used) return NULL;
  struct ht_arena_block *block = arena->block;
  if (!block || block->size - block->used < bytes)
    block = add_block(arena, bytes);
  if (!block) return NULL;
  void *p = block->data + block->used;
  block->used += bytes;
  arena->used += bytes;
  return memset(p, 0, bytes);
}

char *ht_arena_bytes(ht_arena *arena, const void *p, size_t n) {
  char *copy = n < SIZE_MAX ? ht_alloc(arena, n + 1, 1) : NULL;
  if (copy && n) memcpy(copy, p, n);
  return copy;
}

char *ht_arena_string(ht_arena *arena, const char *s) {
  return ht_arena_bytes(arena, s, strlen(s));
}

char *ht_arena_printf(ht_arena *arena, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *s = n < 0 ? NULL : ht_alloc(arena, (size_t)n + 1, 1);
  if (!s) return NULL;
  va_start(args, format);
  vsnprintf(s, (size_t)n + 1, format, args);
  va_end(args);
  return s;
}

struct ht_arena_last {
  struct ht_arena_last *next;
  void (*fn)(void *arg);
  void *arg;
};

ht_status ht_arena_defer(ht_arena *arena, void (*fn)(void *arg), void *arg) {
  struct ht_arena_last *last;
  HT_NEW(last, arena, 1);
  *last = (struct ht_arena_last){arena->last, fn, arg};
  arena->last = last;
  return HT_SUCCESS;
}

void ht_arena_free(ht_arena *arena) {
  for (struct ht_arena_last *l = arena->last; l; l = l->next) l->fn(l->arg);
  arena->last = NULL;
  for (struct ht_arena_block *b = arena->block, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  arena->block = NULL;
  arena->used = 0;
}

ht_status ht_grow_(ht_arena *arena, void **p, size_t n, size_t size,
                   void *capacity, size_t capacity_size) {
  size_t more = n ? 2 * n : 8;
  void *q = ht_alloc(arena, more, size);
  if (!q || (capacity_size == sizeof(int) && more > INT32_MAX))
    return ht_fail(HT_NO_MEMORY, "no memory for %zu elements", more);
  if (n) memcpy(q, *p, n * size);
  *p = q;
  if (capacity_size == sizeof(int))
    *(int *)capacity = (int)more;
  else
    *(size_t *)capacity = more;
  return HT_SUCCESS;
}
