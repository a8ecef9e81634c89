/* new_text.c - see new_text.h. */
#include "hub/new_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "hub/export.h"
#include "ops/table.h"

/* The module while it is made. */
typedef struct work {
  const ht_text_embedding *spec;
  ht_arena arena;
  ht_store store;
  ht_builder b;
  ht_model model; /* what the exporter takes versions and assets from */
  char *folder;   /* of the vocabulary file */
  const char *const *word;
  int64_t n;
} work;

/* ---- the graph: sentences -> indices and words */

typedef struct tokens {
  ht_ref sentences, indices, words, shape;
} tokens;

static tokens build_tokens(work *w) {
  ht_builder *b = &w->b;
  tokens t;
  ht_shape any = ht_shape_1(-1);
  t.sentences = ht_build_placeholder(b, "sentences", HT_STRING, &any);
  ht_ref x = t.sentences;
  if (w->spec->lowercase)
    x = ht_build_1(b, "StringLower", x, "encoding='utf-8'");
  if (w->spec->strip_punctuation)
    x = ht_build_1(b, "StaticRegexReplace", x, "pattern='\\\\pP' rewrite=''");
  ht_tensor space;
  ht_ref delimiter = {-1, 0};
  if (ht_scalar_string(" \t\r\n", 4, &space).code == HT_OK) {
    delimiter = ht_build_const(b, "delimiter", &space);
    ht_tensor_drop(&space);
  }
  t.indices = ht_build_2(b, "StringSplit", x, delimiter, "skip_empty=true");
  t.words = (ht_ref){t.indices.node, 1};
  t.shape = (ht_ref){t.indices.node, 2};
  return t;
}

/* ---- the vocabulary of texts */

typedef struct counted {
  const char *word;
  int64_t count;
} counted;

static int most_frequent_first(const void *a, const void *b) {
  const counted *x = a, *y = b;
  if (x->count != y->count) return x->count < y->count ? 1 : -1;
  return strcmp(x->word, y->word);
}

static ht_status count_words(work *w, ht_map *counts, const ht_tensor *words) {
  for (int64_t i = 0; i < ht_count(words); i++) {
    ht_string s = ht_str(words)[i];
    char text[256], *key = text;
    if (memchr(s.p, 0, s.n)) continue; /* cannot stand in a text file */
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

/* Splits the texts with the very graph that the module will split them with. */
static ht_status split_texts(work *w, ht_plan *plan, ht_map *counts) {
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

static ht_status take_words(work *w, const ht_map *counts) {
  counted *sorted;
  const char **word;
  HT_NEW(sorted, &w->arena, counts->n + 1);
  HT_NEW(word, &w->arena, counts->n + 1);
  for (int i = 0; i < counts->n; i++)
    sorted[i] =
        (counted){counts->entry[i].key, *(int64_t *)counts->entry[i].value};
  qsort(sorted, (size_t)counts->n, sizeof *sorted, most_frequent_first);
  for (int i = 0; i < counts->n && sorted[i].count >= w->spec->min_count; i++)
    word[w->n++] = sorted[i].word;
  w->word = word;
  if (!w->n)
    return ht_fail(HT_USAGE, "no word occurs %lld times in the texts",
                   (long long)w->spec->min_count);
  return HT_SUCCESS;
}

static ht_status learn_words(work *w) {
  ht_map counts = {.arena = &w->arena};
  ht_plan *plan;
  tokens t = build_tokens(w);
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

/* ---- table and vectors */

static ht_status write_vocabulary(work *w, char **path) {
  ht_text text = {.max = (size_t)1 << 34};
  char pattern[] = "/tmp/hubtune-XXXXXX";
  const char *tmp = getenv("TMPDIR");
  w->folder = tmp ? ht_arena_printf(&w->arena, "%s/hubtune-XXXXXX", tmp)
                  : ht_arena_string(&w->arena, pattern);
  if (!w->folder || !mkdtemp(w->folder)) {
    ht_status st = ht_fail_errno("cannot make folder", tmp ? tmp : "/tmp");
    w->folder = NULL;
    return st;
  }
  for (int64_t i = 0; i < w->n; i++) {
    ht_text_add(&text, w->word[i]);
    ht_text_add(&text, "\n");
  }
  *path = ht_path_join(&w->arena, w->folder, "tokens.txt");
  ht_status st = ht_text_check(&text);
  if (st.code == HT_OK) st = ht_file_write(*path, text.p, text.n);
  ht_text_free(&text);
  return st;
}

static ht_status build_table(work *w, ht_ref *out) {
  static const ht_text_columns lines = {HT_WHOLE_LINE, HT_LINE_NUMBER, -1, 0,
                                        '\t'};
  ht_table *table;
  char *path = NULL;
  HT_TRY(write_vocabulary(w, &path));
  HT_TRY(ht_table_new(HT_STRING, HT_INT64, &HT_SCALAR, true, &table));
  ht_status st = ht_table_fill_file(table, path, &lines);
  if (st.code != HT_OK) {
    ht_object_drop(&table->object);
    return st;
  }
  *out = ht_build(&w->b, "HashTableV2", "hash_table", 0, NULL,
                  "key_dtype=string value_dtype=int64");
  return ht_store_put(&w->store, "hash_table", &table->object);
}

/* Known words, then zeros for the buckets. */
static ht_status make_vectors(work *w, ht_tensor *out) {
  const ht_text_embedding *s = w->spec;
  ht_shape shape = ht_shape_2(w->n + s->oov, s->dim);
  HT_TRY(ht_tensor_zeros(NULL, HT_FLOAT, &shape, out));
  size_t n = (size_t)w->n * (size_t)s->dim;
  if (s->vector) {
    memcpy(out->data, s->vector, n * sizeof(float));
    return HT_SUCCESS;
  }
  ht_philox g = ht_philox_make(s->seed, 0);
  for (size_t i = 0; i < n; i += 4) {
    uint32_t bits[4];
    float v[4];
    ht_philox_next(&g, bits);
    ht_normal_pair(bits[0], bits[1], v);
    ht_normal_pair(bits[2], bits[3], v + 2);
    for (size_t k = 0; k < 4 && i + k < n; k++) ht_f(out)[i + k] = 0.1f * v[k];
  }
  return HT_SUCCESS;
}

/* ---- words -> ids -> vectors -> one vector per sentence */

static ht_ref int64_const(work *w, int64_t v) {
  ht_tensor t;
  if (ht_scalar_int64(v, &t).code != HT_OK) return (ht_ref){-1, 0};
  ht_ref r = ht_build_const(&w->b, NULL, &t);
  ht_tensor_drop(&t);
  return r;
}

static ht_ref look_up(work *w, ht_ref table, ht_ref words) {
  ht_builder *b = &w->b;
  ht_ref none = int64_const(w, -1);
  ht_ref find[] = {table, words, none};
  ht_ref id = ht_build(b, "LookupTableFindV2", NULL, 3, find, "");
  if (!w->spec->oov) return id;
  char buckets[40];
  snprintf(buckets, sizeof buckets, "num_buckets=%lld",
           (long long)w->spec->oov);
  ht_ref bucket = ht_build_1(b, "StringToHashBucketFast", words, buckets);
  ht_ref size = ht_build_1(b, "LookupTableSizeV2", table, "");
  ht_ref known = ht_build_2(b, "NotEqual", id, none, "");
  ht_ref choose[] = {known, id, ht_build_2(b, "AddV2", bucket, size, "")};
  return ht_build(b, "Select", NULL, 3, choose, "");
}

/* x[i] of a vector, or x[:,0] of a matrix. */
static ht_ref column_0(work *w, ht_ref x, bool matrix) {
  ht_builder *b = &w->b;
  static const int32_t zeros[] = {0, 0}, ones[] = {1, 1}, ends[] = {0, 1};
  int n = matrix ? 2 : 1;
  ht_ref in[] = {x, ht_build_int32s(b, n, zeros),
                 ht_build_int32s(b, n, matrix ? ends : ones),
                 ht_build_int32s(b, n, ones)};
  return ht_build(b, "StridedSlice", NULL, 4, in,
                  matrix ? "begin_mask=1 end_mask=1 shrink_axis_mask=2"
                         : "shrink_axis_mask=1");
}

/* Unknown words are taken out where there are no buckets for them. */
static void drop_unknown(work *w, ht_ref *ids, ht_ref *rows) {
  ht_builder *b = &w->b;
  if (w->spec->oov) return;
  ht_ref known = ht_build_2(b, "GreaterEqual", *ids, int64_const(w, 0), "");
  ht_ref minus = {-1, 0};
  int32_t flat = -1;
  minus = ht_build_int32s(b, 1, &flat);
  ht_ref place = ht_build_1(b, "Where", known, "");
  place = ht_build_2(b, "Reshape", place, minus, "");
  int32_t zero = 0;
  ht_ref axis = ht_build_int32s(b, -1, &zero);
  ht_ref take_ids[] = {*ids, place, axis}, take_rows[] = {*rows, place, axis};
  *ids = ht_build(b, "GatherV2", NULL, 3, take_ids, "");
  *rows = ht_build(b, "GatherV2", NULL, 3, take_rows, "");
}

static ht_ref combine(work *w, ht_ref table_of_vectors, ht_ref ids, ht_ref rows,
                      ht_ref count) {
  ht_builder *b = &w->b;
  const char *op = strcmp(w->spec->combiner, "sum") == 0
                       ? "SparseSegmentSumWithNumSegments"
                   : strcmp(w->spec->combiner, "mean") == 0
                       ? "SparseSegmentMeanWithNumSegments"
                       : "SparseSegmentSqrtNWithNumSegments";
  ht_ref unique = ht_build_1(b, "Unique", ids, "");
  ht_ref place = {unique.node, 1};
  ht_ref vectors =
      ht_build_2(b, "ResourceGather", table_of_vectors, unique, "dtype=float");
  ht_ref in[] = {vectors, place, rows, count};
  return ht_build(b, op, NULL, 4, in, "");
}

static ht_ref build_output(work *w, tokens t, ht_ref table, ht_ref vectors) {
  ht_builder *b = &w->b;
  ht_ref ids = look_up(w, table, t.words);
  ht_ref rows =
      ht_build_1(b, "Cast", column_0(w, t.indices, true), "DstT=int32");
  ht_ref count =
      ht_build_1(b, "Cast", column_0(w, t.shape, false), "DstT=int32");
  drop_unknown(w, &ids, &rows);
  return combine(w, vectors, ids, rows, count);
}

static ht_status export_module(work *w, ht_ref sentences, ht_ref output,
                               ht_variable *v, const char *out) {
  ht_port in = {
      .name = "sentences", .dtype = HT_STRING, .shape = ht_shape_1(-1)};
  ht_port y = {.name = w->spec->hub1 ? "default" : "outputs",
               .dtype = HT_FLOAT,
               .shape = ht_shape_2(-1, w->spec->dim)};
  ht_body body = {.graph = w->b.graph,
                  .arg = &sentences,
                  .n_args = 1,
                  .ret = &output,
                  .n_rets = 1};
  ht_export_method call = {"__call__", &in, &y, 1, 1, body, {0}};
  ht_export_method signature = call;
  signature.name = w->spec->hub1 ? "default" : "serving_default";
  ht_export x = {.model = &w->model,
                 .builder = &w->b,
                 .call = &call,
                 .signature = &signature,
                 .n_signatures = 1,
                 .variable = &v,
                 .n_variables = 1};
  w->model.graph = w->b.graph;
  return w->spec->hub1 ? ht_export_hub1(&x, out, false)
                       : ht_export_saved_model(&x, out, false);
}

static ht_status make(work *w, const char *out) {
  ht_tensor initial;
  ht_variable *v;
  ht_ref table;
  HT_TRY(ht_builder_init(&w->b, &w->arena, NULL, &w->store));
  w->word = w->spec->word;
  w->n = w->spec->n;
  if (w->spec->texts) {
    HT_TRY(learn_words(w));
    HT_TRY(ht_builder_init(&w->b, &w->arena, NULL, &w->store));
  }
  HT_TRY(build_table(w, &table));
  HT_TRY(make_vectors(w, &initial));
  ht_ref vectors =
      ht_build_variable(&w->b, "embeddings", &initial, w->spec->trainable, &v);
  tokens t = build_tokens(w);
  ht_ref y = build_output(w, t, table, vectors);
  HT_TRY(ht_builder_status(&w->b));
  return export_module(w, t.sentences, y, v, out);
}

static ht_status check(const ht_text_embedding *s) {
  bool known = strcmp(s->combiner, "sqrtn") == 0 ||
               strcmp(s->combiner, "mean") == 0 ||
               strcmp(s->combiner, "sum") == 0;
  if (!known)
    return ht_fail(HT_USAGE, "unknown combiner '%s': sqrtn, mean or sum",
                   s->combiner);
  if (s->dim < 1 || s->dim > 1 << 16)
    return ht_fail(HT_USAGE, "a dimension of %d", s->dim);
  if (s->oov < 0 || s->oov > INT32_MAX)
    return ht_fail(HT_USAGE, "%lld buckets for unknown words",
                   (long long)s->oov);
  return HT_SUCCESS;
}

ht_status ht_new_text_embedding(const ht_text_embedding *spec, const char *out,
                                int64_t *words) {
  work w = {.spec = spec};
  HT_TRY(check(spec));
  ht_store_init(&w.store);
  ht_status st = make(&w, out);
  if (words) *words = w.n;
  if (w.folder) {
    ht_status ignored = ht_folder_remove(w.folder);
    (void)ignored; /* a temporary folder */
  }
  ht_store_free(&w.store);
  ht_arena_free(&w.arena);
  return st;
}
