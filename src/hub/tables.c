/* tables.c - assets, and what has to run once before the first call: tables
 * are made and filled (cc/saved_model/loader.cc; TF1 Hub modules name their
 * initialisers in a collection). */
#include <string.h>

#include "base/file.h"
#include "format/message.h"
#include "hub/source.h"

typedef Tensorflow__AssetFileDef asset_def;

/* ---- assets */

static ht_status bad_name(const char *name) {
  return ht_fail(HT_CORRUPT, "asset '%s' is outside the module", name);
}

/* Every part of the path goes down. */
static ht_status check_name(const char *name) {
  if (!*name || *name == '/') return bad_name(name);
  for (const char *p = name; p; p = strchr(p, '/')) {
    if (*p == '/') p++;
    size_t n = strcspn(p, "/");
    if (n == 2 && memcmp(p, "..", 2) == 0) return bad_name(name);
  }
  return HT_SUCCESS;
}

static ht_status add_asset(ht_source *s, const asset_def *def) {
  ht_model *m = s->model;
  HT_TRY(check_name(def->filename));
  ht_asset *a = &m->asset[m->n_assets];
  const char *folder = ht_path_join(&m->arena, m->folder, "assets");
  a->path = folder ? ht_path_join(&m->arena, folder, def->filename) : NULL;
  if (!a->path) return ht_fail(HT_NO_MEMORY, "no memory for an asset");
  a->filename = def->filename;
  bool named = def->tensor_info && def->tensor_info->encoding_case ==
                                       TENSORFLOW__TENSOR_INFO__ENCODING_NAME;
  a->tensor = named ? def->tensor_info->name : "";
  m->n_assets++;
  const char *node =
      ht_arena_bytes(&m->arena, a->tensor, strcspn(a->tensor, ":"));
  if (!node) return ht_fail(HT_NO_MEMORY, "no memory for an asset");
  return ht_map_put(&s->asset, node, (void *)a->path);
}

static ht_status collected_assets(ht_source *s,
                                  const Tensorflow__CollectionDef__AnyList *l) {
  ht_model *m = s->model;
  HT_NEW(m->asset, &m->arena, l->n_value);
  for (size_t i = 0; i < l->n_value; i++) {
    ProtobufCMessage *p;
    HT_TRY(ht_message_unpack(&tensorflow__asset_file_def__descriptor,
                             l->value[i]->value.data, l->value[i]->value.len,
                             "an asset's definition", &m->arena, &p));
    HT_TRY(add_asset(s, (asset_def *)p));
  }
  return HT_SUCCESS;
}

static const Tensorflow__NodeDef *find_node(const ht_source *s,
                                            const char *name, size_t n) {
  const Tensorflow__GraphDef *g = s->meta->graph_def;
  for (size_t i = 0; g && i < g->n_node; i++)
    if (strncmp(g->node[i]->name, name, n) == 0 && !g->node[i]->name[n])
      return g->node[i];
  return NULL;
}

/* What tensorflow_hub asks of the tensor that holds the path of a file. */
static ht_status check_asset_node(const ht_source *s, const char *tensor) {
  size_t n = strlen(tensor);
  bool first = n > 2 && strcmp(tensor + n - 2, ":0") == 0;
  const Tensorflow__NodeDef *node = first ? find_node(s, tensor, n - 2) : NULL;
  const Tensorflow__AttrValue *type = node ? ht_node_attr(node, "dtype") : NULL;
  if (type && strcmp(node->op, "Const") == 0 &&
      type->value_case == TENSORFLOW__ATTR_VALUE__VALUE_TYPE &&
      ht_dtype_of((int)type->type) == HT_STRING)
    return HT_SUCCESS;
  return ht_fail(HT_CORRUPT, "asset '%s' is no constant string", tensor);
}

static ht_status check_asset_nodes(const ht_source *s) {
  const Tensorflow__CollectionDef *c = ht_collection(s, "asset_filepaths");
  bool nodes = c && c->kind_case == TENSORFLOW__COLLECTION_DEF__KIND_NODE_LIST;
  if (s->model->format != HT_FORMAT_HUB1 || !nodes) return HT_SUCCESS;
  for (size_t i = 0; i < c->node_list->n_value; i++)
    HT_TRY(check_asset_node(s, c->node_list->value[i]));
  return HT_SUCCESS;
}

ht_status ht_assets(ht_source *s) {
  HT_TRY(check_asset_nodes(s));
  const Tensorflow__CollectionDef *c = ht_collection(s, "saved_model_assets");
  ht_model *m = s->model;
  bool any = c && c->kind_case == TENSORFLOW__COLLECTION_DEF__KIND_ANY_LIST;
  if (!s->meta->n_asset_file_def)
    return any ? collected_assets(s, c->any_list) : HT_SUCCESS;
  HT_NEW(m->asset, &m->arena, s->meta->n_asset_file_def);
  for (size_t i = 0; i < s->meta->n_asset_file_def; i++)
    HT_TRY(add_asset(s, s->meta->asset_file_def[i]));
  return HT_SUCCESS;
}

/* ---- initialisation */

/* Runs nodes of the main graph for their effect. */
static ht_status run_nodes(ht_source *s, size_t n, char *const *name) {
  ht_model *m = s->model;
  ht_body body = {.graph = m->graph};
  ht_plan *plan;
  HT_NEW(body.target, &m->arena, n);
  for (size_t i = 0; i < n; i++) {
    HT_TRY(ht_within(ht_node_named(m->graph, name[i], &body.target[i]),
                     "initialising tables"));
    body.n_targets++;
  }
  HT_TRY(ht_plan_new(&body, NULL, &plan));
  ht_run run = ht_run_make(m->pool, &m->store, m->folder);
  ht_status st = ht_plan_run(plan, &run, 0, NULL, 0, NULL);
  ht_plan_free(plan);
  return ht_within(st, "initialising tables");
}

static const Tensorflow__CollectionDef__NodeList *nodes_of(const ht_source *s,
                                                           const char *name) {
  const Tensorflow__CollectionDef *c = ht_collection(s, name);
  bool nodes = c && c->kind_case == TENSORFLOW__COLLECTION_DEF__KIND_NODE_LIST;
  return nodes && c->node_list->n_value ? c->node_list : NULL;
}

/* The one node that initialises everything, NULL: there is none. */
static char *init_node(const ht_source *s) {
  static const char key[] = "__saved_model_init_op";
  for (size_t i = 0; i < s->meta->n_signature_def; i++) {
    const Tensorflow__SignatureDef *d = s->meta->signature_def[i]->value;
    if (strcmp(s->meta->signature_def[i]->key, key) != 0 || !d) continue;
    if (d->n_outputs && d->outputs[0]->value &&
        d->outputs[0]->value->encoding_case ==
            TENSORFLOW__TENSOR_INFO__ENCODING_NAME)
      return d->outputs[0]->value->name;
  }
  const Tensorflow__CollectionDef__NodeList *l =
      nodes_of(s, "saved_model_main_op");
  if (!l) l = nodes_of(s, "legacy_init_op");
  return l ? l->value[0] : NULL;
}

/* Each on its own, so that one that we cannot run stops no other. */
static ht_status run_collection(ht_source *s) {
  const Tensorflow__CollectionDef__NodeList *l =
      nodes_of(s, "table_initializer");
  for (size_t i = 0; l && i < l->n_value; i++) {
    ht_status st = run_nodes(s, 1, &l->value[i]);
    if (st.code != HT_UNSUPPORTED) HT_TRY(st);
  }
  return HT_SUCCESS;
}

static bool is_table(const char *op) { return strstr(op, "HashTable") != NULL; }

/* Whether all tables of the main graph are there already: the objects made
 * them, or another graph of the module. */
static bool all_made(ht_source *s) {
  ht_graph *g = s->model->graph;
  for (int i = 0; i < g->n_nodes; i++) {
    char name[512];
    const ht_node *n = &g->node[i];
    if (!is_table(n->op_name)) continue;
    ht_string shared = ht_attr_string(&n->attrs, "shared_name");
    if (shared.n >= sizeof name) return false;
    if (shared.n) memcpy(name, shared.p, shared.n);
    name[shared.n] = 0;
    if (!ht_store_find(&s->model->store, shared.n ? name : n->name))
      return false;
  }
  return true;
}

static ht_status object_resources(ht_source *s) {
  for (size_t i = 0; s->objects && i < s->objects->n_nodes; i++) {
    ht_tensor t;
    if (s->objects->nodes[i]->kind_case ==
        TENSORFLOW__SAVED_OBJECT__KIND_RESOURCE)
      HT_TRY(ht_object_value(s, (int)i, &t));
  }
  return HT_SUCCESS;
}

static ht_status make_tables(ht_source *s) {
  HT_TRY(object_resources(s));
  if ((s->objects || s->variant) && all_made(s)) return HT_SUCCESS;
  char *node = init_node(s);
  ht_status st = node ? run_nodes(s, 1, &node) : run_collection(s);
  return st.code == HT_UNSUPPORTED && node ? run_collection(s) : st;
}

ht_status ht_tables(ht_source *s) {
  HT_TRY(make_tables(s));
  return ht_restore_tables(s);
}
