/* export_warmup.h - requests that TF Serving makes of a model when it loads
 * it, so that the first user does not wait for what is made at a first call. */
#ifndef HT_TRAIN_EXPORT_WARMUP_H
#define HT_TRAIN_EXPORT_WARMUP_H

#include "base/text.h"
#include "hub/export.h"

/* What a request is made of: one example, zeros, or `text` for strings. No
 * data of the training is in it. */
typedef struct ht_warmup {
  const ht_export_method *method;
  const ht_port *port; /* of the method, or features of its examples */
  int n;
  ht_string text;
} ht_warmup;

/* The value of a port in such a request. */
ht_status ht_warmup_value(const ht_port *port, ht_string text,
                          ht_tensor *out) HT_MUST_CHECK;

/* Appends the request as a record of tf_serving_warmup_requests. */
ht_status ht_warmup_add(const ht_warmup *w, ht_text *file) HT_MUST_CHECK;

#endif
