/* op_sentencepiece.c - the ops of TensorFlow Text over SentencePiece models. */
#include <stdlib.h>
#include <string.h>

#include "kernels/sentencepiece.h"
#include "ops/sparse.h"

/* ---- the resource: a model that its node holds and its handles share */

typedef struct pieces_model {
  ht_object object;
  ht_sentencepiece *sp;
  const ht_attrs *attrs; /* of its node */
} pieces_model;

static void release_model(ht_object *object) {
  pieces_model *m = (pieces_model *)object;
  ht_sentencepiece_free(m->sp);
  free(m);
}

static const ht_attrs *attrs_of(const ht_object *object) {
  return ((const pieces_model *)object)->attrs;
}

static const ht_object_class model_class = {.name = "sentencepiece",
                                            .release = release_model,
                                            .op = "SentencepieceOp",
                                            .attrs = attrs_of};

static ht_status prepare_model(const ht_attrs *attrs, void **prepared) {
  ht_string bytes = ht_attr_string(attrs, "model");
  pieces_model *m = calloc(1, sizeof *m);
  if (!m) return ht_fail(HT_NO_MEMORY, "no memory for a piece model");
  m->object.class = &model_class;
  m->object.references = 1;
  m->attrs = attrs;
  ht_status st = ht_sentencepiece_new(bytes.p ? bytes.p : "", bytes.n, &m->sp);
  if (st.code == HT_OK) {
    *prepared = m;
    return HT_SUCCESS;
  }
  free(m);
  return st;
}

static void unprepare_model(void *prepared) { ht_object_drop(prepared); }

static ht_status model_forward(ht_call *c) {
  HT_TRY(ht_out(c, 0, HT_RESOURCE, &HT_SCALAR));
  ht_obj(&c->out[0])[0] = ht_object_share(c->prepared);
  return HT_SUCCESS;
}

static ht_status model_of(const ht_call *c, const ht_sentencepiece **sp) {
  const ht_tensor *t = c->in[0];
  ht_object *o =
      t->dtype == HT_RESOURCE && ht_count(t) == 1 ? ht_obj(t)[0] : NULL;
  if (!o || o->class != &model_class)
    return ht_fail(HT_USAGE, "op '%s' wants a SentencePiece model",
                   c->op->name);
  *sp = ((pieces_model *)o)->sp;
  return HT_SUCCESS;
}

/* ---- text to pieces */

typedef struct cut {
  bool strings;
  ht_tensor bytes; /* keeps the strings */
  ht_string *piece;
  int64_t *number; /* id, begin and end of each */
  int64_t n, capacity;
} cut;

static ht_status more_room(cut *k) {
  int64_t capacity = k->capacity ? k->capacity * 2 : 256;
  int64_t *number = realloc(k->number, (size_t)capacity * 3 * sizeof *number);
  if (number) k->number = number;
  ht_string *piece = realloc(k->piece, (size_t)capacity * sizeof *piece);
  if (piece) k->piece = piece;
  if (!number || !piece) return ht_fail(HT_NO_MEMORY, "no memory for pieces");
  k->capacity = capacity;
  return HT_SUCCESS;
}

static ht_status add_piece(const ht_sentence_piece *piece, void *arg) {
  cut *k = arg;
  if (k->n == k->capacity) HT_TRY(more_room(k));
  k->piece[k->n] = (ht_string){NULL, 0};
  if (k->strings && piece->n) {
    char *p = ht_string_room(&k->bytes, piece->n);
    if (!p) return ht_fail(HT_NO_MEMORY, "no memory for pieces");
    memcpy(p, piece->p, piece->n);
    k->piece[k->n] = (ht_string){p, piece->n};
  }
  int64_t *number = k->number + 3 * k->n++;
  number[0] = piece->id;
  number[1] = piece->from;
  number[2] = piece->to;
  return HT_SUCCESS;
}

static ht_status flags_of(const ht_call *c, int first, int *flags) {
  static const int flag[] = {HT_PIECES_BEGIN, HT_PIECES_END,
                             HT_PIECES_REVERSED};
  *flags = 0;
  for (int i = 0; i < 3; i++) {
    HT_TRY(ht_need_scalar(c, first + i));
    HT_TRY(ht_need_dtype(c, first + i, HT_BOOL));
    if (HT_DATA(bool, c->in[first + i])[0]) *flags |= flag[i];
  }
  return HT_SUCCESS;
}

static ht_status check_best(const ht_call *c) {
  HT_TRY(ht_need_scalar(c, 2));
  int64_t n = ht_int_at(c->in[2], 0);
  if ((n == 0 || n == 1) && !ht_attr_bool(c->attrs, "return_nbest"))
    return HT_SUCCESS;
  return ht_fail(HT_UNSUPPORTED,
                 "op '%s': only the best pieces are given, not %lld samples",
                 c->op->name, (long long)n);
}

static ht_status pieces_out(ht_call *c, const cut *k) {
  ht_shape shape = ht_shape_1(k->n);
  if (k->strings) {
    HT_TRY(ht_out(c, 0, HT_STRING, &shape));
    HT_TRY(ht_string_keep(&c->out[0], &k->bytes));
    for (int64_t i = 0; i < k->n; i++) ht_str(&c->out[0])[i] = k->piece[i];
  } else {
    HT_TRY(ht_out(c, 0, HT_INT32, &shape));
    for (int64_t i = 0; i < k->n; i++)
      ht_i32(&c->out[0])[i] = (int32_t)k->number[3 * i];
  }
  for (int o = 2; o < c->n_out; o++) {
    HT_TRY(ht_out(c, o, HT_INT64, &shape));
    for (int64_t i = 0; i < k->n; i++)
      ht_i64(&c->out[o])[i] = k->number[3 * i + o - 1];
  }
  return HT_SUCCESS;
}

static ht_status cut_rows(ht_call *c, cut *k) {
  const ht_sentencepiece *sp = NULL;
  int flags;
  int64_t n = ht_count(c->in[1]);
  ht_shape rows = ht_shape_1(n + 1);
  HT_TRY(model_of(c, &sp));
  HT_TRY(flags_of(c, 4, &flags));
  HT_TRY(ht_out(c, 1, ht_attr_type(c->attrs, "Tsplits"), &rows));
  ht_set_int(&c->out[1], 0, 0);
  for (int64_t i = 0; i < n; i++) {
    ht_string s = ht_str(c->in[1])[i];
    HT_TRY(
        ht_sentencepiece_encode(sp, s.p ? s.p : "", s.n, flags, add_piece, k));
    ht_set_int(&c->out[1], i + 1, k->n);
  }
  return pieces_out(c, k);
}

static ht_status tokenize(ht_call *c) {
  ht_dtype t = ht_attr_type(c->attrs, "out_type");
  cut k = {.strings = t == HT_STRING};
  HT_TRY(ht_need_dtype(c, 1, HT_STRING));
  HT_TRY(check_best(c));
  if (t != HT_STRING && t != HT_INT32) return ht_no_dtype(c, t);
  HT_TRY(ht_tensor_new(c->run->pool, HT_STRING, &HT_SCALAR, &k.bytes));
  ht_status st = cut_rows(c, &k);
  ht_tensor_drop(&k.bytes);
  free(k.piece);
  free(k.number);
  return st;
}

/* ---- pieces to text */

static ht_status check_rows(const ht_call *c) {
  const ht_tensor *s = c->in[2];
  HT_TRY(ht_need_rank(c, 1, 1));
  HT_TRY(ht_need_rank(c, 2, 1));
  int64_t n = ht_count(s), before = 0;
  bool good = n > 0 && ht_int_at(s, 0) == 0 &&
              ht_int_at(s, n - 1) == ht_count(c->in[1]);
  for (int64_t i = 0; i < n && good; i++) {
    good = ht_int_at(s, i) >= before;
    before = ht_int_at(s, i);
  }
  return good ? HT_SUCCESS
              : ht_fail(HT_USAGE, "op '%s': splits do not fit", c->op->name);
}

static ht_status join_row(ht_call *c, const ht_sentencepiece *sp, int64_t row,
                          int flags, ht_sentence_piece *piece) {
  int64_t from = ht_int_at(c->in[2], row), to = ht_int_at(c->in[2], row + 1);
  bool strings = c->in[1]->dtype == HT_STRING;
  ht_text text = {0};
  for (int64_t i = from; i < to; i++) {
    int64_t k = flags & HT_PIECES_REVERSED ? to - 1 - (i - from) : i;
    ht_string s = {NULL, 0};
    if (strings) s = ht_str(c->in[1])[k];
    piece[i - from] =
        (ht_sentence_piece){strings && !s.p ? "" : s.p, s.n,
                            strings ? 0 : (int)ht_int_at(c->in[1], k), 0, 0};
  }
  ht_status st = ht_sentencepiece_decode(sp, piece, (size_t)(to - from), &text);
  if (st.code == HT_OK)
    st = ht_string_set(&c->out[0], row, text.p ? text.p : "", text.n);
  ht_text_free(&text);
  return st;
}

static ht_status detokenize(ht_call *c) {
  const ht_sentencepiece *sp = NULL;
  int flags;
  HT_TRY(model_of(c, &sp));
  HT_TRY(flags_of(c, 3, &flags));
  if (c->in[1]->dtype != HT_STRING) HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  HT_TRY(check_rows(c));
  ht_shape rows = ht_shape_1(ht_count(c->in[2]) - 1);
  HT_TRY(ht_out(c, 0, HT_STRING, &rows));
  ht_sentence_piece *piece =
      malloc((size_t)ht_count(c->in[1]) * sizeof *piece + 1);
  if (!piece) return ht_fail(HT_NO_MEMORY, "no memory for pieces");
  ht_status st = HT_SUCCESS;
  for (int64_t r = 0; r < rows.dim[0] && st.code == HT_OK; r++)
    st = join_row(c, sp, r, flags, piece);
  free(piece);
  return st;
}

/* ---- the vocabulary */

static ht_status vocabulary_size(ht_call *c) {
  const ht_sentencepiece *sp = NULL;
  HT_TRY(model_of(c, &sp));
  HT_TRY(ht_out(c, 0, HT_INT32, &HT_SCALAR));
  ht_i32(&c->out[0])[0] = ht_sentencepiece_size(sp);
  return HT_SUCCESS;
}

static ht_status id_to_string(ht_call *c) {
  const ht_sentencepiece *sp = NULL;
  HT_TRY(model_of(c, &sp));
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  HT_TRY(ht_out(c, 0, HT_STRING, &c->in[1]->shape));
  int size = ht_sentencepiece_size(sp);
  for (int64_t i = 0; i < ht_count(c->in[1]); i++) {
    int id = ht_i32(c->in[1])[i];
    ht_sentence_piece piece;
    if (id < 0 || id >= size)
      return ht_fail(HT_USAGE, "op '%s': %d is not one of %d pieces",
                     c->op->name, id, size);
    ht_sentencepiece_piece(sp, id, &piece);
    HT_TRY(ht_string_set(&c->out[0], i, piece.p, piece.n));
  }
  return HT_SUCCESS;
}

static ht_status string_to_id(ht_call *c) {
  const ht_sentencepiece *sp = NULL;
  HT_TRY(model_of(c, &sp));
  HT_TRY(ht_need_dtype(c, 1, HT_STRING));
  HT_TRY(ht_out(c, 0, HT_INT32, &c->in[1]->shape));
  for (int64_t i = 0; i < ht_count(c->in[1]); i++) {
    ht_string s = ht_str(c->in[1])[i];
    ht_i32(&c->out[0])[i] = ht_sentencepiece_id(sp, s.p ? s.p : "", s.n);
  }
  return HT_SUCCESS;
}

#define CUT_ATTRS \
  "out_type:type=int32 Tsplits:type=int64 return_nbest:bool=false"
#define CUT_INPUTS                                                \
  "sp_handle:resource input:string nbest_size:int32 alpha:float " \
  "add_bos:bool add_eos:bool reverse:bool"

const ht_op ht_ops_sentencepiece[] = {
    {.name = "SentencepieceOp",
     .inputs = "",
     .outputs = "handle:resource",
     .attrs = "model:string='' container:string='' shared_name:string='' "
              "use_node_name_sharing:bool=false",
     .doc = "A SentencePiece model, from its bytes.",
     .samples = "@sentences_are_cut_into_the_pieces_of_tensorflow_text",
     .prepare = prepare_model,
     .unprepare = unprepare_model,
     .forward = model_forward,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL},
    {.name = "SentencepieceTokenizeOp",
     .inputs = CUT_INPUTS,
     .outputs = "output_values:out_type output_splits:Tsplits",
     .attrs = CUT_ATTRS,
     .doc = "Sentences to rows of pieces, or of their numbers.",
     .samples = "@sentences_are_cut_into_the_pieces_of_tensorflow_text",
     .forward = tokenize,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL},
    {.name = "SentencepieceTokenizeWithOffsetsOp",
     .inputs = CUT_INPUTS,
     .outputs = "output_values:out_type output_splits:Tsplits "
                "output_offset_starts:int64 output_offset_limits:int64",
     .attrs = CUT_ATTRS,
     .doc = "The same, and the bytes that each piece stands for.",
     .samples = "@sentences_are_cut_into_the_pieces_of_tensorflow_text",
     .forward = tokenize,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL},
    {.name = "SentencepieceDetokenizeOp",
     .inputs = "sp_handle:resource input_values:T input_splits:Tsplits "
               "add_bos:bool add_eos:bool reverse:bool",
     .outputs = "output:string",
     .attrs = "T:type=int32 Tsplits:type=int64",
     .doc = "Rows of pieces, or of their numbers, to sentences.",
     .samples = "@pieces_are_joined_to_the_sentences_of_tensorflow_text",
     .forward = detokenize,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL},
    {.name = "SentencepieceVocabSizeOp",
     .inputs = "sp_handle:resource",
     .outputs = "vocab_size:int32",
     .attrs = "",
     .doc = "How many pieces a model has.",
     .samples = "@a_model_knows_its_pieces_by_number_and_name",
     .forward = vocabulary_size,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL},
    {.name = "SentencepieceIdToStringOp",
     .inputs = "sp_handle:resource input:int32",
     .outputs = "values:string",
     .attrs = "",
     .doc = "Numbers of pieces to the pieces.",
     .samples = "@a_model_knows_its_pieces_by_number_and_name",
     .forward = id_to_string,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL},
    {.name = "SentencepieceStringToIdOp",
     .inputs = "sp_handle:resource input:string",
     .outputs = "values:int32",
     .attrs = "",
     .doc = "Pieces to their numbers.",
     .samples = "@a_model_knows_its_pieces_by_number_and_name",
     .forward = string_to_id,
     .gradient = ht_no_gradient,
     .flags = HT_OP_STATEFUL},
    {0},
};
