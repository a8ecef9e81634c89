/* origin.c - see origin.h. */
#include "train/origin.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"

/* ---- modules: the model, or the members that it is joined of */

static int count_modules(const ht_trained *t) {
  return t->model->n_members ? t->model->n_members : 1;
}

static const ht_model *module_at(const ht_trained *t, int i) {
  return t->model->n_members ? t->model->member[i].model : t->model;
}

/* The handle, where there is one module; of several the end of the path. */
static const char *module_name(const ht_trained *t, int i) {
  const ht_train_options *o = &t->options;
  if (!t->model->n_members && o->n_module) return o->module[0];
  const char *folder = module_at(t, i)->folder;
  return folder ? ht_path_base(folder) : "";
}

/* ---- digests */

typedef struct origins {
  ht_arena *arena;
  ht_origin *list;
  int n, capacity;
} origins;

/* Standard input, and what was removed since, has no digest any more. */
static ht_status add(origins *o, const char *what, const char *name,
                     const char *path) {
  if (!path) return HT_SUCCESS;
  HT_GROW(o->list, o->n, o->capacity, o->arena);
  ht_origin *origin = &o->list[o->n++];
  *origin = (ht_origin){.what = what, .name = name, .path = path};
  if (!ht_path_exists(path)) return HT_SUCCESS;
  return ht_sha256_path(path, origin->sha256);
}

ht_status ht_origins(const ht_trained *t, ht_arena *arena, ht_origin **out,
                     int *n) {
  const ht_train_options *o = &t->options;
  origins all = {.arena = arena};
  for (int i = 0; i < count_modules(t); i++) {
    bool prepares = t->model->n_members && t->model->member[i].prepares;
    HT_TRY(add(&all, prepares ? "preprocessor" : "module", module_name(t, i),
               module_at(t, i)->folder));
  }
  HT_TRY(add(&all, "training data", o->data, o->data));
  HT_TRY(add(&all, "validation data", o->valid, o->valid));
  HT_TRY(add(&all, "test data", o->test, o->test));
  *out = all.list;
  *n = all.n;
  return HT_SUCCESS;
}

/* ---- licences */

static bool is_licence(const char *name) {
  static const char *const begin[] = {"LICENSE", "LICENCE", "COPYING"};
  for (int i = 0; i < 3; i++)
    if (strncasecmp(name, begin[i], strlen(begin[i])) == 0) return true;
  return false;
}

typedef struct licences {
  ht_arena *arena;
  ht_licence *list;
  int n, capacity;
} licences;

/* "LICENSE", and "LICENSE.2" of a further module. */
static ht_status add_licence(licences *l, const char *folder,
                             const char *name) {
  int same = 1;
  for (int i = 0; i < l->n; i++)
    same += strncmp(l->list[i].name, name, strlen(name)) == 0;
  const char *path = ht_path_join(l->arena, folder, name);
  const char *as = same == 1 ? ht_arena_string(l->arena, name)
                             : ht_arena_printf(l->arena, "%s.%d", name, same);
  if (!path || !as) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_GROW(l->list, l->n, l->capacity, l->arena);
  l->list[l->n++] = (ht_licence){as, path};
  return HT_SUCCESS;
}

static ht_status add_licences(licences *l, const char *folder) {
  char **names;
  int n;
  if (!folder || !ht_path_is_folder(folder)) return HT_SUCCESS;
  HT_TRY(ht_folder_list(folder, l->arena, &names, &n));
  for (int i = 0; i < n; i++)
    if (is_licence(names[i])) HT_TRY(add_licence(l, folder, names[i]));
  return HT_SUCCESS;
}

ht_status ht_licences(const ht_trained *t, ht_arena *arena, ht_licence **out,
                      int *n) {
  licences all = {.arena = arena};
  for (int i = 0; i < count_modules(t); i++) {
    const char *folder = module_at(t, i)->folder;
    if (!folder) continue;
    const char *extra = ht_path_join(arena, folder, "assets.extra");
    if (!extra) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    HT_TRY(add_licences(&all, folder));
    HT_TRY(add_licences(&all, extra));
  }
  *out = all.list;
  *n = all.n;
  return HT_SUCCESS;
}
