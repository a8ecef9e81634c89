/* import.c - the main graph and, when asked for, functions. */
#include <string.h>

#include "hub/source.h"

static ht_status index_by_name(ht_source *s) {
  const Tensorflow__GraphDef *g = s->meta->graph_def;
  for (size_t i = 0; g && i < g->n_node; i++)
    HT_TRY(ht_map_put(&s->node, g->node[i]->name, g->node[i]));
  const Tensorflow__FunctionDefLibrary *l = g ? g->library : NULL;
  for (size_t i = 0; l && i < l->n_function; i++)
    if (l->function[i]->signature)
      HT_TRY(ht_map_put(&s->function, l->function[i]->signature->name,
                        l->function[i]));
  for (size_t i = 0; s->objects && i < s->objects->n_concrete_functions; i++)
    HT_TRY(ht_map_put(&s->concrete, s->objects->concrete_functions[i]->key,
                      s->objects->concrete_functions[i]->value));
  return HT_SUCCESS;
}

/* An asset's node, whatever it was, gives the path of the file. */
static ht_status import_asset(ht_source *s, const char *path, ht_node *node) {
  ht_attr *attr;
  ht_tensor t;
  node->op_name = "Const";
  node->n_input = 0;
  HT_NEW(attr, &s->model->arena, 2);
  HT_NEW(attr[0].value, &s->model->arena, 1);
  HT_NEW(attr[1].value, &s->model->arena, 1);
  HT_TRY(ht_scalar_string(path, strlen(path), &t));
  HT_TRY(ht_source_keep(s, &t));
  attr[0].name = "dtype";
  attr[0].kind = HT_ATTR_TYPE;
  attr[0].value->type = HT_STRING;
  attr[1].name = "value";
  attr[1].kind = HT_ATTR_TENSOR;
  attr[1].value->tensor = t;
  attr[0].n = attr[1].n = 1;
  node->attrs = (ht_attrs){attr, 2};
  return HT_SUCCESS;
}

static ht_status import_node(ht_source *s, ht_graph *g,
                             const Tensorflow__NodeDef *p) {
  if (p->n_input > INT16_MAX)
    return ht_fail(HT_CORRUPT, "node '%s' has %zu inputs", p->name, p->n_input);
  ht_node node = {.name = p->name,
                  .op_name = p->op,
                  .input = (const char **)p->input,
                  .n_input = (int)p->n_input};
  const char *asset = g->name ? NULL : ht_map_get(&s->asset, p->name);
  int index;
  if (asset)
    HT_TRY(import_asset(s, asset, &node));
  else
    HT_TRY(ht_attrs_of_proto(s, p->n_attr, p->attr, &node.attrs));
  return ht_graph_add(g, &node, &index);
}

/* ---- functions */

static ht_shape arg_shape(const Tensorflow__FunctionDef *f, size_t index) {
  for (size_t i = 0; i < f->n_arg_attr; i++) {
    if (f->arg_attr[i]->key != index || !f->arg_attr[i]->value) continue;
    const Tensorflow__FunctionDef__ArgAttrs *a = f->arg_attr[i]->value;
    for (size_t k = 0; k < a->n_attr; k++) {
      const Tensorflow__AttrValue *v = a->attr[k]->value;
      if (strcmp(a->attr[k]->key, "_output_shapes") == 0 && v &&
          v->value_case == TENSORFLOW__ATTR_VALUE__VALUE_LIST &&
          v->list->n_shape)
        return ht_shape_of_proto(v->list->shape[0]);
    }
  }
  return (ht_shape){.rank = -1};
}

static ht_status arg_attrs(ht_arena *arena, const Tensorflow__OpDef__ArgDef *p,
                           ht_attrs *out) {
  HT_NEW(out->attr, arena, 1);
  HT_NEW(out->attr->value, arena, 1);
  out->n = out->attr->n = 1;
  out->attr->name = "T";
  out->attr->kind = *p->type_attr ? HT_ATTR_PLACEHOLDER : HT_ATTR_TYPE;
  if (*p->type_attr)
    out->attr->value->s = (ht_string){p->type_attr, strlen(p->type_attr)};
  else
    out->attr->value->type = ht_dtype_of((int)p->type);
  return HT_SUCCESS;
}

static ht_status import_args(ht_source *s, ht_graph *g,
                             const Tensorflow__FunctionDef *f) {
  const Tensorflow__OpDef *sig = f->signature;
  HT_NEW(g->arg, &s->model->arena, sig->n_input_arg);
  for (size_t i = 0; i < sig->n_input_arg; i++) {
    const Tensorflow__OpDef__ArgDef *p = sig->input_arg[i];
    if (*p->number_attr || *p->type_list_attr)
      return ht_fail(HT_UNSUPPORTED, "argument '%s' is a list", p->name);
    ht_node node = {.name = p->name, .op_name = "_Arg"};
    int index;
    HT_TRY(arg_attrs(&s->model->arena, p, &node.attrs));
    HT_TRY(ht_graph_add(g, &node, &index));
    g->arg[i] = (ht_arg){p->name, ht_dtype_of((int)p->type), arg_shape(f, i)};
  }
  g->n_args = (int)sig->n_input_arg;
  return HT_SUCCESS;
}

static const char *ret_of(const Tensorflow__FunctionDef *f, const char *name) {
  for (size_t i = 0; i < f->n_ret; i++)
    if (strcmp(f->ret[i]->key, name) == 0) return f->ret[i]->value;
  return NULL;
}

static ht_status import_rets(ht_source *s, ht_graph *g,
                             const Tensorflow__FunctionDef *f) {
  const Tensorflow__OpDef *sig = f->signature;
  HT_NEW(g->ret, &s->model->arena, sig->n_output_arg);
  HT_NEW(g->ret_name, &s->model->arena, sig->n_output_arg);
  HT_NEW(g->control_ret, &s->model->arena, f->n_control_ret);
  for (size_t i = 0; i < sig->n_output_arg; i++) {
    const Tensorflow__OpDef__ArgDef *p = sig->output_arg[i];
    if (*p->number_attr || *p->type_list_attr)
      return ht_fail(HT_UNSUPPORTED, "output '%s' is a list", p->name);
    g->ret_name[i] = p->name;
    g->ret[i] = ret_of(f, p->name);
    if (!g->ret[i])
      return ht_fail(HT_CORRUPT, "nothing is returned as '%s'", p->name);
  }
  g->n_rets = (int)sig->n_output_arg;
  for (size_t i = 0; i < f->n_control_ret; i++)
    g->control_ret[i] = f->control_ret[i]->value;
  g->n_control_rets = (int)f->n_control_ret;
  return HT_SUCCESS;
}

static ht_status import_body(ht_source *s, ht_graph *g,
                             const Tensorflow__FunctionDef *f) {
  HT_TRY(import_args(s, g, f));
  for (size_t i = 0; i < f->n_node_def; i++)
    HT_TRY(import_node(s, g, f->node_def[i]));
  return import_rets(s, g, f);
}

static ht_status import_function(void *arg, ht_library *library,
                                 const char *name, ht_graph **out) {
  ht_source *s = arg;
  const Tensorflow__FunctionDef *f = ht_map_get(&s->function, name);
  *out = NULL;
  if (!f) return HT_SUCCESS;
  ht_graph *g;
  HT_TRY(ht_graph_new(&s->model->arena, library, f->signature->name, &g));
  ht_status st = import_body(s, g, f);
  if (st.code != HT_OK) return ht_within(st, "function '%s'", name);
  *out = g;
  return HT_SUCCESS;
}

ht_status ht_import(ht_source *s) {
  ht_model *m = s->model;
  m->library = (ht_library){.arena = &m->arena,
                            .by_name = {.arena = &m->arena},
                            .import = import_function,
                            .arg = s,
                            .gradients = {.arena = &m->arena},
                            .store = &m->store,
                            .folder = m->folder};
  HT_TRY(index_by_name(s));
  HT_TRY(ht_graph_new(&m->arena, &m->library, NULL, &m->graph));
  const Tensorflow__GraphDef *g = s->meta->graph_def;
  for (size_t i = 0; g && i < g->n_node; i++)
    HT_TRY(import_node(s, m->graph, g->node[i]));
  return HT_SUCCESS;
}
