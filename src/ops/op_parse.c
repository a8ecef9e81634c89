/*
 * op_parse.c - tf.Example records to tensors, by example.h.
 */
#include "ops/example.h"

static const ht_parse_names names = {"sparse_types", "Tdense",
                                     "ragged_value_types", "ragged_split_types",
                                     "dense_shapes"};

/* ---- where keys, types and defaults stand */

static ht_status run_parse(ht_parse *p, int first_default) {
  const ht_call *c = p->call;
  ht_status st = ht_parse_wants(p, first_default);
  if (st.code == HT_OK &&
      (c->n_in != first_default + p->n_dense ||
       c->n_out != 3 * p->n_sparse + p->n_dense + 2 * p->n_ragged))
    st = ht_fail(HT_USAGE, "op '%s': keys and types do not fit", c->op->name);
  if (st.code == HT_OK) st = ht_parse_features(p);
  ht_parse_close(p);
  return st;
}

static ht_status parse_example(ht_call *c) {
  ht_parse p;
  int64_t sparse = ht_attr_int(c->attrs, "Nsparse");
  int64_t dense = ht_attr_int(c->attrs, "Ndense");
  if (sparse < 0 || dense < 0 || 2 + sparse + 2 * dense != c->n_in)
    return ht_fail(HT_USAGE, "op '%s': keys do not fit", c->op->name);
  HT_TRY(ht_need_rank(c, 0, 1));
  for (int i = 2; i < 2 + sparse + dense; i++) {
    HT_TRY(ht_need_dtype(c, i, HT_STRING));
    HT_TRY(ht_need_scalar(c, i));
  }
  HT_TRY(ht_parse_start(c, &names, &p, sparse, dense, 0));
  for (int i = 0; i < p.n; i++) p.want[i].key = ht_str(c->in[2 + i])[0];
  return run_parse(&p, 2 + p.n);
}

static ht_status parse_example_v2(ht_call *c) {
  ht_parse p;
  int64_t n[3];
  for (int k = 0; k < 3; k++) {
    HT_TRY(ht_need_dtype(c, 2 + k, HT_STRING));
    n[k] = ht_count(c->in[2 + k]);
  }
  HT_TRY(ht_parse_start(c, &names, &p, n[0], n[1], n[2]));
  for (int k = 0, i = 0; k < 3; k++)
    for (int64_t j = 0; j < n[k]; j++)
      p.want[i++].key = ht_str(c->in[2 + k])[j];
  return run_parse(&p, 5);
}

static ht_status parse_single(ht_call *c) {
  ht_parse p;
  const ht_attr *sparse = ht_attr_find(c->attrs, "sparse_keys");
  const ht_attr *dense = ht_attr_find(c->attrs, "dense_keys");
  HT_TRY(ht_need_rank(c, 0, 0));
  HT_TRY(ht_parse_start(c, &names, &p, sparse ? sparse->n : 0,
                        dense ? dense->n : 0, 0));
  for (int i = 0; i < p.n_sparse; i++) p.want[i].key = sparse->value[i].s;
  for (int i = 0; i < p.n_dense; i++)
    p.want[p.n_sparse + i].key = dense->value[i].s;
  return run_parse(&p, 1);
}

/* {f: [1.5, 2.5], i: [7, -1], s: ["ab", ""]}, {i: [3]}, {} */
#define FIRST_RECORD                                                   \
  "'\\x0a\\x38\\x0a\\x11\\x0a\\x01\\x66\\x12\\x0c\\x12\\x0a\\x0a\\x08" \
  "\\x00\\x00\\xc0\\x3f\\x00\\x00\\x20\\x40\\x0a\\x14\\x0a\\x01\\x69"  \
  "\\x12\\x0f\\x1a\\x0d\\x0a\\x0b\\x07\\xff\\xff\\xff\\xff\\xff\\xff"  \
  "\\xff\\xff\\xff\\x01\\x0a\\x0d\\x0a\\x01\\x73\\x12\\x08\\x0a\\x06"  \
  "\\x0a\\x02\\x61\\x62\\x0a\\x00'"
#define RECORDS                                                    \
  "s[3]{" FIRST_RECORD                                             \
  ",'\\x0a\\x0c\\x0a\\x0a\\x0a\\x01\\x69\\x12\\x05\\x1a\\x03\\x0a" \
  "\\x01\\x03','\\x0a\\x00'}"
#define RECORD "s[]{" FIRST_RECORD "}"

const ht_op ht_ops_parse[] = {
    {
        .name = "ParseExample",
        .inputs = "serialized:string names:string sparse_keys:Nsparse*string "
                  "dense_keys:Ndense*string dense_defaults:list:Tdense",
        .outputs = "sparse_indices:Nsparse*int64 "
                   "sparse_values:list:sparse_types "
                   "sparse_shapes:Nsparse*int64 dense_values:list:Tdense",
        .attrs = "Nsparse:int Ndense:int sparse_types:list(type) "
                 "Tdense:list(type) dense_shapes:list(shape)",
        .doc = "Features of tf.Example records.",
        .samples = RECORDS " s[0] (s[]{'s'} s[]{'i'}) (s[]{'f'}) (f[2]{8,9}) "
                           "sparse_types=[string,int64] dense_shapes=[<2>]",
        .forward = parse_example,
        .gradient = ht_no_gradient,
    },
    {
        .name = "ParseExampleV2",
        .inputs = "serialized:string names:string sparse_keys:string "
                  "dense_keys:string ragged_keys:string "
                  "dense_defaults:list:Tdense",
        .outputs = "sparse_indices:num_sparse*int64 "
                   "sparse_values:list:sparse_types "
                   "sparse_shapes:num_sparse*int64 dense_values:list:Tdense "
                   "ragged_values:list:ragged_value_types "
                   "ragged_row_splits:list:ragged_split_types",
        .attrs = "Tdense:list(type) num_sparse:int sparse_types:list(type) "
                 "ragged_value_types:list(type) "
                 "ragged_split_types:list(type) dense_shapes:list(shape)",
        .doc = "Features of tf.Example records, ragged ones too.",
        .samples =
            RECORDS " s[0] s[1]{'s'} s[2]{'f','q'} s[1]{'i'} "
                    "(f[2]{8,9} l[]{5}) num_sparse=1 "
                    "sparse_types=[string] ragged_value_types=[int64] "
                    "ragged_split_types=[int64] dense_shapes=[<2>,<>];" RECORD
                    " s[0] s[1]{'s'} s[1]{'i'} s[1]{'f'} "
                    "(l[2,1]{5,6}) num_sparse=1 sparse_types=[string] "
                    "ragged_value_types=[float] ragged_split_types=[int32] "
                    "dense_shapes=[<2,1>];" RECORDS
                    " s[0] s[1]{'zz'} s[1]{'s'} s[2]{'i','f'} "
                    "(s[]{'-'}) num_sparse=1 sparse_types=[float] "
                    "ragged_value_types=[int64,float] "
                    "ragged_split_types=[int32,int64] dense_shapes=[<?>]",
        .forward = parse_example_v2,
        .gradient = ht_no_gradient,
    },
    {
        .name = "ParseSingleExample",
        .inputs = "serialized:string dense_defaults:list:Tdense",
        .outputs = "sparse_indices:num_sparse*int64 "
                   "sparse_values:list:sparse_types "
                   "sparse_shapes:num_sparse*int64 dense_values:list:Tdense",
        .attrs = "num_sparse:int sparse_keys:list(string) "
                 "dense_keys:list(string) sparse_types:list(type) "
                 "Tdense:list(type) dense_shapes:list(shape)",
        .doc = "Features of one tf.Example record.",
        .samples = RECORD " (f[2]{8,9} s[]{'none'}) num_sparse=1 "
                          "sparse_keys=['i'] dense_keys=['f','q'] "
                          "sparse_types=[int64] dense_shapes=[<2>,<>]",
        .forward = parse_single,
        .gradient = ht_no_gradient,
    },
    {0},
};
