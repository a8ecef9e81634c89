/* embed.c - a module's outputs for all examples of a data set. */
#include <string.h>

#include "api/array.h"
#include "api/module.h"
#include "data/sink.h"
#include "train/feed.h"

enum { BATCH = 64 };

typedef struct embedding {
  const ht_embed_options *o;
  ht_arena arena;
  ht_function *function;
  ht_feed feed;
  const ht_port **input; /* those that columns feed */
  int n_inputs;
  const char **output; /* names */
  const ht_tensor **value;
  int n_outputs;
  ht_sink *sink;
  int64_t *index;
  ht_tensor *in;
} embedding;

/* ---- what is called */

/* Tensors of a cut graph that columns feed are feeds, too. */
static ht_status add_feeds(embedding *e, ht_choice *choice) {
  const ht_embed_options *o = e->o;
  const char **feed;
  int n = choice->n_feeds;
  if (choice->n_fetches == 0) return HT_SUCCESS;
  HT_NEW(feed, &e->arena, n + o->n_inputs + 1);
  for (int i = 0; i < n; i++) feed[i] = choice->feed[i];
  for (int i = 0; i < o->n_inputs; i++) {
    size_t length = strcspn(o->input[i], "=");
    feed[n] = ht_arena_bytes(&e->arena, o->input[i], length);
    if (!feed[n++]) return ht_fail(HT_NO_MEMORY, "no memory for a name");
  }
  choice->feed = feed;
  choice->n_feeds = n;
  return HT_SUCCESS;
}

static ht_status open_function(embedding *e, ht_module *module) {
  ht_choice choice = e->o->choice;
  if (!choice.output) choice.output = e->o->output;
  HT_TRY(add_feeds(e, &choice));
  return ht_function_open(module, &choice, e->o->constants, &e->function);
}

static ht_status is_constant(const embedding *e, const ht_port *port,
                             bool *yes) {
  const ht_arrays *set = e->o->constants;
  *yes = false;
  for (int i = 0; set && i < ht_arrays_count(set); i++) {
    const ht_port *named;
    HT_TRY(ht_callable_input(e->function->callable, ht_arrays_name(set, i),
                             &named));
    *yes |= named == port;
  }
  return HT_SUCCESS;
}

static ht_status find_inputs(embedding *e) {
  const ht_callable *c = e->function->callable;
  HT_NEW(e->input, &e->arena, c->n_inputs + 1);
  for (int i = 0; i < c->n_inputs; i++) {
    bool constant;
    HT_TRY(is_constant(e, &c->input[i], &constant));
    if (!constant) e->input[e->n_inputs++] = &c->input[i];
  }
  if (e->n_inputs) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "no input is left for the data");
}

static ht_status find_outputs(embedding *e) {
  const ht_callable *c = e->function->callable;
  const ht_port *port = NULL;
  HT_NEW(e->output, &e->arena, c->n_outputs + 1);
  HT_NEW(e->value, &e->arena, c->n_outputs + 1);
  if (e->o->output) {
    HT_TRY(ht_callable_output(c, e->o->output, &port));
    e->output[e->n_outputs++] = port->name;
    return HT_SUCCESS;
  }
  for (int i = 0; i < c->n_outputs; i++)
    e->output[e->n_outputs++] = c->output[i].name;
  return c->n_outputs ? HT_SUCCESS
                      : ht_fail(HT_USAGE, "'%s' has no outputs", c->name);
}

/* ---- a batch */

static ht_status put_tensor(ht_arrays *set, const char *name,
                            const ht_tensor *t) {
  ht_array *a = NULL;
  ht_tensor shared = ht_tensor_share(t);
  HT_TRY(ht_array_wrap(&shared, &a));
  return ht_arrays_put(set, name, a);
}

static ht_status add_constants(const embedding *e, ht_arrays *set) {
  const ht_arrays *all = e->o->constants;
  for (int i = 0; all && i < ht_arrays_count(all); i++)
    HT_TRY(put_tensor(set, ht_arrays_name(all, i), &ht_arrays_at(all, i)->t));
  return HT_SUCCESS;
}

/* Images of the next batch, while this one is computed. */
static ht_status expect(embedding *e, int64_t from, int64_t n) {
  int64_t left = e->feed.data.n - from;
  for (int64_t i = 0; i < n; i++) e->index[i] = from + i;
  return ht_feed_expect(&e->feed, HT_UNCHANGED, e->index, left < n ? left : n);
}

/* A broken image is a failure: rows have to stand beside their examples. */
static ht_status gather(embedding *e, int64_t from, int64_t n, ht_arrays *set) {
  HT_TRY(add_constants(e, set));
  for (int64_t i = 0; i < n; i++) e->index[i] = from + i;
  HT_TRY(ht_feed_inputs(&e->feed, NULL, HT_UNCHANGED, e->index, &n, e->in));
  ht_status st = expect(e, from + n, n);
  for (int i = 0; i < e->n_inputs; i++) {
    if (st.code == HT_OK) st = put_tensor(set, e->input[i]->name, &e->in[i]);
    ht_tensor_drop(&e->in[i]);
  }
  return st;
}

static ht_status hand_over(embedding *e, int64_t n, const ht_arrays *set) {
  for (int i = 0; i < e->n_outputs; i++) {
    const ht_tensor *t = &ht_arrays_find(set, e->output[i])->t;
    if (t->shape.rank < 1 || t->shape.dim[0] != n)
      return ht_fail(HT_USAGE, "output '%s' has not one row for each example",
                     e->output[i]);
    e->value[i] = t;
  }
  return ht_sink_add(e->sink, e->value);
}

static ht_status embed_batch(embedding *e, int64_t from, int64_t n) {
  ht_arrays *in = NULL, *out = NULL;
  ht_status st = ht_arrays_new(&in);
  if (st.code == HT_OK) st = gather(e, from, n, in);
  if (st.code == HT_OK) st = ht_function_run(e->function, in, &out);
  if (st.code == HT_OK) st = hand_over(e, n, out);
  ht_arrays_free(in);
  ht_arrays_free(out);
  return st;
}

static ht_status embed_all(embedding *e) {
  const ht_embed_options *o = e->o;
  int64_t n = e->feed.data.n, batch = o->batch > 0 ? o->batch : BATCH;
  HT_NEW(e->index, &e->arena, batch);
  HT_NEW(e->in, &e->arena, e->n_inputs + 1);
  for (int64_t at = 0; at < n; at += batch) {
    int64_t rows = n - at < batch ? n - at : batch;
    HT_TRY(embed_batch(e, at, rows));
    if (o->tell && !o->tell(o->arg, at + rows, n))
      return ht_fail(HT_STOPPED, "stopped");
  }
  return ht_sink_commit(e->sink);
}

static ht_status embed(embedding *e, ht_module *module, const char *data,
                       const char *path) {
  const ht_embed_options *o = e->o;
  ht_image_choice images = {.size = o->image_size,
                            .range = o->image_range,
                            .resize = o->image_resize,
                            .model = module->model};
  ht_mapping_choice choice = {.images = &images,
                              .text = o->text,
                              .image = o->image,
                              .input = o->input,
                              .n_input = o->n_inputs};
  HT_TRY(open_function(e, module));
  HT_TRY(find_inputs(e));
  HT_TRY(find_outputs(e));
  HT_TRY(ht_feed_open(data, e->function->callable, e->input, e->n_inputs,
                      &choice, false, &e->feed));
  HT_TRY(ht_sink_open(path, e->feed.data.n, e->n_outputs, e->output, &e->sink));
  return embed_all(e);
}

ht_status ht_module_embed(ht_module *module, const ht_embed_options *options,
                          const char *data, const char *path) {
  static const ht_embed_options usual = {0};
  embedding e = {.o = options ? options : &usual};
  ht_status st = embed(&e, module, data, path);
  ht_sink_drop(e.sink);
  ht_feed_close(&e.feed);
  ht_function_free(e.function);
  ht_arena_free(&e.arena);
  return st;
}
