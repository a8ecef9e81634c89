/* proto_read.c - saved_model.pb, or what stands in its place. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "format/lfs.h"
#include "format/message.h"
#include "hub/source.h"

/* No protobuf message may be larger (2 GiB - 1). */
static const size_t MAX_PROTO = 0x7fffffff;

/* A binary file that went through a text conversion: well-formed UTF-8 with
 * U+FFFD where bytes were. */
static bool is_mangled(const char *p, size_t n) {
  size_t bad, head = n < 65536 ? n : 65536;
  if (!memmem(p, head, "\xef\xbf\xbd", 3)) return false;
  return ht_utf8_valid(p, head, &bad) || (head < n && bad + 4 > head);
}

/* A folder in the folder that is a model: of a run, of a version. */
static const char *model_within(const char *folder, ht_arena *arena) {
  char **name;
  int n;
  if (ht_folder_list(folder, arena, &name, &n).code != HT_OK) return NULL;
  for (int i = 0; i < n; i++) {
    char *path = ht_path_join(arena, folder, name[i]);
    char *file = path ? ht_path_join(arena, path, "saved_model.pb") : NULL;
    if (file && ht_path_exists(file)) return path;
  }
  return NULL;
}

static ht_status no_model(const char *folder, ht_arena *arena) {
  static const char *const other[][2] = {
      {"saved_model.pbtxt", "the text form"},
      {"saved_model.cpb", "the chunked form"}};
  if (!ht_path_exists(folder))
    return ht_fail(HT_IO, "no such folder: '%s'", folder);
  if (!ht_path_is_folder(folder))
    return ht_fail(HT_IO, "not a folder: '%s'", folder);
  for (int i = 1; i >= 0; i--) {
    const char *path = ht_path_join(arena, folder, other[i][0]);
    if (path && ht_path_exists(path))
      return ht_fail(HT_UNSUPPORTED,
                     "%s of a SavedModel is not supported: '%s'; save it "
                     "again as saved_model.pb",
                     other[i][1], path);
  }
  const char *within = model_within(folder, arena);
  return within ? ht_fail(HT_IO, "no saved_model.pb in '%s', but in '%s'",
                          folder, within)
                : ht_fail(HT_IO, "no saved_model.pb in '%s'", folder);
}

static ht_status unpack(const char *path, const ht_mapping *file,
                        ht_arena *arena, Tensorflow__SavedModel **out) {
  if (!file->n) return ht_fail(HT_CORRUPT, "'%s' is empty", path);
  HT_TRY(ht_lfs_check(path, file->data, file->n));
  if (file->n > MAX_PROTO)
    return ht_fail(HT_CORRUPT, "'%s' is larger than 2 GiB", path);
  const char *what = ht_arena_printf(arena, "'%s'", path);
  if (!what) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", path);
  ProtobufCMessage *message = NULL;
  ht_status st = ht_message_unpack(&tensorflow__saved_model__descriptor,
                                   file->data, file->n, what, arena, &message);
  *out = (Tensorflow__SavedModel *)message;
  if (st.code == HT_CORRUPT && is_mangled(file->data, file->n))
    return ht_fail(HT_CORRUPT,
                   "'%s' was converted as if it were text (it holds U+FFFD "
                   "where bytes were lost): copy the original as binary",
                   path);
  return st;
}

ht_status ht_saved_model_read(const char *folder, ht_arena *arena,
                              Tensorflow__SavedModel **out) {
  const char *path = ht_path_join(arena, folder, "saved_model.pb");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", folder);
  if (!ht_path_exists(path)) return no_model(folder, arena);
  ht_mapping file;
  HT_TRY(ht_file_map(path, &file));
  ht_status st = unpack(path, &file, arena, out);
  ht_file_unmap(&file);
  if (st.code == HT_OK && !(*out)->n_meta_graphs)
    return ht_fail(HT_CORRUPT, "'%s' holds no graph", path);
  return st;
}

static ht_status check_head(const char *path) {
  char head[64];
  FILE *f = fopen(path, "rb");
  if (!f) return ht_fail_errno("cannot read", path);
  size_t n = fread(head, 1, sizeof head, f);
  fclose(f);
  return ht_lfs_check(path, head, n);
}

ht_status ht_variables_check(const char *folder) {
  ht_arena arena = {0};
  char *path = ht_path_join(&arena, folder, "variables"), **name = NULL;
  int n = 0;
  ht_status st = HT_SUCCESS;
  if (path && ht_path_is_folder(path))
    st = ht_folder_list(path, &arena, &name, &n);
  for (int i = 0; i < n && st.code == HT_OK; i++) {
    const char *file = ht_path_join(&arena, path, name[i]);
    if (file && !ht_path_is_folder(file)) st = check_head(file);
  }
  ht_arena_free(&arena);
  return st;
}
