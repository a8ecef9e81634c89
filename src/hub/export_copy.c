/*
 * export_copy.c - the tuned module alone in its own format: every file as it
 * is, the checkpoint with new values. Nothing but the weights is touched, so
 * signatures, variants, tables, assets and attachments survive.
 */
#include <string.h>

#include "hub/chain.h"
#include "hub/export_internal.h"
#include "kernels/copy.h"
#include "kernels/fingerprint.h"

static bool rewritten(const char *relative, void *arg) {
  (void)arg;
  return strcmp(relative, "variables") == 0 ||
         strcmp(relative, "fingerprint.pb") == 0;
}

/* A partitioned variable: its parts put together. */
typedef struct whole {
  const ht_model *model;
  const char *key;
} whole;

static ht_status put_part(const ht_variable_part *part, ht_tensor *to) {
  ht_tensor v;
  HT_TRY(ht_variable_final(part->variable, &v));
  int64_t stride[HT_COPY_RANK] = {0};
  ht_block b = {.rank = v.shape.rank};
  size_t size = ht_dtype_size(v.dtype);
  char *at = to->data;
  ht_k_strides(b.rank, to->shape.dim, size, stride);
  for (int i = 0; i < b.rank; i++) {
    b.n[i] = v.shape.dim[i];
    b.to[i] = stride[i];
    at += part->start[i] * stride[i];
  }
  ht_k_strides(b.rank, v.shape.dim, size, b.from);
  ht_k_copy_block(&b, size, at, v.data);
  ht_tensor_drop(&v);
  return HT_SUCCESS;
}

static ht_status join_parts(void *arg, ht_tensor *out) {
  const whole *p = arg;
  ht_status st = HT_SUCCESS;
  bool made = false;
  for (int i = 0; i < p->model->n_parts && st.code == HT_OK; i++) {
    const ht_variable_part *part = &p->model->part[i];
    if (strcmp(part->key, p->key) != 0) continue;
    if (!made)
      st = ht_tensor_zeros(NULL, part->variable->dtype, &part->whole, out);
    made = st.code == HT_OK;
    if (made) st = put_part(part, out);
  }
  if (made && st.code != HT_OK) ht_tensor_drop(out);
  return st;
}

/* What stands under a key: a variable's value, joined parts, or, for what the
 * model has no variable of (strings, slots of optimizers), the old bytes. */
static ht_status item_of(ht_model *m, ht_arena *arena, const ht_bundle_entry *e,
                         ht_checkpoint_item *item) {
  *item = (ht_checkpoint_item){.key = e->key, .source = m->bundle, .like = e};
  ht_variable *v = ht_store_variable(&m->store, e->key);
  if (v && v->value.dtype && v->dtype != HT_STRING) {
    item->variable = v->twin ? v->twin : v;
    return HT_SUCCESS;
  }
  for (int i = 0; i < m->n_parts; i++) {
    if (strcmp(m->part[i].key, e->key) != 0) continue;
    whole *p;
    HT_NEW(p, arena, 1);
    *p = (whole){m, m->part[i].key};
    item->make = join_parts;
    item->arg = p;
    break;
  }
  return HT_SUCCESS;
}

static ht_status write_checkpoint(ht_model *m, ht_arena *arena,
                                  const char *prefix) {
  ht_checkpoint_item *item;
  int n = ht_bundle_count(m->bundle);
  HT_NEW(item, arena, n + 1);
  for (int i = 0; i < n; i++)
    HT_TRY(item_of(m, arena, ht_bundle_at(m->bundle, i), &item[i]));
  return ht_checkpoint_write(prefix, item, n);
}

/* fingerprint.pb names a hash of the index: it is brought up to date. */
static ht_status write_fingerprint(ht_model *m, ht_arena *arena,
                                   const char *folder, const char *index) {
  char *from = ht_path_join(arena, m->folder, "fingerprint.pb");
  char *to = ht_path_join(arena, folder, "fingerprint.pb");
  char *bytes;
  size_t n;
  if (!from || !to) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_exists(from)) return HT_SUCCESS;
  HT_TRY(ht_file_read(from, 1 << 16, arena, &bytes, &n));
  Tensorflow__FingerprintDef *def =
      tensorflow__fingerprint_def__unpack(NULL, n, (const uint8_t *)bytes);
  if (!def) return HT_SUCCESS; /* unreadable: left out, as loaders allow */
  ht_status st = ht_file_read(index, (size_t)1 << 31, arena, &bytes, &n);
  if (st.code == HT_OK) {
    def->checkpoint_hash = ht_fingerprint64(bytes, n);
    st = ht_pb_write(to, &def->base);
  }
  tensorflow__fingerprint_def__free_unpacked(def, NULL);
  return st;
}

static ht_status write_all(ht_model *m, ht_arena *arena, const char *folder) {
  HT_TRY(ht_folder_copy(m->folder, folder, rewritten, NULL));
  char *sub = ht_path_join(arena, folder, "variables");
  char *old = ht_path_join(arena, m->folder, "variables");
  char *prefix = sub ? ht_path_join(arena, sub, "variables") : NULL;
  if (!prefix || !old) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (ht_path_exists(old)) HT_TRY(ht_folder_make(sub));
  if (!m->bundle) return HT_SUCCESS;
  HT_TRY(write_checkpoint(m, arena, prefix));
  char *index = ht_path_join(arena, sub, "variables.index");
  if (!index) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  return write_fingerprint(m, arena, folder, index);
}

static ht_status export_copy(ht_model *m, const char *out, bool replace) {
  ht_arena arena = {0};
  ht_staging s;
  ht_status st = ht_staging_open(out, replace, &s);
  if (st.code == HT_OK) st = write_all(m, &arena, s.path);
  if (st.code == HT_OK) st = ht_staging_commit(&s);
  ht_staging_drop(&s);
  ht_arena_free(&arena);
  return st;
}

/* ---- into the other format */

typedef struct conversion {
  ht_model *model, *training; /* training: the graph {train}, NULL: none */
  ht_arena arena;
  ht_builder b;
  ht_export_method *method;
  int n_methods, capacity;
} conversion;

/* A callable's body applied to placeholders. */
static ht_status applied(conversion *v, const ht_callable *c,
                         const ht_body *body, const ht_export_method *like,
                         ht_body *out) {
  ht_ref *in;
  HT_NEW(in, &v->arena, c->n_inputs + 1);
  HT_NEW(out->arg, &v->arena, c->n_inputs + 1);
  HT_NEW(out->ret, &v->arena, c->n_outputs + 1);
  *out = (ht_body){v->b.graph,  out->arg,     out->ret, NULL,
                   c->n_inputs, c->n_outputs, 0};
  int n = 0;
  for (int i = 0; i < c->n_inputs; i++) {
    const ht_port *p = &like->input[i];
    out->arg[i] = ht_build_placeholder(&v->b, "input", p->dtype, &p->shape);
  }
  for (int k = 0; k < body->n_args; k++) /* in the order of the body */
    for (int i = 0; i < c->n_inputs; i++)
      if (c->input[i].index == k && n < c->n_inputs) in[n++] = out->arg[i];
  ht_ref y = ht_build_apply(&v->b, "module", body, c->capture, c, n, in);
  for (int i = 0; i < c->n_outputs; i++)
    out->ret[i] = (ht_ref){y.node, c->output[i].index};
  return ht_builder_status(&v->b);
}

static ht_status add_method(conversion *v, const char *name,
                            const ht_callable *inference,
                            const ht_callable *training) {
  HT_GROW(v->method, v->n_methods, v->capacity, &v->arena);
  ht_export_method *m = &v->method[v->n_methods++];
  *m = (ht_export_method){.name = name,
                          .input = inference->input,
                          .output = inference->output,
                          .n_inputs = inference->n_inputs,
                          .n_outputs = inference->n_outputs};
  HT_TRY(applied(v, inference, &inference->body, m, &m->inference));
  bool apart = training && training != inference &&
               training->n_inputs == inference->n_inputs &&
               training->n_outputs == inference->n_outputs;
  if (!apart) return HT_SUCCESS;
  const ht_body *body;
  ht_model *graph = v->training ? v->training : v->model;
  HT_TRY(ht_model_training_body(graph, training, &v->arena, &body));
  return applied(v, training, body, m, &m->training);
}

/* __call__ by its traces for inference and training. */
static ht_status add_call(conversion *v, const char *name, bool *found) {
  const ht_callable *inference, *training;
  ht_call_choice choice = {.call = ""};
  *found = ht_model_choose(v->model, &choice, &inference).code == HT_OK;
  if (!*found) return HT_SUCCESS;
  choice.training = 1;
  if (ht_model_choose(v->model, &choice, &training).code != HT_OK)
    training = NULL;
  return add_method(v, name, inference, training);
}

static ht_status add_signatures(conversion *v) {
  for (int i = 0; i < v->model->n_callables; i++) {
    const ht_callable *c = &v->model->callable[i];
    if (!c->signature || strncmp(c->name, "__saved_model", 13) == 0) continue;
    HT_TRY(ht_model_prepare(v->model, c));
    ht_call_choice choice = {.signature = c->name};
    const ht_callable *training = NULL;
    if (v->training &&
        ht_model_choose(v->training, &choice, &training).code != HT_OK)
      training = NULL;
    HT_TRY(add_method(v, c->name, c, training));
  }
  return HT_SUCCESS;
}

static ht_status convert(conversion *v, const char *out, bool hub1,
                         bool replace) {
  ht_model *m = v->model;
  bool called = false;
  HT_TRY(ht_builder_init(&v->b, &v->arena, &m->library, &m->store));
  if (!hub1 && m->format != HT_FORMAT_SM2 && ht_model_has_tags(m, "train"))
    HT_TRY(ht_model_open_variant(m, "train", &v->training));
  HT_TRY(add_call(v, hub1 ? "default" : "__call__", &called));
  HT_TRY(add_signatures(v));
  if (!v->n_methods)
    return ht_fail(HT_UNSUPPORTED, "module '%s' has nothing to call",
                   m->folder);
  ht_export x = {.model = m,
                 .builder = &v->b,
                 .signature = v->method,
                 .n_signatures = v->n_methods,
                 .variable = m->store.variable,
                 .n_variables = m->store.n_variables,
                 .loss = m->regularization,
                 .loss_capture = m->regularization_capture,
                 .n_losses = m->n_regularization,
                 .training = v->training};
  if (hub1) return ht_export_hub1(&x, out, replace);
  x.call = v->method; /* of a TF1 module: its first signature, "default" */
  for (int i = 0; i < v->n_methods; i++)
    if (strcmp(v->method[i].name, "default") == 0) x.call = &v->method[i];
  x.signature += called;
  x.n_signatures -= called;
  return ht_export_saved_model(&x, out, replace);
}

/* Each module of a joined model in a folder of its name; nothing of
 * preprocessors was tuned. */
static ht_status export_members(ht_model *model, const char *out, bool hub1,
                                bool replace) {
  ht_arena arena = {0};
  ht_staging s;
  ht_status st = ht_staging_open(out, replace, &s);
  for (int i = 0; i < model->n_members && st.code == HT_OK; i++) {
    const ht_member *m = &model->member[i];
    if (m->prepares) continue;
    char *name = ht_arena_bytes(&arena, m->scope, strlen(m->scope) - 1);
    char *folder = name ? ht_path_join(&arena, s.path, name) : NULL;
    st = folder ? ht_export_module(m->model, folder, hub1, false)
                : ht_fail(HT_NO_MEMORY, "no memory for a path");
  }
  if (st.code == HT_OK) st = ht_staging_commit(&s);
  ht_staging_drop(&s);
  ht_arena_free(&arena);
  return st;
}

ht_status ht_export_module(ht_model *model, const char *out, bool hub1,
                           bool replace) {
  const ht_member *behind = ht_chain_member(model);
  if (model->n_members == 1) behind = &model->member[0];
  if (behind) return ht_export_module(behind->model, out, hub1, replace);
  if (model->n_members) return export_members(model, out, hub1, replace);
  if (hub1 == (model->format == HT_FORMAT_HUB1))
    return export_copy(model, out, replace);
  conversion v = {.model = model};
  ht_status st = convert(&v, out, hub1, replace);
  ht_arena_free(&v.arena);
  return st;
}
