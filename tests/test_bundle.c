/* test_bundle.c - checkpoints: those of TensorFlow read, written again byte
 * for byte, and refused where they are damaged. */
#include <dirent.h>
#include <snappy-c.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "format/crc32c.h"
#include "format/sstable.h"
#include "hub/checkpoint_read.h"
#include "hub/checkpoint_write.h"
#include "test.h"

static ht_arena arena;
static char folder[256];

static void setup(void) {
  snprintf(folder, sizeof folder, "/tmp/hubtune-bundle-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void) {
  OK(ht_folder_remove(folder));
  ht_arena_free(&arena);
}

static const char *golden(const char *name) {
  char tests[1024];
  return ht_arena_printf(&arena, "%s/models/bundles/%s", test_folder(tests),
                         name);
}

static const char *own(const char *name) {
  return ht_path_join(&arena, folder, name);
}

static size_t unhex(const char *hex, unsigned char *out) {
  size_t n = 0;
  for (; *hex; hex++) {
    if (*hex == ' ') continue;
    unsigned byte;
    ck_assert_int_eq(sscanf(hex++, "%2x", &byte), 1);
    out[n++] = (unsigned char)byte;
  }
  return n;
}

static void assert_same_file(const char *a, const char *b) {
  char *p, *q;
  size_t n, m;
  OK(ht_file_read(a, 1 << 26, &arena, &p, &n));
  OK(ht_file_read(b, 1 << 26, &arena, &q, &m));
  ck_assert_msg(n == m && memcmp(p, q, n) == 0, "%s differs from %s", a, b);
}

static void assert_same_bundle(const char *a, const char *b) {
  static const char *const end[] = {"index", "data-00000-of-00001"};
  for (int i = 0; i < 2; i++)
    assert_same_file(ht_arena_printf(&arena, "%s.%s", a, end[i]),
                     ht_arena_printf(&arena, "%s.%s", b, end[i]));
}

static void read_key(ht_bundle *b, const char *key, ht_dtype dtype,
                     ht_tensor *out) {
  OK(ht_checkpoint_read(b, key, out));
  ck_assert_int_eq(out->dtype, dtype);
}

/* The checkpoint of half_plus_two, one of the library's own test modules. */
static const char half_index[] =
    "00000608011a02080100010b61080112002804350638271f00010d62080112002004280435"
    "10fd784f0000000001000000006c129ef3 000000000100000000c0f2a1b0"
    "0001026300310000000001000000 0054f2762d3608430e"
    "000000000000000000000000000000000000000000000000000000000000000000000000"
    "57fb808b247547db";

static size_t write_half(const char *prefix, unsigned char index[256]) {
  static const unsigned char data[8] = {0, 0, 0, 0x3f, 0, 0, 0, 0x40};
  size_t n = unhex(half_index, index);
  OK(ht_file_write(ht_arena_printf(&arena, "%s.index", prefix), index, n));
  OK(ht_file_write(ht_arena_printf(&arena, "%s.data-00000-of-00001", prefix),
                   data, sizeof data));
  return n;
}

START_TEST(a_published_bundle_is_read_and_written_to_the_byte) {
  unsigned char index[256];
  const char *prefix = own("half");
  ck_assert_uint_eq(write_half(prefix, index), 134);
  ht_bundle *b;
  ht_tensor a, two;
  OK(ht_checkpoint_open(prefix, &b));
  read_key(b, "a", HT_FLOAT, &a);
  read_key(b, "b", HT_FLOAT, &two);
  ck_assert(ht_f(&a)[0] == 0.5f && ht_f(&two)[0] == 2.0f);
  ht_checkpoint_item item[] = {{.key = "a", .value = &a},
                               {.key = "b", .value = &two}};
  OK(ht_checkpoint_write(own("again"), item, 2));
  assert_same_bundle(prefix, own("again"));
  ht_tensor_drop(&a);
  ht_tensor_drop(&two);
  ht_bundle_close(b);
}
END_TEST

static const unsigned char *place(const ht_bundle_entry *e) {
  return e->n_slices ? e->slice[0].part->data : e->data;
}

static int by_place(const void *a, const void *b) {
  const ht_checkpoint_item *x = a, *y = b;
  const unsigned char *p = place(x->like), *q = place(y->like);
  return (p > q) - (p < q);
}

/* All entries of a bundle, to be copied, in the order of its data file. */
static ht_checkpoint_item *all_items(ht_bundle *b) {
  int n = ht_bundle_count(b);
  ht_checkpoint_item *item = calloc((size_t)n, sizeof *item);
  for (int i = 0; i < n; i++) {
    const ht_bundle_entry *e = ht_bundle_at(b, i);
    item[i] = (ht_checkpoint_item){.key = e->key, .source = b, .like = e};
  }
  qsort(item, (size_t)n, sizeof *item, by_place);
  return item;
}

/* Every entry through a tensor, or (as_copy) as it stands. */
static void rewrite(const char *from, const char *to, bool as_copy) {
  ht_bundle *b;
  OK(ht_checkpoint_open(from, &b));
  int n = ht_bundle_count(b);
  ht_checkpoint_item *item = all_items(b);
  ht_tensor *value = calloc((size_t)n, sizeof *value);
  for (int i = 0; i < n; i++) {
    const ht_bundle_entry *e = item[i].like;
    if (as_copy || (e->dtype == HT_STRING && e->n_slices)) continue;
    OK(ht_checkpoint_tensor(b, e, &value[i]));
    item[i].value = &value[i];
  }
  OK(ht_checkpoint_write(to, item, n));
  for (int i = 0; i < n; i++) ht_tensor_drop(&value[i]);
  free(item);
  free(value);
  ht_bundle_close(b);
}

START_TEST(tensorflows_bundles_are_written_to_the_byte) {
  static const char *const name[] = {"types", "slices"};
  for (int i = 0; i < 4; i++) {
    rewrite(golden(name[i / 2]), own(name[i / 2]), i % 2);
    assert_same_bundle(golden(name[i / 2]), own(name[i / 2]));
  }
  rewrite(golden("variants"), own("variants"), true);
  assert_same_bundle(golden("variants"), own("variants"));
}
END_TEST

START_TEST(every_dtype_has_tensorflows_values) {
  static const char *const name[] = {"float32", "float64", "int32",  "uint8",
                                     "int16",   "int8",    "int64",  "bool",
                                     "uint16",  "half",    "uint32", "uint64"};
  ht_bundle *b;
  ht_tensor t;
  OK(ht_checkpoint_open(golden("types"), &b));
  for (size_t k = 0; k < sizeof name / sizeof *name; k++) {
    const char *tf = strcmp(name[k], "half") ? name[k] : "float16";
    OK(ht_checkpoint_read(b, ht_arena_printf(&arena, "dtype/%s", tf), &t));
    ck_assert_int_eq(t.dtype, ht_dtype_find(name[k]));
    ck_assert(t.shape.rank == 2 && t.shape.dim[0] == 2 && t.shape.dim[1] == 3);
    for (int i = 0; i < 6; i++)
      ck_assert(ht_real_at(&t, i) == (t.dtype == HT_BOOL ? i != 0 : i));
    ht_tensor_drop(&t);
  }
  read_key(b, "dtype/complex64", HT_COMPLEX64, &t);
  ck_assert(ht_f(&t)[10] == 5 && ht_f(&t)[11] == 0);
  ht_tensor_drop(&t);
  read_key(b, "dtype/bfloat16", HT_BFLOAT16, &t);
  ck_assert(ht_bfloat16_to_float(HT_DATA(uint16_t, &t)[5]) == 5);
  ht_tensor_drop(&t);
  read_key(b, "empty/float", HT_FLOAT, &t);
  ck_assert(t.shape.rank == 2 && t.shape.dim[0] == 3 && !ht_count(&t));
  ht_tensor_drop(&t);
  ht_bundle_close(b);
}
END_TEST

static void assert_string(const ht_tensor *t, int64_t i, const char *p,
                          size_t n) {
  ht_string s = ht_str(t)[i];
  ck_assert(s.n == n && memcmp(s.p, p, n) == 0);
}

START_TEST(strings_outlive_their_bundle) {
  ht_bundle *b;
  ht_tensor t, scalar;
  OK(ht_checkpoint_open(golden("types"), &b));
  read_key(b, "text/long", HT_STRING, &t);
  read_key(b, "text/scalar", HT_STRING, &scalar);
  ht_bundle_close(b);
  ck_assert_uint_eq(ht_str(&t)[0].n, 300);
  assert_string(&t, 1, "", 0);
  assert_string(&t, 2, "\xc3\xa9t\xc3\xa9", 5);
  assert_string(&t, 3, "a\0b", 3);
  assert_string(&scalar, 0, "serialised", 10);
  ht_tensor_drop(&t);
  ht_tensor_drop(&scalar);
}
END_TEST

START_TEST(partitioned_tensors_are_put_together) {
  ht_bundle *b;
  ht_tensor t;
  OK(ht_checkpoint_open(golden("slices"), &b));
  ck_assert_int_eq(ht_bundle_count(b), 4);
  read_key(b, "box", HT_FLOAT, &t);
  for (int i = 0; i < 48; i++) ck_assert(ht_f(&t)[i] == (float)i);
  ht_tensor_drop(&t);
  read_key(b, "u\xc3\xbf", HT_UINT8, &t);
  for (int i = 0; i < 18000; i++) ck_assert(HT_DATA(uint8_t, &t)[i] == i % 251);
  ht_tensor_drop(&t);
  read_key(b, "text", HT_STRING, &t);
  assert_string(&t, 0, "a", 1);
  assert_string(&t, 2, "ccc", 3);
  ht_tensor_drop(&t);
  ht_bundle_close(b);
}
END_TEST

START_TEST(aligned_values_are_the_mapping_and_others_copies) {
  ht_bundle *b;
  ht_tensor t;
  int mapped = 0, copied = 0;
  OK(ht_checkpoint_open(golden("types"), &b));
  for (int i = 0; i < ht_bundle_count(b); i++) {
    const ht_bundle_entry *e = ht_bundle_at(b, i);
    if (e->dtype == HT_STRING || !e->count) continue;
    OK(ht_checkpoint_tensor(b, e, &t));
    size_t width = ht_bundle_width(e->dtype);
    if ((uintptr_t)e->data % width == 0)
      mapped += t.data == e->data;
    else
      copied += (uintptr_t)t.data % width == 0;
    memset(t.data, 255, ht_tensor_bytes(&t)); /* copy on write */
    ht_tensor_drop(&t);
  }
  ck_assert(mapped > 0 && copied > 0 && mapped + copied == 16);
  ht_bundle_close(b);
  rewrite(golden("types"), own("types"), true);
  assert_same_bundle(golden("types"), own("types"));
}
END_TEST

START_TEST(a_copy_is_of_the_file_and_not_of_a_changed_mapping) {
  ht_bundle *b;
  ht_tensor t;
  OK(ht_checkpoint_open(golden("types"), &b));
  ht_checkpoint_item *item = all_items(b);
  read_key(b, "dtype/uint8", HT_UINT8, &t);
  memset(t.data, 9, 6);
  OK(ht_checkpoint_write(own("types"), item, ht_bundle_count(b)));
  assert_same_bundle(golden("types"), own("types"));
  ht_tensor_drop(&t);
  free(item);
  ht_bundle_close(b);
}
END_TEST

START_TEST(several_data_files_become_one) {
  ht_bundle *b;
  ht_tensor t;
  rewrite(golden("shards"), own("one"), false);
  rewrite(golden("shards"), own("two"), true);
  assert_same_bundle(own("one"), own("two"));
  OK(ht_checkpoint_open(own("one"), &b));
  read_key(b, "a", HT_INT64, &t);
  ck_assert_int_eq(ht_i64(&t)[0], 3);
  ht_tensor_drop(&t);
  read_key(b, "c", HT_DOUBLE, &t);
  ck_assert(HT_DATA(double, &t)[1] == 5);
  ht_tensor_drop(&t);
  read_key(b, "d", HT_STRING, &t);
  assert_string(&t, 1, "two", 3);
  ht_tensor_drop(&t);
  ht_bundle_close(b);
}
END_TEST

static void put(ht_sstable_writer *w, const char *key, const void *value,
                size_t n) {
  OK(ht_sstable_add(w, key, strlen(key), value, n));
}

/* Header {num_shards 1, endianness BIG, version {producer 1}}, one float [2]
 * and a string [2]: what a big-endian machine would have written. */
static void write_big_endian(const char *prefix) {
  static const unsigned char numbers[] = {0x3f, 0x80, 0, 0, 0x40, 0, 0, 0};
  unsigned char data[64], entry[64];
  ht_text strings = {0};
  static const unsigned char lengths[] = {0, 0, 0, 1, 0, 0, 0, 2};
  uint32_t crc = ht_crc32c(lengths, 8), mark = ht_crc32c_mask(crc);
  mark = __builtin_bswap32(mark);
  ht_text_bytes(&strings, "\1\2", 2);
  ht_text_bytes(&strings, &mark, 4);
  ht_text_bytes(&strings, "abc", 3);
  crc = ht_crc32c_mask(ht_crc32c_extend(crc, strings.p + 2, 7));
  memcpy(data, numbers, 8);
  memcpy(data + 8, strings.p, 9);
  ht_sstable_writer w;
  ht_sstable_start(&w);
  put(&w, "", "\x08\x01\x10\x01\x1a\x02\x08\x01", 8);
  size_t n = unhex("0801 1204 12020802 2808 35", entry);
  uint32_t of_numbers = ht_crc32c_mask(ht_crc32c(numbers, 8));
  memcpy(entry + n, &of_numbers, 4);
  put(&w, "f", entry, n + 4);
  n = unhex("0807 1204 12020802 2008 2809 35", entry);
  memcpy(entry + n, &crc, 4);
  put(&w, "s", entry, n + 4);
  OK(ht_sstable_finish(&w));
  OK(ht_file_write(ht_arena_printf(&arena, "%s.index", prefix), w.out.p,
                   w.out.n));
  OK(ht_file_write(ht_arena_printf(&arena, "%s.data-00000-of-00001", prefix),
                   data, 17));
  ht_sstable_free(&w);
  ht_text_free(&strings);
}

START_TEST(big_endian_bundles_are_swapped) {
  ht_bundle *b;
  ht_tensor t;
  write_big_endian(own("big"));
  for (int copy = 0; copy < 2; copy++) {
    OK(ht_checkpoint_open(copy ? own("little") : own("big"), &b));
    read_key(b, "f", HT_FLOAT, &t);
    ck_assert(ht_f(&t)[0] == 1 && ht_f(&t)[1] == 2);
    ht_tensor_drop(&t);
    read_key(b, "s", HT_STRING, &t);
    assert_string(&t, 1, "bc", 2);
    ht_tensor_drop(&t);
    ht_bundle_close(b);
    if (!copy) rewrite(own("big"), own("little"), true);
  }
}
END_TEST

/* ---- tables */

static ht_status count_entry(void *arg, const char *key, size_t key_n,
                             const char *value, size_t value_n) {
  char want[32];
  int *n = arg;
  snprintf(want, sizeof want, "key%07d", (*n)++);
  ck_assert(key_n == 10 && memcmp(key, want, 10) == 0);
  ck_assert(value_n == 40 && value[39] == want[9]);
  return HT_SUCCESS;
}

START_TEST(tables_of_many_blocks_are_walked_in_order) {
  enum { MANY = 20000 };
  ht_sstable_writer w;
  char key[32], value[40] = {0};
  int n = 0;
  ht_sstable_start(&w);
  for (int i = 0; i < MANY; i++) {
    snprintf(key, sizeof key, "key%07d", i);
    value[39] = key[9];
    put(&w, key, value, sizeof value);
  }
  FAILS(ht_sstable_add(&w, "key", 3, "", 0), HT_USAGE, "ascend");
  OK(ht_sstable_finish(&w));
  OK(ht_sstable_walk(w.out.p, w.out.n, count_entry, &n));
  ck_assert_int_eq(n, MANY);
  ht_sstable_free(&w);
}
END_TEST

/* The index of half_plus_two with its data block compressed. */
START_TEST(snappy_blocks_are_unpacked) {
  unsigned char index[256];
  write_half(own("half"), index);
  char packed[256];
  size_t n = sizeof packed;
  ck_assert_int_eq(snappy_compress((char *)index, 49, packed, &n), SNAPPY_OK);
  ht_text t = {0};
  ht_text_bytes(&t, packed, n);
  ht_text_bytes(&t, "\1", 1);
  uint32_t crc = ht_crc32c_mask(ht_crc32c(t.p, t.n));
  ht_text_bytes(&t, &crc, 4);
  size_t meta = t.n;
  ht_text_bytes(&t, index + 54, 13); /* metaindex block */
  size_t at = t.n;
  char entry[] = {0, 1, 2, 'c', 0, (char)n, 0, 0, 0, 0, 1, 0, 0, 0, 0};
  ht_text_bytes(&t, entry, sizeof entry);
  crc = ht_crc32c_mask(ht_crc32c(entry, sizeof entry));
  ht_text_bytes(&t, &crc, 4);
  char footer[40] = {(char)meta, 8, (char)at, sizeof entry - 1};
  ht_text_bytes(&t, footer, sizeof footer);
  ht_text_bytes(&t, index + 126, 8); /* magic */
  OK(ht_file_write(own("half.index"), t.p, t.n));
  ht_text_free(&t);
  ht_bundle *b;
  OK(ht_checkpoint_open(own("half"), &b));
  ck_assert_int_eq(ht_bundle_count(b), 2);
  ht_bundle_close(b);
}
END_TEST

/* ---- damage */

/* Without the sync of ht_file_write, for the thousands that follow. */
static void overwrite(const char *path, const char *p, size_t n) {
  FILE *f = fopen(path, "wb");
  ck_assert_ptr_nonnull(f);
  ck_assert_uint_eq(fwrite(p, 1, n, f), n);
  ck_assert_int_eq(fclose(f), 0);
}

static void try_all(const char *prefix, bool must_fail, const char *what,
                    size_t at) {
  ht_bundle *b = NULL;
  ht_status st = ht_checkpoint_open(prefix, &b);
  ck_assert_msg(!must_fail || st.code != HT_OK, "%s %zu went unseen", what, at);
  if (st.code != HT_OK) {
    ck_assert_ptr_null(b);
    ck_assert_msg(!strchr(st.msg, '\n') && strstr(st.msg, folder), "%s",
                  st.msg);
    return;
  }
  for (int i = 0; i < ht_bundle_count(b); i++) {
    ht_tensor t;
    st = ht_checkpoint_tensor(b, ht_bundle_at(b, i), &t);
    if (st.code == HT_OK) ht_tensor_drop(&t);
  }
  ht_bundle_close(b);
}

/* Bytes of an index that nothing reads: the padding of the footer. */
static bool is_padding(const char *p, size_t n, size_t i) {
  return i >= n - 48 && i < n - 8 && p[i] == 0;
}

static void damage_file(const char *prefix, const char *end, bool index) {
  const char *path = ht_arena_printf(&arena, "%s.%s", prefix, end);
  char *p;
  size_t n;
  OK(ht_file_read(path, 1 << 20, &arena, &p, &n));
  for (size_t i = 0; i < n; i++) {
    p[i] ^= 0x41;
    overwrite(path, p, n);
    p[i] ^= 0x41;
    try_all(prefix, !index || !is_padding(p, n, i), "flipping byte", i);
  }
  for (size_t i = 0; i < n; i++) {
    overwrite(path, p, i);
    try_all(prefix, true, "cutting at", i);
  }
  OK(ht_file_write(path, p, n));
}

static void copy_golden(const char *name) {
  static const char *const end[] = {"index", "data-00000-of-00001"};
  for (int i = 0; i < 2; i++) {
    char *p;
    size_t n;
    OK(ht_file_read(ht_arena_printf(&arena, "%s.%s", golden(name), end[i]),
                    1 << 20, &arena, &p, &n));
    OK(ht_file_write(ht_arena_printf(&arena, "%s/%s.%s", folder, name, end[i]),
                     p, n));
  }
}

START_TEST(damage_to_any_byte_is_one_line_of_failure) {
  static const char *const name[] = {"types", "variants"};
  for (int i = 0; i < 2; i++) {
    copy_golden(name[i]);
    damage_file(own(name[i]), "index", true);
    damage_file(own(name[i]), "data-00000-of-00001", false);
  }
}
END_TEST

/* Flips bytes of the first block and mends its checksum, so that the damage
 * reaches the entries. */
START_TEST(lies_in_entries_never_crash) {
  static const char *const name[] = {"types", "slices"};
  static const unsigned char flip[] = {1, 0x41, 0x80, 0xff};
  for (int k = 0; k < 2; k++) {
    copy_golden(name[k]);
    const char *path = ht_arena_printf(&arena, "%s/%s.index", folder, name[k]);
    char *p;
    size_t n;
    OK(ht_file_read(path, 1 << 20, &arena, &p, &n));
    size_t block = 0; /* before the metaindex block: 13 bytes, known */
    while (memcmp(p + block, "\0\0\0\0\1\0\0\0\0\xc0\xf2\xa1\xb0", 13)) block++;
    for (size_t i = 0; i < block - 4; i++)
      for (int f = 0; f < 4; f++) {
        char saved = p[i];
        p[i] = (char)(p[i] ^ flip[f]);
        uint32_t crc = ht_crc32c_mask(ht_crc32c(p, block - 4));
        memcpy(p + block - 4, &crc, 4);
        overwrite(path, p, n);
        try_all(own(name[k]), false, "", i);
        p[i] = saved;
      }
  }
}
END_TEST

START_TEST(what_is_no_bundle_is_named) {
  ht_bundle *b;
  static const char pointer[] =
      "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n";
  unsigned char index[256];
  FAILS(ht_bundle_open(own("none"), &b), HT_IO, "none.index");
  OK(ht_file_write(own("v1"), "old", 3));
  FAILS(ht_bundle_open(own("v1"), &b), HT_UNSUPPORTED, "first format");
  OK(ht_file_write(own("lfs.index"), pointer, sizeof pointer - 1));
  FAILS(ht_bundle_open(own("lfs"), &b), HT_CORRUPT, "Git LFS pointer");
  write_half(own("half"), index);
  OK(ht_file_write(own("half.data-00000-of-00001"), pointer,
                   sizeof pointer - 1));
  FAILS(ht_bundle_open(own("half"), &b), HT_CORRUPT, "Git LFS pointer");
  OK(ht_file_write(own("half.data-00000-of-00001"), "1234567", 7));
  FAILS(ht_bundle_open(own("half"), &b), HT_CORRUPT, "is cut short");
  ck_assert_int_eq(unlink(own("half.data-00000-of-00001")), 0);
  FAILS(ht_bundle_open(own("half"), &b), HT_IO, "No such file");
}
END_TEST

START_TEST(a_key_that_is_not_there_is_named) {
  ht_bundle *b;
  ht_tensor t;
  OK(ht_checkpoint_open(golden("variants"), &b));
  FAILS(ht_checkpoint_read(b, "nope", &t), HT_CORRUPT, "no tensor 'nope'");
  FAILS(ht_checkpoint_read(b, "list", &t), HT_UNSUPPORTED, "dtype 21");
  ht_bundle_close(b);
}
END_TEST

START_TEST(a_failed_write_leaves_nothing) {
  ht_tensor t;
  OK(ht_scalar_float(1, &t));
  ht_checkpoint_item item[] = {{.key = "a", .value = &t},
                               {.key = "a", .value = &t}};
  FAILS(ht_checkpoint_write(own("no/such"), item, 1), HT_IO, "no/such");
  FAILS(ht_checkpoint_write(own("twice"), item, 2), HT_USAGE, "twice");
  ck_assert(!ht_path_exists(own("twice.index")));
  ht_tensor_drop(&t);
}
END_TEST

/* What is told of a writing; stops at so many bytes. */
typedef struct told {
  int64_t done, total, stop;
} told;

static bool hear(void *arg, const char *what, int64_t done, int64_t total) {
  told *t = arg;
  ck_assert_str_eq(what, "written");
  ck_assert_int_gt(done, t->done);
  t->done = done;
  t->total = total;
  return done < t->stop;
}

START_TEST(a_writing_tells_its_bytes_and_stops_where_it_is_told) {
  enum { MORE = 5 << 20 }; /* floats: two blocks and a half */
  ht_tensor t;
  ht_shape shape = ht_shape_1(MORE);
  OK(ht_tensor_zeros(NULL, HT_FLOAT, &shape, &t));
  ht_checkpoint_item item = {.key = "a", .value = &t};
  told all = {.stop = INT64_MAX}, some = {.stop = 1};
  ht_watch_bytes(hear, &all);
  OK(ht_checkpoint_write(own("told"), &item, 1));
  ck_assert_int_eq(all.done, 4 * MORE);
  ck_assert_int_eq(all.total, 4 * MORE);
  ht_watch_bytes(hear, &some);
  FAILS(ht_checkpoint_write(own("stopped"), &item, 1), HT_STOPPED, "stopped");
  ht_watch_bytes(NULL, NULL);
  ck_assert(some.done > 0 && some.done < 4 * MORE);
  ck_assert(!ht_path_exists(own("stopped.index")));
  ck_assert(!ht_path_exists(own("stopped.data-00000-of-00001")));
  ht_tensor_drop(&t);
}
END_TEST

/* Modules that others published, where they are at hand. */
START_TEST(published_checkpoints_are_whole) {
  const char *models = getenv("HT_MODELS");
  if (!models) return;
  char **name;
  int n, seen = 0;
  OK(ht_folder_list(models, &arena, &name, &n));
  for (int i = 0; i < n; i++) {
    char *prefix =
        ht_arena_printf(&arena, "%s/%s/variables/variables", models, name[i]);
    if (!ht_path_exists(ht_arena_printf(&arena, "%s.index", prefix))) continue;
    rewrite(prefix, own(name[i]), false);
    rewrite(prefix, own("copy"), true);
    assert_same_bundle(own(name[i]), own("copy"));
    seen++;
  }
  ck_assert_int_gt(seen, 0);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, a_published_bundle_is_read_and_written_to_the_byte);
  tcase_add_test(tests, tensorflows_bundles_are_written_to_the_byte);
  tcase_add_test(tests, every_dtype_has_tensorflows_values);
  tcase_add_test(tests, strings_outlive_their_bundle);
  tcase_add_test(tests, partitioned_tensors_are_put_together);
  tcase_add_test(tests, aligned_values_are_the_mapping_and_others_copies);
  tcase_add_test(tests, a_copy_is_of_the_file_and_not_of_a_changed_mapping);
  tcase_add_test(tests, several_data_files_become_one);
  tcase_add_test(tests, big_endian_bundles_are_swapped);
  tcase_add_test(tests, tables_of_many_blocks_are_walked_in_order);
  tcase_add_test(tests, snappy_blocks_are_unpacked);
  tcase_add_test(tests, damage_to_any_byte_is_one_line_of_failure);
  tcase_add_test(tests, lies_in_entries_never_crash);
  tcase_add_test(tests, what_is_no_bundle_is_named);
  tcase_add_test(tests, a_key_that_is_not_there_is_named);
  tcase_add_test(tests, a_failed_write_leaves_nothing);
  tcase_add_test(tests, a_writing_tells_its_bytes_and_stops_where_it_is_told);
  tcase_add_test(tests, published_checkpoints_are_whole);
}

int main(void) { return test_main("bundle", add); }
