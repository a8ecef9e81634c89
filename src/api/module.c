/* module.c - opening modules. */
#include "api/module.h"

#include <stdlib.h>
#include <string.h>

#include "api/array.h"
#include "base/parallel.h"
#include "hub/chain.h"

ht_module_options ht_module_defaults(void) { return (ht_module_options){0}; }

ht_status ht_module_open(const char *handle, const ht_module_options *options,
                         ht_module **out) {
  ht_module_options standard = ht_module_defaults();
  if (!options) options = &standard;
  *out = NULL;
  ht_module *m = calloc(1, sizeof *m);
  if (!m) return ht_fail(HT_NO_MEMORY, "no memory for a module");
  m->threads = options->threads;
  m->max_turns = options->max_turns;
  ht_threads_set(m->threads);
  ht_status st = options->preprocess
                     ? ht_chain_model(options->preprocess, handle,
                                      options->tags, &m->model)
                     : ht_model_open(handle, options->tags, &m->model);
  if (st.code == HT_OK)
    *out = m;
  else
    free(m);
  return st;
}

void ht_module_free(ht_module *m) {
  if (!m) return;
  ht_model_free(m->model);
  ht_arena_free(&m->arena);
  free(m);
}

/* Whole, or without its usual ending. */
static bool is_key(const char *key, const char *name) {
  size_t n = strlen(name);
  return strncmp(key, name, n) == 0 &&
         (!key[n] || strcmp(key + n, "/.ATTRIBUTES/VARIABLE_VALUE") == 0);
}

bool ht_variable_called(const ht_variable *v, const char *name) {
  return (v->name && strcmp(v->name, name) == 0) ||
         (v->key && is_key(v->key, name));
}

ht_status ht_module_variable(ht_module *m, const char *name, ht_array **out) {
  const ht_store *store = &m->model->store;
  *out = NULL;
  for (int i = 0; i < store->n_variables; i++) {
    const ht_variable *v = store->variable[i];
    if (!ht_variable_called(v, name)) continue;
    ht_tensor t;
    HT_TRY(ht_variable_final(v, &t));
    return ht_array_wrap(&t, out);
  }
  return ht_fail(HT_USAGE, "the module has no variable '%s'", name);
}
