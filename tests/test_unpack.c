/* test_unpack.c - archives that want out of their folder, or to fill the
 * disk, and those that may stay. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "format/unpack.h"
#include "test.h"

static ht_arena arena;
static char folder[64];
static char *archive, *out;
static gzFile gz;

static void setup(void) {
  snprintf(folder, sizeof folder, "/tmp/hubtune-unpack-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  archive = ht_path_join(&arena, folder, "a.tar.gz");
  out = ht_path_join(&arena, folder, "out");
  OK(ht_folder_make(out));
  gz = gzopen(archive, "wb1");
}

static void teardown(void) {
  OK(ht_folder_remove(folder));
  ht_arena_free(&arena);
}

/* A header of POSIX.1-1988 (ustar): name, size, type, target of a link. */
static void member(const char *name, char type, const char *target,
                   unsigned long long size) {
  char h[512] = {0};
  memcpy(h, name, strnlen(name, 100));
  memcpy(h + 100, "0000644", 7);
  memcpy(h + 108, "0000000", 7);
  memcpy(h + 116, "0000000", 7);
  snprintf(h + 124, 12, "%011llo", size & 077777777777);
  memcpy(h + 136, "00000000000", 11);
  h[156] = type;
  memcpy(h + 157, target, strnlen(target, 100));
  memcpy(h + 257, "ustar\00000", 8);
  unsigned sum = 8 * ' ';
  for (int i = 0; i < 512; i++) sum += (unsigned char)h[i];
  snprintf(h + 148, 8, "%06o", sum);
  ck_assert_int_eq(gzwrite(gz, h, 512), 512);
}

static void body(const char *text) {
  char block[512] = {0};
  snprintf(block, sizeof block, "%s", text);
  gzwrite(gz, block, 512);
}

static void plain(const char *name, const char *text) {
  member(name, '0', "", strlen(text));
  body(text);
}

static ht_status unpack_within(const ht_unpack_limits *limits) {
  static const char end[1024];
  gzwrite(gz, end, sizeof end);
  gzclose(gz);
  return ht_unpack(archive, out, limits, NULL, NULL);
}

static ht_status unpack(void) {
  ht_unpack_limits limits = ht_unpack_usual(1 << 20);
  return unpack_within(&limits);
}

static bool there(const char *name) {
  char *path = ht_path_join(&arena, out, name);
  return ht_path_exists(path);
}

START_TEST(files_come_with_their_folders) {
  plain("./a/b/c.txt", "text");
  member("./a/", '5', "", 0);
  member("./d", '5', "", 0);
  plain("..foo", "x");
  plain("A.txt", "upper");
  plain("a.txt", "lower");
  OK(unpack());
  ck_assert(there("a/b/c.txt") && there("d") && there("..foo"));
  char *text;
  size_t n;
  OK(ht_file_read(ht_path_join(&arena, out, "A.txt"), 100, &arena, &text, &n));
  ck_assert_str_eq(text, "upper");
}
END_TEST

START_TEST(names_from_the_root_begin_in_the_folder) {
  member("/", '5', "", 0);
  member("./", '5', "", 0);
  member(".", '5', "", 0);
  plain("/etc/x", "one");
  plain("//y", "two");
  OK(unpack());
  ck_assert(there("etc/x") && there("y"));
}
END_TEST

START_TEST(modes_and_owners_are_not_taken) {
  plain("a", "x");
  OK(unpack());
  struct stat st;
  ck_assert(stat(ht_path_join(&arena, out, "a"), &st) == 0);
  ck_assert((st.st_mode & 07111) == 0 && st.st_uid == geteuid());
}
END_TEST

/* name, type, target, what is said */
static const struct {
  const char *name;
  char type;
  const char *target, *said;
} hostile[] = {
    {"/../x", '0', "", "would leave the folder"},
    {"..", '5', "", "would leave the folder"},
    {"../x", '0', "", "would leave the folder"},
    {"a/../../x", '0', "", "would leave the folder"},
    {"a/..", '5', "", "would leave the folder"},
    {"./../x", '0', "", "would leave the folder"},
    {"a", '2', "/etc/passwd", "is a link"},
    {"a", '2', "b", "is a link"},
    {"a", '1', "b", "is a link"},
    {"a", '3', "", "is neither a file nor a folder"},
    {"a", '4', "", "is neither a file nor a folder"},
    {"a", '6', "", "is neither a file nor a folder"},
    {"a\nb", '0', "", "has a control character"},
    {"a\x1b[2J", '0', "", "has a control character"},
    {"a\xff", '0', "", "is no UTF-8"},
};

START_TEST(hostile_members_are_refused) {
  plain("first", "x");
  member(hostile[_i].name, hostile[_i].type, hostile[_i].target, 0);
  FAILS(unpack(), HT_CORRUPT, hostile[_i].said);
  ck_assert(!there("../x") && !there("a"));
}
END_TEST

START_TEST(what_comes_twice_is_refused) {
  plain("a", "one");
  plain("./a", "two");
  FAILS(unpack(), HT_CORRUPT, "'./a' is there already");
}
END_TEST

START_TEST(a_file_is_no_folder) {
  plain("a", "one");
  plain("a/b", "two");
  FAILS(unpack(), HT_IO, "a file stands there");
}
END_TEST

/* Nothing is written through a link that stands in the way. */
START_TEST(links_are_not_followed) {
  char *link = ht_path_join(&arena, out, "a");
  ck_assert(symlink("../elsewhere", link) == 0);
  plain("a", "x");
  FAILS(unpack(), HT_CORRUPT, "is there already");
  ck_assert(!there("../elsewhere"));
}
END_TEST

START_TEST(sizes_that_are_only_said_are_refused) {
  member("a", '0', "", 1ull << 32);
  FAILS(unpack(), HT_CORRUPT, "makes the archive too big");
  ck_assert(!there("a"));
}
END_TEST

static void zeros(const char *name, size_t n) {
  static const char block[1 << 16];
  member(name, '0', "", n);
  for (size_t done = 0; done < n; done += sizeof block)
    gzwrite(gz, block, sizeof block);
}

START_TEST(many_files_are_too_big_together) {
  for (int i = 0; i < 3; i++) zeros(i == 0 ? "a" : i == 1 ? "b" : "c", 1 << 19);
  FAILS(unpack(), HT_CORRUPT, "member 'c' makes the archive too big");
}
END_TEST

START_TEST(bombs_are_refused) {
  ht_unpack_limits limits = ht_unpack_usual((uint64_t)1 << 40);
  limits.free_bytes = 1 << 20;
  gzclose(gz);
  gz = gzopen(archive, "wb9");
  zeros("a", 64 << 20);
  FAILS(unpack_within(&limits), HT_CORRUPT, "bomb");
  struct stat st;
  ck_assert(stat(ht_path_join(&arena, out, "a"), &st) == 0);
  ck_assert(st.st_size < 32 << 20);
}
END_TEST

static bool refuse(void *arg, uint64_t written) {
  (void)written;
  return ++*(int *)arg < 3;
}

START_TEST(members_without_content_can_be_stopped) {
  int asked = 0;
  ht_unpack_limits limits = ht_unpack_usual(1 << 20);
  for (int i = 0; i < 9; i++) {
    char name[2] = {(char)('a' + i), 0};
    member(name, '0', "", 0);
  }
  gzclose(gz);
  FAILS(ht_unpack(archive, out, &limits, refuse, &asked), HT_STOPPED,
        "stopped");
  ck_assert_int_eq(asked, 3);
  gz = gzopen(archive, "wb");
}
END_TEST

START_TEST(a_long_name_is_shown_by_its_beginning) {
  char name[100] = "x";
  for (int i = 0; i < 45; i++) strcat(name, "\xc3\xa9");
  strcat(name, "\n");
  plain(name, "x");
  FAILS(unpack(), HT_CORRUPT, "\xc3\xa9...' has a control character");
}
END_TEST

START_TEST(members_and_depth_are_counted) {
  ht_unpack_limits limits = ht_unpack_usual(1 << 20);
  char deep[256] = "";
  limits.members = 3;
  for (int i = 0; i < 4; i++) member("d", '5', "", 0);
  FAILS(unpack_within(&limits), HT_CORRUPT, "more than 3 members");
  gz = gzopen(archive, "wb");
  for (int i = 0; i < 49; i++) strcat(deep, "d/");
  limits.depth = 40;
  member(deep, '5', "", 0);
  FAILS(unpack_within(&limits), HT_CORRUPT, "lies too deep");
}
END_TEST

/* Every cut of an archive ends in a message, not in half a module. */
START_TEST(cut_archives_are_told) {
  plain("a", "some text that takes a few bytes");
  OK(unpack());
  char *data;
  size_t n;
  ht_unpack_limits limits = ht_unpack_usual(1 << 20);
  OK(ht_file_read(archive, 1 << 20, &arena, &data, &n));
  for (size_t cut = 0; cut + 9 < n; cut++) {
    OK(ht_file_write(archive, data, cut));
    OK(ht_folder_remove(out));
    OK(ht_folder_make(out));
    ht_status st = ht_unpack(archive, out, &limits, NULL, NULL);
    ck_assert_msg(st.code == HT_CORRUPT, "cut at %zu of %zu", cut, n);
  }
}
END_TEST

static bool stop(void *arg, uint64_t bytes) {
  (void)bytes;
  return ++*(int *)arg < 2;
}

START_TEST(it_can_be_stopped) {
  ht_unpack_limits limits = ht_unpack_usual(1 << 20);
  int told = 0;
  zeros("a", 1 << 19);
  OK(unpack());
  OK(ht_folder_remove(out));
  OK(ht_folder_make(out));
  FAILS(ht_unpack(archive, out, &limits, stop, &told), HT_STOPPED, "stopped");
  ck_assert_int_eq(told, 2);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, files_come_with_their_folders);
  tcase_add_test(tests, names_from_the_root_begin_in_the_folder);
  tcase_add_test(tests, modes_and_owners_are_not_taken);
  tcase_add_loop_test(tests, hostile_members_are_refused, 0,
                      sizeof hostile / sizeof *hostile);
  tcase_add_test(tests, what_comes_twice_is_refused);
  tcase_add_test(tests, a_file_is_no_folder);
  tcase_add_test(tests, links_are_not_followed);
  tcase_add_test(tests, sizes_that_are_only_said_are_refused);
  tcase_add_test(tests, many_files_are_too_big_together);
  tcase_add_test(tests, bombs_are_refused);
  tcase_add_test(tests, members_and_depth_are_counted);
  tcase_add_test(tests, members_without_content_can_be_stopped);
  tcase_add_test(tests, a_long_name_is_shown_by_its_beginning);
  tcase_add_test(tests, cut_archives_are_told);
  tcase_add_test(tests, it_can_be_stopped);
}

int main(void) { return test_main("unpack", add); }
