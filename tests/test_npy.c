/* test_npy.c - arrays that numpy wrote, read; ours written and read again;
 * damaged ones refused. */
#include <unistd.h>

#include "base/file.h"
#include "format/npy.h"
#include "format/npz.h"
#include "test.h"

static ht_arena arena;
static char folder[256];

static void setup(void) {
  snprintf(folder, sizeof folder, "/tmp/hubtune-npy-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void) {
  OK(ht_folder_remove(folder));
  ht_arena_free(&arena);
}

static const char *golden(const char *name) {
  char tests[1024];
  return ht_arena_printf(&arena, "%s/models/arrays/%s", test_folder(tests),
                         name);
}

static const char *own(const char *name) {
  return ht_path_join(&arena, folder, name);
}

static void assert_counting(const ht_npy *a) {
  ck_assert(a->dtype == HT_FLOAT && a->rank == 3 && a->count == 24);
  ck_assert(a->dim[0] == 2 && a->dim[1] == 3 && a->dim[2] == 4);
  for (int i = 0; i < 24; i++) ck_assert(((float *)a->data)[i] == (float)i);
}

static void assert_text(const ht_npy *a, int64_t i, const char *want) {
  size_t n = (size_t)(a->offset[i + 1] - a->offset[i]);
  ck_assert(n == strlen(want) && memcmp(a->data + a->offset[i], want, n) == 0);
}

static void assert_texts(const ht_npy *a) {
  ck_assert(a->dtype == HT_STRING && a->rank == 1 && a->count == 3);
  assert_text(a, 0, "");
  assert_text(a, 1, "\xc3\xa9t\xc3\xa9");
  assert_text(a, 2, "\xf0\x9f\x98\x80 long one");
}

START_TEST(orders_of_bytes_and_axes_do_not_show) {
  ht_npy a;
  static const char *const name[] = {"fortran.npy", "big.npy"};
  for (int i = 0; i < 2; i++) {
    OK(ht_npy_read(golden(name[i]), &a));
    assert_counting(&a);
    ht_npy_free(&a);
  }
  OK(ht_npy_read(golden("big_text.npy"), &a));
  assert_texts(&a);
  ht_npy_free(&a);
  OK(ht_npy_read(golden("complex_big.npy"), &a));
  ck_assert(((float *)a.data)[0] == 1 && ((float *)a.data)[1] == 2);
  ht_npy_free(&a);
}
END_TEST

START_TEST(later_versions_are_read) {
  ht_npy a;
  for (int v = 2; v <= 3; v++) {
    OK(ht_npy_read(golden(v == 2 ? "version2.npy" : "version3.npy"), &a));
    ck_assert(a.dtype == HT_DOUBLE && a.rank == 2 && a.dim[1] == 1);
    ck_assert(((double *)a.data)[1] == -2);
    ht_npy_free(&a);
  }
}
END_TEST

START_TEST(what_needs_more_than_numbers_is_refused) {
  ht_npy a;
  FAILS(ht_npy_read(golden("object.npy"), &a), HT_UNSUPPORTED, "pickle");
  FAILS(ht_npy_read(golden("structured.npy"), &a), HT_UNSUPPORTED,
        "structured");
  FAILS(ht_npy_read(golden("stored.npz"), &a), HT_CORRUPT, "no array");
  FAILS(ht_npy_read(own("none"), &a), HT_IO, "none");
}
END_TEST

/* A file of version 1 that ends where its data would begin. */
static const char *header_alone(const char *shape) {
  char text[119], file[128];
  int n = snprintf(text, sizeof text,
                   "{'descr': '|S0', 'fortran_order': False, 'shape': (%s,), }",
                   shape);
  memset(text + n, ' ', sizeof text - 1 - (size_t)n);
  text[sizeof text - 2] = '\n';
  memcpy(file, "\x93NUMPY\x01\0\x76\0", 10);
  memcpy(file + 10, text, 118);
  const char *path = own("header.npy");
  OK(ht_file_write(path, file, sizeof file));
  return path;
}

START_TEST(strings_of_no_bytes_are_few) {
  ht_npy a;
  OK(ht_npy_read(header_alone("3"), &a));
  ck_assert(a.dtype == HT_STRING && a.count == 3 && a.offset[3] == 0);
  ht_npy_free(&a);
  FAILS(ht_npy_read(header_alone("9000000000"), &a), HT_CORRUPT,
        "has 9000000000 strings of no bytes");
}
END_TEST

typedef struct {
  char names[256];
  ht_npy last;
} seen;

static ht_status note(void *arg, const char *name, ht_npy *a) {
  seen *s = arg;
  strcat(s->names, name);
  strcat(s->names, " ");
  if (strcmp(name, "x") == 0) assert_counting(a);
  if (strcmp(name, "text") == 0) assert_texts(a);
  ht_npy_free(&s->last);
  s->last = *a;
  *a = (ht_npy){0};
  return HT_SUCCESS;
}

START_TEST(archives_give_their_arrays_in_order) {
  seen s = {0};
  OK(ht_npz_read(golden("stored.npz"), note, &s));
  ck_assert_str_eq(s.names, "x n text bytes b ");
  ck_assert(s.last.dtype == HT_BOOL && s.last.data[0] == 1);
  s.names[0] = 0;
  OK(ht_npz_read(golden("zip64.npz"), note, &s));
  ck_assert_str_eq(s.names, "x ");
  s.names[0] = 0;
  OK(ht_npz_read(golden("deflated.npz"), note, &s));
  ck_assert_str_eq(s.names, "zeros a/b\xc3\xa9 ");
  ck_assert(s.last.dtype == HT_UINT16 && s.last.count == 3);
  FAILS(ht_npz_read(golden("other.npz"), note, &s), HT_CORRUPT, "readme.txt");
  FAILS(ht_npz_read(golden("big.npy"), note, &s), HT_CORRUPT, "big.npy");
  ht_npy_free(&s.last);
}
END_TEST

static ht_status put_again(void *arg, const char *name, ht_npy *a) {
  return ht_npz_put(arg, name, a);
}

START_TEST(what_is_written_is_read_again) {
  static const char *const from[] = {"stored.npz", "deflated.npz"};
  static const char *const want[] = {"x n text bytes b ", "zeros a/b\xc3\xa9 "};
  for (int i = 0; i < 4; i++) {
    seen s = {0};
    ht_npz_writer *w;
    OK(ht_npz_writer_open(own("a.npz"), i / 2, &w));
    OK(ht_npz_read(golden(from[i % 2]), put_again, w));
    OK(ht_npz_writer_commit(w));
    ht_npz_writer_drop(w);
    OK(ht_npz_read(own("a.npz"), note, &s));
    ck_assert_str_eq(s.names, want[i % 2]);
    ht_npy_free(&s.last);
  }
  ht_npy a, b;
  OK(ht_npy_read(golden("version2.npy"), &a));
  OK(ht_npy_write(own("b.npy"), &a));
  OK(ht_npy_read(own("b.npy"), &b));
  ck_assert(a.size == b.size && memcmp(a.data, b.data, a.size) == 0);
  ht_npy_free(&a);
  ht_npy_free(&b);
}
END_TEST

START_TEST(a_dropped_archive_leaves_nothing) {
  ht_npz_writer *w;
  char **names;
  int n;
  OK(ht_npz_writer_open(own("a.npz"), false, &w));
  ht_npz_writer_drop(w);
  OK(ht_folder_list(folder, &arena, &names, &n));
  ck_assert_int_eq(n, 0);
  FAILS(ht_npz_writer_open(own("no/a.npz"), false, &w), HT_IO, "no/a.npz");
}
END_TEST

static void overwrite(const char *path, const char *p, size_t n) {
  FILE *f = fopen(path, "wb");
  ck_assert(f && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

/* Some flips change only values; none may do worse. */
START_TEST(damage_never_does_more_than_fail) {
  static const char *const name[] = {"big_text.npy", "fortran.npy",
                                     "stored.npz"};
  for (int k = 0; k < 3; k++) {
    char *p;
    size_t n;
    bool npz = k == 2;
    OK(ht_file_read(golden(name[k]), 1 << 20, &arena, &p, &n));
    for (size_t i = 0; i < 2 * n; i++) {
      bool cut = i >= n;
      seen s = {0};
      ht_npy a;
      if (!cut) p[i] ^= 0x11;
      overwrite(own("x"), p, cut ? i - n : n);
      ht_status st =
          npz ? ht_npz_read(own("x"), note, &s) : ht_npy_read(own("x"), &a);
      if (!cut) p[i] ^= 0x11;
      ck_assert_msg(!cut || st.code != HT_OK, "cut at %zu went unseen", i - n);
      if (npz) ht_npy_free(&s.last);
      if (!npz && st.code == HT_OK) ht_npy_free(&a);
    }
  }
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, orders_of_bytes_and_axes_do_not_show);
  tcase_add_test(tests, later_versions_are_read);
  tcase_add_test(tests, strings_of_no_bytes_are_few);
  tcase_add_test(tests, what_needs_more_than_numbers_is_refused);
  tcase_add_test(tests, archives_give_their_arrays_in_order);
  tcase_add_test(tests, what_is_written_is_read_again);
  tcase_add_test(tests, a_dropped_archive_leaves_nothing);
  tcase_add_test(tests, damage_never_does_more_than_fail);
}

int main(void) { return test_main("npy", add); }
