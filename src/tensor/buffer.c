/*
 * buffer.c - reference-counted memory from a pool.
 *
 * The pool keeps freed buffers in lists by size class (four to a power of
 * two), so a training step neither asks the system for memory nor faults
 * its pages anew. The struct and its data are one allocation.
 */
#include "tensor/buffer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CLASSES = 160, ALIGN = 64, HEADER = 192, HUGE_PAGE = 2 << 20 };
_Static_assert(sizeof(ht_buffer) <= HEADER, "a buffer's data starts after it");

typedef struct free_buffer {
  struct free_buffer *next;
} free_buffer;

struct ht_pool {
  pthread_mutex_t lock;
  free_buffer *list[CLASSES];
  size_t in_use, peak;
  size_t alive; /* buffers not yet returned */
  bool closed;
};

/* Size class and its bytes: 64, 80, 96, 112, 128, 160, ... */
static uint8_t class_of(size_t bytes, size_t *rounded) {
  if (bytes <= 64) return *rounded = 64, 0;
  int top = 63 - __builtin_clzl(bytes - 1); /* bytes in (2^top, 2^(top+1)] */
  size_t step = (size_t)1 << (top - 2);
  size_t quarter = (bytes - ((size_t)1 << top) + step - 1) / step; /* 1..4 */
  *rounded = ((size_t)1 << top) + quarter * step;
  return (uint8_t)((top - 6) * 4 + (int)quarter);
}

static size_t bytes_of(uint8_t class) {
  if (!class) return 64;
  size_t top = (size_t)1 << ((class - 1) / 4 + 6);
  return top + (size_t)((class - 1) % 4 + 1) * (top / 4);
}

/* Memory of all buffers of the process, and what it may be (0: anything). */
static atomic_size_t taken, limit;

void ht_memory_limit(size_t bytes) { limit = bytes; }

bool ht_memory_limited(void) { return limit != 0; }

/* Counts memory before it is asked for; false: it would be too much. */
static bool charge(size_t bytes) {
  size_t before = atomic_fetch_add(&taken, bytes), most = limit;
  if (!most || (bytes <= most && before <= most - bytes)) return true;
  atomic_fetch_sub(&taken, bytes);
  return false;
}

void *ht_scratch(int64_t n, size_t size) {
  size_t bytes;
  if (n < 0 || __builtin_mul_overflow((size_t)n, size, &bytes)) return NULL;
  if (!charge(bytes)) return NULL;
  atomic_fetch_sub(&taken, bytes);
  return calloc(bytes ? bytes : 1, 1);
}

static void discard(void *p, uint8_t class) {
  if (p) atomic_fetch_sub(&taken, bytes_of(class));
  free(p);
}

ht_pool *ht_pool_new(void) {
  ht_pool *pool = calloc(1, sizeof *pool);
  if (pool) pthread_mutex_init(&pool->lock, NULL);
  return pool;
}

static void free_lists(ht_pool *pool) {
  for (int i = 0; i < CLASSES; i++)
    for (free_buffer *f = pool->list[i], *next; f; f = next) {
      next = f->next;
      discard(f, (uint8_t)i);
    }
  memset(pool->list, 0, sizeof pool->list);
}

static void destroy(ht_pool *pool) {
  pthread_mutex_destroy(&pool->lock);
  free(pool);
}

void ht_pool_free(ht_pool *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->lock);
  free_lists(pool);
  pool->closed = true;
  bool last = pool->alive == 0;
  pthread_mutex_unlock(&pool->lock);
  if (last) destroy(pool);
}

size_t ht_pool_peak(const ht_pool *pool) { return pool->peak; }

/* Memory for a class, from its list if there is some. */
static void *take(ht_pool *pool, uint8_t class, size_t rounded) {
  pthread_mutex_lock(&pool->lock);
  free_buffer *f = pool->list[class];
  if (f) pool->list[class] = f->next;
  pool->alive++;
  pool->in_use += rounded;
  if (pool->in_use > pool->peak) pool->peak = pool->in_use;
  pthread_mutex_unlock(&pool->lock);
  return f;
}

static void give(ht_pool *pool, uint8_t class, size_t rounded, void *p) {
  pthread_mutex_lock(&pool->lock);
  bool closed = pool->closed;
  pool->in_use -= rounded;
  bool last = --pool->alive == 0 && closed;
  if (!closed && p) {
    free_buffer *f = p;
    f->next = pool->list[class];
    pool->list[class] = f;
  }
  pthread_mutex_unlock(&pool->lock);
  if (closed) discard(p, class);
  if (last) destroy(pool);
}

/* Large ones in pages of two megabytes, where the system has them: a step that
 * touches gigabytes would else fault half a million times. */
static void *fresh(size_t bytes) {
  size_t align = bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : ALIGN;
  size_t whole = (bytes + align - 1) / align * align;
  void *p = aligned_alloc(align, whole);
#ifdef MADV_HUGEPAGE
  if (p && align == HUGE_PAGE) (void)madvise(p, whole, MADV_HUGEPAGE);
#endif
  return p;
}

/* What is kept for the next of another size makes room first. */
static void *fresh_within(ht_pool *pool, size_t rounded) {
  bool room = charge(rounded);
  if (!room && pool) {
    pthread_mutex_lock(&pool->lock);
    free_lists(pool);
    pthread_mutex_unlock(&pool->lock);
    room = charge(rounded);
  }
  void *p = room ? fresh(HEADER + rounded) : NULL;
  if (room && !p) atomic_fetch_sub(&taken, rounded);
  return p;
}

ht_status ht_buffer_new(ht_pool *pool, ht_dtype dtype, size_t bytes,
                        ht_buffer **out) {
  size_t rounded;
  uint8_t class = class_of(bytes, &rounded);
  void *p = pool ? take(pool, class, rounded) : NULL;
  if (!p) p = fresh_within(pool, rounded);
  if (!p) {
    if (pool) give(pool, class, rounded, NULL);
    return ht_fail(HT_NO_MEMORY, "no memory for a tensor of %zu bytes%s", bytes,
                   ht_memory_limited() ? " within --max-memory" : "");
  }
  ht_buffer *b = p;
  *b = (ht_buffer){.references = 1, .size_class = class, .bytes = bytes};
  b->dtype = ht_dtype_pointers(dtype) ? dtype : HT_INVALID;
  b->data = (char *)p + HEADER;
  b->pool = pool;
  if (b->dtype) memset(b->data, 0, bytes);
  *out = b;
  return HT_SUCCESS;
}

ht_status ht_buffer_wrap(void *data, size_t bytes, void (*release)(void *arg),
                         void *arg, ht_buffer **out) {
  HT_TRY(ht_buffer_new(NULL, HT_INVALID, 0, out));
  (*out)->data = data;
  (*out)->bytes = bytes;
  (*out)->release = release;
  (*out)->arg = arg;
  return HT_SUCCESS;
}

void ht_buffer_share(ht_buffer *b) { atomic_fetch_add(&b->references, 1); }

bool ht_buffer_unique(const ht_buffer *b) {
  return atomic_load(&b->references) == 1;
}

static void release_content(ht_buffer *b) {
  if (b->release) b->release(b->arg);
  if (b->dtype == HT_RESOURCE || b->dtype == HT_VARIANT)
    for (size_t i = 0; i < b->bytes / sizeof(ht_object *); i++)
      ht_object_drop(((ht_object **)b->data)[i]);
  for (int i = 0; i < b->n_kept; i++) ht_buffer_drop(b->kept[i]);
  ht_arena_free(&b->arena);
}

void ht_buffer_drop(ht_buffer *b) {
  if (atomic_fetch_sub(&b->references, 1) != 1) return;
  if (b->release || b->dtype) release_content(b);
  size_t rounded;
  uint8_t class = class_of(b->bytes, &rounded);
  if (b->pool)
    give(b->pool, class, rounded, b);
  else
    discard(b, b->size_class);
}

char *ht_string_room(ht_tensor *t, size_t n) {
  return ht_alloc(&t->buffer->arena, n ? n : 1, 1);
}

ht_status ht_string_set(ht_tensor *t, int64_t i, const char *p, size_t n) {
  char *copy = ht_arena_bytes(&t->buffer->arena, p, n);
  if (!copy) return ht_fail(HT_NO_MEMORY, "no memory for a string");
  ht_str(t)[i] = (ht_string){copy, n};
  return HT_SUCCESS;
}

ht_status ht_string_keep(ht_tensor *t, const ht_tensor *from) {
  ht_buffer *b = t->buffer;
  if (!from->buffer || from->buffer == b) return HT_SUCCESS;
  for (int i = 0; i < b->n_kept; i++)
    if (b->kept[i] == from->buffer) return HT_SUCCESS;
  HT_GROW(b->kept, b->n_kept, b->kept_capacity, &b->arena);
  ht_buffer_share(from->buffer);
  b->kept[b->n_kept++] = from->buffer;
  return HT_SUCCESS;
}

ht_object *ht_object_share(ht_object *object) {
  if (object) atomic_fetch_add(&object->references, 1);
  return object;
}

void ht_object_drop(ht_object *object) {
  if (object && atomic_fetch_sub(&object->references, 1) == 1)
    object->class->release(object);
}
