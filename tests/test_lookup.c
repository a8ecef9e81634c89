/* test_lookup.c - lookup tables through their ops. */
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ops/op.h"
#include "ops/table.h"
#include "test.h"

static ht_store store;
static ht_run run;
static char folder[64];

static void setup(void) {
  snprintf(folder, sizeof folder, "/tmp/hubtune-lookup-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ht_store_init(&store);
  run = (ht_run){.store = &store, .folder = folder};
}

static void teardown(void) {
  OK(ht_folder_remove(folder));
  ht_store_free(&store);
}

static ht_tensor words(int n, const char *const *word) {
  ht_tensor t;
  ht_shape shape = ht_shape_1(n);
  OK(ht_tensor_new(NULL, HT_STRING, &shape, &t));
  for (int i = 0; i < n; i++)
    OK(ht_string_set(&t, i, word[i], strlen(word[i])));
  return t;
}

static ht_tensor numbers(int n, const int64_t *v) {
  ht_tensor t;
  ht_shape shape = ht_shape_1(n);
  OK(ht_tensor_new(NULL, HT_INT64, &shape, &t));
  memcpy(t.data, v, (size_t)n * sizeof *v);
  return t;
}

static ht_status apply(const char *op, const char *attrs, ht_tensor *a,
                       ht_tensor *b, ht_tensor *c, int n_out, ht_tensor *out) {
  const ht_tensor *in[] = {a, b, c};
  return ht_apply(&run, op, attrs, a ? b ? c ? 3 : 2 : 1 : 0, in, n_out, out);
}

static ht_tensor table(const char *op, const char *attrs) {
  ht_tensor handle;
  OK(apply(op, attrs, NULL, NULL, NULL, 1, &handle));
  ck_assert_int_eq(handle.dtype, HT_RESOURCE);
  return handle;
}

static int64_t size_of(ht_tensor *handle) {
  ht_tensor n;
  OK(apply("LookupTableSizeV2", "", handle, NULL, NULL, 1, &n));
  int64_t size = ht_i64(&n)[0];
  ht_tensor_drop(&n);
  return size;
}

static int64_t look_up(ht_tensor *handle, const char *word) {
  ht_tensor key = words(1, &word), missing, found;
  OK(ht_scalar_int64(-1, &missing));
  OK(apply("LookupTableFindV2", "", handle, &key, &missing, 1, &found));
  int64_t v = ht_i64(&found)[0];
  ht_tensor_drop(&key);
  ht_tensor_drop(&missing);
  ht_tensor_drop(&found);
  return v;
}

#define WORD_TO_INT "key_dtype=string value_dtype=int64"

START_TEST(fixed_tables_keep_what_they_were_filled_with) {
  static const char *const op[] = {"HashTableV2", "HashTable",
                                   "AnonymousHashTable"};
  ht_tensor keys = words(3, (const char *[]){"cat", "dog", ""});
  ht_tensor values = numbers(3, (int64_t[]){7, 8, 9});
  ht_tensor other = numbers(3, (int64_t[]){7, 8, 10});
  ht_tensor h =
      table(op[_i], _i == 2 ? WORD_TO_INT : WORD_TO_INT " shared_name='t'");
  ht_tensor missing, found;
  OK(ht_scalar_int64(-1, &missing));
  FAILS(apply("LookupTableFindV2", "", &h, &keys, &missing, 1, &found),
        HT_USAGE, "before it is filled");
  OK(apply("InitializeTableV2", "", &h, &keys, &values, 0, NULL));
  OK(apply("InitializeTable", "", &h, &keys, &values, 0, NULL));
  FAILS(apply("InitializeTableV2", "", &h, &keys, &other, 0, NULL), HT_USAGE,
        "filled twice");
  FAILS(apply("LookupTableInsertV2", "", &h, &keys, &values, 0, NULL), HT_USAGE,
        "fixed table");
  ck_assert_int_eq(size_of(&h), 3);
  ck_assert_int_eq(look_up(&h, "dog"), 8);
  ck_assert_int_eq(look_up(&h, ""), 9);
  ck_assert_int_eq(look_up(&h, "mouse"), -1);
  if (_i < 2) {
    ht_tensor again = table(op[_i], WORD_TO_INT " shared_name='t'");
    ck_assert_int_eq(look_up(&again, "cat"), 7);
    ht_tensor_drop(&again);
  }
  ht_tensor_drop(&keys);
  ht_tensor_drop(&values);
  ht_tensor_drop(&other);
  ht_tensor_drop(&missing);
  ht_tensor_drop(&h);
}
END_TEST

START_TEST(a_key_of_two_values_is_refused) {
  ht_tensor keys = words(2, (const char *[]){"cat", "cat"});
  ht_tensor values = numbers(2, (int64_t[]){7, 8});
  ht_tensor h = table("AnonymousHashTable", WORD_TO_INT);
  FAILS(apply("InitializeTableV2", "", &h, &keys, &values, 0, NULL), HT_CORRUPT,
        "two values");
  ht_i64(&values)[1] = 7;
  OK(apply("InitializeTableV2", "", &h, &keys, &values, 0, NULL));
  ck_assert_int_eq(size_of(&h), 1);
  ht_tensor_drop(&keys);
  ht_tensor_drop(&values);
  ht_tensor_drop(&h);
}
END_TEST

START_TEST(mutable_tables_change_one_key_at_a_time) {
  enum { N = 1000 };
  static const char *const op[] = {"MutableHashTableV2",
                                   "AnonymousMutableHashTable"};
  ht_tensor h = table(op[_i], "key_dtype=int64 value_dtype=int64");
  ht_shape shape = ht_shape_1(N);
  ht_tensor keys, missing, found;
  OK(ht_tensor_new(NULL, HT_INT64, &shape, &keys));
  for (int i = 0; i < N; i++) ht_i64(&keys)[i] = i * 1000003LL - 5;
  OK(apply("LookupTableInsertV2", "", &h, &keys, &keys, 0, NULL));
  ck_assert_int_eq(size_of(&h), N);
  ht_tensor some = ht_tensor_rows(&keys, 100, 400);
  OK(apply("LookupTableRemoveV2", "", &h, &some, NULL, 0, NULL));
  ck_assert_int_eq(size_of(&h), N - 400);
  OK(ht_scalar_int64(-1, &missing));
  OK(apply("LookupTableFindV2", "", &h, &keys, &missing, 1, &found));
  for (int i = 0; i < N; i++)
    ck_assert_int_eq(ht_i64(&found)[i],
                     i >= 100 && i < 500 ? -1 : ht_i64(&keys)[i]);
  ht_tensor pairs[2];
  OK(apply("LookupTableExportV2", "Tkeys=int64 Tvalues=int64", &h, NULL, NULL,
           2, pairs));
  ck_assert_int_eq(ht_count(&pairs[0]), N - 400);
  for (int i = 0; i < N - 400; i++)
    ck_assert_int_eq(ht_i64(&pairs[0])[i], ht_i64(&pairs[1])[i]);
  OK(apply("LookupTableImportV2", "", &h, &some, &some, 0, NULL));
  ck_assert_int_eq(size_of(&h), 400);
  ht_tensor_drop(&pairs[0]);
  ht_tensor_drop(&pairs[1]);
  ht_tensor_drop(&some);
  ht_tensor_drop(&keys);
  ht_tensor_drop(&missing);
  ht_tensor_drop(&found);
  ht_tensor_drop(&h);
}
END_TEST

START_TEST(tables_of_vectors_give_vectors) {
  ht_tensor h = table("MutableHashTableOfTensorsV2",
                      "key_dtype=string value_dtype=float value_shape=<2>");
  ht_tensor keys = words(2, (const char *[]){"a", "b"}), values, none, found;
  ht_shape two = ht_shape_2(2, 2), one = ht_shape_1(2);
  OK(ht_tensor_new(NULL, HT_FLOAT, &two, &values));
  OK(ht_tensor_zeros(NULL, HT_FLOAT, &one, &none));
  for (int i = 0; i < 4; i++) ht_f(&values)[i] = (float)i;
  OK(apply("LookupTableInsertV2", "", &h, &keys, &values, 0, NULL));
  ht_tensor ask = words(2, (const char *[]){"b", "z"});
  OK(apply("LookupTableFindV2", "", &h, &ask, &none, 1, &found));
  ck_assert_int_eq(found.shape.rank, 2);
  ck_assert_float_eq(ht_f(&found)[1], 3);
  ck_assert_float_eq(ht_f(&found)[2], 0);
  ht_tensor_drop(&keys);
  ht_tensor_drop(&values);
  ht_tensor_drop(&none);
  ht_tensor_drop(&found);
  ht_tensor_drop(&ask);
  ht_tensor_drop(&h);
}
END_TEST

START_TEST(strings_outlive_the_table_they_came_from) {
  ht_tensor h =
      table("AnonymousHashTable", "key_dtype=int64 value_dtype=string");
  ht_tensor keys = numbers(1, (int64_t[]){5});
  ht_tensor values = words(1, (const char *[]){"five"}), missing, found;
  OK(ht_scalar_string("", 0, &missing));
  OK(apply("InitializeTableV2", "", &h, &keys, &values, 0, NULL));
  OK(apply("LookupTableFindV2", "", &h, &keys, &missing, 1, &found));
  ht_tensor_drop(&h);
  ht_tensor_drop(&values);
  ht_tensor_drop(&missing);
  ck_assert_int_eq(memcmp(ht_str(&found)[0].p, "five", 4), 0);
  ht_tensor_drop(&found);
  ht_tensor_drop(&keys);
}
END_TEST

/* ---- files */

static ht_status from_file(ht_tensor *h, const char *name, const char *text,
                           const char *attrs) {
  char path[256];
  ht_tensor file;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (text) OK(ht_file_write(path, text, strlen(text)));
  OK(ht_scalar_string(path, strlen(path), &file));
  ht_status st =
      apply("InitializeTableFromTextFileV2", attrs, h, &file, NULL, 0, NULL);
  ht_tensor_drop(&file);
  return st;
}

#define WORDS_OF_LINES "key_index=-2 value_index=-1"

START_TEST(vocabulary_files_fill_tables) {
  ht_tensor h = table("AnonymousHashTable", WORD_TO_INT);
  OK(from_file(&h, "v.txt", "cat\r\ndog\nmouse", WORDS_OF_LINES));
  ck_assert_int_eq(size_of(&h), 3);
  ck_assert_int_eq(look_up(&h, "cat"), 0);
  ck_assert_int_eq(look_up(&h, "mouse"), 2);
  OK(from_file(&h, "v.txt", NULL, WORDS_OF_LINES));
  ht_tensor_drop(&h);
  h = table("AnonymousHashTable", WORD_TO_INT);
  OK(from_file(&h, "c.txt", "a,5,x\nb,-6,y\n",
               "key_index=2 value_index=1 delimiter=','"));
  ck_assert_int_eq(look_up(&h, "y"), -6);
  ck_assert_int_eq(look_up(&h, "a"), -1);
  ht_tensor_drop(&h);
}
END_TEST

START_TEST(bad_vocabulary_files_are_refused) {
  static const struct {
    const char *text, *attrs, *message;
  } bad[] = {
      {"a\n\nb\n", WORDS_OF_LINES, "line 2"},
      {"a\nb\na\n", WORDS_OF_LINES, "twice"},
      {"a\nb\n", WORDS_OF_LINES " vocab_size=3", "2 lines, 3 are wanted"},
      {"a\t1\nb\n", "key_index=0 value_index=1", "no column 1"},
      {"a\tx\n", "key_index=0 value_index=1", "is no int64"},
  };
  ht_tensor h = table("AnonymousHashTable", WORD_TO_INT);
  FAILS(from_file(&h, "v.txt", bad[_i].text, bad[_i].attrs), HT_CORRUPT,
        bad[_i].message);
  ht_tensor_drop(&h);
}
END_TEST

START_TEST(no_file_outside_the_module_is_read) {
  char outside[256];
  ht_tensor h = table("AnonymousHashTable", WORD_TO_INT);
  snprintf(outside, sizeof outside, "%s/in", folder);
  ck_assert_int_eq(mkdir(outside, 0700), 0);
  OK(from_file(&h, "v.txt", "a\n", WORDS_OF_LINES));
  ht_tensor_drop(&h);
  h = table("AnonymousHashTable", WORD_TO_INT);
  run.folder = outside;
  FAILS(from_file(&h, "v.txt", NULL, WORDS_OF_LINES), HT_USAGE,
        "outside the module");
  FAILS(from_file(&h, "in/../v.txt", NULL, WORDS_OF_LINES), HT_USAGE,
        "outside the module");
  run.folder = NULL;
  FAILS(from_file(&h, "v.txt", NULL, WORDS_OF_LINES), HT_IO, "no folder");
  ht_tensor_drop(&h);
}
END_TEST

/* More words than fit in one piece of the parallel reader. */
START_TEST(a_large_vocabulary_is_whole) {
  enum { N = 300000 };
  ht_text text = {0};
  char word[32];
  ht_tensor h = table("AnonymousHashTable", WORD_TO_INT);
  for (int i = 0; i < N; i++) ht_text_printf(&text, "word-%d\n", i * 7);
  OK(from_file(&h, "v.txt", text.p, WORDS_OF_LINES));
  ck_assert_int_eq(size_of(&h), N);
  for (int i = 0; i < N; i += 997) {
    snprintf(word, sizeof word, "word-%d", i * 7);
    ck_assert_int_eq(look_up(&h, word), i);
  }
  ck_assert_int_eq(look_up(&h, "word-1"), -1);
  ht_tensor_drop(&h);
  ht_text_free(&text);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_loop_test(tests, fixed_tables_keep_what_they_were_filled_with, 0,
                      3);
  tcase_add_test(tests, a_key_of_two_values_is_refused);
  tcase_add_loop_test(tests, mutable_tables_change_one_key_at_a_time, 0, 2);
  tcase_add_test(tests, tables_of_vectors_give_vectors);
  tcase_add_test(tests, strings_outlive_the_table_they_came_from);
  tcase_add_test(tests, vocabulary_files_fill_tables);
  tcase_add_loop_test(tests, bad_vocabulary_files_are_refused, 0, 5);
  tcase_add_test(tests, no_file_outside_the_module_is_read);
  tcase_add_test(tests, a_large_vocabulary_is_whole);
}

int main(void) { return test_main("lookup", add); }
