/*
 * compose.h - module, head and loss put together as one graph, with a plan
 * for each way it is run.
 */
#ifndef HT_TRAIN_COMPOSE_H
#define HT_TRAIN_COMPOSE_H

#include "data/labels.h"
#include "hub/model.h"
#include "optim/loss.h"

/* What is asked for. Texts are borrowed. */
typedef struct ht_design {
  const ht_callable *training, *inference; /* of the module */
  const ht_model *variant; /* the graph that `training` is of, whose updates
                              run at every step; NULL: the model's, and
                              steps run as inference does */
  const char *output;      /* what feeds the head, NULL: see cli.md */
  const char *head;        /* "linear", "mlp:256,64", "none" */
  const char *init;        /* "glorot", "zeros"; NULL with given weights */
  ht_tensor kernel, bias;  /* given weights of a linear head, or HT_INVALID */
  double dropout, smoothing, l1, l2;
  bool module_losses;
  const ht_loss *loss;
  const ht_labels *labels;
  const float *class_weight; /* labels->n of them, NULL: none */
  bool weighted;             /* examples have weights of their own */
  const ht_shape *features;  /* where it is known, else NULL */
  uint64_t seed;
} ht_design;

typedef struct ht_layer {
  ht_variable *kernel, *bias;
  ht_ref kernel_handle, bias_handle;
} ht_layer;

/* Plans and what goes in: the module's inputs in order, then the weight where
 * examples have one, then the label. */
typedef struct ht_composed {
  ht_arena arena;
  ht_builder builder;
  ht_model *model;
  ht_design design;
  const ht_port **input; /* of the inference callable, in feeding order */
  int n_inputs;
  ht_ref *placeholder;
  ht_ref weight;                              /* node -1: none */
  ht_ref label, features[2], loss[2], scores; /* [0] inference, [1] training */
  const ht_port *output[2];
  ht_shape feature_shape; /* of one batch; dim[0] is not fixed */
  int width;              /* answers per example */
  ht_layer *layer;
  int n_layers;
  ht_plan *train;                /* -> loss */
  ht_plan *eval;                 /* -> scores, loss */
  ht_plan *predict;              /* inputs -> scores */
  ht_plan *embed;                /* inputs -> features (inference) */
  ht_body train_body, eval_body; /* of those plans */
} ht_composed;

/*
 * Composes. sample: a few examples, a tensor per input in the order of
 * ht_callable_inputs, from which the width of the features is learnt (NULL
 * where the design knows it). Head
 * variables are added to the model's store, which must outlive `out`.
 */
ht_status ht_compose(ht_model *model, const ht_design *design,
                     const ht_tensor *const *sample,
                     ht_composed *out) HT_MUST_CHECK;
void ht_composed_free(ht_composed *c);

/* Scores of other inputs than the placeholders, in their order. */
ht_status ht_compose_scores(ht_composed *c, const ht_ref *in,
                            ht_ref *scores) HT_MUST_CHECK;

/* What a head takes of an applied module: as a Keras layer does, it makes
 * floats of doubles and halves. */
ht_ref ht_compose_features(ht_builder *b, ht_ref module, const ht_port *output);

/* The output of that name; NULL: `default`, or else the only one of floats,
 * doubles or halves. */
ht_status ht_compose_output(const ht_callable *call, const char *name,
                            const ht_port **out) HT_MUST_CHECK;

#endif
