/* drop_words.c - see drop_words.h. */
#include "data/drop_words.h"

#include <string.h>

#include "base/random.h"

typedef struct dice {
  ht_philox g;
  uint32_t word[4];
  int left;
} dice;

static bool falls(dice *d, double p) {
  if (!d->left) {
    ht_philox_next(&d->g, d->word);
    d->left = 4;
  }
  return (double)ht_uniform_float(d->word[--d->left]) < p;
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Writes what is left of `s`, at most as long, and returns its length. */
static size_t thin(ht_string s, dice *d, double p, char *to) {
  size_t n = 0;
  for (size_t i = 0; i < s.n;) {
    size_t from = i;
    while (i < s.n && is_space(s.p[i])) i++;
    size_t word = i;
    while (i < s.n && !is_space(s.p[i])) i++;
    if (i == word || falls(d, p)) continue;
    if (!n) from = word; /* no white space before the first word */
    memcpy(to + n, s.p + from, i - from);
    n += i - from;
  }
  if (n) return n;
  if (s.n) memcpy(to, s.p, s.n);
  return s.n;
}

ht_status ht_drop_words(ht_tensor *texts, double p, uint64_t seed,
                        int64_t epoch, const int64_t *index) {
  ht_tensor out;
  size_t bytes = 0;
  int64_t n = ht_count(texts);
  for (int64_t i = 0; i < n; i++) bytes += ht_str(texts)[i].n;
  HT_TRY(ht_tensor_new(NULL, HT_STRING, &texts->shape, &out));
  char *room = ht_string_room(&out, bytes);
  if (!room) {
    ht_tensor_drop(&out);
    return ht_fail(HT_NO_MEMORY, "no memory for texts");
  }
  uint64_t key = seed ^ (0x9e3779b97f4a7c15u * ((uint64_t)epoch + 1));
  for (int64_t i = 0; i < n; i++) {
    dice d = {.g = ht_philox_make(key, (uint64_t)index[i])};
    size_t length = thin(ht_str(texts)[i], &d, p, room);
    ht_str(&out)[i] = (ht_string){room, length};
    room += length;
  }
  ht_tensor_drop(texts);
  *texts = out;
  return HT_SUCCESS;
}
