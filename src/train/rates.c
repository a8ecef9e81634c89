/* rates.c - see rates.h. */
#include "train/rates.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { LONGEST = 512 };

typedef struct rule {
  char pattern[LONGEST];
  double rate;
} rule;

/* Takes the next rule off *p; false at the end. */
static ht_status next_rule(const char **p, const char *all, rule *out,
                           bool *any) {
  char number[64];
  size_t n = strcspn(*p, ","), name = strcspn(*p, "=,");
  *any = n > 0;
  if (!n) return HT_SUCCESS;
  size_t digits = n > name ? n - name - 1 : 0;
  snprintf(number, sizeof number, "%.*s", (int)digits, *p + name + 1);
  if (!name || name >= LONGEST || !digits || digits >= sizeof number ||
      !ht_parse_double(number, &out->rate) || !(out->rate >= 0))
    return ht_fail(HT_USAGE,
                   "'--lr' wants a number or PATTERN=RATE,..., not '%s'", all);
  snprintf(out->pattern, LONGEST, "%.*s", (int)name, *p);
  *p += n;
  if (**p) ++*p;
  return HT_SUCCESS;
}

static bool fits(const char *pattern, const ht_variable *v, bool head) {
  char scoped[LONGEST];
  if (head && strcmp(pattern, "head") == 0) return true;
  snprintf(scoped, sizeof scoped, "%s%s", v->scope ? v->scope : "", v->name);
  return fnmatch(pattern, v->name, 0) == 0 ||
         fnmatch(pattern, scoped, 0) == 0 ||
         (v->key && fnmatch(pattern, v->key, 0) == 0);
}

ht_status ht_rates_check(const char *rates) {
  rule r;
  bool any = true;
  for (const char *p = rates; any;) HT_TRY(next_rule(&p, rates, &r, &any));
  return HT_SUCCESS;
}

ht_status ht_rates_find(const char *rates, const ht_variable *v, bool head,
                        double *rate) {
  rule r;
  bool any = true;
  for (const char *p = rates;;) {
    HT_TRY(next_rule(&p, rates, &r, &any));
    if (!any) return HT_SUCCESS;
    if (!fits(r.pattern, v, head)) continue;
    *rate = r.rate;
    return HT_SUCCESS;
  }
}

ht_status ht_rates_used(const char *rates, ht_variable *const *v, int n,
                        int n_head) {
  rule r;
  bool any = true, used;
  for (const char *p = rates;;) {
    HT_TRY(next_rule(&p, rates, &r, &any));
    if (!any) return HT_SUCCESS;
    used = false;
    for (int i = 0; i < n && !used; i++)
      used = fits(r.pattern, v[i], i < n_head);
    if (!used)
      return ht_fail(HT_USAGE, "'--lr': no variable that trains fits '%s'",
                     r.pattern);
  }
}
