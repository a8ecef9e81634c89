/* join.c - see join.h. */
#include "hub/join.h"

#include <stdlib.h>
#include <string.h>

ht_status ht_model_new(ht_model **out) {
  ht_model *m = calloc(1, sizeof *m);
  *out = NULL;
  if (!m) return ht_fail(HT_NO_MEMORY, "no memory for a model");
  ht_store_init(&m->store);
  m->format = HT_FORMAT_SM2;
  m->tf_version = "";
  m->pool = ht_pool_new();
  m->library = (ht_library){.arena = &m->arena,
                            .by_name = {.arena = &m->arena},
                            .gradients = {.arena = &m->arena},
                            .store = &m->store};
  ht_status st =
      m->pool ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a model");
  if (st.code == HT_OK)
    st = ht_graph_new(&m->arena, &m->library, NULL, &m->graph);
  if (st.code == HT_OK)
    *out = m;
  else
    ht_model_free(m);
  return st;
}

/* ---- members */

bool ht_model_scope_taken(const ht_model *model, const char *scope) {
  const ht_map *names = &model->store.by_name;
  for (int i = 0; i < names->n; i++)
    if (strncmp(names->entry[i].key, scope, strlen(scope)) == 0) return true;
  return false;
}

static ht_status check_scope(const ht_model *model, const ht_model *member,
                             const char *scope) {
  if (ht_model_scope_taken(model, scope))
    return ht_fail(HT_USAGE, "two parts of the model are named '%.*s'",
                   (int)strlen(scope) - 1, scope);
  for (int i = 0; i < member->store.n_variables && member->n_owners; i++) {
    const char *other = member->store.variable[i]->scope;
    if (other && strcmp(other, scope) != 0)
      return ht_fail(
          HT_USAGE, "module '%.*s' is part of another model, there '%.*s'",
          (int)strlen(scope) - 1, scope, (int)strlen(other) - 1, other);
  }
  return HT_SUCCESS;
}

static ht_status share_parts(ht_model *model, const ht_model *member,
                             const char *scope) {
  for (int i = 0; i < member->n_parts; i++) {
    ht_variable_part part = member->part[i];
    bool known = false;
    for (int k = 0; k < model->n_parts; k++)
      known |= model->part[k].variable == part.variable;
    if (known) continue;
    part.key = ht_arena_printf(&model->arena, "%s%s", scope, part.key);
    if (!part.key) return ht_fail(HT_NO_MEMORY, "no memory for a name");
    HT_GROW(model->part, model->n_parts, model->part_capacity, &model->arena);
    model->part[model->n_parts++] = part;
  }
  return HT_SUCCESS;
}

static ht_status share(ht_model *model, const ht_member *m) {
  ht_model *from = m->model;
  for (int i = 0; i < from->store.n_variables; i++)
    from->store.variable[i]->scope = m->scope;
  HT_TRY(ht_store_share(&model->store, &from->store, m->scope));
  return share_parts(model, from, m->scope);
}

ht_status ht_model_join(ht_model *model, ht_model *member, const char *scope,
                        bool own) {
  for (int i = 0; i < model->n_members; i++)
    if (model->member[i].model == member) return HT_SUCCESS;
  HT_TRY(check_scope(model, member, scope));
  /* Variables outlive no module, but may outlive this model. */
  const char *kept = ht_arena_string(&member->arena, scope);
  if (!kept) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  HT_GROW(model->member, model->n_members, model->member_capacity,
          &model->arena);
  ht_member *m = &model->member[model->n_members++];
  *m = (ht_member){.model = member, .scope = kept, .own = own};
  member->n_owners++;
  if (model->n_members == 1) model->tf_version = member->tf_version;
  return share(model, m);
}

ht_status ht_model_rejoin(ht_model *model, ht_model *member) {
  for (int i = 0; i < model->n_members; i++)
    if (model->member[i].model == member)
      return share(model, &model->member[i]);
  return ht_fail(HT_USAGE, "the module is no part of the model");
}
