/* pattern.h - a compiled regular expression kept per node of a plan. */
#ifndef HT_OPS_PATTERN_H
#define HT_OPS_PATTERN_H

#include <pthread.h>

#include "kernels/regex.h"
#include "ops/op.h"

/* The pattern last used by a node: one given as an input is compiled anew
 * only when it changes. */
typedef struct ht_pattern {
  pthread_mutex_t lock;
  char *text;
  size_t n;
  ht_regex *re;
  ht_regex_class class;
} ht_pattern;

/* Makes *p hold the pattern and locks it against another run of the node. */
ht_status ht_pattern_lock(ht_pattern *p, const char *text,
                          size_t n) HT_MUST_CHECK;
void ht_pattern_unlock(ht_pattern *p);
void ht_pattern_init(ht_pattern *p);
void ht_pattern_free(ht_pattern *p); /* what it holds, not itself */

#endif
