/* new_text.c - see new_text.h. */
#include "hub/new_text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "hub/export.h"
#include "hub/new_text_impl.h"
#include "ops/table.h"

typedef ht_new_text_work work;

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

static void draw_vectors(const ht_text_embedding *s, float *to, size_t n) {
  ht_philox g = ht_philox_make(s->seed, 0);
  float stddev = (float)s->stddev;
  for (size_t i = 0; i < n; i += 4) {
    uint32_t bits[4];
    float v[4];
    ht_philox_next(&g, bits);
    ht_normal_pair(bits[0], bits[1], v);
    ht_normal_pair(bits[2], bits[3], v + 2);
    for (size_t k = 0; k < 4 && i + k < n; k++) to[i + k] = stddev * v[k];
  }
}

/* Rows of zeros after the given ones, in the same memory. */
static ht_status given_vectors(work *w, ht_tensor *out) {
  ht_embeddings *e = w->spec->given;
  size_t dim = (size_t)e->dim, n = (size_t)w->n * dim,
         more = (size_t)w->spec->oov * dim, bytes = (n + more) * sizeof(float);
  float *all = realloc(e->vector, bytes);
  if (!all) return ht_fail(HT_NO_MEMORY, "no memory for word vectors");
  e->vector = all;
  memset(all + n, 0, more * sizeof(float));
  *out = (ht_tensor){.dtype = HT_FLOAT,
                     .shape = ht_shape_2(w->n + w->spec->oov, e->dim),
                     .data = all};
  HT_TRY(ht_buffer_wrap(all, bytes, free, all, &out->buffer));
  e->vector = NULL;
  return HT_SUCCESS;
}

static ht_status drawn_vectors(work *w, ht_tensor *out) {
  const ht_text_embedding *s = w->spec;
  ht_shape shape = ht_shape_2(w->n + s->oov, s->dim);
  HT_TRY(ht_tensor_zeros(NULL, HT_FLOAT, &shape, out));
  draw_vectors(s, ht_f(out), (size_t)w->n * (size_t)s->dim);
  return HT_SUCCESS;
}

static ht_status as_doubles(ht_tensor *floats, ht_tensor *out) {
  ht_status st = ht_tensor_new(NULL, HT_DOUBLE, &floats->shape, out);
  for (int64_t i = 0; st.code == HT_OK && i < ht_count(floats); i++)
    HT_DATA(double, out)[i] = (double)ht_f(floats)[i];
  ht_tensor_drop(floats);
  return st;
}

/* Known words, then zeros for the buckets. */
static ht_status make_vectors(work *w, ht_tensor *out) {
  ht_tensor floats;
  HT_TRY(w->spec->given ? given_vectors(w, &floats)
                        : drawn_vectors(w, &floats));
  if (w->spec->doubles) return as_doubles(&floats, out);
  *out = floats;
  return HT_SUCCESS;
}

/* ---- words -> ids -> vectors -> one vector per sentence */

static ht_ref look_up(work *w, ht_ref table, ht_ref words) {
  ht_builder *b = &w->b;
  ht_ref none = ht_build_int64(b, -1);
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

/* Unknown words are taken out where there are no buckets for them. */
static void drop_unknown(work *w, ht_ref *ids, ht_ref *rows) {
  ht_builder *b = &w->b;
  if (w->spec->oov) return;
  ht_ref known = ht_build_2(b, "GreaterEqual", *ids, ht_build_int64(b, 0), "");
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

static ht_ref gather(work *w, ht_ref vectors, ht_ref ids) {
  return ht_build_2(&w->b, "ResourceGather", vectors, ids,
                    w->spec->doubles ? "dtype=double" : "dtype=float");
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
  ht_ref vectors = gather(w, table_of_vectors, unique);
  ht_ref in[] = {vectors, place, rows, count};
  return ht_build(b, op, NULL, 4, in, "");
}

/* Inputs and outputs of the module. */
typedef struct face {
  const char *name;
  ht_ref in, out;
} face;

static ht_ref sentence_vectors(work *w, ht_text_words t, ht_ref table,
                               ht_ref vectors) {
  ht_builder *b = &w->b;
  ht_ref ids = look_up(w, table, t.words);
  ht_ref row = ht_build_column_0(b, t.indices, true);
  ht_ref rows = ht_build_column_0(b, t.shape, false);
  row = ht_build_1(b, "Cast", row, "DstT=int32");
  rows = ht_build_1(b, "Cast", rows, "DstT=int32");
  drop_unknown(w, &ids, &row);
  return combine(w, vectors, ids, row, rows);
}

static face build_face(work *w, ht_ref table, ht_ref vectors) {
  ht_shape any = ht_shape_1(-1);
  face f = {.name = w->spec->tokens ? "tokens" : "sentences"};
  if (w->spec->tokens) {
    f.in = ht_build_placeholder(&w->b, f.name, HT_STRING, &any);
    ht_ref ids = look_up(w, table, f.in);
    f.out = gather(w, vectors, ids);
  } else {
    ht_text_words t = ht_build_words(w);
    f.in = t.sentences;
    f.out = sentence_vectors(w, t, table, vectors);
  }
  return f;
}

static ht_status export_module(work *w, face *f, ht_variable *v,
                               const char *out) {
  ht_port in = {.name = f->name, .dtype = HT_STRING, .shape = ht_shape_1(-1)};
  ht_port y = {.name = w->spec->hub1 ? "default" : "outputs",
               .dtype = w->spec->doubles ? HT_DOUBLE : HT_FLOAT,
               .shape = ht_shape_2(-1, w->spec->dim)};
  ht_body body = {.graph = w->b.graph,
                  .arg = &f->in,
                  .n_args = 1,
                  .ret = &f->out,
                  .n_rets = 1};
  ht_export_method call = {.name = "__call__",
                           .input = &in,
                           .output = &y,
                           .n_inputs = 1,
                           .n_outputs = 1,
                           .inference = body};
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
  if (w->spec->given) {
    w->word = w->spec->given->word;
    w->n = w->spec->given->n;
  } else {
    HT_TRY(ht_learn_words(w));
    HT_TRY(ht_builder_init(&w->b, &w->arena, NULL, &w->store));
  }
  HT_TRY(build_table(w, &table));
  HT_TRY(make_vectors(w, &initial));
  ht_ref vectors =
      ht_build_variable(&w->b, "embeddings", &initial, w->spec->trainable, &v);
  face f = build_face(w, table, vectors);
  HT_TRY(ht_builder_status(&w->b));
  return export_module(w, &f, v, out);
}

static bool is_one_of(const char *word, const char *const *words) {
  for (; *words; words++)
    if (strcmp(*words, word) == 0) return true;
  return false;
}

static ht_status check(const ht_text_embedding *s) {
  static const char *const combiners[] = {"sqrtn", "mean", "sum", NULL};
  static const char *const signs[] = {"keep", "strip", "split", NULL};
  static const char *const spaces[] = {"white", "space", "each-space", NULL};
  if (!is_one_of(s->combiner, combiners))
    return ht_fail(HT_USAGE, "unknown combiner '%s': sqrtn, mean or sum",
                   s->combiner);
  if (!is_one_of(s->punctuation, signs))
    return ht_fail(HT_USAGE, "punctuation '%s': keep, strip or split",
                   s->punctuation);
  if (!is_one_of(s->split, spaces))
    return ht_fail(HT_USAGE, "words split at '%s': white, space or each-space",
                   s->split);
  if (s->dim < 1 || s->dim > 1 << 16)
    return ht_fail(HT_USAGE, "a dimension of %d", s->dim);
  if (s->ngrams < 1 || s->ngrams > HT_MAX_NGRAMS)
    return ht_fail(HT_USAGE, "runs of up to %d words", s->ngrams);
  if (s->max_part && (s->min_part < 2 || s->max_part < s->min_part ||
                      s->max_part > HT_MAX_PART))
    return ht_fail(HT_USAGE, "parts of words of %d to %d characters",
                   s->min_part, s->max_part);
  if (s->oov < 0 || s->oov > INT32_MAX)
    return ht_fail(HT_USAGE, "%lld buckets for unknown words",
                   (long long)s->oov);
  if (s->tokens && !s->oov)
    return ht_fail(HT_USAGE, "single words need a bucket for unknown ones");
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
