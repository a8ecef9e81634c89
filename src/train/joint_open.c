/* joint_open.c - names and handles of joined modules, see joint.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "hub/chain.h"
#include "hub/join.h"
#include "train/joint.h"

enum { MAX_NAME = 64 };

/* ---- names and handles */

/* "NAME=HANDLE": a name is a word, which no address or path begins with. */
static const char *split_name(const char *text, char name[MAX_NAME]) {
  const char *equals = strchr(text, '=');
  size_t n = equals ? (size_t)(equals - text) : 0;
  name[0] = 0;
  if (!n || n >= MAX_NAME) return text;
  for (size_t i = 0; i < n; i++)
    if (!isalnum((unsigned char)text[i]) && !strchr("_-", text[i])) return text;
  memcpy(name, text, n);
  name[n] = 0;
  return equals + 1;
}

/* The last part of a path or address, without its ending and its query. */
static void usual_name(const char *handle, char name[MAX_NAME]) {
  size_t n = strcspn(handle, "?");
  while (n > 1 && handle[n - 1] == '/') n--;
  size_t at = n;
  while (at > 0 && handle[at - 1] != '/') at--;
  snprintf(name, MAX_NAME, "%.*s", (int)(n - at), handle + at);
  for (char *p = name; *p; p++) {
    if (*p == '.') *p = 0;
    if (!*p) break;
    if (!isalnum((unsigned char)*p) && *p != '-') *p = '_';
  }
  if (!*name) snprintf(name, MAX_NAME, "module");
}

static const char *name_of(const char *text, char name[MAX_NAME]) {
  const char *handle = split_name(text, name);
  if (!*name) usual_name(handle, name);
  return handle;
}

static bool find_module(const ht_train_options *o, const char *name, int *at) {
  char other[MAX_NAME];
  for (*at = 0; *at < o->n_module; (*at)++) {
    (void)name_of(o->module[*at], other);
    if (strcmp(name, other) == 0) return true;
  }
  return false;
}

/* ---- handles given in another folder */

static ht_status given_in(const char *folder, ht_arena *arena,
                          const char **text) {
  char name[MAX_NAME];
  const char *handle = split_name(*text, name);
  if (*handle == '/' || strstr(handle, "://")) return HT_SUCCESS;
  const char *path = ht_path_join(arena, folder, handle);
  if (path && !ht_path_exists(path)) return HT_SUCCESS;
  if (path && *name) path = ht_arena_printf(arena, "%s=%s", name, path);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  *text = path;
  return HT_SUCCESS;
}

ht_status ht_joint_given_in(ht_train_options *o, const char *folder,
                            ht_arena *arena) {
  char *here = realpath(".", NULL);
  bool elsewhere = folder && (!here || strcmp(here, folder) != 0);
  free(here);
  for (int i = 0; elsewhere && i < o->n_module; i++)
    HT_TRY(given_in(folder, arena, &o->module[i]));
  for (int i = 0; elsewhere && i < o->n_preprocess; i++)
    HT_TRY(given_in(folder, arena, &o->preprocess[i]));
  return HT_SUCCESS;
}

/* ---- opening */

static ht_status open_training(ht_model *m, bool training) {
  ht_model *variant;
  if (!training || m->format == HT_FORMAT_SM2 || !ht_model_has_tags(m, "train"))
    return HT_SUCCESS;
  return ht_model_open_variant(m, "train", &variant);
}

/* One application alone needs no scope. */
static bool scoped(const ht_train_options *o) {
  return o->n_module + o->n_apply > 1;
}

static ht_status open_member(const ht_train_options *o, const char *text,
                             bool training, ht_model *joined) {
  char name[MAX_NAME], scope[MAX_NAME + 1] = "";
  ht_model *m;
  const char *handle = name_of(text, name);
  if (scoped(o)) snprintf(scope, sizeof scope, "%s/", name);
  HT_TRY(ht_model_open(handle, o->tags, &m));
  ht_status st = o->tags ? HT_SUCCESS : open_training(m, training);
  int before = joined->n_members;
  if (st.code == HT_OK) st = ht_model_join(joined, m, scope, true);
  if (joined->n_members == before) ht_model_free(m);
  return ht_within(st, "'%s'", text);
}

static ht_status open_first(const ht_train_options *o, const char *text,
                            ht_model *joined) {
  char name[MAX_NAME];
  int at = 0;
  const char *handle = split_name(text, name);
  if (!*name && o->n_module > 1)
    return ht_fail(HT_USAGE, "say --preprocess NAME=%s: there are %d modules",
                   text, o->n_module);
  if (*name && !find_module(o, name, &at))
    return ht_fail(HT_USAGE, "--preprocess '%s': no module '%s'", text, name);
  if (joined->member[at].first)
    return ht_fail(HT_USAGE, "--preprocess '%s': its module has one already",
                   text);
  return ht_chain_open(joined, at, handle);
}

static ht_status check(const ht_train_options *o, ht_arena *arena) {
  int n;
  ht_module_use *application;
  ht_connection *connection;
  HT_TRY(ht_joint_applications(o, arena, &application, &n));
  return ht_joint_connections(o, application, n, arena, &connection);
}

static ht_status open_all(const ht_train_options *o, bool training,
                          ht_model *joined) {
  HT_TRY(check(o, &joined->arena));
  for (int i = 0; i < o->n_module; i++)
    HT_TRY(open_member(o, o->module[i], training, joined));
  for (int i = 0; i < o->n_preprocess; i++)
    HT_TRY(open_first(o, o->preprocess[i], joined));
  return HT_SUCCESS;
}

ht_status ht_joint_open(const ht_train_options *o, bool training,
                        ht_model **out) {
  char name[MAX_NAME];
  *out = NULL;
  if (!scoped(o) && !o->n_preprocess && !o->n_connect)
    return ht_model_open(split_name(o->module[0], name), o->tags, out);
  ht_model *joined;
  HT_TRY(ht_model_new(&joined));
  ht_status st = open_all(o, training, joined);
  if (st.code == HT_OK)
    *out = joined;
  else
    ht_model_free(joined);
  return st;
}

/* ---- applications */

static ht_status add_application(ht_module_use *all, int *n, ht_arena *arena,
                                 const char *name, int member) {
  char *scope = ht_arena_printf(arena, "%s%s", name, *name ? "/" : "");
  if (!scope) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  for (int i = 0; i < *n; i++)
    if (strcmp(all[i].scope, scope) == 0)
      return ht_fail(HT_USAGE,
                     "two parts of the model are named '%s' (NAME=HANDLE is a "
                     "module of its own, --apply NAME=%s one with the same "
                     "weights)",
                     name, name);
  all[(*n)++] = (ht_module_use){.scope = scope, .member = member};
  return HT_SUCCESS;
}

ht_status ht_joint_applications(const ht_train_options *o, ht_arena *arena,
                                ht_module_use **out, int *n) {
  char name[MAX_NAME];
  int at;
  *n = 0;
  HT_NEW(*out, arena, o->n_module + o->n_apply);
  for (int i = 0; i < o->n_module; i++) {
    (void)name_of(o->module[i], name);
    HT_TRY(add_application(*out, n, arena, scoped(o) ? name : "", i));
  }
  for (int i = 0; i < o->n_apply; i++) {
    const char *module = split_name(o->apply[i], name);
    if (!*name)
      return ht_fail(HT_USAGE, "'--apply' wants NAME=MODULE, not '%s'",
                     o->apply[i]);
    if (!find_module(o, module, &at))
      return ht_fail(HT_USAGE, "--apply '%s': no module '%s'", o->apply[i],
                     module);
    HT_TRY(add_application(*out, n, arena, name, at));
  }
  return HT_SUCCESS;
}

const char *ht_joint_meant(const ht_module_use *a, const char *text) {
  if (!*a->scope) return text;
  size_t n = strlen(a->scope) - 1;
  if (strncmp(text, a->scope, n) != 0) return NULL;
  if (!text[n]) return text + n;
  return text[n] == '.' || text[n] == '/' ? text + n + 1 : NULL;
}

/* ---- connections */

/* "NAME", "NAME.PORT" or "NAME/PORT". */
static ht_status find_end(const ht_connection *c, const char *text,
                          const ht_module_use *all, int n, int *at,
                          const char **port) {
  for (*at = 0; *at < n; (*at)++)
    if ((*port = ht_joint_meant(&all[*at], text))) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "--connect '%s': no module '%.*s'", c->text,
                 (int)strcspn(text, "./"), text);
}

ht_status ht_joint_connections(const ht_train_options *o,
                               const ht_module_use *application, int n,
                               ht_arena *arena, ht_connection **out) {
  HT_NEW(*out, arena, o->n_connect + 1);
  for (int i = 0; i < o->n_connect; i++) {
    ht_connection *c = &(*out)[i];
    c->text = o->connect[i];
    char *input = ht_arena_string(arena, c->text);
    char *output = input ? strchr(input, '=') : NULL;
    if (!output || output == input || !output[1])
      return ht_fail(HT_USAGE,
                     "'--connect' wants NAME.INPUT=NAME.OUTPUT, not '%s'",
                     c->text);
    *output++ = 0;
    if (n < 2)
      return ht_fail(HT_USAGE, "--connect '%s': there is one module", c->text);
    HT_TRY(find_end(c, input, application, n, &c->to, &c->input));
    HT_TRY(find_end(c, output, application, n, &c->from, &c->output));
  }
  return HT_SUCCESS;
}
