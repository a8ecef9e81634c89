/* test_wordpiece.c - word pieces as TensorFlow Text 2.15 cuts them. */
#include "ops/op.h"
#include "base/text.h"
#include "test.h"

static const char *const vocabulary[] = {
    "un",       "want",       "##want", "##ed", "runn", "##ing",
    "\xc3\xa9", "##\xc3\xa9", "h",      "##a",  "[UNK]"};
static const char *const input[] = {
    "unwanted", "running", "\xc3\xa9\xc3\xa9", "xyz",
    "",         "haxa",    "unwantedunwanted"};

#define COMMON "suffix_indicator='##' unknown_token='[UNK]' "

/* All pieces with their places, words apart by "/". */
static const struct {
  const char *attrs, *wanted;
} cases[] = {
    {COMMON "max_bytes_per_word=100 use_unknown_token=true",
     "un,0,2 ##want,2,6 ##ed,6,8 / runn,0,4 ##ing,4,7 / "
     "\xc3\xa9,0,2 ##\xc3\xa9,2,4 / [UNK],0,3 / / [UNK],0,4 / [UNK],0,16 / "},
    {COMMON "max_bytes_per_word=100 use_unknown_token=true "
            "split_unknown_characters=true",
     "un,0,2 ##want,2,6 ##ed,6,8 / runn,0,4 ##ing,4,7 / "
     "\xc3\xa9,0,2 ##\xc3\xa9,2,4 / [UNK],0,1 ##[UNK],1,2 ##[UNK],2,3 / / "
     "h,0,1 ##a,1,2 ##[UNK],2,3 ##a,3,4 / un,0,2 ##want,2,6 ##ed,6,8 "
     "##[UNK],8,9 ##[UNK],9,10 ##want,10,14 ##ed,14,16 / "},
    {COMMON "max_bytes_per_word=9 use_unknown_token=true",
     "un,0,2 ##want,2,6 ##ed,6,8 / runn,0,4 ##ing,4,7 / "
     "\xc3\xa9,0,2 ##\xc3\xa9,2,4 / [UNK],0,3 / / [UNK],0,4 / [UNK],0,5 / "},
    {COMMON "max_bytes_per_word=9 use_unknown_token=false "
            "split_unknown_characters=true",
     "un,0,2 ##want,2,6 ##ed,6,8 / runn,0,4 ##ing,4,7 / "
     "\xc3\xa9,0,2 ##\xc3\xa9,2,4 / x,0,1 ##y,1,2 ##z,2,3 / / "
     "h,0,1 ##a,1,2 ##x,2,3 ##a,3,4 / unwantedunwanted,0,16 / "},
    {COMMON "max_bytes_per_word=100 use_unknown_token=true "
            "max_chars_per_token=3",
     "[UNK],0,8 / [UNK],0,7 / \xc3\xa9,0,2 ##\xc3\xa9,2,4 / [UNK],0,3 / / "
     "[UNK],0,4 / [UNK],0,16 / "},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static ht_store store;
static ht_run run;

static ht_tensor strings(const char *const *s, int n) {
  ht_tensor t;
  ht_shape shape = ht_shape_1(n);
  OK(ht_tensor_new(NULL, HT_STRING, &shape, &t));
  for (int i = 0; i < n; i++) OK(ht_string_set(&t, i, s[i], strlen(s[i])));
  return t;
}

static ht_tensor table(void) {
  int n = sizeof vocabulary / sizeof *vocabulary;
  ht_tensor keys = strings(vocabulary, n), ids, handle;
  OK(ht_tensor_zeros(NULL, HT_INT64, &keys.shape, &ids));
  OK(ht_apply(&run, "AnonymousHashTable", "key_dtype=string value_dtype=int64",
              0, NULL, 1, &handle));
  OK(ht_apply(&run, "InitializeTableV2", "", 3,
              (const ht_tensor *[]){&handle, &keys, &ids}, 0, NULL));
  ht_tensor_drop(&keys);
  ht_tensor_drop(&ids);
  return handle;
}

static void describe(const ht_tensor out[4], ht_text *text) {
  int64_t k = 0;
  for (int64_t i = 0; i < ht_count(&out[1]); i++) {
    for (int64_t n = ht_i64(&out[1])[i]; n > 0; n--, k++)
      ht_text_printf(text, "%.*s,%lld,%lld ", (int)ht_str(&out[0])[k].n,
                     ht_str(&out[0])[k].p, (long long)ht_i64(&out[2])[k],
                     (long long)ht_i64(&out[3])[k]);
    ht_text_add(text, "/ ");
  }
}

START_TEST(words_are_cut_into_the_longest_known_pieces) {
  ht_text text = {0};
  ht_store_init(&store);
  run = (ht_run){.store = &store};
  ht_tensor handle = table(), out[4];
  ht_tensor words = strings(input, sizeof input / sizeof *input);
  OK(ht_apply(&run, "WordpieceTokenizeWithOffsets", cases[_i].attrs, 2,
              (const ht_tensor *[]){&words, &handle}, 4, out));
  ht_tensor_drop(&words);
  ht_tensor_drop(&handle);
  describe(out, &text);
  ck_assert_str_eq(text.p, cases[_i].wanted);
  for (int i = 0; i < 4; i++) ht_tensor_drop(&out[i]);
  ht_text_free(&text);
  ht_store_free(&store);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_loop_test(tests, words_are_cut_into_the_longest_known_pieces, 0,
                      N_CASES);
}

int main(void) { return test_main("wordpiece", add); }
