/*
 * interfaces.c - which common interfaces a module has, so that another one of
 * them can stand in its place (tensorflow/docs, site/en/hub: common_signatures
 * for TF1, common_saved_model_apis for TF2). A row is an interface.
 */
#include "api/interfaces.h"

#include <string.h>

/* ---- ports */

/* The last part of a path: "inputs/input_mask". */
static const char *base_of(const char *name) {
  const char *slash = strrchr(name, '/');
  return slash ? slash + 1 : name;
}

static const ht_port_info *port(const ht_port_info *p, int n,
                                const char *name) {
  for (int i = 0; i < n; i++)
    if (strcmp(base_of(p[i].name), name) == 0) return &p[i];
  return NULL;
}

/* A rank that nobody knows may be any. */
static bool is(const ht_port_info *p, ht_dtype dtype, int rank) {
  return p && p->dtype == dtype && (p->rank == rank || p->rank < 0);
}

static const ht_port_info *in(const ht_callable_info *c, const char *name) {
  return port(c->input, c->n_inputs, name);
}

static const ht_port_info *out(const ht_callable_info *c, const char *name) {
  return port(c->output, c->n_outputs, name);
}

/* ---- what one callable is */

static bool floats_per_example(const ht_callable_info *c) {
  return is(out(c, "default"), HT_FLOAT, 2);
}

/* Images [n, height, width, 3] and perhaps numbers that steer it. */
static bool images_in(const ht_callable_info *c) {
  int images = 0;
  for (int i = 0; i < c->n_inputs; i++) {
    const ht_port_info *p = &c->input[i];
    bool image = p->dtype == HT_FLOAT && p->rank == 4 && p->dim[3] == 3;
    if (!image && p->rank != 0) return false;
    images += image;
  }
  return images == 1;
}

static bool texts_in(const ht_callable_info *c) {
  return c->n_inputs == 1 && is(c->input, HT_STRING, 1);
}

static bool of_images(const ht_callable_info *c) {
  return images_in(c) && floats_per_example(c);
}

static bool of_texts(const ht_callable_info *c) {
  return texts_in(c) && floats_per_example(c);
}

static bool steered(const ht_callable_info *c) {
  const ht_port_info *momentum = in(c, "batch_norm_momentum");
  return of_images(c) && is(momentum, HT_FLOAT, 0);
}

static bool of_bert_tokens(const ht_callable_info *c) {
  return is(in(c, "input_ids"), HT_INT32, 2) &&
         is(in(c, "input_mask"), HT_INT32, 2) &&
         is(in(c, "segment_ids"), HT_INT32, 2) &&
         is(out(c, "pooled_output"), HT_FLOAT, 2) &&
         is(out(c, "sequence_output"), HT_FLOAT, 3);
}

/* A dict that an encoder takes. */
static bool preprocesses(const ht_callable_info *c) {
  return texts_in(c) && c->n_outputs > 1 && !out(c, "default");
}

static bool encodes(const ht_callable_info *c) {
  for (int i = 0; i < c->n_inputs; i++)
    if (!strchr(c->input[i].name, '/')) return false;
  return c->n_inputs > 0 && floats_per_example(c);
}

static bool packed(const ht_port_info *p, int n) {
  return is(port(p, n, "input_word_ids"), HT_INT32, 2) &&
         is(port(p, n, "input_mask"), HT_INT32, 2) &&
         is(port(p, n, "input_type_ids"), HT_INT32, 2);
}

static bool encodes_words(const ht_callable_info *c) {
  return packed(c->input, c->n_inputs) &&
         is(out(c, "pooled_output"), HT_FLOAT, 2) &&
         is(out(c, "sequence_output"), HT_FLOAT, 3);
}

/* A ragged value is its values and where its rows begin. */
static bool tokenizes(const ht_callable_info *c) {
  return texts_in(c) && out(c, "default_component_1") != NULL;
}

static bool packs(const ht_callable_info *c) {
  return packed(c->output, c->n_outputs);
}

/* ---- interfaces */

typedef struct row {
  const char *name;
  bool tf1; /* by a signature of that name; else by a callable */
  const char *call;
  bool (*fits)(const ht_callable_info *c);
  const char *and_call; /* another one that it needs, or NULL */
  bool (*and_fits)(const ht_callable_info *c);
} row;

static const row rows[] = {
    {"image feature vector", true, "default", of_images, NULL, NULL},
    {"image feature vector", true, "image_feature_vector", of_images, NULL,
     NULL},
    {"image feature vector with hyperparameters", true,
     "image_feature_vector_with_bn_hparams", steered, NULL, NULL},
    {"image classification", true, "image_classification", of_images, NULL,
     NULL},
    {"image classification with hyperparameters", true,
     "image_classification_with_bn_hparams", steered, NULL, NULL},
    {"text feature vector", true, "default", of_texts, NULL, NULL},
    {"BERT tokens", true, "tokens", of_bert_tokens, NULL, NULL},
    /* The two have one interface: features or logits. */
    {"image feature vector", false, "__call__", of_images, NULL, NULL},
    {"image classification", false, "__call__", of_images, NULL, NULL},
    {"text feature vector", false, "__call__", of_texts, NULL, NULL},
    {"text preprocessor", false, "__call__", preprocesses, NULL, NULL},
    {"text encoder", false, "__call__", encodes, NULL, NULL},
    {"transformer preprocessor", false, "tokenize", tokenizes,
     "bert_pack_inputs", packs},
    {"transformer encoder", false, "__call__", encodes_words, NULL, NULL},
};

static bool called(const ht_callable_info *c, const char *name) {
  size_t n = strlen(c->name), k = strlen(".__call__");
  if (strcmp(c->name, name) == 0) return true;
  return n == strlen(name) + k && strncmp(c->name, name, n - k) == 0 &&
         strcmp(c->name + n - k, ".__call__") == 0;
}

static bool has(const ht_module_info *m, bool signature, const char *name,
                bool (*fits)(const ht_callable_info *)) {
  for (int i = 0; i < m->n_callables; i++) {
    const ht_callable_info *c = &m->callable[i];
    if (c->signature == signature && called(c, name) && fits(c)) return true;
  }
  return false;
}

static bool implements(const ht_module_info *m, const row *r) {
  return has(m, r->tf1, r->call, r->fits) &&
         (!r->and_call || has(m, r->tf1, r->and_call, r->and_fits));
}

ht_status ht_interfaces_of(const ht_module_info *m, bool tf1, ht_arena *arena,
                           const char *const **out, int *n) {
  enum { N = sizeof rows / sizeof *rows };
  const char **name;
  HT_NEW(name, arena, N);
  *n = 0;
  for (int i = 0; i < N; i++) {
    bool known = *n && strcmp(name[*n - 1], rows[i].name) == 0;
    if (rows[i].tf1 == tf1 && !known && implements(m, &rows[i]))
      name[(*n)++] = rows[i].name;
  }
  *out = name;
  return HT_SUCCESS;
}
