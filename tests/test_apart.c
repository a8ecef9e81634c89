/* test_apart.c - a process of its own takes what its work runs into. */
#include <signal.h>
#include <stdlib.h>

#include "base/apart.h"
#include "test.h"

static int calls;

static void count(void *arg) { calls += *(int *)arg; }
static void crash(void *arg) { raise(*(int *)arg); }
static void leave(void *arg) { _Exit(*(int *)arg); }
static void spin(void *arg) {
  while (arg) calls++;
}

START_TEST(nothing_that_the_work_changes_is_seen) {
  int one = 1;
  OK(ht_apart(count, &one, 10));
  ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(a_crash_is_told_by_its_name) {
  int number = SIGSEGV;
  FAILS(ht_apart(crash, &number, 10), HT_CORRUPT, "crashed (Segmentation");
  number = SIGABRT;
  FAILS(ht_apart(crash, &number, 10), HT_CORRUPT, "crashed (Aborted");
}
END_TEST

START_TEST(a_reader_that_ends_the_process_has_failed) {
  int code = 3;
  FAILS(ht_apart(leave, &code, 10), HT_CORRUPT, "gave up");
}
END_TEST

START_TEST(work_without_an_end_is_ended) {
  FAILS(ht_apart(spin, &calls, 1), HT_CORRUPT, "no end");
}
END_TEST

START_TEST(an_interrupt_stops_the_work) {
  int number = SIGINT;
  FAILS(ht_apart(crash, &number, 10), HT_STOPPED, "stopped");
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, nothing_that_the_work_changes_is_seen);
  tcase_add_test(tests, a_crash_is_told_by_its_name);
  tcase_add_test(tests, a_reader_that_ends_the_process_has_failed);
  tcase_add_test(tests, work_without_an_end_is_ended);
  tcase_add_test(tests, an_interrupt_stops_the_work);
}

int main(void) { return test_main("apart", add); }
