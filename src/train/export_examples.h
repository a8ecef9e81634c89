/* export_examples.h - serialised tf.Example as the input of what is exported:
 * what TF Serving's classify and regress take. */
#ifndef HT_TRAIN_EXPORT_EXAMPLES_H
#define HT_TRAIN_EXPORT_EXAMPLES_H

#include "graph/builder.h"
#include "hub/model.h"

/* Whether features of examples can be the values of all ports: they are of a
 * type that casts from those of tf.Example, and of a known size. */
bool ht_examples_carry(const ht_port *port, int n);

/*
 * serialized: string [n]. value[i]: what the feature of that port's name has
 * in each example, of the port's dtype and shape; an example without it is an
 * error.
 */
ht_status ht_build_examples(ht_builder *b, const ht_port *port, int n,
                            ht_ref serialized, ht_ref *value) HT_MUST_CHECK;

/* Which of the three kinds of Feature a port's values are. */
ht_dtype ht_feature_dtype(ht_dtype dtype);

#endif
