/* new_text_vocabulary.c - the words of texts, found by the very graph that the
 * module will split them with. */
#include <stdlib.h>
#include <string.h>

#include "hub/new_text_impl.h"

typedef struct counted {
  const char *word;
  int64_t count;
} counted;

static int most_frequent_first(const void *a, const void *b) {
  const counted *x = a, *y = b;
  if (x->count != y->count) return x->count < y->count ? 1 : -1;
  return strcmp(x->word, y->word);
}

static ht_status count_words(ht_new_text_work *w, ht_map *counts,
                             const ht_tensor *words) {
  for (int64_t i = 0; i < ht_count(words); i++) {
    ht_string s = ht_str(words)[i];
    char text[256], *key = text;
    /* What cannot stand in a text file, and empty words, are unknown ones. */
    if (!s.n || memchr(s.p, 0, s.n)) continue;
    if (s.n < sizeof text) {
      memcpy(text, s.p, s.n);
      text[s.n] = 0;
    } else {
      key = ht_arena_bytes(&w->arena, s.p, s.n);
    }
    int64_t *n = key ? ht_map_get(counts, key) : NULL;
    if (!n) {
      HT_NEW(n, &w->arena, 1);
      char *kept = ht_arena_bytes(&w->arena, s.p, s.n);
      if (!kept) return ht_fail(HT_NO_MEMORY, "no memory for words");
      HT_TRY(ht_map_put(counts, kept, n));
    }
    ++*n;
  }
  return HT_SUCCESS;
}

static ht_status split_texts(ht_new_text_work *w, ht_plan *plan,
                             ht_map *counts) {
  enum { BATCH = 1024 };
  ht_run run = ht_run_make(NULL, &w->store, NULL);
  int64_t n = ht_count(w->spec->texts);
  for (int64_t i = 0; i < n; i += BATCH) {
    ht_tensor part =
        ht_tensor_rows(w->spec->texts, i, n - i < BATCH ? n - i : BATCH);
    const ht_tensor *in[] = {&part};
    ht_tensor words;
    ht_status st = ht_plan_run(plan, &run, 1, in, 1, &words);
    ht_tensor_drop(&part);
    HT_TRY(st);
    st = count_words(w, counts, &words);
    ht_tensor_drop(&words);
    HT_TRY(st);
  }
  return HT_SUCCESS;
}

static ht_status take_words(ht_new_text_work *w, const ht_map *counts) {
  counted *sorted;
  const char **word;
  HT_NEW(sorted, &w->arena, counts->n + 1);
  HT_NEW(word, &w->arena, counts->n + 1);
  for (int i = 0; i < counts->n; i++)
    sorted[i] =
        (counted){counts->entry[i].key, *(int64_t *)counts->entry[i].value};
  qsort(sorted, (size_t)counts->n, sizeof *sorted, most_frequent_first);
  int64_t most = w->spec->max_words ? w->spec->max_words : counts->n;
  for (int i = 0; i < counts->n && w->n < most; i++)
    if (sorted[i].count >= w->spec->min_count) word[w->n++] = sorted[i].word;
  w->word = word;
  if (!w->n)
    return ht_fail(HT_USAGE, "no word occurs %lld times in the texts",
                   (long long)w->spec->min_count);
  return HT_SUCCESS;
}

ht_status ht_learn_words(ht_new_text_work *w) {
  ht_map counts = {.arena = &w->arena};
  ht_plan *plan;
  ht_text_words t = ht_build_words(w);
  HT_TRY(ht_builder_status(&w->b));
  ht_body body = {.graph = w->b.graph,
                  .arg = &t.sentences,
                  .n_args = 1,
                  .ret = &t.words,
                  .n_rets = 1};
  HT_TRY(ht_plan_new(&body, NULL, &plan));
  ht_status st = split_texts(w, plan, &counts);
  ht_plan_free(plan);
  HT_TRY(st);
  return take_words(w, &counts);
}
