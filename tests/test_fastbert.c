/* test_fastbert.c - the fast normaliser and word pieces of TensorFlow Text
 * 2.15, with the models of tests/models/fastbert. */
#include <stdlib.h>
#include <zlib.h>

#include "base/text.h"
#include "ops/op.h"
#include "test.h"

/* Piece, number, begin and end of each; or the text, and where each of its
 * bytes came from. */
static const struct {
  const char *model, *in;
  size_t n;
  const char *wanted;
} cases[] = {
    {"words", "unwanted", 8, "un,1,0,2 ##want,3,2,6 ##ed,4,6,8 "},
    {"words", "running", 7, "runn,5,0,4 ##ing,6,4,7 "},
    {"words", "\xc3\xa9\xc3\xa9", 4, "\xc3\xa9,7,0,2 ##\xc3\xa9,8,2,4 "},
    {"words", "xyz", 3, "[UNK],0,0,3 "},
    {"words", "", 0, ""},
    {"words", "haxa", 4, "[UNK],0,0,4 "},
    {"words", "unwantedunwanted", 16, "[UNK],0,0,16 "},
    {"words", "##", 2, "##,13,0,2 "},
    {"words", "##ed", 4, "##ed,4,0,4 "},
    {"words", "#a", 2, "#,12,0,1 ##a,10,1,2 "},
    {"words", "abb", 3, "ab,14,0,2 ##b,15,2,3 "},
    {"words", "hab", 3, "h,9,0,1 ##a,10,1,2 ##b,15,2,3 "},
    {"words", "unwanteded", 10, "[UNK],0,0,10 "},
    {"texts", "unwanted running, \xc3\xa9\xc3\xa9!xyz", 26,
     "un,1,0,2 ##want,3,2,6 ##ed,4,6,8 runn,5,9,13 ##ing,6,13,16 ,,11,16,17 "
     "\xc3\xa9,7,18,20 ##\xc3\xa9,8,20,22 [UNK],0,22,23 [UNK],0,23,26 "},
    {"texts", "", 0, ""},
    {"texts",
     " haxa\x1d\xc2\x85\xc2\xa0"
     "ab \xe6\x9d\xb1"
     "ab\xe6\x9d\xb1",
     21,
     "[UNK],0,1,6 ab,14,10,12 \xe6\x9d\xb1,17,13,16 ab,14,16,18 "
     "\xe6\x9d\xb1,17,18,21 "},
    {"texts", "un'want##ed", 11,
     "un,1,0,2 ',16,2,3 want,2,3,7 #,12,7,8 #,12,8,9 [UNK],0,9,11 "},
    {"texts", "\x09", 1, ""},
    {"texts", "ab\xff", 3, "[UNK],0,0,3 "},
    {"texts",
     "h\xe2\x80\x87"
     "a \xe3\x80\x80"
     "a,,\x3f"
     "ab",
     15,
     "h,9,0,1 a,18,4,5 a,18,9,10 ,,11,10,11 ,,11,11,12 [UNK],0,12,13 "
     "ab,14,13,15 "},
    {"normalize", "Hello \xc3\x89tH\xc3\x89", 12,
     "hello ethe 0 1 2 3 4 5 6 8 9 10 12"},
    {"normalize",
     "A\xcc\x81"
     "b\x00"
     "C",
     6, "ab C 0 3 4 5 6"},
    {"normalize", "\xef\xac\x81 x\xc2\xa0", 7, "fi x  0 0 3 4 5 7"},
    {"normalize", "A\xff\xc3", 3, "a\xff\xc3 0 1 2 3"},
    {"normalize", "", 0, " 0"},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static ht_run run;

static ht_tensor model_of(const char *name) {
  static char data[1 << 20];
  char path[512];
  const char *folder = getenv("srcdir");
  ht_tensor out;
  snprintf(path, sizeof path, "%s/tests/models/fastbert/%s.bin.gz",
           folder ? folder : "..", name);
  gzFile file = gzopen(path, "rb");
  ck_assert_msg(file != NULL, "%s", path);
  int n = gzread(file, data, sizeof data);
  gzclose(file);
  ck_assert_int_gt(n, 0);
  ht_shape shape = ht_shape_1(n);
  OK(ht_tensor_new(NULL, HT_UINT8, &shape, &out));
  memcpy(out.data, data, (size_t)n);
  return out;
}

static ht_tensor text_of(const char *p, size_t n) {
  ht_shape shape = ht_shape_1(1);
  ht_tensor t;
  OK(ht_tensor_new(NULL, HT_STRING, &shape, &t));
  OK(ht_string_set(&t, 0, p, n));
  return t;
}

static ht_status apply(const ht_tensor *in, const ht_tensor *model, bool normal,
                       ht_tensor out[5]) {
  if (normal)
    return ht_apply(&run, "FastBertNormalize", "get_offsets=true", 2,
                    (const ht_tensor *[]){in, model}, 3, out);
  return ht_apply(&run, "FastWordpieceTokenizeWithOffsets", "", 2,
                  (const ht_tensor *[]){in, model}, 5, out);
}

static void describe(bool normal, const ht_tensor out[5], ht_text *text) {
  for (int64_t i = 0; i < ht_count(&out[0]); i++)
    ht_text_printf(text, "%.*s", (int)(normal ? ht_str(&out[0])[i].n : 0),
                   normal ? ht_str(&out[0])[i].p : "");
  for (int64_t i = 0; i < ht_count(&out[1]); i++)
    if (normal)
      ht_text_printf(text, " %lld", (long long)ht_i64(&out[1])[i]);
    else
      ht_text_printf(text, "%.*s,%lld,%lld,%lld ", (int)ht_str(&out[0])[i].n,
                     ht_str(&out[0])[i].p, (long long)ht_i64(&out[1])[i],
                     (long long)ht_i64(&out[3])[i],
                     (long long)ht_i64(&out[4])[i]);
}

static void check(int k) {
  bool normal = !strcmp(cases[k].model, "normalize");
  ht_tensor model = model_of(cases[k].model), out[5] = {{0}};
  ht_tensor in = text_of(cases[k].in, cases[k].n);
  ht_text text = {0};
  OK(apply(&in, &model, normal, out));
  describe(normal, out, &text);
  ck_assert_str_eq(text.p ? text.p : "", cases[k].wanted);
  for (int i = 0; i < 5; i++) ht_tensor_drop(&out[i]);
  ht_tensor_drop(&in);
  ht_tensor_drop(&model);
  ht_text_free(&text);
}

START_TEST(words_and_texts_are_cut_as_the_model_says) {
  if (strcmp(cases[_i].model, "normalize")) check(_i);
}
END_TEST

START_TEST(text_is_normalised_by_the_model) {
  if (!strcmp(cases[_i].model, "normalize")) check(_i);
}
END_TEST

START_TEST(damaged_models_do_no_harm) {
  static const char *const names[] = {"words", "normalize"};
  for (int m = 0; m < 2; m++) {
    ht_tensor model = model_of(names[m]),
              in = text_of("unwanted A\xc3\x89", 12);
    uint8_t *p = model.data;
    int64_t n = ht_count(&model);
    for (int64_t i = 0; i < n; i += i < 64 ? 1 : 37) {
      ht_tensor out[5] = {{0}};
      uint8_t before = p[i];
      p[i] ^= (uint8_t)(0x81 + i);
      ht_status st = apply(&in, &model, m == 1, out);
      (void)st;
      p[i] = before;
      model.shape.dim[0] = i; /* and cut off here */
      for (int k = 0; k < 5; k++) ht_tensor_drop(&out[k]);
      st = apply(&in, &model, m == 1, out);
      (void)st;
      model.shape.dim[0] = n;
      for (int k = 0; k < 5; k++) ht_tensor_drop(&out[k]);
    }
    ht_tensor_drop(&in);
    ht_tensor_drop(&model);
  }
}
END_TEST

static void add(TCase *tests) {
  tcase_add_loop_test(tests, words_and_texts_are_cut_as_the_model_says, 0,
                      N_CASES);
  tcase_add_loop_test(tests, text_is_normalised_by_the_model, 0, N_CASES);
  tcase_add_test(tests, damaged_models_do_no_harm);
}

int main(void) { return test_main("fastbert", add); }
