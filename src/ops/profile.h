/* profile.h - where the time of runs goes, by kind of op. */
#ifndef HT_OPS_PROFILE_H
#define HT_OPS_PROFILE_H

#include "base/text.h"
#include "ops/op.h"

/* NULL: no memory. Of one run at a time. */
ht_profile *ht_profile_new(void);
void ht_profile_free(ht_profile *p); /* NULL is fine */

/* An application that is under way. Spans may hold others (loops): each
 * counts what it did itself. */
typedef struct ht_span {
  double start, inner; /* seconds */
} ht_span;

ht_span ht_profile_begin(ht_profile *p);
/* What ran since; for gradients also how many were wanted. Sizes are told by
 * shapes alone. */
void ht_profile_forward(ht_profile *p, ht_span span, const ht_call *call);
void ht_profile_backward(ht_profile *p, ht_span span, const ht_back *back);

/* A line for each kind of op, the slowest first: calls, milliseconds, share,
 * GF/s and GB/s (of inputs and outputs, each once). */
void ht_profile_table(const ht_profile *p, ht_text *out);
/* All applications as a Chrome trace (the JSON array format). */
void ht_profile_trace(const ht_profile *p, ht_text *out);

#endif
