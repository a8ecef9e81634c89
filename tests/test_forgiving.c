/* test_forgiving.c - data as people have them: other encodings, delimiters
 * and bad records. */
#include <unistd.h>

#include "base/file.h"
#include "data/dataset.h"
#include "test.h"

static ht_arena arena;
static char folder[256], told[4096];
static int notices;

static void setup(void) {
  snprintf(folder, sizeof folder, "/tmp/hubtune-forgiving-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  told[0] = 0;
  notices = 0;
}

static void teardown(void) {
  OK(ht_folder_remove(folder));
  ht_arena_free(&arena);
}

static void note(void *arg, const char *text) {
  size_t n = strlen(told);
  (void)arg;
  notices++;
  snprintf(told + n, sizeof told - n, "%s\n", text);
}

static ht_status read_bytes(const char *name, const char *p, size_t n,
                            int64_t max_bad, ht_dataset *out) {
  const ht_read_options o = {.max_bad = max_bad, .lines = true, .notice = note};
  const char *path = ht_path_join(&arena, folder, name);
  OK(ht_file_write(path, p, n));
  return ht_dataset_read(path, &o, out);
}

static ht_status read_content(const char *name, const char *content,
                              int64_t max_bad, ht_dataset *out) {
  return read_bytes(name, content, strlen(content), max_bad, out);
}

static const ht_column *column(const ht_dataset *d, const char *name) {
  const ht_column *c;
  OK(ht_dataset_column(d, name, &c));
  return c;
}

static void assert_text(const ht_dataset *d, const char *name, int64_t i,
                        const char *want) {
  const ht_column *c = column(d, name);
  ck_assert_int_eq(c->value.dtype, HT_STRING);
  ht_string s = ht_str(&c->value)[i];
  ck_assert_msg(s.n == strlen(want) && memcmp(s.p, want, s.n) == 0,
                "'%.*s', not '%s'", (int)s.n, s.p, want);
}

static void assert_told(const char *part) {
  ck_assert_msg(strstr(told, part) != NULL, "not told: '%s', but: %s", part,
                told);
}

/* ---- encodings */

START_TEST(latin_1_is_read_and_said) {
  ht_dataset d;
  OK(read_content("a.csv", "text,label\ncaf\xe9,x\nna\xefve,y\n", 0, &d));
  assert_text(&d, "text", 0, "caf\xc3\xa9");
  assert_text(&d, "text", 1, "na\xc3\xafve");
  ck_assert_str_eq(d.encoding, "Latin-1");
  assert_told("a.csv' is not UTF-8: it is read as Latin-1");
  ht_dataset_free(&d);
}
END_TEST

START_TEST(windows_1252_is_told_by_what_it_adds) {
  ht_dataset d;
  OK(read_content("a.tsv", "5\x80\tx\n\x93good\x94\ty\n\xff\tz\n", 0, &d));
  assert_text(&d, "0", 0, "5\xe2\x82\xac");
  assert_text(&d, "0", 1, "\xe2\x80\x9cgood\xe2\x80\x9d");
  assert_text(&d, "0", 2, "\xc3\xbf");
  ck_assert_str_eq(d.encoding, "Windows-1252");
  ht_dataset_free(&d);
}
END_TEST

START_TEST(bytes_that_are_no_characters_are_refused) {
  ht_dataset d;
  FAILS(read_content("a.csv", "a,b\n1,\x9d\n", 0, &d), HT_CORRUPT,
        "line 2 has the byte 0x9d");
  FAILS(read_bytes("a.csv", "a,b\n\xe9,\0\n", 9, 0, &d), HT_CORRUPT,
        "line 2 has the byte 0xe9");
}
END_TEST

START_TEST(utf8_with_damage_stays_utf8_and_loses_its_bad_lines) {
  static const char content[] =
      "text,label\n\xc3\xa9t\xc3\xa9,x\nb\xe9,y\n\xe2\x82\xac,z\n";
  ht_dataset d;
  FAILS(read_content("a.csv", content, 0, &d), HT_CORRUPT,
        "line 3 has the byte 0xe9");
  OK(read_content("a.csv", content, 1, &d));
  ck_assert(d.n == 2 && d.n_bad == 1);
  assert_text(&d, "text", 1, "\xe2\x82\xac");
  ck_assert(d.line[0] == 2 && d.line[1] == 4);
  assert_told("a.csv' is not UTF-8: line 3 has the byte 0xe9");
  ht_dataset_free(&d);
}
END_TEST

/* ---- delimiters */

static void assert_delimiter(const char *content, char want) {
  ht_dataset d;
  told[0] = 0;
  OK(read_content("a.csv", content, 9, &d));
  ck_assert_msg(d.delimiter == want, "'%c', not '%c', of: %s", d.delimiter,
                want, content);
  ck_assert(!strstr(told, "separated") == (want == ','));
  ht_dataset_free(&d);
}

START_TEST(delimiters_are_found) {
  assert_delimiter("text,label\na;b;c,1\nd;e;f,2\n", ',');
  assert_delimiter("text;label\n1,5;x\n2,5;y\n", ';');
  assert_delimiter("text\tlabel\na, b\tx\nc, d, e\ty\n", '\t');
  assert_delimiter("text|label\n\"a|b\"|x\nc|y\n", '|');
  assert_delimiter("text;label\n\"a\n,;;\"\"b\";x\nc;y\n", ';');
  /* a bad row does not change the majority */
  assert_delimiter("text,label\na,x\nb,y,;\nc,z\n", ',');
  assert_delimiter("text\na; b\n", ',');
}
END_TEST

/* ---- bad records */

START_TEST(bad_rows_are_named_skipped_and_leave_nothing) {
  ht_dataset d;
  OK(read_content("a.csv",
                  "text,n\na,1\nb\nc,3,4\n\"d\" x,5\ne,6\n\"f\n\",7\ng,8\n", 3,
                  &d));
  ck_assert(d.n == 4 && d.n_bad == 3);
  static const char *const text[] = {"a", "e", "f\n", "g"};
  static const int64_t n[] = {1, 6, 7, 8}, line[] = {2, 6, 7, 9};
  for (int i = 0; i < 4; i++) {
    assert_text(&d, "text", i, text[i]);
    ck_assert_int_eq(ht_i64(&column(&d, "n")->value)[i], n[i]);
    ck_assert_int_eq(d.line[i], line[i]);
  }
  assert_told("a.csv', line 3: wants 2 fields, found 1");
  assert_told("a.csv', line 4: wants 2 fields, found 3");
  assert_told("a.csv', line 5: text after a closing quote");
  assert_told("bad records skipped: 3 of 7");
  ht_dataset_free(&d);
}
END_TEST

START_TEST(reading_stops_beyond_the_limit) {
  ht_dataset d;
  FAILS(read_content("a.csv", "a,b\n1,2\n3\n4\n5,6\n7\n", 2, &d), HT_CORRUPT,
        "line 6: wants 2 fields, found 1, after 2 bad records");
  /* nothing after an open quote can be trusted, nor columns without names */
  FAILS(read_content("a.csv", "a,b\nx,\"1\n2,3\n", 9, &d), HT_CORRUPT,
        "line 2: a quote is never closed");
}
END_TEST

START_TEST(no_more_than_ten_bad_records_are_named) {
  ht_text t = {0};
  ht_dataset d;
  ht_text_add(&t, "a,b\n");
  for (int i = 0; i < 40; i++) ht_text_add(&t, i % 2 ? "1,2\n" : "1\n");
  OK(read_content("a.csv", t.p, 100, &d));
  ck_assert(d.n == 20 && d.n_bad == 20);
  ck_assert_int_eq(notices, 12);
  ht_dataset_free(&d);
  ht_text_free(&t);
}
END_TEST

START_TEST(bad_objects_leave_nothing_in_any_column) {
  ht_dataset d;
  OK(read_content(
      "a.jsonl",
      "[1]\n{\"t\":\"a\",\"x\":[1,2],\"s\":[\"p\"],\"n\":1}\n"
      "{\"t\":\"b\",\"x\":[1.5,3],\"s\":[\"q\",\"r\"],\"n\":\"no\"}\n"
      "{\"t\":\"c\",\"x\":[3,4,5],\"s\":[\"q\",3]}\n{\"t\":\n\n"
      "{\"t\":\"d\",\"x\":[5,6],\"s\":[],\"n\":2}\n"
      "{\"t\":\"e\",\"x\":[5,6]//\n",
      5, &d));
  ck_assert(d.n == 2 && d.n_bad == 5);
  assert_text(&d, "t", 1, "d");
  const ht_tensor *x = &column(&d, "x")->value;
  ck_assert(x->dtype == HT_INT64 && x->shape.rank == 2 && ht_i64(x)[3] == 6);
  const ht_column *s = column(&d, "s");
  ck_assert(s->splits[1] == 1 && s->splits[2] == 1);
  ck_assert_int_eq(ht_i64(&column(&d, "n")->value)[1], 2);
  ck_assert(d.line[0] == 2 && d.line[1] == 7);
  assert_told("a.jsonl', line 1: no object");
  assert_told("line 3: field 'n' is of another type");
  assert_told("line 8: unexpected end of data");
  ht_dataset_free(&d);
}
END_TEST

START_TEST(a_record_with_damaged_bytes_is_skipped) {
  char tests[1024], *data;
  size_t n;
  ht_dataset d;
  OK(ht_file_read(ht_path_join(&arena, test_folder(tests),
                               "models/arrays/examples.tfrecord"),
                  1 << 20, &arena, &data, &n));
  uint64_t first;
  memcpy(&first, data, sizeof first);
  data[12 + first + 4 + 12 + 3] ^= 1; /* in the second record's bytes */
  FAILS(read_bytes("a.tfrecord", data, n, 0, &d), HT_CORRUPT, "record 1");
  OK(read_bytes("a.tfrecord", data, n, 1, &d));
  ck_assert(d.n == 2 && d.n_bad == 1);
  ck_assert(ht_i64(&column(&d, "number")->value)[1] == (int64_t)1 << 40);
  assert_told("record 1 does not fit its checksum");
  ht_dataset_free(&d);
  data[2] ^= 1; /* where the next one begins cannot be known */
  FAILS(read_bytes("a.tfrecord", data, n, 9, &d), HT_CORRUPT, "record 0");
}
END_TEST

/* ---- which column is the label */

static const char *label_of(const char *content) {
  static char name[64];
  ht_dataset d;
  OK(read_content("a.csv", content, 0, &d));
  const ht_column *c = ht_dataset_label(&d);
  snprintf(name, sizeof name, "%s", c ? c->name : "none");
  ht_dataset_free(&d);
  return name;
}

START_TEST(the_label_is_guessed_by_its_name_or_its_values) {
  ck_assert_str_eq(label_of("label,class\na,x\nb,y\n"), "label");
  ck_assert_str_eq(label_of("Text,Category\na,x\nb,y\n"), "Category");
  ck_assert_str_eq(label_of("ham,a b\nham,c d\nspam,e f\nspam,g h\n"), "0");
  ck_assert_str_eq(label_of("review,stars\na,1\nb,1\nc,2\nd,2\n"), "stars");
  ck_assert_str_eq(label_of("x,y,z\na,1,1\nb,1,2\nc,2,3\nd,2,4\n"), "none");
  ck_assert_str_eq(label_of("a,1\nb,2\nc,3\nd,4\n"), "none");
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, latin_1_is_read_and_said);
  tcase_add_test(tests, windows_1252_is_told_by_what_it_adds);
  tcase_add_test(tests, bytes_that_are_no_characters_are_refused);
  tcase_add_test(tests, utf8_with_damage_stays_utf8_and_loses_its_bad_lines);
  tcase_add_test(tests, delimiters_are_found);
  tcase_add_test(tests, bad_rows_are_named_skipped_and_leave_nothing);
  tcase_add_test(tests, reading_stops_beyond_the_limit);
  tcase_add_test(tests, no_more_than_ten_bad_records_are_named);
  tcase_add_test(tests, bad_objects_leave_nothing_in_any_column);
  tcase_add_test(tests, a_record_with_damaged_bytes_is_skipped);
  tcase_add_test(tests, the_label_is_guessed_by_its_name_or_its_values);
}

int main(void) { return test_main("forgiving", add); }
