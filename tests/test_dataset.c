/* test_dataset.c - data sets of every source type, labels, splits, batches. */
#include <hdf5.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "data/batch.h"
#include "data/labels.h"
#include "data/split.h"
#include "test.h"

static ht_arena arena;
static char folder[256];

static void setup(void) {
  snprintf(folder, sizeof folder, "/tmp/hubtune-data-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void) {
  OK(ht_folder_remove(folder));
  ht_arena_free(&arena);
}

static const char *own(const char *name) {
  return ht_path_join(&arena, folder, name);
}

static const char *file(const char *name, const char *content) {
  OK(ht_file_write(own(name), content, strlen(content)));
  return own(name);
}

static void read_content(const char *name, const char *content,
                         ht_dataset *out) {
  OK(ht_dataset_read(file(name, content), NULL, out));
}

#define REFUSES(name, content, part)                                        \
  do {                                                                      \
    ht_dataset refused;                                                     \
    FAILS(ht_dataset_read(file(name, content), NULL, &refused), HT_CORRUPT, \
          part);                                                            \
  } while (0)

static const ht_tensor *column(const ht_dataset *d, const char *name,
                               ht_dtype dtype) {
  const ht_column *c;
  OK(ht_dataset_column(d, name, &c));
  ck_assert_int_eq(c->value.dtype, dtype);
  return &c->value;
}

static void assert_string(const ht_tensor *t, int64_t i, const char *want) {
  ht_string s = ht_str(t)[i];
  ck_assert_msg(s.n == strlen(want) && memcmp(s.p, want, s.n) == 0,
                "'%.*s', not '%s'", (int)s.n, s.p, want);
}

/* ---- tables */

START_TEST(columns_of_csv_have_the_type_that_all_values_fit) {
  ht_dataset d;
  read_content("a.csv",
               "name,n,x,code\r\n\"a, \"\"b\"\"\nc\",1,0.5,007\r\n"
               "\xc3\xa9,-2,3,1\n",
               &d);
  ck_assert_int_eq(d.n, 2);
  assert_string(column(&d, "name", HT_STRING), 0, "a, \"b\"\nc");
  assert_string(column(&d, "name", HT_STRING), 1, "\xc3\xa9");
  ck_assert_int_eq(ht_i64(column(&d, "n", HT_INT64))[1], -2);
  ck_assert(ht_f(column(&d, "x", HT_FLOAT))[0] == 0.5f);
  assert_string(column(&d, "code", HT_STRING), 0, "007");
  ht_dataset_free(&d);
}
END_TEST

START_TEST(utf16_is_told_by_its_mark_or_zeros_and_read_as_utf8) {
  static const char little[] =
      "\xff\xfet\0,\0l\0\n\0\xe9\0,\0x\0\n\0=\xd8\0\xde,\0y\0\n\0";
  static const char big[] = "\xfe\xff\0t\0,\0l\0\n\x20\xac\0,\0x\0\n";
  static const char cut[] = "\xff\xfet\0,\0l\0\n\0a\0,\0=\xd8";
  ht_dataset d;
  const ht_read_options named = {.header = 1};
  for (size_t mark = 0; mark <= 2; mark += 2) {
    OK(ht_file_write(own("l.csv"), little + mark, sizeof little - 1 - mark));
    OK(ht_dataset_read(own("l.csv"), &named, &d));
    assert_string(column(&d, "t", HT_STRING), 0, "\xc3\xa9");
    assert_string(column(&d, "t", HT_STRING), 1, "\xf0\x9f\x98\x80");
    ht_dataset_free(&d);
    OK(ht_file_write(own("b.csv"), big + mark, sizeof big - 1 - mark));
    OK(ht_dataset_read(own("b.csv"), &named, &d));
    assert_string(column(&d, "t", HT_STRING), 0, "\xe2\x82\xac");
    ck_assert_str_eq(d.encoding, "UTF-16");
    ht_dataset_free(&d);
  }
  OK(ht_file_write(own("c.csv"), cut, sizeof cut - 1));
  FAILS(ht_dataset_read(own("c.csv"), NULL, &d), HT_CORRUPT,
        "is not UTF-16: line 2 has half of a pair");
}
END_TEST

START_TEST(carriage_returns_alone_end_lines) {
  ht_dataset d;
  read_content("a.csv", "text,label\r\"a, b\",x\rc,y\r", &d);
  ck_assert_int_eq(d.n, 2);
  assert_string(column(&d, "text", HT_STRING), 0, "a, b");
  assert_string(column(&d, "label", HT_STRING), 1, "y");
  ht_dataset_free(&d);
}
END_TEST

START_TEST(a_first_row_of_names_is_told_from_examples) {
  ht_dataset d;
  read_content("a.tsv", "ham\tGo \"on\ty\nham\tOk\tn\nspam\tWin\ty\n", &d);
  ck_assert_int_eq(d.n, 3);
  assert_string(column(&d, "1", HT_STRING), 0, "Go \"on");
  ht_dataset_free(&d);
  read_content("b.csv", "text,label\nyes,no\n", &d);
  ck_assert_int_eq(d.n, 1);
  ht_dataset_free(&d);
  read_content("c.csv", "1,2\n3,4\n", &d);
  ck_assert_int_eq(d.n, 2);
  ht_dataset_free(&d);
  ht_read_options first = {.header = 1};
  OK(ht_dataset_read(own("c.csv"), &first, &d));
  ck_assert_int_eq(ht_i64(column(&d, "1", HT_INT64))[0], 3);
  ht_dataset_free(&d);
}
END_TEST

START_TEST(damaged_tables_are_refused_with_their_line) {
  REFUSES("a.csv", "a,b\n1,2\n1,2,3\n", "line 3: wants 2 fields, found 3");
  REFUSES("a.csv", "a,b\n1\n", "line 2: wants 2 fields, found 1");
  REFUSES("a.csv", "a,b\nx,\"1\n2\n", "line 2: a quote is never closed");
  REFUSES("a.csv", "a,b\n\"x\"y,1\n", "line 2: text after a closing quote");
  REFUSES("a.csv", "a,b\n1,\x81\n", "line 2 has the byte 0x81");
  REFUSES("a.csv", "", "no examples");
  REFUSES("a.csv", "a,a\n1,2\n2,3\n", "two columns 'a'");
}
END_TEST

START_TEST(a_missing_column_is_refused_with_those_there_are) {
  ht_dataset d;
  const char *const wanted[] = {"text", "label"};
  ht_read_options o = {.wanted = wanted, .n_wanted = 2};
  FAILS(ht_dataset_read(file("a.csv", "text,class\na,1\nb,2\n"), &o, &d),
        HT_USAGE, "no column 'label', only 'text', 'class'");
  OK(ht_dataset_read(file("a.csv", "text,x,label\na,1,2\n"), &o, &d));
  ck_assert_int_eq(d.n_columns, 2);
  ht_dataset_free(&d);
}
END_TEST

START_TEST(gzip_is_unpacked_and_cut_gzip_refused) {
  ht_dataset d;
  gzFile f = gzopen(own("a.csv.gz"), "wb");
  gzputs(f, "text,n\nhello,1\nworld,2\n");
  gzclose(f);
  OK(ht_dataset_read(own("a.csv.gz"), NULL, &d));
  ck_assert_int_eq(d.n, 2);
  ht_dataset_free(&d);
  ck_assert_int_eq(truncate(own("a.csv.gz"), 30), 0);
  FAILS(ht_dataset_read(own("a.csv.gz"), NULL, &d), HT_CORRUPT, "a.csv.gz");
}
END_TEST

/* ---- other texts */

START_TEST(json_lines_keep_types_sets_and_shapes) {
  ht_dataset d;
  read_content("a.jsonl",
               "{\"t\":\"a\\u0000b\",\"n\":1,\"x\":1,\"s\":[\"p\",\"q\"],"
               "\"m\":[[1,2],[3,4.5]]}\n\n"
               "{\"n\":2,\"t\":\"c\",\"x\":0.5,\"s\":[],\"m\":[[5,6],[7,8]]}\n",
               &d);
  ck_assert_int_eq(d.n, 2);
  ck_assert_uint_eq(ht_str(column(&d, "t", HT_STRING))[0].n, 3);
  ck_assert_int_eq(ht_i64(column(&d, "n", HT_INT64))[1], 2);
  ck_assert(ht_f(column(&d, "x", HT_FLOAT))[0] == 1);
  const ht_tensor *m = column(&d, "m", HT_FLOAT);
  ck_assert(m->shape.rank == 3 && ht_f(m)[3] == 4.5f && ht_f(m)[7] == 8);
  const ht_column *s = ht_dataset_find(&d, "s");
  ck_assert(s->splits[1] == 2 && s->splits[2] == 2 && s->n == 2);
  ht_dataset_free(&d);
}
END_TEST

START_TEST(damaged_json_lines_are_refused_with_their_line) {
  REFUSES("a.jsonl", "{\"a\":1}\n{\"a\":}\n", "line 2");
  REFUSES("a.jsonl", "{\"a\":1}\n{\"b\":1}\n", "line 2: field 'a' is missing");
  REFUSES("a.jsonl", "{\"a\":1}\n{\"a\":\"x\"}\n", "another type");
  REFUSES("a.jsonl", "{\"a\":1} x\n", "after the object");
  REFUSES("a.jsonl", "{\"a\":1\n", "line 1: unexpected end");
  REFUSES("a.jsonl", "{\"a\":null}\n", "is null");
  REFUSES("a.jsonl", "{\"a\":[[1],[2,3]]}\n", "unevenly");
  REFUSES("a.jsonl", "[1]\n", "no object");
}
END_TEST

START_TEST(lines_of_fasttext_give_labels_and_what_is_left) {
  ht_dataset d;
  read_content("a.txt", "__label__x hello  world\n__label__y bye __label__\n",
               &d);
  assert_string(column(&d, "text", HT_STRING), 0, "hello  world");
  assert_string(column(&d, "text", HT_STRING), 1, "bye __label__");
  assert_string(column(&d, "label", HT_STRING), 1, "y");
  ck_assert_ptr_null(ht_dataset_find(&d, "label")->splits);
  ht_dataset_free(&d);
  read_content("train", "__label__x __label__y a\nb __label__z c\nd\n", &d);
  assert_string(column(&d, "text", HT_STRING), 1, "b c");
  assert_string(column(&d, "label", HT_STRING), 2, "z");
  ck_assert_int_eq(ht_dataset_find(&d, "label")->splits[3], 3);
  ht_dataset_free(&d);
  read_content("b.txt", "one\ntwo", &d);
  ck_assert(d.n == 2 && d.n_columns == 1);
  ht_dataset_free(&d);
}
END_TEST

START_TEST(class_folders_give_texts_or_paths_of_images) {
  ht_dataset d;
  OK(ht_folder_make(own("t/b")));
  OK(ht_folder_make(own("t/a")));
  file("t/b/1.txt", "one");
  file("t/a/2.txt", "two");
  file("t/README", "not an example");
  OK(ht_dataset_read(own("t"), NULL, &d));
  assert_string(column(&d, "text", HT_STRING), 0, "two");
  assert_string(column(&d, "label", HT_STRING), 1, "b");
  ht_dataset_free(&d);
  file("t/b/2.jpg", "x");
  FAILS(ht_dataset_read(own("t"), NULL, &d), HT_CORRUPT, "mixes images");
  OK(ht_folder_remove(own("t/a")));
  ck_assert_int_eq(unlink(own("t/b/1.txt")), 0);
  OK(ht_dataset_read(own("t"), NULL, &d));
  assert_string(column(&d, "image", HT_STRING), 0, own("t/b/2.jpg"));
  ht_dataset_free(&d);
  OK(ht_dataset_read(own("t/b"), NULL, &d));
  ck_assert(d.n == 1 && !ht_dataset_find(&d, "label"));
  ht_dataset_free(&d);
  OK(ht_dataset_read(own("t/b/2.jpg"), NULL, &d));
  assert_string(column(&d, "image", HT_STRING), 0, own("t/b/2.jpg"));
  ht_dataset_free(&d);
  ck_assert_int_eq(unlink(own("t/b/2.jpg")), 0);
  FAILS(ht_dataset_read(own("t/b"), NULL, &d), HT_CORRUPT, "no class folders");
}
END_TEST

/* ---- arrays */

static const char *records(void) {
  char tests[1024];
  return ht_path_join(&arena, test_folder(tests),
                      "models/arrays/examples.tfrecord");
}

START_TEST(features_of_records_are_columns) {
  ht_dataset d;
  OK(ht_dataset_read(records(), NULL, &d));
  ck_assert(d.n == 3 && d.n_columns == 5);
  assert_string(column(&d, "text", HT_STRING), 0, "one");
  ck_assert_int_eq(ht_str(column(&d, "text", HT_STRING))[1].n, 4);
  const ht_tensor *pair = column(&d, "pair", HT_FLOAT);
  ck_assert(pair->shape.rank == 2 && ht_f(pair)[5] == -6.5f);
  const ht_tensor *number = column(&d, "number", HT_INT64);
  ck_assert(number->shape.rank == 1 && ht_i64(number)[1] == -8);
  ck_assert(ht_i64(number)[2] == (int64_t)1 << 40);
  const ht_column *names = ht_dataset_find(&d, "names");
  ck_assert(names->splits[1] == 2 && names->splits[2] == 2);
  assert_string(&names->value, 2, "z");
  const ht_column *rare = ht_dataset_find(&d, "rare");
  ck_assert(rare->splits[3] == 2 && ht_i64(&rare->value)[1] == 2);
  ht_dataset_free(&d);
}
END_TEST

/* A byte changed or the end missing: refused, or there are fewer records. */
START_TEST(damaged_records_are_refused) {
  char *data;
  size_t n;
  ht_dataset d;
  OK(ht_file_read(records(), 1 << 20, &arena, &data, &n));
  for (size_t i = 0; i < n; i++) {
    data[i] = (char)(data[i] ^ 0x21);
    OK(ht_file_write(own("r.tfrecord"), data, n));
    FAILS(ht_dataset_read(own("r.tfrecord"), NULL, &d), HT_CORRUPT, "record");
    data[i] = (char)(data[i] ^ 0x21);
    OK(ht_file_write(own("r.tfrecord"), data, i));
    ht_status st = ht_dataset_read(own("r.tfrecord"), NULL, &d);
    if (st.code == HT_OK) ht_dataset_free(&d);
    ck_assert(st.code == HT_OK || st.code == HT_CORRUPT);
  }
}
END_TEST

START_TEST(arrays_of_numpy_are_columns_and_scalars_whole) {
  char tests[1024];
  ht_dataset d;
  const char *path = ht_arena_printf(&arena, "%s/models/arrays/stored.npz",
                                     test_folder(tests));
  FAILS(ht_dataset_read(path, NULL, &d), HT_CORRUPT, "examples");
  const char *const wanted[] = {"x", "n", "b"};
  ht_read_options o = {.wanted = wanted, .n_wanted = 3};
  OK(ht_dataset_read(path, &o, &d));
  ck_assert(d.n == 2 && column(&d, "x", HT_FLOAT)->shape.rank == 3);
  ck_assert(ht_dataset_find(&d, "n")->whole);
  ht_dataset_free(&d);
}
END_TEST

static void write_hdf5(const char *path) {
  hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hsize_t dims[] = {2, 3};
  float x[] = {1, 2, 3, 4, 5, 6};
  const char *s[] = {"one", "\xc3\xa9"};
  hid_t both = H5Screate_simple(2, dims, NULL);
  hid_t one = H5Screate_simple(1, dims, NULL);
  hid_t group = H5Gcreate2(f, "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  hid_t set = H5Dcreate2(group, "x", H5T_IEEE_F32BE, both, H5P_DEFAULT,
                         H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x);
  H5Dclose(set);
  hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, H5T_VARIABLE);
  H5Tset_cset(text, H5T_CSET_UTF8);
  set = H5Dcreate2(f, "text", text, one, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(set, text, H5S_ALL, H5S_ALL, H5P_DEFAULT, s);
  H5Dclose(set);
  hid_t how = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(how, "/etc/passwd", 0, 8);
  set = H5Dcreate2(f, "outside", H5T_STD_I32LE, one, H5P_DEFAULT, how,
                   H5P_DEFAULT);
  H5Dclose(set);
  H5Pclose(how);
  H5Lcreate_external("/etc/passwd", "/x", f, "link", H5P_DEFAULT, H5P_DEFAULT);
  H5Tclose(text);
  H5Sclose(both);
  H5Sclose(one);
  H5Gclose(group);
  H5Fclose(f);
}

START_TEST(hdf5_gives_columns_and_opens_nothing_outside) {
  ht_dataset d;
  const char *const wanted[] = {"g/x", "text"};
  ht_read_options o = {.wanted = wanted, .n_wanted = 2};
  write_hdf5(own("a.h5"));
  OK(ht_dataset_read(own("a.h5"), &o, &d));
  ck_assert(ht_f(column(&d, "g/x", HT_FLOAT))[5] == 6);
  assert_string(column(&d, "text", HT_STRING), 1, "\xc3\xa9");
  ht_dataset_free(&d);
  FAILS(ht_dataset_read(own("a.h5"), NULL, &d), HT_UNSUPPORTED, "'outside'");
  FAILS(ht_dataset_read(file("b.h5", "text"), NULL, &d), HT_CORRUPT, "b.h5");
}
END_TEST

static void overwrite(const char *path, const char *p, size_t n) {
  FILE *f = fopen(path, "wb");
  ck_assert(f && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

START_TEST(damaged_texts_do_no_more_than_fail) {
  static const char *const name[] = {"a.csv", "a.jsonl", "a.txt", "a.tsv"};
  static const char *const content[] = {
      "t,n\n\"a,\"\"b\",1\nc,2\n",
      "{\"a\":[1,2],\"b\":\"x\"}\n{\"a\":[3,4],\"b\":\"y\"}\n",
      "__label__x a b\n__label__y __label__z c\n", "t\tn\r\na\t1\r\nb\t2"};
  static const char with[] = "\"\n\r,\t[{:\0\xff 9";
  for (int k = 0; k < 4; k++) {
    char bytes[128];
    size_t n = strlen(content[k]);
    for (size_t i = 0; i < n; i++)
      for (size_t w = 0; w < sizeof with; w++) {
        ht_dataset d;
        memcpy(bytes, content[k], n);
        bytes[i] = with[w];
        overwrite(own(name[k]), bytes, w + 1 == sizeof with ? i : n);
        ht_status st = ht_dataset_read(own(name[k]), NULL, &d);
        if (st.code == HT_OK)
          ht_dataset_free(&d);
        else
          ck_assert_msg(strstr(st.msg, name[k]), "%s", st.msg);
      }
  }
}
END_TEST

START_TEST(what_is_no_data_is_refused) {
  ht_dataset d;
  FAILS(ht_dataset_read(own("none.csv"), NULL, &d), HT_IO, "none.csv");
  FAILS(ht_dataset_read(file("a.doc", "x"), NULL, &d), HT_USAGE, "a.doc");
}
END_TEST

/* ---- labels */

static void learn(const ht_dataset *d, const char *name, ht_task task,
                  ht_labels *l) {
  OK(ht_labels_learn(ht_dataset_find(d, name), task, 0, l));
}

START_TEST(classes_are_sorted_and_unknown_ones_refused) {
  ht_dataset d, other;
  ht_labels l;
  ht_targets t;
  read_content("a.csv", "t,n\nb,10\na,9\nb,10\nc,9\n", &d);
  learn(&d, "t", HT_TASK_AUTO, &l);
  ck_assert(l.task == HT_TASK_CLASSIFY && l.n == 3);
  ck_assert_str_eq(l.name[0], "a");
  OK(ht_labels_encode(&l, ht_dataset_find(&d, "t"), &t));
  ck_assert(ht_i64(&t.column.value)[0] == 1 && ht_i64(&t.column.value)[3] == 2);
  float weight[3];
  const int64_t all[] = {0, 1, 2, 3};
  OK(ht_labels_balance(&l, &t, all, 4, weight));
  ck_assert(weight[0] == (float)(4.0 / 3) && weight[1] == (float)(4.0 / 6));
  ht_targets_free(&t);
  read_content("b.csv", "t,n\nz,1\na,1\n", &other);
  FAILS(ht_labels_encode(&l, ht_dataset_find(&other, "t"), &t), HT_USAGE,
        "label 'z' of 't' is none of the 3 classes");
  ht_labels_free(&l);
  FAILS(ht_labels_learn(ht_dataset_find(&other, "n"), HT_TASK_AUTO, 0, &l),
        HT_USAGE, "one class only, '1'");
  learn(&d, "n", HT_TASK_AUTO, &l);
  ck_assert_str_eq(l.name[0], "9");
  ht_labels_free(&l);
  OK(ht_labels_learn(ht_dataset_find(&d, "n"), HT_TASK_AUTO, 10, &l));
  FAILS(ht_labels_encode(&l, ht_dataset_find(&d, "n"), &t), HT_USAGE,
        "label '10' of 'n' is none of the 10 classes");
  ht_labels_free(&l);
  ht_dataset_free(&d);
  ht_dataset_free(&other);
}
END_TEST

START_TEST(sets_of_labels_become_rows_of_ones) {
  ht_dataset d;
  ht_labels l;
  ht_targets t;
  ht_tensor row;
  read_content("a.tsv", "t\tids\na\t4,27\nb\t4\nc\t100, 4\n", &d);
  learn(&d, "ids", HT_TASK_MULTILABEL, &l);
  ck_assert(l.n == 3 && strcmp(l.name[1], "27") == 0);
  OK(ht_labels_encode(&l, ht_dataset_find(&d, "ids"), &t));
  const int64_t index[] = {2, 0};
  OK(ht_batch_multihot(NULL, &t.column, t.n_classes, index, 2, &row));
  const float want[] = {1, 0, 1, 1, 1, 0};
  ck_assert(memcmp(row.data, want, sizeof want) == 0);
  ht_tensor_drop(&row);
  ht_targets_free(&t);
  ht_labels_free(&l);
  ht_dataset_free(&d);
}
END_TEST

START_TEST(numbers_are_regressed_on) {
  ht_dataset d;
  ht_labels l;
  ht_targets t;
  read_content("a.csv", "x,y\n1,0.5\n2,1\n", &d);
  learn(&d, "y", HT_TASK_AUTO, &l);
  ck_assert(l.task == HT_TASK_REGRESS && l.n == 1);
  OK(ht_labels_encode(&l, ht_dataset_find(&d, "y"), &t));
  ck_assert(t.column.value.shape.rank == 2 && ht_f(&t.column.value)[1] == 1);
  ht_targets_free(&t);
  FAILS(ht_labels_learn(ht_dataset_find(&d, "y"), HT_TASK_CLASSIFY, 0, &l),
        HT_USAGE, "0.5");
  ht_dataset_free(&d);
}
END_TEST

/* ---- splits and batches */

static void read_numbers(const char *name, int from, int n, ht_dataset *d) {
  ht_text t = {0};
  ht_text_add(&t, "text,n\n");
  for (int i = 0; i < n; i++)
    ht_text_printf(&t, "text %d,%d\n", (from + i) % n / 2, (from + i) % n / 2);
  read_content(name, t.p, d);
  ht_text_free(&t);
}

START_TEST(a_split_depends_on_content_alone) {
  ht_dataset a, b;
  ht_split s, r;
  ht_split_options o = {.fraction = 0.1, .seed = 3};
  read_numbers("a.csv", 0, 200, &a);
  read_numbers("b.csv", 77, 200, &b);
  OK(ht_split_make(&a, &o, &arena, &s));
  OK(ht_split_make(&b, &o, &arena, &r));
  ck_assert(s.n_valid == 20 && s.n_train == 180 && r.n_valid == 20);
  bool in[100] = {false};
  for (int i = 0; i < 20; i++)
    in[ht_i64(column(&a, "n", HT_INT64))[s.valid[i]]] = true;
  for (int i = 0; i < 20; i++)
    ck_assert(in[ht_i64(column(&b, "n", HT_INT64))[r.valid[i]]]);
  for (int i = 0; i < 180; i++) /* equal examples stay together */
    ck_assert(!in[ht_i64(column(&a, "n", HT_INT64))[s.train[i]]]);
  o.seed = 4;
  OK(ht_split_make(&a, &o, &arena, &r));
  ck_assert(memcmp(r.valid, s.valid, 20 * sizeof *s.valid) != 0);
  o.fraction = 1;
  FAILS(ht_split_make(&a, &o, &arena, &r), HT_USAGE, "between 0 and 1");
  ht_dataset_free(&a);
  ht_dataset_free(&b);
}
END_TEST

START_TEST(groups_stay_on_one_side) {
  ht_dataset d;
  ht_split s;
  ht_text t = {0};
  ht_split_options o = {.fraction = 0.2, .group = "path=[^/_]+_"};
  ht_text_add(&t, "path,other\n");
  for (int i = 0; i < 300; i++)
    ht_text_printf(&t, "x/%d_%d.jpg,%d\n", i % 30, i, i);
  read_content("groups.csv", t.p, &d);
  ht_text_free(&t);
  OK(ht_split_make(&d, &o, &arena, &s));
  ck_assert(s.n_valid == 60 && s.n_train == 240);
  bool in[30] = {false};
  for (int i = 0; i < 60; i++) in[s.valid[i] % 30] = true;
  for (int i = 0; i < 240; i++) ck_assert(!in[s.train[i] % 30]);
  o.group = "nothing";
  FAILS(ht_split_make(&d, &o, &arena, &s), HT_USAGE, "no column 'nothing'");
  ht_dataset_free(&d);
}
END_TEST

START_TEST(an_epoch_visits_each_example_once_and_can_be_resumed) {
  ht_order o, again;
  const int64_t subset[] = {3, 5, 7, 9, 11}, *index;
  int64_t sum = 0, n, batches = 0, third[2];
  OK(ht_order_open(subset, 5, 2, true, 1, &o));
  while ((n = ht_order_next(&o, &index))) {
    for (int64_t i = 0; i < n; i++) sum += index[i];
    ck_assert(n == 2 || (n == 1 && batches == 2));
    batches++;
  }
  ck_assert(sum == 35 && batches == 3 && o.epoch == 1 && o.next == 0);
  ck_assert_int_eq(ht_order_next(&o, &index), 2);
  ck_assert_int_eq(ht_order_next(&o, &index), 2);
  memcpy(third, index, sizeof third);
  OK(ht_order_open(subset, 5, 2, true, 1, &again));
  OK(ht_order_seek(&again, 1, 2));
  ck_assert_int_eq(ht_order_next(&again, &index), 2);
  ck_assert(memcmp(third, index, sizeof third) == 0);
  FAILS(ht_order_seek(&again, 1, 6), HT_USAGE, "no example 6");
  ht_order_close(&o);
  ht_order_close(&again);
}
END_TEST

START_TEST(rows_are_gathered_and_strings_outlive_their_data) {
  ht_dataset d;
  ht_tensor text, n;
  const int64_t index[] = {5, 0, 5};
  read_numbers("a.csv", 0, 20, &d);
  OK(ht_batch_gather(NULL, ht_dataset_find(&d, "text"), index, 3, &text));
  OK(ht_batch_gather(NULL, ht_dataset_find(&d, "n"), index, 3, &n));
  ht_dataset_free(&d);
  assert_string(&text, 0, "text 2");
  assert_string(&text, 1, "text 0");
  ck_assert(ht_i64(&n)[2] == 2 && n.shape.dim[0] == 3);
  ht_tensor_drop(&text);
  ht_tensor_drop(&n);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, columns_of_csv_have_the_type_that_all_values_fit);
  tcase_add_test(tests, utf16_is_told_by_its_mark_or_zeros_and_read_as_utf8);
  tcase_add_test(tests, carriage_returns_alone_end_lines);
  tcase_add_test(tests, a_first_row_of_names_is_told_from_examples);
  tcase_add_test(tests, damaged_tables_are_refused_with_their_line);
  tcase_add_test(tests, a_missing_column_is_refused_with_those_there_are);
  tcase_add_test(tests, gzip_is_unpacked_and_cut_gzip_refused);
  tcase_add_test(tests, json_lines_keep_types_sets_and_shapes);
  tcase_add_test(tests, damaged_json_lines_are_refused_with_their_line);
  tcase_add_test(tests, lines_of_fasttext_give_labels_and_what_is_left);
  tcase_add_test(tests, class_folders_give_texts_or_paths_of_images);
  tcase_add_test(tests, features_of_records_are_columns);
  tcase_add_test(tests, damaged_records_are_refused);
  tcase_add_test(tests, arrays_of_numpy_are_columns_and_scalars_whole);
  tcase_add_test(tests, hdf5_gives_columns_and_opens_nothing_outside);
  tcase_add_test(tests, damaged_texts_do_no_more_than_fail);
  tcase_add_test(tests, what_is_no_data_is_refused);
  tcase_add_test(tests, classes_are_sorted_and_unknown_ones_refused);
  tcase_add_test(tests, sets_of_labels_become_rows_of_ones);
  tcase_add_test(tests, numbers_are_regressed_on);
  tcase_add_test(tests, a_split_depends_on_content_alone);
  tcase_add_test(tests, groups_stay_on_one_side);
  tcase_add_test(tests, an_epoch_visits_each_example_once_and_can_be_resumed);
  tcase_add_test(tests, rows_are_gathered_and_strings_outlive_their_data);
}

int main(void) { return test_main("dataset", add); }
