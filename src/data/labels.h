/* labels.h - from a column of labels to targets, and back to names. */
#ifndef HT_DATA_LABELS_H
#define HT_DATA_LABELS_H

#include "data/dataset.h"

typedef enum ht_task {
  HT_TASK_AUTO,
  HT_TASK_CLASSIFY,   /* one class an example */
  HT_TASK_MULTILABEL, /* a set of classes an example */
  HT_TASK_REGRESS     /* numbers */
} ht_task;

/* The classes, sorted: as numbers where all are integers, else bytewise. */
typedef struct ht_labels {
  ht_arena arena;
  ht_task task;      /* never AUTO */
  const char **name; /* classes; NULL for regression */
  int n;             /* classes, or values an example for regression */
  char separator;    /* of MULTILABEL texts without splits; 0: none */
} ht_labels;

/*
 * Learns the classes of the training labels. AUTO: sets of more than one
 * label (also a 0/1 matrix, and texts such as "a|b" beside "a" and "b", whose
 * parts all are labels) are MULTILABEL, other texts, integers and booleans
 * CLASSIFY, floats REGRESS. Texts of a MULTILABEL column without splits are
 * cut at ',', ';' or '|', whichever occurs. n_classes > 0 fixes their number
 * (--head-init): labels are then indices. Fails for fewer than two classes.
 */
ht_status ht_labels_learn(const ht_column *column, ht_task task, int n_classes,
                          ht_labels *out) HT_MUST_CHECK;
/* Classes that are known: those of a trained model. Names are copied. */
ht_status ht_labels_make(ht_task task, const char *const *name, int n,
                         char separator, ht_labels *out) HT_MUST_CHECK;
void ht_labels_free(ht_labels *labels);

/* Every label of every example as text, sets of texts cut at `separator`. */
typedef ht_status ht_label_fn(void *arg, int64_t example, const char *label);
ht_status ht_labels_each(const ht_column *column, char separator,
                         ht_label_fn *fn, void *arg) HT_MUST_CHECK;

/*
 * The targets of a label column as a column of their own: CLASSIFY int64 [n]
 * of class indices; MULTILABEL int64 [total] with splits; REGRESS float
 * [n, values]. An unknown label is refused by name. ht_targets_free frees it.
 */
typedef struct ht_targets {
  ht_arena arena;
  ht_column column;
  int n_classes; /* MULTILABEL: the width that a batch gets */
} ht_targets;
ht_status ht_labels_encode(const ht_labels *labels, const ht_column *column,
                           ht_targets *out) HT_MUST_CHECK;
void ht_targets_free(ht_targets *targets);

/*
 * Weights that balance classes, as sklearn's "balanced" and Keras's usual
 * recipe: w_c = n / (k n_c) with k the classes that occur, 0 for the others.
 * `index` (n of them) are the examples that count; weight: n_classes.
 * CLASSIFY only.
 */
ht_status ht_labels_balance(const ht_labels *labels, const ht_targets *targets,
                            const int64_t *index, int64_t n,
                            float *weight) HT_MUST_CHECK;

#endif
