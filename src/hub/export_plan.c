/* export_plan.c - what an export consists of: functions and captures. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "hub/export_internal.h"
#include "hub/source.h"

/* ---- methods as functions, arguments and returns sorted by name */

typedef struct sorted_port {
  ht_port port;
  int place; /* before sorting */
} sorted_port;

static int by_name(const void *a, const void *b) {
  return strcmp(((const sorted_port *)a)->port.name,
                ((const sorted_port *)b)->port.name);
}

static ht_status sort_ports(ht_arena *arena, const ht_port *in, int n,
                            ht_port **out, int **place) {
  sorted_port *sorted;
  HT_NEW(sorted, arena, n + 1);
  HT_NEW(*out, arena, n + 1);
  HT_NEW(*place, arena, n + 1);
  for (int i = 0; i < n; i++) sorted[i] = (sorted_port){in[i], i};
  if (n) qsort(sorted, (size_t)n, sizeof *sorted, by_name);
  for (int i = 0; i < n; i++) {
    (*out)[i] = sorted[i].port;
    (*place)[i] = sorted[i].place;
  }
  return HT_SUCCESS;
}

static ht_status emit_sorted(ht_writer *w, const char *hint,
                             const ht_out_method *m, const ht_body *body,
                             const int *in, const int *out, ht_emitted **f) {
  ht_body *sorted;
  const char **name;
  int n_in = m->method->n_inputs, n_out = m->method->n_outputs;
  HT_NEW(sorted, &w->arena, 1);
  HT_NEW(name, &w->arena, n_in + 1);
  *sorted = *body;
  if (body->n_args != n_in || body->n_rets != n_out)
    return ht_fail(HT_CORRUPT, "method '%s' does not fit its interface",
                   m->method->name);
  HT_NEW(sorted->arg, &w->arena, n_in + 1);
  HT_NEW(sorted->ret, &w->arena, n_out + 1);
  for (int i = 0; i < n_in; i++) {
    sorted->arg[i] = body->arg[in[i]];
    name[i] = m->input[i].name;
  }
  for (int i = 0; i < n_out; i++) sorted->ret[i] = body->ret[out[i]];
  return ht_emit(&w->e, hint, sorted, NULL, name, f);
}

static ht_status emit_method(ht_writer *w, const ht_export_method *method,
                             bool signature, ht_out_method *m) {
  int *in, *out;
  *m = (ht_out_method){.method = method};
  HT_TRY(
      sort_ports(&w->arena, method->input, method->n_inputs, &m->input, &in));
  HT_TRY(sort_ports(&w->arena, method->output, method->n_outputs, &m->output,
                    &out));
  HT_TRY(emit_sorted(w, signature ? "signature_wrapper" : "call", m,
                     &method->inference, in, out, &m->f[0]));
  if (!method->training.graph) return HT_SUCCESS;
  return emit_sorted(w, signature ? "signature_wrapper_train" : "call_train", m,
                     &method->training, in, out, &m->f[1]);
}

/* ---- captures */

int ht_writer_find(const ht_writer *w, const ht_tensor *value) {
  for (int i = 0; i < w->n_captures; i++)
    if (ht_same_capture(&w->capture[i].value, value)) return i;
  return -1;
}

static bool has_file(const ht_writer *w, const char *file) {
  for (int i = 0; i < w->n_assets; i++)
    if (strcmp(w->asset[i].file, file) == 0) return true;
  return false;
}

static ht_status add_asset(ht_writer *w, const char *path, int *index) {
  for (int i = 0; i < w->n_assets; i++)
    if (strcmp(w->asset[i].path, path) == 0) {
      *index = i;
      return HT_SUCCESS;
    }
  HT_GROW(w->asset, w->n_assets, w->asset_capacity, &w->arena);
  char *copy, *file;
  HT_TRY(ht_pb_text(&w->arena, &copy, "%s", path));
  HT_TRY(ht_pb_text(&w->arena, &file, "%s", ht_path_base(path)));
  for (int k = 0; has_file(w, file); k++) /* as tensorflow_hub numbers them */
    HT_TRY(ht_pb_text(&w->arena, &file, "%s%d", ht_path_base(path), k));
  *index = w->n_assets;
  w->asset[w->n_assets++] = (ht_out_asset){.path = copy, .file = file};
  return HT_SUCCESS;
}

static ht_status asset_of(ht_writer *w, const ht_model *m, const char *path,
                          int *asset) {
  if (!m->folder) return HT_SUCCESS;
  char *assets = ht_path_join(&w->arena, m->folder, "assets/");
  if (!assets) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (strncmp(path, assets, strlen(assets)) != 0 || !ht_path_exists(path))
    return HT_SUCCESS;
  return add_asset(w, path, asset);
}

/* A captured string that is the path of a file of a module's assets. */
static ht_status asset_path(ht_writer *w, const ht_tensor *t, int *asset) {
  *asset = -1;
  if (t->dtype != HT_STRING || ht_count(t) != 1) return HT_SUCCESS;
  char *path = ht_arena_bytes(&w->arena, ht_str(t)[0].p, ht_str(t)[0].n);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  for (int i = 0; i < w->n_modules && *asset < 0; i++)
    HT_TRY(asset_of(w, w->module[i], path, asset));
  return HT_SUCCESS;
}

ht_status ht_writer_capture(ht_writer *w, const ht_tensor *value) {
  if (ht_writer_find(w, value) >= 0) return HT_SUCCESS;
  ht_out_capture c = {.value = *value, .asset = -1, .object = -1};
  HT_TRY(ht_tensor_keep(&w->arena, value));
  if (value->dtype == HT_RESOURCE) {
    ht_object *o = ht_obj(value)[0];
    if (o && o->class == &ht_variable_class) c.variable = (ht_variable *)o;
    if (o && o->class == &ht_table_class) c.table = (ht_table *)o;
    if (!c.variable && !c.table)
      return ht_fail(HT_UNSUPPORTED,
                     "a resource of class '%s' cannot be "
                     "exported",
                     o ? o->class->name : "none");
    if (c.table && ht_table_has_file(c.table))
      HT_TRY(add_asset(w, c.table->path, &c.asset));
  } else {
    HT_TRY(asset_path(w, value, &c.asset));
  }
  HT_GROW(w->capture, w->n_captures, w->capture_capacity, &w->arena);
  w->capture[w->n_captures++] = c;
  return HT_SUCCESS;
}

static ht_status add_variable(ht_writer *w, ht_variable *v) {
  ht_tensor handle;
  HT_TRY(ht_tensor_new(NULL, HT_RESOURCE, &HT_SCALAR, &handle));
  ht_obj(&handle)[0] = ht_object_share(&v->object);
  ht_status st = ht_writer_capture(w, &handle);
  ht_tensor_drop(&handle);
  return st;
}

static ht_status add_captured(ht_writer *w, const ht_emitted *f) {
  for (int i = 0; f && i < f->n_captured; i++)
    HT_TRY(ht_writer_capture(w, &f->captured[i]));
  return HT_SUCCESS;
}

/* What custom gradients of a module capture of its objects. */
static ht_status add_gradients(ht_writer *w, const ht_model *m) {
  ht_source *s = m->source;
  for (int i = 0; s && i < s->concrete.n; i++) {
    const char *name = s->concrete.entry[i].key;
    const Tensorflow__SavedConcreteFunction *f = s->concrete.entry[i].value;
    if (!ht_source_gradient(s, name)) continue;
    for (size_t k = 0; k < f->n_bound_inputs; k++) {
      const ht_saved_object *o = ht_object_at(s, f->bound_inputs[k]);
      ht_tensor value;
      if (o && o->kind_case == TENSORFLOW__SAVED_OBJECT__KIND_CAPTURED_TENSOR)
        continue;
      HT_TRY(ht_object_value(s, f->bound_inputs[k], &value));
      HT_TRY(ht_writer_capture(w, &value));
    }
  }
  return HT_SUCCESS;
}

static ht_status add_captures(ht_writer *w) {
  for (int i = 0; i < w->x->n_variables; i++)
    HT_TRY(add_variable(w, w->x->variable[i]));
  for (int k = 0; k < 2; k++) {
    HT_TRY(add_captured(w, w->call.f[k]));
    for (int i = 0; i < w->x->n_signatures; i++)
      HT_TRY(add_captured(w, w->signature[i].f[k]));
  }
  for (int i = 0; i < w->n_losses; i++) HT_TRY(add_captured(w, w->loss[i]));
  for (int i = 0; i < w->n_modules; i++) HT_TRY(add_gradients(w, w->module[i]));
  return HT_SUCCESS;
}

ht_status ht_writer_captured(ht_writer *w, const ht_emitted *f,
                             const char ***out) {
  HT_NEW(*out, &w->arena, f->n_captured + 1);
  for (int i = 0; i < f->n_captured; i++)
    (*out)[i] = w->capture[ht_writer_find(w, &f->captured[i])].node;
  return HT_SUCCESS;
}

/* ---- the writer */

ht_status ht_writer_name(ht_writer *w, const char *wanted, const char **out) {
  char *name, *base;
  HT_TRY(ht_pb_text(&w->arena, &base, "%s", wanted));
  for (char *p = base; *p; p++)
    if (!isalnum((unsigned char)*p) && !strchr("_./-", *p)) *p = '_';
  if (!isalnum((unsigned char)*base) && *base != '.')
    HT_TRY(ht_pb_text(&w->arena, &base, "n%s", base));
  name = base;
  for (int k = 1; ht_map_get(&w->names, name); k++)
    HT_TRY(ht_pb_text(&w->arena, &name, "%s_%d", base, k));
  HT_TRY(ht_map_put(&w->names, name, w));
  *out = name;
  return HT_SUCCESS;
}

ht_status ht_writer_add(ht_writer *w, Tensorflow__NodeDef *node) {
  return HT_PB_PUSH(&w->arena, w->graph, node, node);
}

static const Tensorflow__MetaGraphDef *source_meta(const ht_model *model) {
  const Tensorflow__SavedModel *saved = model->proto;
  bool there = saved && (size_t)model->chosen < saved->n_meta_graphs;
  return there ? saved->meta_graphs[model->chosen] : NULL;
}

/* The modules that it is of: the members of a joined model, or itself. */
static ht_status list_modules(ht_writer *w) {
  ht_model *m = w->x->model;
  HT_NEW(w->module, &w->arena, m->n_members + 1);
  for (int i = 0; i < m->n_members; i++)
    w->module[w->n_modules++] = m->member[i].model;
  if (!m->n_members) w->module[w->n_modules++] = m;
  return HT_SUCCESS;
}

static ht_status take_functions(ht_writer *w) {
  for (int i = 0; i < w->n_modules; i++) {
    const ht_model *m = w->module[i];
    const Tensorflow__MetaGraphDef *from = source_meta(m);
    bool there = from && from->graph_def;
    HT_TRY(ht_emitter_source(&w->e, &m->store,
                             there ? from->graph_def->library : NULL));
  }
  return HT_SUCCESS;
}

/* The newest producer of the modules: their nodes stay valid. */
static int32_t producer(const ht_writer *w) {
  int32_t newest = 1645; /* TensorFlow 2.15 */
  for (int i = 0; i < w->n_modules; i++) {
    const Tensorflow__MetaGraphDef *from = source_meta(w->module[i]);
    if (from && from->graph_def && from->graph_def->versions &&
        from->graph_def->versions->producer > newest)
      newest = from->graph_def->versions->producer;
  }
  return newest;
}

static ht_status start_meta(ht_writer *w) {
  ht_arena *a = &w->arena;
  HT_PB(w->meta, a, tensorflow__meta_graph_def__init);
  HT_PB(w->graph, a, tensorflow__graph_def__init);
  HT_PB(w->meta->meta_info_def, a,
        tensorflow__meta_graph_def__meta_info_def__init);
  HT_PB(w->graph->versions, a, tensorflow__version_def__init);
  w->meta->graph_def = w->graph;
  w->graph->library = w->e.library;
  w->graph->versions->producer = producer(w);
  w->graph->versions->min_consumer = 12;
  const char *version = w->x->model->tf_version;
  return ht_pb_text(a, &w->meta->meta_info_def->tensorflow_version, "%s",
                    version && *version == '2' ? version : "2.15.1");
}

/* Functions of a graph that is written beside this one: both capture the same
 * in the same order, so that files and variables have one name. */
static ht_status emit_other(ht_writer *w, const ht_export *other) {
  ht_emitted *f;
  ht_out_method m;
  for (int i = 0; i < other->n_signatures; i++)
    HT_TRY(emit_method(w, &other->signature[i], true, &m));
  for (int i = 0; i < other->n_losses; i++)
    HT_TRY(ht_emit(&w->e, "loss", &other->loss[i],
                   other->loss_capture ? other->loss_capture[i] : NULL, NULL,
                   &f));
  return HT_SUCCESS;
}

static ht_status emit_losses(ht_writer *w, bool train) {
  const ht_export *x = w->x;
  const ht_model *m = train ? x->training : NULL;
  w->loss_body = m ? m->regularization : x->loss;
  w->loss_capture = m ? m->regularization_capture : x->loss_capture;
  w->n_losses = m ? m->n_regularization : x->n_losses;
  HT_NEW(w->loss, &w->arena, w->n_losses + 1);
  for (int i = 0; i < w->n_losses; i++)
    HT_TRY(ht_emit(&w->e, "loss", &w->loss_body[i],
                   w->loss_capture ? w->loss_capture[i] : NULL, NULL,
                   &w->loss[i]));
  return HT_SUCCESS;
}

static ht_status emit_own(ht_writer *w, const ht_export *x, bool train) {
  HT_NEW(w->signature, &w->arena, x->n_signatures + 1);
  for (int i = 0; i < x->n_signatures; i++)
    HT_TRY(emit_method(w, &x->signature[i], true, &w->signature[i]));
  return emit_losses(w, train);
}

ht_status ht_writer_init(ht_writer *w, const ht_export *x, bool train) {
  *w = (ht_writer){.x = x};
  ht_arena *a = &w->arena;
  w->names.arena = a;
  HT_TRY(list_modules(w));
  HT_TRY(ht_emitter_init(&w->e, a, x->builder->store));
  HT_TRY(take_functions(w));
  HT_TRY(start_meta(w));
  if (x->call) HT_TRY(emit_method(w, x->call, false, &w->call));
  const ht_export *graph = x->graph ? x->graph : x;
  for (int i = 0; i < (x->graph ? x->n_graphs : 1); i++)
    HT_TRY(&graph[i] == x ? emit_own(w, x, train) : emit_other(w, &graph[i]));
  return add_captures(w);
}
