/* load.c - opens a module, see model.h. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "format/message.h"
#include "hub/checkpoint_read.h"
#include "hub/handle.h"
#include "hub/source.h"
#include "proto/hub.pb-c.h"

typedef Tensorflow__MetaGraphDef meta_graph;

ht_status ht_source_keep(ht_source *s, ht_tensor *t) {
  ht_status st = HT_SUCCESS;
  if (s->n_owned == s->owned_capacity)
    st = ht_grow_(&s->model->arena, (void **)&s->owned, (size_t)s->n_owned,
                  sizeof *s->owned, &s->owned_capacity,
                  sizeof s->owned_capacity);
  if (st.code == HT_OK)
    s->owned[s->n_owned++] = *t;
  else
    ht_tensor_drop(t);
  return st;
}

/* ---- format and tags */

static ht_status check_module_def(const char *path, ht_arena *arena) {
  char *data;
  size_t n;
  ProtobufCMessage *p;
  HT_TRY(ht_file_read(path, 1 << 16, arena, &data, &n));
  HT_TRY(ht_message_unpack(&tensorflow_hub__module_def__descriptor, data, n,
                           "'tfhub_module.pb'", arena, &p));
  const TensorflowHub__ModuleDef *def = (const TensorflowHub__ModuleDef *)p;
  if (def->format != TENSORFLOW_HUB__MODULE_DEF__FORMAT__FORMAT_V3)
    return ht_fail(HT_UNSUPPORTED, "'%s' has format %d, wanted 3", path,
                   (int)def->format);
  if (def->n_required_features)
    return ht_fail(HT_UNSUPPORTED, "'%s' requires feature '%s'", path,
                   def->required_features[0]);
  return HT_SUCCESS;
}

static ht_status find_format(ht_source *s) {
  ht_model *m = s->model;
  const char *path = ht_path_join(&m->arena, m->folder, "tfhub_module.pb");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", m->folder);
  bool objects = s->saved->n_meta_graphs == 1 &&
                 s->saved->meta_graphs[0]->object_graph_def;
  m->format = HT_FORMAT_SM1;
  if (objects) m->format = HT_FORMAT_SM2;
  if (!ht_path_exists(path)) return HT_SUCCESS;
  m->format = HT_FORMAT_HUB1;
  return check_module_def(path, &m->arena);
}

static bool has_tag(const meta_graph *g, const char *tag, size_t n) {
  for (size_t i = 0; g->meta_info_def && i < g->meta_info_def->n_tags; i++) {
    const char *t = g->meta_info_def->tags[i];
    if (strlen(t) == n && memcmp(t, tag, n) == 0) return true;
  }
  return false;
}

/* Whether the tags of a graph are the set "a,b". */
static bool tags_are(const meta_graph *g, const char *tags) {
  size_t n_wanted = 0;
  for (const char *p = tags; *p;) {
    size_t n = strcspn(p, ",");
    if (n && !has_tag(g, p, n)) return false;
    n_wanted += n > 0;
    p += n + (p[n] == ',');
  }
  return n_wanted == (g->meta_info_def ? g->meta_info_def->n_tags : 0);
}

static ht_status join_tags(ht_arena *arena, const meta_graph *g,
                           const char **out) {
  ht_text t = {.max = 4096};
  for (size_t i = 0; g->meta_info_def && i < g->meta_info_def->n_tags; i++)
    ht_text_printf(&t, "%s%s", i ? "," : "", g->meta_info_def->tags[i]);
  ht_status st = ht_text_check(&t);
  *out = ht_arena_string(arena, t.p ? t.p : "");
  ht_text_free(&t);
  if (st.code == HT_OK && !*out) st = ht_fail(HT_NO_MEMORY, "no memory");
  return st;
}

static int find_tags(const ht_source *s, const char *tags) {
  for (size_t i = 0; i < s->saved->n_meta_graphs; i++)
    if (tags_are(s->saved->meta_graphs[i], tags)) return (int)i;
  return -1;
}

bool ht_model_has_tags(const ht_model *model, const char *tags) {
  return model->source && find_tags(model->source, tags) >= 0;
}

static ht_status no_tags(const ht_model *m, const char *tags) {
  ht_text t = {.max = 600};
  for (int i = 0; i < m->n_tag_sets; i++)
    ht_text_printf(&t, "%s'%s'", i ? ", " : "", m->tag_sets[i]);
  ht_status st = ht_fail(HT_USAGE, "no graph with tags '%s': there are %s",
                         tags, t.p ? t.p : "none");
  ht_text_free(&t);
  return st;
}

/* ---- what tensorflow_hub refuses, too */

/* Collections that a TF1 Hub module may have, and of what: nobody else's would
 * be heeded by who uses it (native_module.py,
 * check_collections_are_supported). */
static const struct collection {
  const char *name;
  int kind;
  const char *of;
} collections[] = {
#define NODES(name) \
  { name, TENSORFLOW__COLLECTION_DEF__KIND_NODE_LIST, "nodes" }
#define BYTES(name) \
  { name, TENSORFLOW__COLLECTION_DEF__KIND_BYTES_LIST, "messages" }
    BYTES("variables"),
    BYTES("model_variables"),
    BYTES("trainable_variables"),
    NODES("update_ops"),
    NODES("regularization_losses"),
    NODES("table_initializer"),
    NODES("asset_filepaths"),
    {"saved_model_assets", TENSORFLOW__COLLECTION_DEF__KIND_ANY_LIST, "files"},
    BYTES("hub_module_attachments"),
    BYTES("cond_context"),
    BYTES("while_context")};
#undef NODES
#undef BYTES

static const struct collection *find_collection(const char *name) {
  for (size_t i = 0; i < sizeof collections / sizeof *collections; i++)
    if (strcmp(collections[i].name, name) == 0) return &collections[i];
  return NULL;
}

static ht_status check_kind(const meta_graph *g, size_t i, const char *tags) {
  const struct collection *c = find_collection(g->collection_def[i]->key);
  const Tensorflow__CollectionDef *d = g->collection_def[i]->value;
  if (!c || !d || d->kind_case == TENSORFLOW__COLLECTION_DEF__KIND__NOT_SET ||
      (int)d->kind_case == c->kind)
    return HT_SUCCESS;
  return ht_fail(HT_CORRUPT,
                 "collection '%s' of the graph tagged '%s' is no list of %s",
                 c->name, tags, c->of);
}

static ht_status check_collections(const meta_graph *g, const char *tags) {
  ht_text names = {.max = 600};
  for (size_t i = 0; i < g->n_collection_def; i++)
    HT_TRY(check_kind(g, i, tags));
  for (size_t i = 0; i < g->n_collection_def; i++)
    if (!find_collection(g->collection_def[i]->key))
      ht_text_printf(&names, "%s'%s'", names.n ? ", " : "",
                     g->collection_def[i]->key);
  ht_status st = HT_SUCCESS;
  if (names.n)
    st = ht_fail(HT_UNSUPPORTED,
                 "unsupported collections in the graph tagged '%s': %s", tags,
                 names.p);
  ht_text_free(&names);
  return st;
}

/* Every graph of a TF1 Hub module has tags of its own. */
static ht_status check_graphs(const ht_source *s) {
  const ht_model *m = s->model;
  for (int i = 0; i < m->n_tag_sets && m->format == HT_FORMAT_HUB1; i++) {
    HT_TRY(check_collections(s->saved->meta_graphs[i], m->tag_sets[i]));
    if (find_tags(s, m->tag_sets[i]) != i)
      return ht_fail(HT_CORRUPT, "tags '%s' are used repeatedly",
                     m->tag_sets[i]);
  }
  return HT_SUCCESS;
}

/* Files that a program wrote have operations, if only those that save. */
static ht_status check_not_empty(const meta_graph *g, const char *tags) {
  const Tensorflow__GraphDef *d = g->graph_def;
  if (d && (d->n_node || (d->library && d->library->n_function)))
    return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "the graph tagged '%s' has no operations", tags);
}

static ht_status choose_graph(ht_source *s, const char *tags) {
  ht_model *m = s->model;
  const char *wanted = tags;
  m->n_tag_sets = (int)s->saved->n_meta_graphs;
  HT_NEW(m->tag_sets, &m->arena, m->n_tag_sets);
  for (int i = 0; i < m->n_tag_sets; i++)
    HT_TRY(join_tags(&m->arena, s->saved->meta_graphs[i], &m->tag_sets[i]));
  HT_TRY(ht_within(check_graphs(s), "'%s'", m->folder));
  if (!tags) wanted = m->format == HT_FORMAT_HUB1 ? "" : "serve";
  m->chosen = find_tags(s, wanted);
  if (m->chosen < 0 && !tags && m->n_tag_sets == 1) m->chosen = 0;
  if (m->chosen < 0) return no_tags(m, wanted);
  s->meta = s->saved->meta_graphs[m->chosen];
  HT_TRY(ht_within(check_not_empty(s->meta, m->tag_sets[m->chosen]), "'%s'",
                   m->folder));
  if (m->format == HT_FORMAT_SM2) s->objects = s->meta->object_graph_def;
  m->tf_version =
      s->meta->meta_info_def ? s->meta->meta_info_def->tensorflow_version : "";
  return HT_SUCCESS;
}

/* ---- values */

static ht_status open_checkpoint(ht_source *s) {
  ht_model *m = s->model;
  char *folder = ht_path_join(&m->arena, m->folder, "variables");
  char *prefix = folder ? ht_path_join(&m->arena, folder, "variables") : NULL;
  char *index = prefix ? ht_arena_printf(&m->arena, "%s.index", prefix) : NULL;
  if (!index) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", m->folder);
  if (ht_path_exists(index)) {
    ht_status st = ht_checkpoint_open(prefix, &s->bundle);
    if (st.code == HT_OK) {
      m->bundle = s->bundle;
      return HT_SUCCESS;
    }
    char why[HT_MESSAGE_MAX]; /* a pointer file explains it better */
    ht_status_copy(st, why);
    HT_TRY(ht_variables_check(m->folder));
    return ht_fail(st.code, "%s", why);
  }
  if (!ht_path_exists(prefix)) return HT_SUCCESS;
  return ht_fail(HT_UNSUPPORTED,
                 "'%s' is a checkpoint of the old format (V1): save it again",
                 prefix);
}

/* All variables of a TF1 Hub module are in its checkpoint; another graph of
 * it may have some that nobody ever made. */
static ht_status check_complete(const ht_source *s) {
  const ht_store *store = &s->model->store;
  bool all = s->bundle && s->model->format == HT_FORMAT_HUB1 && !s->variant;
  for (int i = 0; all && i < store->n_variables; i++) {
    const ht_variable *v = store->variable[i];
    if (!v->value.dtype)
      return ht_fail(HT_CORRUPT,
                     "variable '%s' is not in 'variables/variables' of '%s'",
                     v->name, s->model->folder);
  }
  return HT_SUCCESS;
}

/* A module with variables and nothing to fill them lost its files. */
static ht_status check_filled(const ht_source *s) {
  const ht_store *store = &s->model->store;
  HT_TRY(check_complete(s));
  for (int i = 0; i < store->n_variables && !s->bundle; i++) {
    const ht_variable *v = store->variable[i];
    if (v->trainable)
      return ht_fail(HT_IO,
                     "no 'variables/variables.index' in '%s', which has "
                     "variable '%s'",
                     s->model->folder, v->name);
  }
  return HT_SUCCESS;
}

static ht_status load_variables(ht_source *s) {
  if (!s->variant) HT_TRY(open_checkpoint(s));
  if (!s->objects) {
    HT_TRY(ht_variables_of_graph(s));
  } else {
    size_t n = s->objects->n_nodes;
    HT_NEW(s->value, &s->model->arena, n);
    HT_NEW(s->variable, &s->model->arena, n);
    HT_TRY(ht_variables_of_objects(s));
  }
  return check_filled(s);
}

/* ---- the model */

static ht_status load_graph(ht_source *s, const char *tags) {
  HT_TRY(choose_graph(s, tags));
  HT_TRY(ht_assets(s));
  HT_TRY(ht_import(s));
  HT_TRY(load_variables(s));
  HT_TRY(ht_tables(s));
  HT_TRY(ht_custom_gradients(s));
  HT_TRY(ht_signatures(s));
  if (!s->objects) return HT_SUCCESS;
  HT_TRY(ht_object_callables(s));
  return ht_object_losses(s);
}

static ht_status load(ht_source *s, const char *tags) {
  ht_model *m = s->model;
  HT_TRY(ht_saved_model_read(m->folder, &m->arena, &s->saved));
  m->proto = s->saved;
  HT_TRY(find_format(s));
  return load_graph(s, tags);
}

static ht_status make_source(ht_model *m, const char *handle) {
  char *folder;
  HT_NEW(m->source, &m->arena, 1);
  ht_source *s = m->source;
  s->model = m;
  s->node.arena = s->function.arena = s->concrete.arena = s->asset.arena =
      &m->arena;
  ht_fetch_options options = ht_fetch_from_environment();
  HT_TRY(ht_handle_folder(handle, &options, &m->arena, &folder));
  char *real = realpath(folder, NULL); /* assets are known by full paths */
  m->folder = ht_arena_string(&m->arena, real ? real : folder);
  free(real);
  m->pool = ht_pool_new();
  if (!m->folder || !m->pool)
    return ht_fail(HT_NO_MEMORY, "no memory for '%s'", folder);
  return HT_SUCCESS;
}

ht_status ht_model_open(const char *handle, const char *tags, ht_model **out) {
  ht_model *m = calloc(1, sizeof *m);
  *out = NULL;
  if (!m) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", handle);
  ht_store_init(&m->store);
  ht_status st = make_source(m, handle);
  if (st.code == HT_OK) st = load(m->source, tags);
  if (st.code == HT_OK)
    *out = m;
  else
    ht_model_free(m);
  return st;
}

/* ---- another graph over the same state */

static ht_status share_parts(ht_model *to, const ht_model *from) {
  for (int i = 0; i < from->n_parts; i++) {
    HT_GROW(to->part, to->n_parts, to->part_capacity, &to->arena);
    to->part[to->n_parts++] = from->part[i];
  }
  return HT_SUCCESS;
}

static ht_status load_variant(ht_model *base, ht_model *m, const char *tags) {
  ht_source *s = m->source;
  s->variant = true;
  s->saved = base->source->saved;
  s->bundle = base->source->bundle;
  m->proto = base->proto;
  m->bundle = base->bundle;
  m->format = base->format;
  HT_TRY(ht_store_share(&m->store, &base->store, ""));
  HT_TRY(load_graph(s, tags));
  HT_TRY(share_parts(base, m));
  m->library.store = &base->store; /* what steps make by name, too */
  return ht_store_share(&base->store, &m->store, "");
}

static ht_model *opened_variant(ht_model *model, const char *tags) {
  for (ht_model *m = model; m; m = m->variant)
    if (tags_are(m->source->meta, tags)) return m;
  return NULL;
}

ht_status ht_model_open_variant(ht_model *model, const char *tags,
                                ht_model **out) {
  *out = opened_variant(model, tags);
  if (*out) return HT_SUCCESS;
  ht_model *m = calloc(1, sizeof *m);
  if (!m) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", model->folder);
  ht_store_init(&m->store);
  ht_status st = make_source(m, model->folder);
  if (st.code == HT_OK) st = load_variant(model, m, tags);
  if (st.code != HT_OK) {
    ht_model_free(m);
    return ht_within(st, "tags '%s'", tags);
  }
  m->variant = model->variant;
  model->variant = m;
  *out = m;
  return st;
}

void ht_model_free(ht_model *model) {
  if (!model) return;
  ht_source *s = model->source;
  ht_model_free(model->variant);
  for (int i = 0; s && i < s->n_owned; i++) ht_tensor_drop(&s->owned[i]);
  for (int i = 0; i < model->n_members; i++) {
    ht_model *m = model->member[i].model;
    m->n_owners--;
    if (model->member[i].own) ht_model_free(m);
  }
  ht_store_free(&model->store);
  if (s && !s->variant) ht_bundle_close(s->bundle);
  if (model->pool) ht_pool_free(model->pool);
  ht_arena_free(&model->arena);
  free(model);
}
