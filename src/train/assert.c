/* assert.c - see assert.h. */
#include "train/assert.h"

#include <stdio.h>
#include <string.h>

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

static ht_status find(const ht_scorecard *card, const char *name,
                      double *found) {
  ht_text names = {0};
  *found = card->loss;
  if (strcmp(name, "loss") == 0) return HT_SUCCESS;
  for (int i = 0; i < card->n_values; i++) {
    ht_text_printf(&names, ", %s", card->name[i]);
    if (strcmp(card->name[i], name) != 0) continue;
    *found = card->value[i];
    ht_text_free(&names);
    return HT_SUCCESS;
  }
  ht_status st =
      ht_fail(HT_USAGE, "'--assert': no metric '%s': there are loss%s", name,
              names.p ? names.p : "");
  ht_text_free(&names);
  return st;
}

ht_status ht_assert_check(const ht_report *r) {
  const ht_train_options *o = &r->trained->options;
  for (int i = 0; i < o->n_assert; i++) {
    claim c;
    double found;
    HT_TRY(parse(o->assert[i], &c));
    HT_TRY(find(&r->card, c.name, &found));
    if (!holds(&c, found))
      return ht_fail(HT_UNMET,
                     "%s is %.6g on %s, not %s %g: no model is written", c.name,
                     found, r->judged, c.relation, c.wanted);
  }
  return HT_SUCCESS;
}
