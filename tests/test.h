/* test.h - what every test uses: statuses as assertions, and one main. */
#ifndef HT_TESTS_TEST_H
#define HT_TESTS_TEST_H

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

/* The expression succeeds. */
#define OK(expr)                                                \
  do {                                                          \
    ht_status ok_ = (expr);                                     \
    ck_assert_msg(ok_.code == HT_OK, "%s: %s", #expr, ok_.msg); \
  } while (0)

/* It fails with that code and a message that contains `part`. */
#define FAILS(expr, wanted, part)                                           \
  do {                                                                      \
    ht_status st_ = (expr);                                                 \
    ck_assert_msg(st_.code == (wanted), "%s: code %d, %s", #expr,           \
                  (int)st_.code, st_.msg ? st_.msg : "no failure");         \
    ck_assert_msg(strstr(st_.msg, (part)) != NULL, "message: %s", st_.msg); \
  } while (0)

#ifdef __SANITIZE_ADDRESS__
/* libhdf5 forgets memory where a file is damaged; what we lose is still
 * found. */
const char *__lsan_default_suppressions(void);
__attribute__((weak, visibility("default"))) const char *
__lsan_default_suppressions(void) {
  return "leak:libhdf5";
}
#endif

/* Where the sources of the tests are. */
static inline const char *test_folder(char path[1024]) {
  const char *srcdir = getenv("srcdir");
  snprintf(path, 1024, "%s/tests", srcdir ? srcdir : "..");
  return path;
}

/* A failure of a build that was configured without some library. */
static inline bool test_lacks(ht_status st) {
  return st.code != HT_OK && strstr(st.msg, "needs hubtune built with");
}

/* Runs a suite of the tests that `add` puts into its case. */
static inline int test_main(const char *name, void (*add)(TCase *tests)) {
  Suite *suite = suite_create(name);
  TCase *tests = tcase_create(name);
  add(tests);
  suite_add_tcase(suite, tests);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
