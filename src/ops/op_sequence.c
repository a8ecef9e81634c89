/*
 * op_sequence.c - tf.SequenceExample records to tensors: a context, whose
 * features are those of a tf.Example, and lists of features, one a step.
 */
#include <stdlib.h>

#include "ops/example.h"

typedef struct sequence {
  ht_parse context, lists; /* of lists: a span holds all steps */
  int first;               /* of the outputs of lists */
  bool lengths;            /* dense lists tell theirs */
  bool *may_lack;          /* of dense lists */
} sequence;

/* ---- steps: FeatureList{1: Feature, ...} */

static bool next_step(ht_string *list, ht_string *feature) {
  ht_field f;
  while (ht_field_next(list, &f))
    if (f.number == 1 && f.wire == 2) {
      *feature = f.bytes;
      return true;
    }
  return false;
}

static ht_string list_of(const ht_parse *p, int64_t row, int i) {
  return p->feature[row * p->n + i];
}

static ht_status of_list(const ht_parse *p, int64_t row, int i, ht_status st) {
  ht_string key = p->want[i].key;
  return ht_within(st, "list '%.*s' of record %lld",
                   (int)(key.n < 80 ? key.n : 80), key.p, (long long)row);
}

/* What a list of one name holds, over all records. */
typedef struct extent {
  int64_t steps, most_steps, elements, most_elements;
} extent;

static ht_status measure_list(const ht_parse *p, int64_t row, int i,
                              extent *e) {
  ht_string list = list_of(p, row, i), feature;
  int64_t steps = 0;
  for (; next_step(&list, &feature); steps++) {
    ht_elements l = {0};
    HT_TRY(ht_feature_walk(feature, p->want[i].type, &l));
    e->elements += l.n;
    if (l.n > e->most_elements) e->most_elements = l.n;
  }
  if (list.n) return ht_fail(HT_CORRUPT, "it is damaged");
  e->steps += steps;
  if (steps > e->most_steps) e->most_steps = steps;
  return HT_SUCCESS;
}

static ht_status measure(const ht_parse *p, int i, extent *e) {
  *e = (extent){0};
  for (int64_t r = 0; r < p->batch; r++)
    HT_TRY(of_list(p, r, i, measure_list(p, r, i, e)));
  return HT_SUCCESS;
}

static ht_status values_out(const ht_parse *p, int o, int i,
                            const ht_shape *shape) {
  HT_TRY(ht_out_zeros(p->call, o, p->want[i].type, shape));
  if (p->want[i].type != HT_STRING) return HT_SUCCESS;
  return ht_string_keep(&p->call->out[o], p->records);
}

/* Copies a step's elements to `at`; *n: how many. */
static ht_status copy_step(const ht_parse *p, int i, ht_string feature,
                           ht_tensor *out, int64_t at, int64_t *n) {
  ht_elements l = {.out = out, .at = at, .max = ht_count(out) - at};
  HT_TRY(ht_feature_walk(feature, p->want[i].type, &l));
  *n = l.n;
  return HT_SUCCESS;
}

/* ---- sparse lists: indices [record,] step, element */

static ht_status sparse_list(const sequence *s, int i) {
  const ht_parse *p = &s->lists;
  ht_call *c = p->call;
  extent e;
  int lead = p->single ? 0 : 1, o = s->first + i;
  int64_t at = 0, n;
  HT_TRY(measure(p, i, &e));
  ht_shape places = ht_shape_2(e.elements, 2 + lead);
  ht_shape one = ht_shape_1(e.elements);
  ht_shape dense = {3, {p->batch, e.most_steps, e.most_elements}};
  if (p->single) dense = ht_shape_2(e.most_steps, e.most_elements);
  HT_TRY(ht_out(c, o, HT_INT64, &places));
  HT_TRY(values_out(p, o + p->n_sparse, i, &one));
  HT_TRY(ht_out_shape(c, o + 2 * p->n_sparse, &dense));
  int64_t *to = ht_i64(&c->out[o]);
  for (int64_t r = 0; r < p->batch; r++) {
    ht_string list = list_of(p, r, i), feature;
    for (int64_t t = 0; next_step(&list, &feature); t++) {
      HT_TRY(copy_step(p, i, feature, &c->out[o + p->n_sparse], at, &n));
      for (int64_t k = 0; k < n; k++) {
        if (lead) *to++ = r;
        *to++ = t;
        *to++ = k;
      }
      at += n;
    }
  }
  return HT_SUCCESS;
}

/* ---- dense lists: [record,] step, shape; zeros behind the last step */

static ht_status dense_steps(const ht_parse *p, int64_t row, int i,
                             int64_t size, ht_tensor *out, int64_t at,
                             int64_t *steps) {
  ht_string list = list_of(p, row, i), feature;
  int64_t n;
  for (*steps = 0; next_step(&list, &feature); ++*steps) {
    HT_TRY(copy_step(p, i, feature, out, at + *steps * size, &n));
    if (n != size)
      return ht_fail(HT_USAGE, "step %lld has %lld values, %lld are wanted",
                     (long long)*steps, (long long)n, (long long)size);
  }
  return HT_SUCCESS;
}

static ht_status dense_list(const sequence *s, int k) {
  const ht_parse *p = &s->lists;
  ht_call *c = p->call;
  extent e;
  int i = p->n_sparse + k, o = s->first + 3 * p->n_sparse + k;
  const ht_shape *inner = &p->want[i].shape;
  int64_t size = 1, steps;
  HT_TRY(measure(p, i, &e));
  ht_shape shape = p->single ? HT_SCALAR : ht_shape_1(p->batch);
  ht_shape lengths = shape;
  shape.dim[shape.rank++] = e.most_steps;
  for (int d = 0; d < inner->rank; d++) {
    if (inner->dim[d] < 0 || shape.rank == HT_MAX_RANK ||
        __builtin_mul_overflow(size, inner->dim[d], &size))
      return ht_fail(HT_USAGE, "a dense list needs a known shape");
    shape.dim[shape.rank++] = inner->dim[d];
  }
  HT_TRY(values_out(p, o, i, &shape));
  if (s->lengths) HT_TRY(ht_out(c, o + p->n_dense, HT_INT64, &lengths));
  for (int64_t r = 0; r < p->batch; r++) {
    if (!list_of(p, r, i).p && !s->may_lack[k])
      return of_list(p, r, i, ht_fail(HT_USAGE, "it is missing"));
    HT_TRY(of_list(p, r, i,
                   dense_steps(p, r, i, size, &c->out[o],
                               r * e.most_steps * size, &steps)));
    if (s->lengths) ht_i64(&c->out[o + p->n_dense])[r] = steps;
  }
  return HT_SUCCESS;
}

/* ---- ragged lists: where the steps of records end, and their elements */

static ht_status ragged_list(const sequence *s, int k) {
  const ht_parse *p = &s->lists;
  ht_call *c = p->call;
  extent e;
  int i = p->n_sparse + p->n_dense + k, outer, inner;
  int o = s->first + 3 * p->n_sparse + 2 * p->n_dense + k;
  int64_t at = 0, step = 0, n;
  outer = o + p->n_ragged;
  inner = outer + p->n_ragged;
  HT_TRY(measure(p, i, &e));
  ht_shape one = ht_shape_1(e.elements);
  ht_shape rows = p->single ? HT_SCALAR : ht_shape_1(p->batch + 1);
  ht_shape ends = ht_shape_1(e.steps + 1);
  ht_dtype t = p->splits->value[k].type;
  HT_TRY(values_out(p, o, i, &one));
  HT_TRY(ht_out_zeros(c, outer, t, &rows));
  HT_TRY(ht_out_zeros(c, inner, t, &ends));
  for (int64_t r = 0; r < p->batch; r++) {
    ht_string list = list_of(p, r, i), feature;
    while (next_step(&list, &feature)) {
      HT_TRY(copy_step(p, i, feature, &c->out[o], at, &n));
      at += n;
      ht_set_int(&c->out[inner], ++step, at);
    }
    if (!p->single) ht_set_int(&c->out[outer], r + 1, step);
  }
  return HT_SUCCESS;
}

/* ---- the ops: where keys, types and defaults stand */

static const ht_parse_names of_context = {
    "context_sparse_types", "Tcontext_dense", "context_ragged_value_types",
    "context_ragged_split_types", "context_dense_shapes"};
static const ht_parse_names of_lists = {
    "feature_list_sparse_types", "feature_list_dense_types",
    "feature_list_ragged_value_types", "feature_list_ragged_split_types",
    "feature_list_dense_shapes"};

static ht_status list_wants(ht_parse *p) {
  const ht_attr *shapes = ht_attr_find(p->call->attrs, p->names->shapes);
  HT_TRY(ht_parse_types(p, p->names->sparse, 0, p->n_sparse));
  HT_TRY(ht_parse_types(p, p->names->dense, p->n_sparse, p->n_dense));
  if (p->n_ragged)
    HT_TRY(ht_parse_types(p, p->names->ragged, p->n_sparse + p->n_dense,
                          p->n_ragged));
  if ((shapes ? shapes->n : 0) != p->n_dense ||
      (p->n_ragged && (!p->splits || p->splits->n != p->n_ragged)))
    return ht_fail(HT_USAGE, "op '%s': keys and shapes do not fit",
                   p->call->op->name);
  for (int k = 0; k < p->n_dense; k++)
    p->want[p->n_sparse + k].shape = shapes->value[k].shape;
  return HT_SUCCESS;
}

static ht_status all_lists(sequence *s) {
  ht_parse *p = &s->lists;
  HT_TRY(ht_parse_find(p, 2));
  for (int i = 0; i < p->n_sparse; i++) HT_TRY(sparse_list(s, i));
  for (int i = 0; i < p->n_dense; i++) HT_TRY(dense_list(s, i));
  for (int i = 0; i < p->n_ragged; i++) HT_TRY(ragged_list(s, i));
  return HT_SUCCESS;
}

static ht_status check_places(const sequence *s, int first_default) {
  const ht_parse *a = &s->context, *b = &s->lists;
  const ht_call *c = a->call;
  int outputs = 3 * a->n_sparse + a->n_dense + 2 * a->n_ragged +
                3 * b->n_sparse + (s->lengths ? 2 : 1) * b->n_dense +
                3 * b->n_ragged;
  if (c->n_out == outputs && c->n_in >= first_default + a->n_dense)
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s': keys and types do not fit", c->op->name);
}

/* Of one record TensorFlow gives no splits, but a number of no meaning. */
static ht_status no_splits(const ht_parse *p) {
  int first = 3 * p->n_sparse + p->n_dense + p->n_ragged;
  for (int i = 0; i < p->n_ragged && p->single; i++) {
    ht_tensor *t = &p->call->out[first + i];
    ht_dtype type = t->dtype;
    ht_tensor_drop(t);
    HT_TRY(ht_out_zeros(p->call, first + i, type, &HT_SCALAR));
  }
  return HT_SUCCESS;
}

static ht_status run_sequence(sequence *s, int first_default) {
  ht_parse *a = &s->context;
  HT_TRY(check_places(s, first_default));
  s->first = 3 * a->n_sparse + a->n_dense + 2 * a->n_ragged;
  HT_TRY(ht_parse_wants(a, first_default));
  HT_TRY(list_wants(&s->lists));
  HT_TRY(ht_parse_features(a));
  HT_TRY(no_splits(a));
  return all_lists(s);
}

static ht_status start(ht_call *c, sequence *s, const int64_t context[3],
                       const int64_t lists[3]) {
  memset(s, 0, sizeof *s);
  HT_TRY(ht_parse_start(c, &of_context, &s->context, context[0], context[1],
                        context[2]));
  HT_TRY(ht_parse_start(c, &of_lists, &s->lists, lists[0], lists[1], lists[2]));
  s->may_lack = calloc((size_t)lists[1] + 1, sizeof *s->may_lack);
  return s->may_lack ? HT_SUCCESS
                     : ht_fail(HT_NO_MEMORY, "no memory for features");
}

static ht_status finish(sequence *s, ht_status st) {
  ht_parse_close(&s->context);
  ht_parse_close(&s->lists);
  free(s->may_lack);
  return st;
}

static void lack(sequence *s, ht_string key) {
  const ht_parse *p = &s->lists;
  for (int k = 0; k < p->n_dense; k++)
    if (ht_string_equal(p->want[p->n_sparse + k].key, key))
      s->may_lack[k] = true;
}

/* Keys from an attribute. */
static void keys_of(const ht_call *c, const char *attr, ht_want *want) {
  const ht_attr *keys = ht_attr_find(c->attrs, attr);
  for (int i = 0; keys && i < keys->n; i++) want[i].key = keys->value[i].s;
}

static int64_t length_of(const ht_call *c, const char *attr) {
  return ht_attr_length(c->attrs, attr);
}

static ht_status parse_v1(ht_call *c) {
  sequence s;
  const int64_t context[3] = {length_of(c, "context_sparse_keys"),
                              length_of(c, "context_dense_keys"), 0};
  const int64_t lists[3] = {length_of(c, "feature_list_sparse_keys"),
                            length_of(c, "feature_list_dense_keys"), 0};
  const ht_attr *missing =
      ht_attr_find(c->attrs, "feature_list_dense_missing_assumed_empty");
  ht_status st = start(c, &s, context, lists);
  if (st.code == HT_OK) {
    s.lengths = true;
    keys_of(c, "context_sparse_keys", s.context.want);
    keys_of(c, "context_dense_keys", s.context.want + context[0]);
    keys_of(c, "feature_list_sparse_keys", s.lists.want);
    keys_of(c, "feature_list_dense_keys", s.lists.want + lists[0]);
    for (int i = 0; missing && i < missing->n; i++)
      lack(&s, missing->value[i].s);
    st = run_sequence(&s, 2);
  }
  return finish(&s, st);
}

/* Inputs: records, names, context keys (sparse, dense, ragged), list keys,
 * whether dense lists may be missing, defaults. */
static ht_status parse_v2(ht_call *c) {
  sequence s;
  int64_t n[6];
  for (int k = 0; k < 6; k++) {
    HT_TRY(ht_need_dtype(c, 2 + k, HT_STRING));
    n[k] = ht_count(c->in[2 + k]);
  }
  HT_TRY(ht_need_dtype(c, 8, HT_BOOL));
  ht_status st = start(c, &s, n, n + 3);
  if (st.code == HT_OK && ht_count(c->in[8]) != n[4])
    st = ht_fail(HT_USAGE,
                 "op '%s': dense lists and whether they may be "
                 "missing do not fit",
                 c->op->name);
  if (st.code == HT_OK) {
    s.lengths = true;
    for (int k = 0, at[2] = {0, 0}; k < 6; k++)
      for (int64_t j = 0; j < n[k]; j++)
        (k < 3 ? s.context.want : s.lists.want)[at[k / 3]++].key =
            ht_str(c->in[2 + k])[j];
    for (int64_t k = 0; k < n[4]; k++)
      s.may_lack[k] = ht_int_at(c->in[8], k) != 0;
    st = run_sequence(&s, 9);
  }
  return finish(&s, st);
}

/* Inputs: record, lists that may be missing, scalar keys, defaults, name. */
static ht_status parse_single(ht_call *c) {
  sequence s;
  static const char *const count[4] = {"Ncontext_sparse", "Ncontext_dense",
                                       "Nfeature_list_sparse",
                                       "Nfeature_list_dense"};
  int64_t n[4], sum = 0;
  for (int k = 0; k < 4; k++) {
    n[k] = ht_attr_int(c->attrs, count[k]);
    if (n[k] < 0 || n[k] > c->n_in)
      return ht_fail(HT_USAGE, "op '%s': keys do not fit", c->op->name);
    sum += n[k];
  }
  if (2 + sum + n[1] + 1 != c->n_in)
    return ht_fail(HT_USAGE, "op '%s': keys do not fit", c->op->name);
  HT_TRY(ht_need_rank(c, 0, 0));
  for (int i = 1; i < 2 + sum; i++) HT_TRY(ht_need_dtype(c, i, HT_STRING));
  for (int i = 2; i < 2 + sum; i++) HT_TRY(ht_need_scalar(c, i));
  const int64_t context[3] = {n[0], n[1], 0}, lists[3] = {n[2], n[3], 0};
  ht_status st = start(c, &s, context, lists);
  if (st.code == HT_OK) {
    const ht_tensor *const *key = c->in + 2;
    for (int i = 0; i < s.context.n; i++)
      s.context.want[i].key = ht_str(*key++)[0];
    for (int i = 0; i < s.lists.n; i++) s.lists.want[i].key = ht_str(*key++)[0];
    for (int64_t i = 0; i < ht_count(c->in[1]); i++)
      lack(&s, ht_str(c->in[1])[i]);
    st = run_sequence(&s, (int)(2 + sum));
  }
  return finish(&s, st);
}

/* Context {f: [1.5, 2.5], i: [7, -1], s: ["ab", ""]}, lists {a: [[1, 2],
 * [3, 4]], n: [[5], [6], [7]], t: [["x", "yz"], ["z"]]}; then {f: [4, 5],
 * i: [3]}, {a: [[9, 8]], t: [[], ["w"]]}; then {f: [0, 1]}, {}. */
#define FIRST_SEQUENCE                                                 \
  "'\\x0a\\x38\\x0a\\x11\\x0a\\x01\\x66\\x12\\x0c\\x12\\x0a\\x0a\\x08" \
  "\\x00\\x00\\xc0\\x3f\\x00\\x00\\x20\\x40\\x0a\\x14\\x0a\\x01\\x69"  \
  "\\x12\\x0f\\x1a\\x0d\\x0a\\x0b\\x07\\xff\\xff\\xff\\xff\\xff\\xff"  \
  "\\xff\\xff\\xff\\x01\\x0a\\x0d\\x0a\\x01\\x73\\x12\\x08\\x0a\\x06"  \
  "\\x0a\\x02\\x61\\x62\\x0a\\x00\\x12\\x58\\x0a\\x21\\x0a\\x01\\x61"  \
  "\\x12\\x1c\\x0a\\x0c\\x12\\x0a\\x0a\\x08\\x00\\x00\\x80\\x3f\\x00"  \
  "\\x00\\x00\\x40\\x0a\\x0c\\x12\\x0a\\x0a\\x08\\x00\\x00\\x40\\x40"  \
  "\\x00\\x00\\x80\\x40\\x0a\\x1a\\x0a\\x01\\x6e\\x12\\x15\\x0a\\x05"  \
  "\\x1a\\x03\\x0a\\x01\\x05\\x0a\\x05\\x1a\\x03\\x0a\\x01\\x06\\x0a"  \
  "\\x05\\x1a\\x03\\x0a\\x01\\x07\\x0a\\x17\\x0a\\x01\\x74\\x12\\x12"  \
  "\\x0a\\x09\\x0a\\x07\\x0a\\x01\\x78\\x0a\\x02\\x79\\x7a\\x0a\\x05"  \
  "\\x0a\\x03\\x0a\\x01\\x7a'"
#define SEQUENCES                                                     \
  "s[3]{" FIRST_SEQUENCE                                              \
  ",'\\x0a\\x1f\\x0a\\x11\\x0a\\x01\\x66\\x12\\x0c\\x12\\x0a\\x0a"    \
  "\\x08\\x00\\x00\\x80\\x40\\x00\\x00\\xa0\\x40\\x0a\\x0a\\x0a\\x01" \
  "\\x69\\x12\\x05\\x1a\\x03\\x0a\\x01\\x03\\x12\\x25\\x0a\\x13\\x0a" \
  "\\x01\\x61\\x12\\x0e\\x0a\\x0c\\x12\\x0a\\x0a\\x08\\x00\\x00\\x10" \
  "\\x41\\x00\\x00\\x00\\x41\\x0a\\x0e\\x0a\\x01\\x74\\x12\\x09\\x0a" \
  "\\x00\\x0a\\x05\\x0a\\x03\\x0a\\x01\\x77','\\x0a\\x13\\x0a\\x11"   \
  "\\x0a\\x01\\x66\\x12\\x0c\\x12\\x0a\\x0a\\x08\\x00\\x00\\x00\\x00" \
  "\\x00\\x00\\x80\\x3f'}"
#define SEQUENCE "s[]{" FIRST_SEQUENCE "}"
#define V2_ATTRS                                                        \
  "Ncontext_sparse=1 context_sparse_types=[int64] "                     \
  "context_dense_shapes=[<2>] "                                         \
  "Nfeature_list_sparse=1 Nfeature_list_dense=1 "                       \
  "feature_list_dense_types=[float] feature_list_sparse_types=[int64] " \
  "feature_list_ragged_value_types=[string,int64] "                     \
  "feature_list_dense_shapes=[<2>] "

#define CONTEXT_OUT                                  \
  "context_sparse_indices:Ncontext_sparse*int64 "    \
  "context_sparse_values:list:context_sparse_types " \
  "context_sparse_shapes:Ncontext_sparse*int64 "     \
  "context_dense_values:list:Tcontext_dense "
#define LISTS_OUT                                              \
  "feature_list_sparse_indices:Nfeature_list_sparse*int64 "    \
  "feature_list_sparse_values:list:feature_list_sparse_types " \
  "feature_list_sparse_shapes:Nfeature_list_sparse*int64 "     \
  "feature_list_dense_values:list:feature_list_dense_types"
#define LENGTHS " feature_list_dense_lengths:Nfeature_list_dense*int64"

const ht_op ht_ops_sequence[] = {
    {
        .name = "ParseSequenceExample",
        .inputs = "serialized:string debug_name:string "
                  "context_dense_defaults:list:Tcontext_dense",
        .outputs = CONTEXT_OUT LISTS_OUT LENGTHS,
        .attrs = "feature_list_dense_missing_assumed_empty:list(string) "
                 "context_sparse_keys:list(string) "
                 "context_dense_keys:list(string) "
                 "feature_list_sparse_keys:list(string) "
                 "feature_list_dense_keys:list(string) "
                 "Ncontext_sparse:int=0 Ncontext_dense:int=0 "
                 "Nfeature_list_sparse:int=0 Nfeature_list_dense:int=0 "
                 "context_sparse_types:list(type)=[] "
                 "Tcontext_dense:list(type)=[] "
                 "feature_list_dense_types:list(type)=[] "
                 "context_dense_shapes:list(shape)=[] "
                 "feature_list_sparse_types:list(type)=[] "
                 "feature_list_dense_shapes:list(shape)=[]",
        .doc = "Features of tf.SequenceExample records.",
        .samples = SEQUENCES
        " s[0] (f[2]{8,9}) feature_list_dense_missing_assumed_empty="
        "['a'] context_sparse_keys=['s','i'] context_dense_keys=['f'] "
        "feature_list_sparse_keys=['t','n'] "
        "feature_list_dense_keys=['a'] Ncontext_sparse=2 "
        "Ncontext_dense=1 Nfeature_list_sparse=2 Nfeature_list_dense=1 "
        "context_sparse_types=[string,int64] "
        "feature_list_dense_types=[float] context_dense_shapes=[<2>] "
        "feature_list_sparse_types=[string,int64] "
        "feature_list_dense_shapes=[<2>]",
        .forward = parse_v1,
        .gradient = ht_no_gradient,
    },
    {
        .name = "ParseSequenceExampleV2",
        .inputs = "serialized:string debug_name:string "
                  "context_sparse_keys:string context_dense_keys:string "
                  "context_ragged_keys:string feature_list_sparse_keys:string "
                  "feature_list_dense_keys:string "
                  "feature_list_ragged_keys:string "
                  "feature_list_dense_missing_assumed_empty:bool "
                  "context_dense_defaults:list:Tcontext_dense",
        .outputs = CONTEXT_OUT
        "context_ragged_values:list:context_ragged_value_types "
        "context_ragged_row_splits:list:context_ragged_split_types " LISTS_OUT
            LENGTHS
        " feature_list_ragged_values:list:feature_list_ragged_value_types "
        "feature_list_ragged_outer_splits:list:"
        "feature_list_ragged_split_types "
        "feature_list_ragged_inner_splits:list:"
        "feature_list_ragged_split_types",
        .attrs = "Ncontext_sparse:int=0 Tcontext_dense:list(type)=[] "
                 "context_sparse_types:list(type)=[] "
                 "context_ragged_value_types:list(type)=[] "
                 "context_ragged_split_types:list(type)=[] "
                 "context_dense_shapes:list(shape)=[] "
                 "Nfeature_list_sparse:int=0 Nfeature_list_dense:int=0 "
                 "feature_list_dense_types:list(type)=[] "
                 "feature_list_sparse_types:list(type)=[] "
                 "feature_list_ragged_value_types:list(type)=[] "
                 "feature_list_ragged_split_types:list(type)=[] "
                 "feature_list_dense_shapes:list(shape)=[]",
        .doc = "Features of tf.SequenceExample records, ragged ones too.",
        .samples = SEQUENCES
        " s[0] s[1]{'i'} s[1]{'f'} s[1]{'s'} s[1]{'n'} s[1]{'a'} "
        "s[2]{'t','zz'} b[1]{true} (f[2]{8,9}) " V2_ATTRS
        "context_ragged_split_types=[int32] "
        "context_ragged_value_types=[string] "
        "feature_list_ragged_split_types=[int64,int32];" SEQUENCE
        " s[0] s[1]{'i'} s[1]{'f'} s[0] s[1]{'n'} s[1]{'a'} "
        "s[2]{'t','zz'} b[1]{false} (f[2]{8,9}) " V2_ATTRS
        "context_ragged_split_types=[] context_ragged_value_types=[] "
        "feature_list_ragged_split_types=[int64,int32]",
        .forward = parse_v2,
        .gradient = ht_no_gradient,
    },
    {
        .name = "ParseSingleSequenceExample",
        .inputs = "serialized:string "
                  "feature_list_dense_missing_assumed_empty:string "
                  "context_sparse_keys:Ncontext_sparse*string "
                  "context_dense_keys:Ncontext_dense*string "
                  "feature_list_sparse_keys:Nfeature_list_sparse*string "
                  "feature_list_dense_keys:Nfeature_list_dense*string "
                  "context_dense_defaults:list:Tcontext_dense "
                  "debug_name:string",
        .outputs = CONTEXT_OUT LISTS_OUT,
        .attrs = "Ncontext_sparse:int=0 Ncontext_dense:int=0 "
                 "Nfeature_list_sparse:int=0 Nfeature_list_dense:int=0 "
                 "context_sparse_types:list(type)=[] "
                 "Tcontext_dense:list(type)=[] "
                 "feature_list_dense_types:list(type)=[] "
                 "context_dense_shapes:list(shape)=[] "
                 "feature_list_sparse_types:list(type)=[] "
                 "feature_list_dense_shapes:list(shape)=[]",
        .doc = "Features of one tf.SequenceExample record.",
        .samples = SEQUENCE
        " s[1]{'q'} (s[]{'s'} s[]{'i'}) (s[]{'f'} s[]{'z'}) (s[]{'t'}) "
        "(s[]{'a'} s[]{'q'}) (f[2]{8,9} l[]{5}) s[]{'name'} "
        "context_sparse_types=[string,int64] "
        "feature_list_dense_types=[float,string] "
        "context_dense_shapes=[<2>,<>] "
        "feature_list_sparse_types=[string] "
        "feature_list_dense_shapes=[<1,2>,<3>]",
        .forward = parse_single,
        .gradient = ht_no_gradient,
    },
    {0},
};
