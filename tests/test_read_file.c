/* test_read_file.c - files that a graph reads. */
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "ops/op.h"
#include "test.h"

static ht_status read_file(const char *folder, const char *path,
                           ht_tensor *out) {
  ht_run run = {.folder = folder};
  ht_tensor name;
  OK(ht_scalar_string(path, strlen(path), &name));
  ht_status st =
      ht_apply(&run, "ReadFile", "", 1, (const ht_tensor *[]){&name}, 1, out);
  ht_tensor_drop(&name);
  return st;
}

START_TEST(files_are_read_inside_the_module_alone) {
  static const char *const refused[] = {
      "../outside", "/etc/hostname", "module/../../outside", "absent",
      "",           "link"};
  char folder[] = "/tmp/hubtune-XXXXXX", path[64];
  ht_arena arena = {0};
  ht_tensor out;
  ck_assert_ptr_nonnull(mkdtemp(folder));
  char *module = ht_path_join(&arena, folder, "module");
  OK(ht_folder_make(module));
  OK(ht_file_write(ht_path_join(&arena, module, "in"), "a\0b", 3));
  OK(ht_file_write(ht_path_join(&arena, folder, "outside"), "no", 2));
  snprintf(path, sizeof path, "%s/link", module);
  ck_assert_int_eq(symlink("../outside", path), 0);
  OK(read_file(module, "in", &out));
  ck_assert_int_eq(ht_str(&out)[0].n, 3);
  ck_assert_mem_eq(ht_str(&out)[0].p, "a\0b", 3);
  ht_tensor_drop(&out);
  OK(read_file(module, ht_path_join(&arena, module, "in"), &out));
  ht_tensor_drop(&out);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    ck_assert_msg(read_file(module, refused[i], &out).code != HT_OK, "%s",
                  refused[i]);
  ck_assert_int_ne(read_file(NULL, "in", &out).code, HT_OK);
  OK(ht_folder_remove(folder));
  ht_arena_free(&arena);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, files_are_read_inside_the_module_alone);
}

int main(void) { return test_main("read_file", add); }
