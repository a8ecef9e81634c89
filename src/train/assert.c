/* assert.c - see assert.h. */
#include "train/assert.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"

typedef struct claim {
  char name[64], relation[3];
  double wanted;
} claim;

static ht_status parse(const char *text, claim *c) {
  size_t name = strcspn(text, "<>= ");
  const char *p = text + name + strspn(text + name, " ");
  size_t n = strspn(p, "<>=");
  bool known = (n == 1 && *p != '=') || (n == 2 && *p != '=' && p[1] == '=');
  snprintf(c->name, sizeof c->name, "%.*s", (int)name, text);
  snprintf(c->relation, sizeof c->relation, "%.*s", (int)n, p);
  p += n + strspn(p + n, " ");
  if (known && name && name < sizeof c->name && ht_parse_double(p, &c->wanted))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "'--assert' wants METRIC>=X, or with >, <= or <, not '%s'",
                 text);
}

ht_status ht_assert_parse(const char *text) {
  claim c;
  return parse(text, &c);
}

static bool holds(const claim *c, double found) {
  bool less = c->relation[0] == '<';
  if (found == c->wanted) return c->relation[1] == '=';
  return less ? found < c->wanted : found > c->wanted;
}

static ht_status know(const char *name, ht_task task) {
  int n;
  ht_text names = {0};
  const ht_metric *m = ht_metric_all(&n);
  bool known = strcmp(name, "loss") == 0;
  for (int i = 0; i < n; i++) {
    if (m[i].task != task) continue;
    ht_text_printf(&names, ", %s", m[i].name);
    known |= strcmp(m[i].name, name) == 0;
  }
  ht_status st = ht_text_check(&names);
  if (st.code == HT_OK && !known)
    st = ht_fail(HT_USAGE, "'--assert': no metric '%s': there are loss%s", name,
                 names.p);
  ht_text_free(&names);
  return st;
}

ht_status ht_assert_known(const ht_train_options *o, ht_task task) {
  for (int i = 0; i < o->n_assert; i++) {
    claim c;
    HT_TRY(parse(o->assert[i], &c));
    HT_TRY(know(c.name, task));
  }
  return HT_SUCCESS;
}

static double find(const ht_scorecard *card, const char *name) {
  for (int i = 0; i < card->n_values; i++)
    if (strcmp(card->name[i], name) == 0) return card->value[i];
  return card->loss;
}

ht_status ht_assert_check(const ht_report *r) {
  const ht_train_options *o = &r->trained->options;
  for (int i = 0; i < o->n_assert; i++) {
    claim c;
    HT_TRY(parse(o->assert[i], &c));
    double found = find(&r->card, c.name);
    if (!holds(&c, found))
      return ht_fail(HT_UNMET,
                     "%s is %.6g on %s, not %s %g: no model is written", c.name,
                     found, r->judged, c.relation, c.wanted);
  }
  return HT_SUCCESS;
}

ht_status ht_assert_held(const ht_trained *trained) {
  const ht_train_options *o = &trained->options;
  ht_arena arena = {0};
  char *model = ht_path_join(&arena, trained->run, "model");
  bool there = model && ht_path_exists(model);
  ht_arena_free(&arena);
  if (!o->n_assert || there) return HT_SUCCESS;
  return ht_fail(HT_UNMET,
                 "'%s' has no model, as --assert '%s'%s did not hold or was "
                 "not reached: 'train --resume' with others, or none, writes "
                 "it",
                 trained->run, o->assert[0], o->n_assert > 1 ? " ..." : "");
}
