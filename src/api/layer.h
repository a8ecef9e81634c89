/* layer.h - what layers are inside, for src/api alone. */
#ifndef HT_API_LAYER_H
#define HT_API_LAYER_H

#include "api/module.h"

struct ht_layer {
  ht_arena arena;
  ht_layer_options o; /* copied, with what the format implies */
  const char *handle; /* NULL: made of an open module */
  ht_module *module;
  bool own; /* the module is freed with it */
  bool trainable;
  ht_variable_info *weight;
  int n_weights, n_listed; /* n_listed: may train */
  double *loss;
  int n_losses;
};

#endif
