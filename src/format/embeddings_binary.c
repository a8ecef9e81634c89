/* embeddings_binary.c - vectors as word2vec writes them with `-binary 1`. */
#include <math.h>
#include <string.h>

#include "format/embeddings_impl.h"

enum { MAX_WORD = 1 << 16 };

/* The numbers of a text are printable; among the bytes of floats are some
 * that are not. */
bool ht_vectors_are_binary(const ht_vectors_reader *r) {
  const char *p = r->window + r->at;
  const char *space = memchr(p, ' ', r->n < MAX_WORD ? r->n : MAX_WORD);
  if (!space) return false;
  size_t bytes = (size_t)r->out->dim * sizeof(float);
  size_t left = r->n - (size_t)(space + 1 - p);
  for (size_t i = 0; i < bytes && i < left; i++) {
    unsigned char c = (unsigned char)space[1 + i];
    if (c >= 0x7f || (c < ' ' && c != '\t' && c != '\r' && c != '\n'))
      return true;
  }
  return false;
}

static float little_endian(const char *p) {
  const unsigned char *b = (const unsigned char *)p;
  uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
                  (uint32_t)b[3] << 24;
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static ht_status ends_early(const ht_vectors_reader *r) {
  return ht_fail(HT_CORRUPT, "'%s' ends in word %lld of %lld", r->path,
                 (long long)r->number, (long long)r->announced);
}

static ht_status add_word(ht_vectors_reader *r) {
  size_t bytes = (size_t)r->out->dim * sizeof(float);
  HT_TRY(ht_vectors_fill(r, MAX_WORD + 1 + bytes));
  char *p = r->window + r->at;
  size_t feed = r->n && *p == '\n'; /* some writers end a vector so */
  p += feed;
  size_t left = r->n - feed;
  char *space = memchr(p, ' ', left < MAX_WORD ? left : MAX_WORD);
  if (!space && left >= MAX_WORD)
    return ht_vectors_wrong(r, "a word without an end");
  if (!space) return ends_early(r);
  size_t word = (size_t)(space - p), all = feed + word + 1 + bytes;
  if (all > r->n) return ends_early(r);
  float *to;
  HT_TRY(ht_vectors_room(r, &to));
  for (int i = 0; i < r->out->dim; i++) {
    to[i] = little_endian(space + 1 + (size_t)i * sizeof(float));
    if (!isfinite(to[i])) return ht_vectors_wrong(r, "not a finite number");
  }
  r->at += all;
  r->n -= all;
  return ht_vectors_word(r, p, word);
}

ht_status ht_vectors_binary(ht_vectors_reader *r) {
  while (r->out->n < r->announced && !ht_vectors_enough(r)) {
    r->number++;
    HT_TRY(add_word(r));
  }
  if (ht_vectors_enough(r)) return HT_SUCCESS;
  HT_TRY(ht_vectors_fill(r, 2));
  if (r->n > 1 || (r->n && r->window[r->at] != '\n'))
    return ht_fail(HT_CORRUPT, "'%s' goes on after its %lld words", r->path,
                   (long long)r->announced);
  return HT_SUCCESS;
}
