/* assign.c - see assign.h. */
#include "hub/assign.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "hub/checkpoint_read.h"
#include "hub/source.h"
#include "kernels/regex.h"

static const char ending[] = "/.ATTRIBUTES/VARIABLE_VALUE";

enum { MAX_MAPS = 64 };

typedef struct assigner {
  ht_model *model;
  ht_arena arena;
  const char *path; /* of the checkpoint, as it was given */
  ht_bundle *bundle;
  ht_regex *regex[MAX_MAPS];
  const char *rewrite[MAX_MAPS];
  int n_maps;
} assigner;

/* ---- the checkpoint */

/* What a file `checkpoint` says: model_checkpoint_path: "model.ckpt-7". */
static ht_status latest_of(assigner *a, const char *folder, const char *state,
                           const char **prefix) {
  static const char key[] = "model_checkpoint_path: \"";
  char *text;
  size_t n;
  HT_TRY(ht_file_read(state, 1 << 20, &a->arena, &text, &n));
  const char *at = n >= sizeof key && strncmp(text, key, sizeof key - 1) == 0
                       ? text + sizeof key - 1
                       : NULL;
  const char *end = at ? strchr(at, '"') : NULL;
  if (!end) return ht_fail(HT_CORRUPT, "'%s' names no checkpoint", state);
  char *name = ht_arena_bytes(&a->arena, at, (size_t)(end - at));
  if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  *prefix = *name == '/' ? name : ht_path_join(&a->arena, folder, name);
  return *prefix ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a path");
}

static ht_status find_prefix(assigner *a, const char **prefix) {
  size_t n = strlen(a->path);
  *prefix = a->path;
  if (n > 6 && strcmp(a->path + n - 6, ".index") == 0)
    *prefix = ht_arena_bytes(&a->arena, a->path, n - 6);
  if (!*prefix) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_is_folder(a->path)) return HT_SUCCESS;
  char *state = ht_path_join(&a->arena, a->path, "checkpoint");
  if (!state) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (ht_path_exists(state)) return latest_of(a, a->path, state, prefix);
  return ht_fail(HT_IO, "no checkpoint in '%s': no file 'checkpoint'", a->path);
}

static ht_status open_bundle(assigner *a) {
  const char *prefix;
  HT_TRY(find_prefix(a, &prefix));
  char *index = ht_arena_printf(&a->arena, "%s.index", prefix);
  if (!index) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_exists(index))
    return ht_fail(HT_IO, "no checkpoint '%s': there is no '%s'", a->path,
                   index);
  return ht_checkpoint_open(prefix, &a->bundle);
}

/* ---- names */

static ht_status read_map(assigner *a, const char *text) {
  const char *equals = strrchr(text, '=');
  if (!equals || equals == text)
    return ht_fail(HT_USAGE, "a map is REGEX=REPLACEMENT, not '%s'", text);
  if (a->n_maps == MAX_MAPS)
    return ht_fail(HT_USAGE, "more than %d maps", MAX_MAPS);
  HT_TRY(ht_within(
      ht_regex_new(text, (size_t)(equals - text), &a->regex[a->n_maps]),
      "map '%s'", text));
  a->rewrite[a->n_maps++] = equals + 1;
  return HT_SUCCESS;
}

static ht_status transformed(assigner *a, const char *name, const char **out) {
  for (int i = 0; i < a->n_maps; i++) {
    ht_text t = {0};
    ht_rewrite r = {a->rewrite[i], strlen(a->rewrite[i]), false};
    bool matched = ht_regex_replace(a->regex[i], name, strlen(name), &r, &t);
    ht_status st = matched ? ht_text_check(&t) : HT_SUCCESS;
    if (matched && st.code == HT_OK)
      name = ht_arena_bytes(&a->arena, t.p ? t.p : "", t.n);
    ht_text_free(&t);
    HT_TRY(st);
    if (!name) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  }
  *out = name;
  return HT_SUCCESS;
}

/* ---- values */

/* The entry that a name is transformed to, with or without the ending. */
static ht_status look_up(assigner *a, const char *name, const char **from,
                         const ht_bundle_entry **out) {
  HT_TRY(transformed(a, name, from));
  *out = ht_bundle_find(a->bundle, *from);
  char *full = ht_arena_printf(&a->arena, "%s%s", *from, ending);
  if (!full) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  if (!*out) *out = ht_bundle_find(a->bundle, full);
  return HT_SUCCESS;
}

/* By the key, then by the name, which differ in a TF2 SavedModel and are both
 * shown by inspections. */
static ht_status find_entry(assigner *a, const char *key, const char *name,
                            const ht_bundle_entry **out) {
  size_t n = strlen(key), e = sizeof ending - 1;
  bool ends = n > e && strcmp(key + n - e, ending) == 0;
  const char *bare = ht_arena_bytes(&a->arena, key, ends ? n - e : n);
  if (!bare) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  const char *from = NULL, *other = NULL;
  HT_TRY(look_up(a, bare, &from, out));
  if (*out) return HT_SUCCESS;
  HT_TRY(look_up(a, name, &other, out));
  /* tf.train.Checkpoint counts what it saves, not what a module computes. */
  if (*out || strcmp(bare, "save_counter") == 0) return HT_SUCCESS;
  if (strcmp(bare, name) == 0)
    return ht_fail(
        HT_USAGE, "checkpoint '%s' has no '%s' for variable '%s' of the module",
        a->path, from, bare);
  return ht_fail(HT_USAGE,
                 "checkpoint '%s' has neither '%s' for variable '%s' of the "
                 "module nor '%s' for its name '%s'",
                 a->path, from, bare, other, name);
}

static ht_status check(const assigner *a, const ht_bundle_entry *e,
                       const ht_variable *v, const ht_shape *wanted) {
  ht_shape found = {.rank = e->rank};
  char want[HT_SHAPE_TEXT], have[HT_SHAPE_TEXT];
  for (int i = 0; i < e->rank && i < HT_MAX_RANK; i++) found.dim[i] = e->dim[i];
  if (ht_dtype_of((int)e->dtype) == v->dtype && ht_shape_fits(&found, wanted))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "variable '%s' is %s %s, '%s' of '%s' is %s %s",
                 v->name, ht_dtype_name(v->dtype), ht_shape_text(wanted, want),
                 e->key, a->path, ht_dtype_name(ht_dtype_of((int)e->dtype)),
                 ht_shape_text(&found, have));
}

static const ht_variable_part *part_of(const ht_model *m,
                                       const ht_variable *v) {
  for (int i = 0; i < m->n_parts; i++)
    if (m->part[i].variable == v) return &m->part[i];
  return NULL;
}

static ht_status assign(assigner *a, ht_variable *v) {
  const ht_variable_part *part = part_of(a->model, v);
  const char *key = part ? part->key : v->key;
  const ht_bundle_entry *e = NULL;
  const ht_shape *shape = v->value.dtype ? &v->value.shape : &v->shape;
  ht_tensor value;
  if (!key) return HT_SUCCESS; /* it has no value outside of a run */
  HT_TRY(find_entry(a, key, part ? key : v->name, &e));
  if (!e) return HT_SUCCESS;
  HT_TRY(check(a, e, v, part ? &part->whole : shape));
  if (part)
    HT_TRY(ht_part_read(a->bundle, e, part, shape, &value));
  else
    HT_TRY(ht_checkpoint_tensor(a->bundle, e, &value));
  return ht_variable_assign(v, &value, false);
}

/* Every graph's variables: those of the other tag sets join the store. */
static ht_status open_graphs(ht_model *m) {
  for (int i = 0; i < m->n_tag_sets && m->format != HT_FORMAT_SM2; i++) {
    ht_model *variant;
    HT_TRY(ht_model_open_variant(m, m->tag_sets[i], &variant));
  }
  return HT_SUCCESS;
}

static ht_status assign_all(assigner *a, int n_maps, const char *const *map) {
  for (int i = 0; i < n_maps; i++) HT_TRY(read_map(a, map[i]));
  HT_TRY(open_graphs(a->model));
  HT_TRY(open_bundle(a));
  const ht_store *s = &a->model->store;
  for (int i = 0; i < s->n_variables; i++) HT_TRY(assign(a, s->variable[i]));
  return HT_SUCCESS;
}

ht_status ht_model_assign(ht_model *model, const char *checkpoint, int n_maps,
                          const char *const *map) {
  assigner a = {.model = model, .path = checkpoint};
  ht_status st = assign_all(&a, n_maps, map);
  for (int i = 0; i < a.n_maps; i++) ht_regex_free(a.regex[i]);
  if (a.bundle) ht_bundle_close(a.bundle);
  ht_arena_free(&a.arena);
  return st;
}
