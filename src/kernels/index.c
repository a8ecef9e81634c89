/* index.c - see index.h. Lookups go in blocks whose memory is asked for ahead,
 * since a large index lies outside every cache. */
#include "kernels/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/fingerprint.h"

enum { BLOCK = 32, AHEAD = 24, GRAIN = 8192, LINE_GRAIN = 1 << 19 };

static uint64_t hash_of(const ht_index *index, ht_key k) {
  if (index->strings) return ht_fingerprint64(k.p, k.n);
  uint64_t h = (uint64_t)k.n; /* splitmix64's finish (Steele et al. 2014) */
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return h ^ (h >> 31);
}

static bool same(const ht_index *index, ht_key a, ht_key b) {
  return a.n == b.n &&
         (!index->strings || a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The slot of the key, or the free one where it would go. */
static ht_index_slot *probe(const ht_index *index, ht_key key, uint64_t h) {
  uint64_t mask = index->n_slots - 1;
  for (uint64_t i = h & mask;; i = (i + 1) & mask) {
    ht_index_slot *s = &index->slot[i];
    if (!s->number) return s;
    if (s->tag == (uint32_t)(h >> 32) &&
        same(index, index->key[s->number - 1], key))
      return s;
  }
}

/* The first slot whose tag fits: where the key most likely is. */
static void touch(const ht_index *index, uint64_t h) {
  uint64_t mask = index->n_slots - 1, i = h & mask;
  while (index->slot[i].number && index->slot[i].tag != (uint32_t)(h >> 32))
    i = (i + 1) & mask;
  if (index->slot[i].number)
    __builtin_prefetch(&index->key[index->slot[i].number - 1]);
}

static void find_block(const ht_index *index, const ht_key *key, int n,
                       int64_t *number) {
  uint64_t h[BLOCK];
  for (int i = 0; i < n; i++) {
    h[i] = hash_of(index, key[i]);
    __builtin_prefetch(&index->slot[h[i] & (index->n_slots - 1)]);
  }
  for (int i = 0; i < n; i++) touch(index, h[i]);
  for (int i = 0; i < n; i++)
    number[i] = (int64_t)probe(index, key[i], h[i])->number - 1;
}

typedef struct finding {
  const ht_index *index;
  const ht_key *key;
  int64_t *number;
} finding;

static void find_range(size_t from, size_t to, void *arg) {
  const finding *f = arg;
  for (size_t i = from; i < to; i += BLOCK) {
    int n = to - i < BLOCK ? (int)(to - i) : BLOCK;
    find_block(f->index, f->key + i, n, f->number + i);
  }
}

void ht_index_find(const ht_index *index, const ht_key *key, int64_t n,
                   int64_t *number) {
  finding f = {index, key, number};
  if (index->n)
    ht_parallel((size_t)n, GRAIN, find_range, &f);
  else
    for (int64_t i = 0; i < n; i++) number[i] = HT_INDEX_NONE;
}

/* Slots for n keys at a load of at most a half. */
static ht_status make_slots(ht_index *index, int64_t n) {
  uint64_t slots = 16;
  while (slots < (uint64_t)n * 2) slots *= 2;
  ht_index_slot *slot = calloc(slots, sizeof *slot);
  if (!slot || n >= UINT32_MAX - 1) {
    free(slot);
    return ht_fail(HT_NO_MEMORY, "no memory for a table of %lld keys",
                   (long long)n);
  }
  free(index->slot);
  index->slot = slot;
  index->n_slots = slots;
  return HT_SUCCESS;
}

static ht_status grow(ht_index *index) {
  int64_t capacity = index->capacity ? index->capacity * 2 : 8;
  ht_key *key = realloc(index->key, (size_t)capacity * sizeof *key);
  if (!key) return ht_fail(HT_NO_MEMORY, "no memory for a table");
  index->key = key;
  HT_TRY(make_slots(index, capacity));
  index->capacity = capacity;
  for (int64_t i = 0; i < index->n; i++) {
    uint64_t h = hash_of(index, key[i]);
    *probe(index, key[i], h) =
        (ht_index_slot){(uint32_t)(h >> 32), (uint32_t)i + 1};
  }
  return HT_SUCCESS;
}

ht_status ht_index_put(ht_index *index, ht_key key, int64_t *number,
                       bool *added) {
  if (index->n == index->capacity) HT_TRY(grow(index));
  uint64_t h = hash_of(index, key);
  ht_index_slot *s = probe(index, key, h);
  *added = s->number == 0;
  if (*added) {
    index->key[index->n++] = key;
    *s = (ht_index_slot){(uint32_t)(h >> 32), (uint32_t)index->n};
  }
  *number = (int64_t)s->number - 1;
  return HT_SUCCESS;
}

/* Frees slot i and moves later ones of its run back (Knuth 6.4, R). */
static void free_slot(ht_index *index, uint64_t i) {
  uint64_t mask = index->n_slots - 1;
  for (uint64_t j = i;;) {
    index->slot[i].number = 0;
    for (;;) {
      j = (j + 1) & mask;
      if (!index->slot[j].number) return;
      ht_key key = index->key[index->slot[j].number - 1];
      uint64_t home = hash_of(index, key) & mask;
      if (((j - home) & mask) >= ((j - i) & mask)) break;
    }
    index->slot[i] = index->slot[j];
    i = j;
  }
}

int64_t ht_index_remove(ht_index *index, ht_key key) {
  if (!index->n) return HT_INDEX_NONE;
  ht_index_slot *s = probe(index, key, hash_of(index, key));
  int64_t number = (int64_t)s->number - 1;
  if (number < 0) return HT_INDEX_NONE;
  free_slot(index, (uint64_t)(s - index->slot));
  ht_key last = index->key[index->n - 1];
  if (number != index->n - 1)
    probe(index, last, hash_of(index, last))->number = (uint32_t)number + 1;
  index->key[number] = last;
  index->n--;
  return number;
}

typedef struct hashes {
  const ht_index *index;
  uint64_t *hash;
} hashes;

static void hash_range(size_t from, size_t to, void *arg) {
  const hashes *h = arg;
  for (size_t i = from; i < to; i++)
    h->hash[i] = hash_of(h->index, h->index->key[i]);
}

static int64_t insert_all(ht_index *index, const uint64_t *hash) {
  uint64_t mask = index->n_slots - 1;
  for (int64_t i = 0; i < index->n; i++) {
    if (i + AHEAD < index->n)
      __builtin_prefetch(&index->slot[hash[i + AHEAD] & mask], 1);
    ht_index_slot *s = probe(index, index->key[i], hash[i]);
    if (s->number) return (int64_t)s->number - 1;
    *s = (ht_index_slot){(uint32_t)(hash[i] >> 32), (uint32_t)i + 1};
  }
  return -1;
}

ht_status ht_index_build(ht_index *index, ht_key *key, int64_t n,
                         int64_t *duplicate) {
  *duplicate = -1;
  free(index->key);
  index->key = key;
  index->n = index->capacity = n;
  HT_TRY(make_slots(index, n));
  hashes h = {index, malloc((size_t)n * sizeof *h.hash + 1)};
  if (!h.hash) return ht_fail(HT_NO_MEMORY, "no memory for a table");
  ht_parallel((size_t)n, GRAIN, hash_range, &h);
  *duplicate = insert_all(index, h.hash);
  free(h.hash);
  return HT_SUCCESS;
}

void ht_index_free(ht_index *index) {
  free(index->key);
  free(index->slot);
  *index = (ht_index){.strings = index->strings};
}

/* ---- lines */

typedef struct lines {
  const char *text, *end;
  ht_string *line;
  int64_t *first; /* per range: the number of the first line that ends in it;
                     while counting: how many do */
} lines;

static void count_range(size_t from, size_t to, void *arg) {
  lines *l = arg;
  int64_t n = 0;
  for (const char *p = l->text + from, *end = l->text + to;
       (p = memchr(p, '\n', (size_t)(end - p))); p++)
    n++;
  l->first[from / LINE_GRAIN] = n;
}

static ht_string line_of(const char *from, const char *to) {
  return (ht_string){from, (size_t)(to - from) - (to > from && to[-1] == '\r')};
}

/* Where the line starts that `at` lies in. */
static const char *line_start(const lines *l, size_t at) {
  const char *p = at ? memrchr(l->text, '\n', at) : NULL;
  return p ? p + 1 : l->text;
}

/* Only a range in which a line ends looks back for its start: lines of any
 * length cost no more than one walk over them. */
static void fill_range(size_t from, size_t to, void *arg) {
  lines *l = arg;
  ht_string *out = l->line + l->first[from / LINE_GRAIN];
  const char *p = l->text + from, *end = l->text + to, *start = NULL;
  for (; (p = memchr(p, '\n', (size_t)(end - p))); start = ++p)
    *out++ = line_of(start ? start : line_start(l, from), p);
  if (end != l->end || end[-1] == '\n') return;
  *out = line_of(start ? start : line_start(l, from), end);
}

ht_status ht_lines_split(const char *text, size_t bytes, ht_string **line,
                         int64_t *n) {
  if (!bytes) text = ""; /* an empty file stands nowhere */
  lines l = {.text = text, .end = text + bytes};
  size_t ranges = (bytes + LINE_GRAIN - 1) / LINE_GRAIN;
  l.first = malloc((ranges + 1) * sizeof *l.first);
  if (!l.first) return ht_fail(HT_NO_MEMORY, "no memory for a vocabulary");
  ht_parallel(bytes, LINE_GRAIN, count_range, &l);
  *n = 0;
  for (size_t r = 0; r < ranges; r++) {
    int64_t here = l.first[r];
    l.first[r] = *n;
    *n += here;
  }
  if (bytes && text[bytes - 1] != '\n') ++*n;
  *line = l.line = malloc((size_t)*n * sizeof *l.line + 1);
  if (l.line) ht_parallel(bytes, LINE_GRAIN, fill_range, &l);
  free(l.first);
  if (l.line) return HT_SUCCESS;
  return ht_fail(HT_NO_MEMORY, "no memory for a vocabulary of %lld words",
                 (long long)*n);
}
