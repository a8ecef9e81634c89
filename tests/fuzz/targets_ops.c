/*
 * targets_ops.c - the operations that parse: records, serialized tensors,
 * texts, models of tokenizers. Each takes the bytes of the corpus for one of
 * its inputs, the others stand in its row.
 */
#include "targets_ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/sentencepiece.h"
#include "ops/interface.h"
#include "ops/table.h"

enum { MOST_INPUTS = 12, MOST_OUTPUTS = 32 };

/*
 * Inputs are separated by blanks: TYPE RANK-0-OR-1 and what it holds, "s" for
 * a string, "s:a,b" for a vector of them, "f:0,0", "l:0,1", "b:1" likewise;
 * "?" is the whole input, "?N" a vector of N strings that it is cut into, "?u"
 * its bytes.
 */
typedef struct call_row {
  const char *op, *inputs, *attrs;
} call_row;

/* ---- inputs */

/* n strings: all but the last have four bytes of length before them. */
static ht_status cut(const uint8_t *data, size_t n, int64_t count,
                     ht_tensor *t) {
  for (int64_t i = 0; i < count; i++) {
    uint32_t size = (uint32_t)n;
    if (i + 1 < count && n >= sizeof size) {
      memcpy(&size, data, sizeof size);
      data += sizeof size;
      n -= sizeof size;
    }
    if (size > n) size = (uint32_t)n;
    HT_TRY(ht_string_set(t, i, (const char *)data, size));
    data += size;
    n -= size;
  }
  return HT_SUCCESS;
}

static ht_status fed(const char *word, const uint8_t *data, size_t n,
                     ht_tensor *t) {
  if (*word == 'u') {
    ht_shape shape = ht_shape_1((int64_t)n);
    HT_TRY(ht_tensor_zeros(NULL, HT_UINT8, &shape, t));
    if (n) memcpy(t->data, data, n);
    return HT_SUCCESS;
  }
  int64_t count = *word >= '1' && *word <= '9' ? *word - '0' : 0;
  ht_shape shape = count ? ht_shape_1(count) : HT_SCALAR;
  HT_TRY(ht_tensor_zeros(NULL, HT_STRING, &shape, t));
  return cut(data, n, count ? count : 1, t);
}

static ht_status set(ht_tensor *t, int64_t i, const char *p, size_t n) {
  double x = strtod(p, NULL);
  if (t->dtype == HT_STRING) return ht_string_set(t, i, p, n);
  if (t->dtype == HT_FLOAT) ht_f(t)[i] = (float)x;
  if (t->dtype == HT_INT64) ht_i64(t)[i] = (int64_t)x;
  if (t->dtype == HT_INT32) ht_i32(t)[i] = (int32_t)x;
  if (t->dtype == HT_BOOL) HT_DATA(bool, t)[i] = x != 0;
  return HT_SUCCESS;
}

/* "l" an empty vector, "l=5" a scalar, "l:5,6" a vector. */
static ht_status fixed(const char *word, size_t n, ht_tensor *t) {
  static const char letters[] = "sflib";
  static const ht_dtype dtype[] = {HT_STRING, HT_FLOAT, HT_INT64, HT_INT32,
                                   HT_BOOL};
  const char *end = word + n, *letter = strchr(letters, *word);
  int64_t count = n > 1;
  if (!letter) abort();
  for (const char *p = word; p < end; p++) count += *p == ',';
  bool scalar = n > 1 && word[1] == '=';
  ht_shape shape = scalar ? HT_SCALAR : ht_shape_1(count);
  HT_TRY(ht_tensor_zeros(NULL, dtype[letter - letters], &shape, t));
  const char *p = word + 2;
  for (int64_t i = 0; i < count; i++) {
    const char *to = p;
    while (to < end && *to != ',') to++;
    HT_TRY(set(t, i, p, (size_t)(to - p)));
    p = to + 1;
  }
  return HT_SUCCESS;
}

static ht_status make_inputs(const call_row *row, const uint8_t *data, size_t n,
                             ht_tensor *in, int *n_in) {
  for (const char *p = row->inputs; *p; p += strspn(p, " ")) {
    size_t size = strcspn(p, " ");
    if (*n_in == MOST_INPUTS) abort();
    HT_TRY(*p == '?' ? fed(p + 1, data, n, &in[*n_in])
                     : fixed(p, size, &in[*n_in]));
    ++*n_in;
    p += size;
  }
  return HT_SUCCESS;
}

/* ---- calls */

static ht_status forward(const call_row *row, int n_in, ht_tensor *in,
                         ht_arena *arena, ht_tensor *out) {
  const ht_op *op = ht_op_find(row->op);
  const ht_tensor *at[MOST_INPUTS];
  ht_dtype dtype[MOST_INPUTS];
  ht_run run = {.folder = "."};
  ht_attrs attrs;
  ht_call call = {.op = op,
                  .node = row->op,
                  .attrs = &attrs,
                  .n_in = n_in,
                  .in = at,
                  .out = out,
                  .run = &run};
  if (!op) abort();
  for (int i = 0; i < n_in; i++) at[i] = &in[i], dtype[i] = in[i].dtype;
  ht_status st = ht_attrs_bind(op, row->attrs, n_in, dtype, arena, &attrs);
  if (st.code == HT_OK) st = ht_op_outputs(op, &attrs, 0, NULL, &call.n_out);
  if (st.code != HT_OK || call.n_out > MOST_OUTPUTS) {
    fprintf(stderr, "%s: %s\n", row->op, st.msg);
    abort(); /* the row is wrong */
  }
  if (op->prepare) HT_TRY(op->prepare(&attrs, &call.prepared));
  st = ht_op_forward(&call);
  if (call.prepared && op->unprepare) op->unprepare(call.prepared);
  return st;
}

static void apply(const call_row *row, const uint8_t *data, size_t n) {
  ht_tensor in[MOST_INPUTS] = {{0}}, out[MOST_OUTPUTS] = {{0}};
  ht_arena arena = {0};
  int n_in = 0;
  ht_memory_limit((size_t)256 << 20);
  ht_status st = make_inputs(row, data, n, in, &n_in);
  if (st.code == HT_OK) st = forward(row, n_in, in, &arena, out);
  if (st.code != HT_OK && (!st.msg || !*st.msg)) abort();
  if (st.code != HT_OK && getenv("FUZZ_SAY"))
    fprintf(stderr, "%s: %s\n", row->op, st.msg);
  for (int i = 0; i < n_in; i++) ht_tensor_drop(&in[i]);
  for (int i = 0; i < MOST_OUTPUTS; i++) ht_tensor_drop(&out[i]);
  ht_arena_free(&arena);
}

#define APPLY(ROWS, DATA, N)                                    \
  for (size_t i_ = 0; i_ < sizeof(ROWS) / sizeof *(ROWS); i_++) \
  apply(&(ROWS)[i_], DATA, N)

/* tf.Example. */
void target_example(const uint8_t *data, size_t n) {
  static const call_row rows[] = {
      {"ParseExampleV2", "?2 s s:s s:f,q s:i f:8,9 l=5",
       "num_sparse=1 sparse_types=[string] ragged_value_types=[int64] "
       "ragged_split_types=[int64] dense_shapes=[<2>,<>]"},
      {"ParseExampleV2", "?2 s s:f s:s s:i,q s",
       "num_sparse=1 sparse_types=[float] ragged_value_types=[int64,string] "
       "ragged_split_types=[int32,int64] dense_shapes=[<?>]"},
      {"ParseExample", "?1 s s=s s=i s=f f:8,9",
       "Nsparse=2 Ndense=1 sparse_types=[string,int64] dense_shapes=[<2>]"},
      {"ParseSingleExample", "? f:8,9 s=none",
       "num_sparse=1 sparse_keys=['i'] dense_keys=['f','q'] "
       "sparse_types=[int64] dense_shapes=[<2>,<>]"},
  };
  APPLY(rows, data, n);
}

/* tf.SequenceExample. */
void target_sequence(const uint8_t *data, size_t n) {
  static const call_row rows[] = {
      {"ParseSequenceExampleV2", "?2 s s:i s:f s:s s:n s:a s:t,zz b:1 f:8,9",
       "Ncontext_sparse=1 context_sparse_types=[int64] "
       "context_dense_shapes=[<2>] Nfeature_list_sparse=1 "
       "Nfeature_list_dense=1 feature_list_dense_types=[float] "
       "feature_list_sparse_types=[int64] "
       "feature_list_ragged_value_types=[string,int64] "
       "feature_list_dense_shapes=[<2>] "
       "context_ragged_value_types=[string] "
       "context_ragged_split_types=[int32] "
       "feature_list_ragged_split_types=[int32,int64]"},
      {"ParseSingleSequenceExample", "? s s=s s=i s=f s=t s=a f:8,9 s=",
       "context_sparse_types=[string,int64] context_dense_shapes=[<2>] "
       "feature_list_dense_types=[float] "
       "feature_list_sparse_types=[string] "
       "feature_list_dense_shapes=[<2>] Ncontext_sparse=2 Ncontext_dense=1 "
       "Nfeature_list_sparse=1 Nfeature_list_dense=1"},
  };
  APPLY(rows, data, n);
}

/* TensorProto, and tensors as bytes. */
void target_tensor(const uint8_t *data, size_t n) {
  static const call_row rows[] = {
      {"ParseTensor", "?", "out_type=float"},
      {"ParseTensor", "?", "out_type=string"},
      {"ParseTensor", "?", "out_type=int64"},
      {"ParseTensor", "?", "out_type=bool"},
      {"DeserializeSparse", "?3", "dtype=int32"},
      {"DecodeRaw", "?", "out_type=int16 little_endian=false"},
      {"DecodePaddedRaw", "?2 i=8", "out_type=int32"},
      {"DecodeWav", "?", "desired_channels=2"},
  };
  APPLY(rows, data, n);
}

/* Texts. */
void target_text(const uint8_t *data, size_t n) {
  static const call_row rows[] = {
      {"DecodeCSV", "?2 i:9 f:-1 s:none", ""},
      {"StringToNumber", "?2", "out_type=float"},
      {"StringToNumber", "?2", "out_type=int64"},
      {"DecodeBase64", "?", ""},
      {"UnicodeDecodeWithOffsets", "?2", "input_encoding='UTF-8'"},
      {"UnicodeDecode", "?2", "input_encoding='UTF-16-BE' errors='ignore'"},
      {"UnicodeTranscode", "?",
       "input_encoding='UTF-32-BE' output_encoding='UTF-8'"},
      {"UnicodeTranscode", "?",
       "input_encoding='UTF-8' output_encoding='UTF-16-BE'"},
      {"CaseFoldUTF8", "?", ""},
      {"NormalizeUTF8", "?", "normalization_form='NFKD'"},
      {"StringLower", "?", "encoding='utf-8'"},
      {"StringUpper", "?", "encoding='utf-8'"},
  };
  APPLY(rows, data, n);
}

/* The models of TensorFlow Text's tokenizers. */
void target_fastbert(const uint8_t *data, size_t n) {
  static const call_row rows[] = {
      {"FastWordpieceTokenizeWithOffsets",
       "s:unwanted,haxa,\xc3\xa9\xc3\xa9 ?u", ""},
      {"FastBertNormalize", "s:Hello,\xc3\x89t\xef\xac\x81 ?u",
       "get_offsets=true"},
  };
  APPLY(rows, data, n);
}

static ht_status take_piece(const ht_sentence_piece *piece, void *arg) {
  *(ht_sentence_piece *)arg = *piece;
  return HT_SUCCESS;
}

/* A model of SentencePiece, by its library. */
void target_sentencepiece(const uint8_t *data, size_t n) {
  static const char text[] = "the cat sat on th\xc3\xa9 mat";
  ht_sentencepiece *sp;
  ht_sentence_piece last = {0};
  ht_text out = {.max = 1 << 16};
  ht_status st = ht_sentencepiece_new((const char *)data, n, &sp);
  if (st.code == HT_OK) {
    st = ht_sentencepiece_encode(sp, text, sizeof text - 1, HT_PIECES_BEGIN,
                                 take_piece, &last);
    last = (ht_sentence_piece){.id = 0};
    if (st.code == HT_OK && ht_sentencepiece_size(sp) > 0)
      st = ht_sentencepiece_decode(sp, &last, 1, &out);
    ht_sentencepiece_id(sp, "cat", 3);
    ht_sentencepiece_free(sp);
  }
  if (st.code != HT_OK && (!st.msg || !*st.msg)) abort();
  ht_text_free(&out);
}

/* ---- vocabularies and files of labels, in every way that a table reads */

void target_vocabulary(const char *path) {
  static const struct {
    ht_dtype key, value;
    ht_text_columns how;
  } ways[] = {
      {HT_STRING, HT_INT64, {HT_WHOLE_LINE, HT_LINE_NUMBER, -1, 0, '\t'}},
      {HT_STRING, HT_INT64, {0, 1, -1, 0, '\t'}},
      {HT_INT64, HT_STRING, {HT_LINE_NUMBER, HT_WHOLE_LINE, 3, 1, '\t'}},
      {HT_INT64, HT_FLOAT, {1, 0, -1, 0, ' '}},
      {HT_STRING, HT_STRING, {0, 2, -1, 0, ','}},
  };
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    ht_table *t;
    ht_tensor keys = {0}, values = {0}, found = {0};
    ht_status st =
        ht_table_new(ways[i].key, ways[i].value, &HT_SCALAR, true, &t);
    if (st.code != HT_OK) abort();
    st = ht_table_fill_file(t, path, &ways[i].how);
    if (st.code == HT_OK) st = ht_table_export(t, NULL, &keys, &values);
    if (st.code == HT_OK && ht_count(&keys) != ht_table_size(t)) abort();
    if (st.code == HT_OK && ht_count(&keys))
      st = ht_table_find(t, NULL, &keys, &values, &found);
    if (st.code != HT_OK && (!st.msg || !*st.msg)) abort();
    ht_tensor_drop(&keys);
    ht_tensor_drop(&values);
    ht_tensor_drop(&found);
    ht_object_drop(&t->object);
  }
}
