/*
 * loss.h - what is minimised, a row per loss, built as graph nodes.
 *
 * Values are those of Keras 2.15's losses from logits, averaged over the
 * batch (sum over batch size, also with weights).
 */
#ifndef HT_OPTIM_LOSS_H
#define HT_OPTIM_LOSS_H

#include "graph/builder.h"

typedef struct ht_loss ht_loss;

/* What a loss is made of. */
typedef struct ht_loss_parts {
  ht_ref output; /* logits or answers, float [n, width] */
  ht_ref label;  /* classes: int64 [n]; else float [n, width] */
  bool classes;  /* the label is a class index */
  int width;
  double smoothing; /* label smoothing, 0 <= x < 1 */
  ht_ref weight;    /* float [n], per example; node -1: none */
} ht_loss_parts;

struct ht_loss {
  const char *name, *doc;
  bool of_classes; /* takes class labels, one or several; else numbers */
  /* The loss per example, [n]. */
  ht_ref (*build)(ht_builder *b, const ht_loss_parts *p);
  /* What is answered, from the output: probabilities, numbers. */
  ht_ref (*scores)(ht_builder *b, ht_ref output);
};

const ht_loss *ht_loss_find(const char *name);
const ht_loss *ht_loss_all(int *n);

/* The mean over the batch, a scalar. */
ht_ref ht_loss_build(ht_builder *b, const ht_loss *loss,
                     const ht_loss_parts *p);

#endif
