/*
 * source_folder.c - a folder of class folders: each file is an example whose
 * label is its folder's name. Images stay paths; other files are texts.
 */
#include <string.h>
#include <strings.h>

#include "data/source.h"

enum { FILE_MAX = 64 << 20 };

typedef struct {
  ht_reading *r;
  ht_arena names;
  ht_cells content, label;
  size_t bytes; /* of texts */
  bool images, any;
} classes;

static bool is_image(const char *path) {
  static const char *const known[] = {".jpg", ".jpeg", ".png",
                                      ".bmp", ".gif",  ".webp"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcasecmp(ht_path_extension(path), known[i]) == 0) return true;
  return false;
}

static ht_status own_string(classes *c, const char *p, size_t n,
                            const char **out) {
  char *own = ht_string_room(&c->r->blob, n + 1);
  if (!own) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", c->r->path);
  memcpy(own, p, n);
  *out = own;
  return HT_SUCCESS;
}

static ht_status add_text(classes *c, const char *path) {
  ht_arena arena = {0};
  char *text;
  size_t n;
  const char *own = NULL;
  ht_status st = ht_file_read(path, FILE_MAX, &arena, &text, &n);
  if (st.code == HT_OK) st = ht_text_refuse(path, text, n);
  c->bytes += st.code == HT_OK ? n : 0;
  if (st.code == HT_OK && c->bytes > c->r->max)
    st = ht_fail(HT_UNSUPPORTED, "'%s' holds more than %zu bytes", c->r->path,
                 c->r->max);
  if (st.code == HT_OK) st = own_string(c, text, n, &own);
  if (st.code == HT_OK) st = ht_cells_add(&c->content, own, n);
  ht_arena_free(&arena);
  return st;
}

static ht_status add_file(classes *c, const char *path, const char *label) {
  const char *own;
  bool image = is_image(path);
  if (c->any && image != c->images)
    return ht_fail(HT_CORRUPT, "'%s' mixes images and texts: '%s'", c->r->path,
                   path);
  c->any = true;
  c->images = image;
  if (image) {
    HT_TRY(own_string(c, path, strlen(path), &own));
    HT_TRY(ht_cells_add(&c->content, own, strlen(path)));
  } else {
    ht_status st = add_text(c, path);
    if (st.code == HT_CORRUPT) return ht_reading_bad(c->r, st);
    HT_TRY(st);
  }
  return ht_cells_add(&c->label, label, strlen(label));
}

static ht_status add_class(classes *c, const char *folder, const char *name) {
  char **files;
  int n;
  const char *label;
  HT_TRY(ht_text_refuse(c->r->path, name, strlen(name)));
  HT_TRY(own_string(c, name, strlen(name), &label));
  HT_TRY(ht_folder_list(folder, &c->names, &files, &n));
  for (int i = 0; i < n && !ht_reading_full(c->r, c->content.n); i++) {
    char *path = ht_path_join(&c->names, folder, files[i]);
    if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    if (files[i][0] == '.' || ht_path_is_folder(path)) continue;
    HT_TRY(add_file(c, path, label));
  }
  return HT_SUCCESS;
}

static ht_status add_all(classes *c) {
  char **names;
  int n;
  HT_TRY(ht_folder_list(c->r->path, &c->names, &names, &n));
  for (int i = 0; i < n; i++) {
    char *folder = ht_path_join(&c->names, c->r->path, names[i]);
    if (!folder) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    if (names[i][0] == '.' || !ht_path_is_folder(folder)) continue;
    HT_TRY(add_class(c, folder, names[i]));
  }
  return HT_SUCCESS;
}

/* Images that lie in no class folder have no label. */
static ht_status add_images(classes *c) {
  char **names;
  int n;
  const char *own;
  HT_TRY(ht_folder_list(c->r->path, &c->names, &names, &n));
  for (int i = 0; i < n && !ht_reading_full(c->r, c->content.n); i++) {
    char *path = ht_path_join(&c->names, c->r->path, names[i]);
    if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    if (names[i][0] == '.' || !is_image(path)) continue;
    HT_TRY(own_string(c, path, strlen(path), &own));
    HT_TRY(ht_cells_add(&c->content, own, strlen(path)));
    c->images = true;
  }
  return HT_SUCCESS;
}

static ht_status add_columns(classes *c) {
  const char *content = c->images ? ht_name_image(c->r) : ht_name_text(c->r);
  HT_TRY(ht_cells_strings(c->r, content, &c->content, 0, NULL));
  if (!c->label.n) return HT_SUCCESS;
  return ht_cells_strings(c->r, ht_name_label(c->r), &c->label, 0, NULL);
}

static ht_status read_folder(classes *c) {
  HT_TRY(add_all(c));
  if (!c->content.n) HT_TRY(add_images(c));
  if (!c->content.n)
    return ht_fail(HT_CORRUPT, "'%s' holds no class folders with files",
                   c->r->path);
  return add_columns(c);
}

/* One image, without a label. */
ht_status ht_read_image(ht_reading *r) {
  ht_cells cells = {0};
  ht_status st = ht_cells_add(&cells, r->path, strlen(r->path));
  ht_shape shape = ht_shape_1(1);
  if (st.code == HT_OK) st = ht_tensor_new(NULL, HT_STRING, &shape, &r->blob);
  const char *own = NULL;
  classes c = {.r = r};
  if (st.code == HT_OK) st = own_string(&c, r->path, strlen(r->path), &own);
  if (st.code == HT_OK) {
    cells.cell[0].p = own;
    st = ht_cells_strings(r, ht_name_image(r), &cells, 0, NULL);
  }
  ht_cells_free(&cells);
  return st;
}

ht_status ht_read_folder(ht_reading *r) {
  classes c = {.r = r};
  ht_shape shape = ht_shape_1(1);
  HT_TRY(ht_tensor_new(NULL, HT_STRING, &shape, &r->blob));
  ht_status st = read_folder(&c);
  ht_cells_free(&c.content);
  ht_cells_free(&c.label);
  ht_arena_free(&c.names);
  return st;
}
