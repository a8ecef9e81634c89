/* cmd_run.c - hubtune run: arrays in, arrays and gradients out. */
#include <errno.h>
#include <stdlib.h>

#include "cli/fetching.h"
#include "cli/output.h"

typedef struct settings {
  const char *tags, *preprocess, *signature, *call;
  bool training;
  const char *inputs, *outputs, *gradients, *cotangents;
  option_list input, feed, fetch, argument;
  int64_t max_turns;
} settings;

static const settings defaults = {.max_turns = 100000000};

#define AT(field) .offset = offsetof(settings, field)
static const option options[] = {
    {"tags", "A,B", "the graph of the module; '' is the empty set", OPTION_TEXT,
     AT(tags)},
    {"preprocess", "HANDLE",
     "a module that reads the raw input and feeds this one by equal names",
     OPTION_TEXT, AT(preprocess)},
    {"signature", "NAME", "the signature to call", OPTION_TEXT, AT(signature)},
    {"call", "NAME", "the callable to call: __call__ or a named method",
     OPTION_TEXT, AT(call)},
    {"training", NULL, "the training variant of a callable", OPTION_FLAG,
     AT(training)},
    {"argument", "NAME=VALUE", "a Python value that chooses the trace",
     OPTION_LIST, AT(argument)},
    {"inputs", "F.npz", "all inputs, by name", OPTION_TEXT, AT(inputs)},
    {"input", "NAME=VALUE",
     "one input: a .npy file, a text, numbers separated by commas, or the file "
     "of an image",
     OPTION_LIST, AT(input)},
    {"feed", "TENSOR=VALUE",
     "a tensor 'node:0' of the graph, given like --input; cuts the graph",
     OPTION_LIST, AT(feed)},
    {"fetch", "TENSOR", "a tensor 'node:0' to compute, instead of a signature",
     OPTION_LIST, AT(fetch)},
    {"max-turns", "N", "of a loop; more are taken for one without end",
     OPTION_INT, AT(max_turns), .low = 1, .high = 9e18},
    {"outputs", "F.npz", "where outputs are written; else they are printed",
     OPTION_TEXT, AT(outputs)},
    {"gradients", "F.npz",
     "where gradients of all trainable variables are written, by checkpoint "
     "key",
     OPTION_TEXT, AT(gradients)},
    {"cotangents", "F.npz",
     "what each output's elements count in the gradients; without it every "
     "float output counts with 1",
     OPTION_TEXT, AT(cotangents)},
    {0}};
#undef AT

/* All that a run holds; freed together. */
typedef struct work {
  const settings *s;
  ht_module *module;
  ht_function *function;
  ht_arrays *in, *out, *gradients, *cotangents;
  char **name; /* of fed tensors */
  int n_names;
} work;

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), e = strlen(end);
  return n > e && strcmp(text + n - e, end) == 0;
}

/* The part before '=' of every NAME=VALUE; false where there is none. */
static const ht_status no_memory = {HT_NO_MEMORY, "no memory for names"};

static bool cut_names(work *w, const option_list *list) {
  errno = 0;
  w->name = calloc((size_t)list->n + 1, sizeof *w->name);
  for (int i = 0; w->name && i < list->n; i++) {
    const char *equals = strchr(list->value[i], '=');
    if (!equals || equals == list->value[i]) return false;
    w->name[i] = strndup(list->value[i], (size_t)(equals - list->value[i]));
    if (!w->name[i]) return false;
    w->n_names++;
  }
  return w->name != NULL;
}

static ht_status open_function(work *w) {
  const settings *s = w->s;
  ht_choice choice = {.signature = s->signature,
                      .call = s->call,
                      .training = s->training,
                      .n_arguments = s->argument.n,
                      .argument = s->argument.value,
                      .n_fetches = s->fetch.n,
                      .fetch = s->fetch.value};
  if (s->fetch.n) {
    choice.n_feeds = s->feed.n;
    choice.feed = (const char *const *)w->name;
  }
  return ht_function_open(w->module, &choice, w->in, &w->function);
}

/* The library takes one value for the only input whatever it is called, as
 * tensorflow_hub does; here a signature's input was named, and wrongly. */
static ht_status check_name(const ht_callable_info *info, const char *name) {
  static char text[512];
  if (!info->signature || info->n_inputs != 1 ||
      strcmp(name, info->input[0].name) == 0)
    return (ht_status){HT_OK, NULL};
  snprintf(text, sizeof text, "'%.100s': no input '%.100s': there is '%.200s'",
           info->name, name, info->input[0].name);
  return (ht_status){HT_USAGE, text};
}

static ht_status check_names(work *w) {
  const ht_callable_info *info;
  ht_status st = ht_function_info(w->function, &info);
  for (int i = 0; i < w->n_names && st.code == HT_OK; i++)
    st = check_name(info, w->name[i]);
  for (int i = 0; i < ht_arrays_count(w->in) && st.code == HT_OK; i++)
    st = check_name(info, ht_arrays_name(w->in, i));
  return st;
}

/* Values given as NAME=VALUE join the inputs. */
static ht_status add_values(work *w, const option_list *list) {
  for (int i = 0; i < list->n; i++) {
    const char *value = list->value[i] + strlen(w->name[i]) + 1;
    ht_array *a = NULL;
    ht_status st = ends_with(value, ".npy")
                       ? ht_array_read(value, &a)
                       : ht_function_parse(w->function, w->name[i], value, &a);
    if (st.code == HT_OK) st = ht_arrays_put(w->in, w->name[i], a);
    if (st.code != HT_OK) return st;
  }
  return (ht_status){HT_OK, NULL};
}

static ht_status compute(work *w) {
  const settings *s = w->s;
  ht_status st = {HT_OK, NULL};
  if (!s->gradients) return ht_function_run(w->function, w->in, &w->out);
  if (s->cotangents) st = ht_arrays_read(s->cotangents, &w->cotangents);
  if (st.code != HT_OK) return st;
  return ht_function_gradients(w->function, w->in, w->cotangents, &w->out,
                               &w->gradients);
}

static ht_status print(const ht_arrays *set) {
  for (int i = 0; i < ht_arrays_count(set); i++) {
    const ht_array *a = ht_arrays_at(set, i);
    int64_t dim[8];
    char shape[160], *text;
    for (int k = 0; k < ht_array_rank(a); k++) dim[k] = ht_array_dim(a, k);
    ht_status st = ht_array_print(a, &text);
    if (st.code != HT_OK) return st;
    printf("%s%s: %s %s\n%s\n", i ? "\n" : "", ht_arrays_name(set, i),
           ht_dtype_text(ht_array_dtype(a)),
           shape_text(ht_array_rank(a), dim, shape), text);
    free(text);
  }
  return (ht_status){HT_OK, NULL};
}

static ht_status deliver(work *w) {
  const settings *s = w->s;
  ht_status st = {HT_OK, NULL};
  signals_hold();
  if (s->gradients) st = ht_arrays_write(w->gradients, s->gradients);
  if (st.code == HT_OK && s->outputs) st = ht_arrays_write(w->out, s->outputs);
  signals_release();
  if (st.code == HT_OK && !s->outputs) st = print(w->out);
  return st;
}

static ht_status work_through(work *w, const invocation *c) {
  const settings *s = w->s;
  ht_module_options o = ht_module_defaults();
  o.tags = s->tags;
  o.preprocess = s->preprocess;
  o.threads = (int)c->common->threads;
  o.max_turns = s->max_turns;
  signals_subject(c->operand[0]);
  ht_status st = fetch_and_open(c, &o, &w->module);
  if (st.code == HT_OK)
    st = s->inputs ? ht_arrays_read(s->inputs, &w->in) : ht_arrays_new(&w->in);
  if (st.code == HT_OK) st = open_function(w);
  if (st.code == HT_OK) st = check_names(w);
  if (st.code == HT_OK) st = add_values(w, s->fetch.n ? &s->feed : &s->input);
  if (st.code == HT_OK) st = compute(w);
  if (st.code == HT_OK) st = deliver(w);
  return st;
}

static void finish(work *w) {
  ht_arrays_free(w->in);
  ht_arrays_free(w->out);
  ht_arrays_free(w->gradients);
  ht_arrays_free(w->cotangents);
  ht_function_free(w->function);
  ht_module_free(w->module);
  for (int i = 0; i < w->n_names; i++) free(w->name[i]);
  free(w->name);
}

static int run(const invocation *c) {
  const settings *s = c->settings;
  work w = {.s = s};
  if (s->signature && s->call)
    return wrong_use("either --signature or --call, not both");
  if (s->fetch.n && (s->signature || s->call || s->input.n))
    return wrong_use("--fetch takes --feed, not a signature and its inputs");
  if (s->fetch.n && s->preprocess)
    return wrong_use("either --fetch or --preprocess, not both");
  if (s->feed.n && !s->fetch.n) return wrong_use("--feed needs --fetch");
  if (s->cotangents && !s->gradients)
    return wrong_use("--cotangents needs --gradients");
  if (!cut_names(&w, s->fetch.n ? &s->feed : &s->input)) {
    finish(&w);
    if (errno == ENOMEM) return failed(no_memory);
    return wrong_use("option '--%s' needs NAME=VALUE",
                     s->fetch.n ? "feed" : "input");
  }
  ht_status st = work_through(&w, c);
  int status = st.code == HT_OK ? DONE : failed(st);
  finish(&w);
  return status;
}

const action do_run = {
    .text =
        "Calls a signature or callable of a module once. Without --signature "
        "and --call that is the signature 'default', then 'serving_default', "
        "then '__call__'.\n\n"
        "Inputs are named as the signature names them, those of a callable by "
        "argument name, nested ones by path ('inputs/input_mask'); the last "
        "part of a path is enough where it is unique, and one array fits a "
        "callable with one input whatever it is called. A sparse input x is "
        "x_indices, x_values and x_dense_shape, a ragged one x_component_0, "
        "x_component_1 and so on.\n\n"
        "Examples:\n"
        "  hubtune run half_plus_two --input x=1,2,3\n"
        "  hubtune run module --inputs in.npz --outputs out.npz\n"
        "  hubtune run module --input 'sentences=good morning' "
        "--gradients g.npz",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(settings),
    .run = run,
};
