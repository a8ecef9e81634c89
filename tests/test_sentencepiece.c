/* test_sentencepiece.c - sentences and pieces as TensorFlow Text 2.15 turns
 * one into the other, for small models that are written here. */
#include "base/text.h"
#include "config.h"
#include "ops/op.h"
#include "test.h"

typedef struct piece {
  const char *p;
  float score;
  int type; /* 1 normal, 2 unknown, 3 control, 4 user defined */
} piece;

#define BAR "\xe2\x96\x81"
static const piece pieces[] = {
    {"<unk>", 0, 2},     {"<s>", 0, 3},        {"</s>", 0, 3},
    {BAR, -2.5f, 1},     {BAR "the", -3, 1},   {BAR "cat", -4, 1},
    {"s", -3.5f, 1},     {BAR "s", -3.7f, 1},  {"at", -4.2f, 1},
    {"a", -5, 1},        {"t", -5.1f, 1},      {"c", -5.2f, 1},
    {"\xc3\xa9", -6, 1}, {"e", -4.9f, 1},      {"h", -5.3f, 1},
    {"th", -4.4f, 1},    {BAR "th", -4.1f, 1}, {"ca", -4.6f, 1},
    {"[X]", 0, 4},       {BAR "c", -4.3f, 1},  {"he", -4.45f, 1},
    {"the", -4.5f, 1},
};
enum { N_PIECES = sizeof pieces / sizeof *pieces };

static const char *const sentences[] = {"the cats sat", " the  cat ", "",
                                        "x\xc3\xa9y the\xe2\x82\xac[X]s",
                                        "cat[X] hat"};
enum { N_SENTENCES = sizeof sentences / sizeof *sentences };

/* Number, piece, begin and end of each, sentences apart by "/". */
static const struct {
  int kind; /* 1 unigram, 2 pairs, 3 words, 4 characters */
  bool bytes;
  bool flags[3]; /* begin, end, reversed */
  const char *wanted;
} cases[] = {
    {1,
     false,
     {false, false, false},
     "4,\xe2\x96\x81the,0,3 5,\xe2\x96\x81"
     "cat,3,7 6,s,7,8 7,\xe2\x96\x81s,8,10 8,at,10,12 / "
     "4,\xe2\x96\x81the,1,4 5,\xe2\x96\x81"
     "cat,4,9 / "
     "/ "
     "3,\xe2\x96\x81,0,0 0,x,0,1 12,\xc3\xa9,1,3 0,y,3,4 4,\xe2\x96\x81the,4,8 "
     "0,\xe2\x82\xac,8,11 18,[X],11,14 6,s,14,15 / "
     "5,\xe2\x96\x81"
     "cat,0,3 18,[X],3,6 3,\xe2\x96\x81,6,7 14,h,7,8 8,at,8,10 / "},
    {1,
     false,
     {true, true, true},
     "2,</s>,0,0 8,at,10,12 7,\xe2\x96\x81s,8,10 6,s,7,8 5,\xe2\x96\x81"
     "cat,3,7 4,\xe2\x96\x81the,0,3 1,<s>,0,0 / "
     "2,</s>,0,0 5,\xe2\x96\x81"
     "cat,4,9 4,\xe2\x96\x81the,1,4 1,<s>,0,0 / "
     "2,</s>,0,0 1,<s>,0,0 / "
     "2,</s>,0,0 6,s,14,15 18,[X],11,14 0,\xe2\x82\xac,8,11 "
     "4,\xe2\x96\x81the,4,8 0,y,3,4 12,\xc3\xa9,1,3 0,x,0,1 3,\xe2\x96\x81,0,0 "
     "1,<s>,0,0 / "
     "2,</s>,0,0 8,at,8,10 14,h,7,8 3,\xe2\x96\x81,6,7 18,[X],3,6 "
     "5,\xe2\x96\x81"
     "cat,0,3 1,<s>,0,0 / "},
    {1,
     true,
     {false, false, false},
     "4,\xe2\x96\x81the,0,3 5,\xe2\x96\x81"
     "cat,3,7 6,s,7,8 7,\xe2\x96\x81s,8,10 8,at,10,12 / "
     "4,\xe2\x96\x81the,1,4 5,\xe2\x96\x81"
     "cat,4,9 / "
     "/ "
     "3,\xe2\x96\x81,0,0 142,<0x78>,0,1 12,\xc3\xa9,1,3 143,<0x79>,3,4 "
     "4,\xe2\x96\x81the,4,8 248,<0xE2>,8,8 152,<0x82>,8,8 194,<0xAC>,8,11 "
     "18,[X],11,14 6,s,14,15 / "
     "5,\xe2\x96\x81"
     "cat,0,3 18,[X],3,6 3,\xe2\x96\x81,6,7 14,h,7,8 8,at,8,10 / "},
    {2,
     false,
     {true, true, false},
     "1,<s>,0,0 4,\xe2\x96\x81the,0,3 5,\xe2\x96\x81"
     "cat,3,7 6,s,7,8 7,\xe2\x96\x81s,8,10 8,at,10,12 2,</s>,0,0 / "
     "1,<s>,0,0 4,\xe2\x96\x81the,1,4 5,\xe2\x96\x81"
     "cat,4,9 2,</s>,0,0 / "
     "1,<s>,0,0 2,</s>,0,0 / "
     "1,<s>,0,0 3,\xe2\x96\x81,0,0 0,x,0,1 12,\xc3\xa9,1,3 0,y,3,4 "
     "4,\xe2\x96\x81the,4,8 0,\xe2\x82\xac,8,11 18,[X],11,14 6,s,14,15 "
     "2,</s>,0,0 / "
     "1,<s>,0,0 5,\xe2\x96\x81"
     "cat,0,3 18,[X],3,6 3,\xe2\x96\x81,6,7 14,h,7,8 8,at,8,10 2,</s>,0,0 / "},
    {3,
     false,
     {false, false, false},
     "4,\xe2\x96\x81the,0,3 0,\xe2\x96\x81"
     "cats\xe2\x96\x81sat,3,12 / "
     "4,\xe2\x96\x81the,1,4 5,\xe2\x96\x81"
     "cat,4,9 / "
     "/ "
     "0,\xe2\x96\x81x\xc3\xa9y\xe2\x96\x81the\xe2\x82\xac[X]s,0,15 / "
     "0,\xe2\x96\x81"
     "cat[X]\xe2\x96\x81hat,0,10 / "},
    {4,
     true,
     {false, false, false},
     "3,\xe2\x96\x81,0,0 10,t,0,1 14,h,1,2 13,e,2,3 3,\xe2\x96\x81,3,4 "
     "11,c,4,5 9,a,5,6 10,t,6,7 6,s,7,8 3,\xe2\x96\x81,8,9 6,s,9,10 9,a,10,11 "
     "10,t,11,12 / "
     "3,\xe2\x96\x81,1,1 10,t,1,2 14,h,2,3 13,e,3,4 3,\xe2\x96\x81,4,6 "
     "11,c,6,7 9,a,7,8 10,t,8,9 / "
     "/ "
     "3,\xe2\x96\x81,0,0 142,<0x78>,0,1 12,\xc3\xa9,1,3 143,<0x79>,3,4 "
     "3,\xe2\x96\x81,4,5 10,t,5,6 14,h,6,7 13,e,7,8 248,<0xE2>,8,8 "
     "152,<0x82>,8,8 194,<0xAC>,8,11 18,[X],11,14 6,s,14,15 / "
     "3,\xe2\x96\x81,0,0 11,c,0,1 9,a,1,2 10,t,2,3 18,[X],3,6 "
     "3,\xe2\x96\x81,6,7 14,h,7,8 9,a,8,9 10,t,9,10 / "},
};
enum { N_CASES = sizeof cases / sizeof *cases };

/* ---- a ModelProto, field by field */

static void put_field(ht_text *to, int field, const char *p, size_t n) {
  unsigned char key = (unsigned char)(field << 3 | 2), low = n & 127,
                high = (unsigned char)(n >> 7);
  ht_text_bytes(to, &key, 1);
  if (high) low |= 128;
  ht_text_bytes(to, &low, 1);
  if (high) ht_text_bytes(to, &high, 1);
  ht_text_bytes(to, p, n);
}

static void put_piece(ht_text *to, const char *p, float score, int type) {
  ht_text one = {0};
  char rest[7] = {2 << 3 | 5, 0, 0, 0, 0, 3 << 3, (char)type};
  memcpy(rest + 1, &score, 4);
  put_field(&one, 1, p, strlen(p));
  ht_text_bytes(&one, rest, 7);
  put_field(to, 1, one.p, one.n);
  ht_text_free(&one);
}

static void write_model(int kind, bool bytes, ht_text *to) {
  char trainer[5] = {3 << 3, (char)kind, (char)((35 << 3 & 127) | 128), 2, 1};
  static const char normalizer[] = "\x0a\x08identity\x18\x01\x20\x01\x28\x01";
  for (int i = 0; i < N_PIECES; i++)
    put_piece(to, pieces[i].p, pieces[i].score, pieces[i].type);
  for (int i = 0; i < 256 && bytes; i++) {
    char name[8];
    snprintf(name, sizeof name, "<0x%02X>", i);
    put_piece(to, name, -9, 6);
  }
  put_field(to, 2, trainer, bytes ? 5 : 2);
  put_field(to, 3, normalizer, sizeof normalizer - 1);
}

/* ---- running ops */

static ht_store store;
static ht_run run;

static ht_tensor scalar(ht_dtype t, double value) {
  ht_tensor out;
  OK(ht_tensor_zeros(NULL, t, &HT_SCALAR, &out));
  if (t == HT_BOOL) HT_DATA(bool, &out)[0] = value != 0;
  if (t == HT_FLOAT) ht_f(&out)[0] = (float)value;
  if (t == HT_INT32) ht_i32(&out)[0] = (int32_t)value;
  return out;
}

static ht_tensor strings(const char *const *s, int n) {
  ht_tensor t;
  ht_shape shape = ht_shape_1(n);
  OK(ht_tensor_new(NULL, HT_STRING, &shape, &t));
  for (int i = 0; i < n; i++) OK(ht_string_set(&t, i, s[i], strlen(s[i])));
  return t;
}

static ht_status load(int kind, bool bytes, ht_tensor *handle) {
  ht_text model = {0}, attrs = {0};
  ht_store_init(&store);
  run = (ht_run){.store = &store};
  write_model(kind, bytes, &model);
  ht_text_add(&attrs, "model='");
  for (size_t i = 0; i < model.n; i++)
    ht_text_printf(&attrs, "\\x%02x", (unsigned char)model.p[i]);
  ht_text_add(&attrs, "'");
  ht_status st = ht_apply(&run, "SentencepieceOp", attrs.p, 0, NULL, 1, handle);
  ht_text_free(&model);
  ht_text_free(&attrs);
  return st;
}

static void tokenize(const ht_tensor *handle, const bool flags[3],
                     const char *type, ht_tensor out[4]) {
  ht_tensor in[] = {strings(sentences, N_SENTENCES),
                    scalar(HT_INT32, 0),
                    scalar(HT_FLOAT, 1),
                    scalar(HT_BOOL, flags[0]),
                    scalar(HT_BOOL, flags[1]),
                    scalar(HT_BOOL, flags[2])};
  char attrs[40];
  snprintf(attrs, sizeof attrs, "out_type=%s", type);
  OK(ht_apply(&run, "SentencepieceTokenizeWithOffsetsOp", attrs, 7,
              (const ht_tensor *[]){handle, &in[0], &in[1], &in[2], &in[3],
                                    &in[4], &in[5]},
              4, out));
  for (int i = 0; i < 6; i++) ht_tensor_drop(&in[i]);
}

static void drop_all(ht_tensor *t, int n) {
  for (int i = 0; i < n; i++) ht_tensor_drop(&t[i]);
}

static void describe(const ht_tensor ids[4], const ht_tensor words[4],
                     ht_text *text) {
  const int64_t *splits = ht_i64(&ids[1]);
  for (int64_t r = 0; r + 1 < ht_count(&ids[1]); r++) {
    for (int64_t k = splits[r]; k < splits[r + 1]; k++)
      ht_text_printf(text, "%d,%.*s,%lld,%lld ", ht_i32(&ids[0])[k],
                     (int)ht_str(&words[0])[k].n, ht_str(&words[0])[k].p,
                     (long long)ht_i64(&ids[2])[k],
                     (long long)ht_i64(&ids[3])[k]);
    ht_text_add(text, "/ ");
  }
}

START_TEST(sentences_are_cut_into_the_pieces_of_tensorflow_text) {
  ht_tensor handle, ids[4], words[4];
  ht_text text = {0};
  OK(load(cases[_i].kind, cases[_i].bytes, &handle));
  tokenize(&handle, cases[_i].flags, "int32", ids);
  tokenize(&handle, cases[_i].flags, "string", words);
  describe(ids, words, &text);
  ck_assert_str_eq(text.p, cases[_i].wanted);
  drop_all(ids, 4);
  drop_all(words, 4);
  ht_tensor_drop(&handle);
  ht_text_free(&text);
  ht_store_free(&store);
}
END_TEST

static void detokenize(const ht_tensor *handle, const ht_tensor pieces_of[4],
                       const char *const *wanted) {
  ht_tensor no = scalar(HT_BOOL, 0), out;
  OK(ht_apply(&run, "SentencepieceDetokenizeOp",
              pieces_of->dtype == HT_STRING ? "T=string" : "T=int32", 6,
              (const ht_tensor *[]){handle, &pieces_of[0], &pieces_of[1], &no,
                                    &no, &no},
              1, &out));
  for (int i = 0; i < N_SENTENCES; i++) {
    ht_string s = ht_str(&out)[i];
    ck_assert_msg(s.n == strlen(wanted[i]) && !memcmp(s.p, wanted[i], s.n),
                  "'%.*s', wanted '%s'", (int)s.n, s.p, wanted[i]);
  }
  ht_tensor_drop(&no);
  ht_tensor_drop(&out);
}

START_TEST(pieces_are_joined_to_the_sentences_of_tensorflow_text) {
#define WHAT " \xe2\x81\x87 "
  static const char *const of_ids[] = {"the cats sat", "the cat", "",
                                       WHAT "\xc3\xa9" WHAT " the" WHAT "[X]s",
                                       "cat[X] hat"};
  static const char *const of_words[] = {"the cats sat", "the cat", "",
                                         "x\xc3\xa9y the\xe2\x82\xac[X]s",
                                         "cat[X] hat"};
  static const bool none[3];
  ht_tensor handle, ids[4], words[4];
  OK(load(1, false, &handle));
  tokenize(&handle, none, "int32", ids);
  tokenize(&handle, none, "string", words);
  detokenize(&handle, ids, of_ids);
  detokenize(&handle, words, of_words);
  drop_all(ids, 4);
  drop_all(words, 4);
  ht_tensor_drop(&handle);
  ht_store_free(&store);
}
END_TEST

START_TEST(a_model_knows_its_pieces_by_number_and_name) {
  static const char *const names[] = {"th", "zz", "[X]"};
  static const int32_t wanted[] = {15, 0, 18};
  ht_tensor handle, size, back, ids, in = strings(names, 3);
  OK(load(1, false, &handle));
  OK(ht_apply(&run, "SentencepieceVocabSizeOp", "", 1,
              (const ht_tensor *[]){&handle}, 1, &size));
  ck_assert_int_eq(ht_i32(&size)[0], N_PIECES);
  OK(ht_apply(&run, "SentencepieceStringToIdOp", "", 2,
              (const ht_tensor *[]){&handle, &in}, 1, &ids));
  OK(ht_apply(&run, "SentencepieceIdToStringOp", "", 2,
              (const ht_tensor *[]){&handle, &ids}, 1, &back));
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(ht_i32(&ids)[i], wanted[i]);
    const char *name = pieces[wanted[i]].p;
    ck_assert_int_eq(ht_str(&back)[i].n, strlen(name));
    ck_assert_mem_eq(ht_str(&back)[i].p, name, strlen(name));
  }
  ht_tensor_drop(&handle);
  ht_tensor_drop(&size);
  ht_tensor_drop(&back);
  ht_tensor_drop(&ids);
  ht_tensor_drop(&in);
  ht_store_free(&store);
}
END_TEST

START_TEST(a_damaged_model_is_refused) {
  ht_tensor handle;
  run = (ht_run){0};
  ht_status st = ht_apply(&run, "SentencepieceOp", "model='\\x0a\\xff\\x01'", 0,
                          NULL, 1, &handle);
  ck_assert_int_ne(st.code, HT_OK);
}
END_TEST

#ifdef HAVE_SENTENCEPIECE
enum { HAVE_LIBRARY = 1 };
#else
enum { HAVE_LIBRARY = 0 }; /* a build without it refuses all models */
#endif

static void add(TCase *tests) {
  tcase_add_test(tests, a_damaged_model_is_refused);
  if (!HAVE_LIBRARY) return;
  tcase_add_loop_test(
      tests, sentences_are_cut_into_the_pieces_of_tensorflow_text, 0, N_CASES);
  tcase_add_test(tests, pieces_are_joined_to_the_sentences_of_tensorflow_text);
  tcase_add_test(tests, a_model_knows_its_pieces_by_number_and_name);
}

int main(void) { return test_main("sentencepiece", add); }
