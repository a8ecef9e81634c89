/* test_cores.c - how many cores there are to work with: base/cores.h. */
#include "base/cores.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parallel.h"
#include "test.h"

static char root[] = "/tmp/hubtune-cores.XXXXXX";

static void limit(const char *group, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s%s", root, group);
  ck_assert(mkdir(path, 0700) == 0 || *group == 0);
  snprintf(path, sizeof path, "%s%s/cpu.max", root, group);
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  fputs(text, f);
  fclose(f);
}

static void make_groups(void) {
  ck_assert_ptr_nonnull(mkdtemp(root));
  limit("", "max 100000\n");
  limit("/a", "350000 100000\n");
  limit("/a/b", "max 100000\n");
  limit("/a/b/c", "150000 100000\n");
  limit("/odd", "word\n");
}

static void drop_groups(void) {
  char command[64];
  snprintf(command, sizeof command, "rm -r %s", root);
  ck_assert_int_eq(system(command), 0);
}

START_TEST(a_group_is_paid_for_by_the_least_of_those_above_it) {
  make_groups();
  ck_assert_int_eq(ht_cores_paid(root, "/a/b/c"), 2); /* one and a half */
  ck_assert_int_eq(ht_cores_paid(root, "/a/b"), 4);
  ck_assert_int_eq(ht_cores_paid(root, "/a"), 4);
  drop_groups();
}
END_TEST

START_TEST(without_a_limit_none_is_told) {
  make_groups();
  ck_assert_int_eq(ht_cores_paid(root, ""), 0);
  ck_assert_int_eq(ht_cores_paid(root, "/odd"), 0);
  ck_assert_int_eq(ht_cores_paid(root, "/none"), 0);
  ck_assert_int_eq(ht_cores_paid("/nowhere", "/a"), 0);
  drop_groups();
}
END_TEST

START_TEST(as_many_threads_as_cores_are_given) {
  ck_assert_int_ge(ht_cores(), 1);
  ck_assert_int_le(ht_cores(), (int)sysconf(_SC_NPROCESSORS_CONF));
  ck_assert_int_eq(ht_threads(), ht_cores());
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, a_group_is_paid_for_by_the_least_of_those_above_it);
  tcase_add_test(tests, without_a_limit_none_is_told);
  tcase_add_test(tests, as_many_threads_as_cores_are_given);
}

int main(void) { return test_main("cores", add); }
