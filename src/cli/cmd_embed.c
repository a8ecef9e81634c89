/* cmd_embed.c - hubtune embed: a module's outputs for every example. */
#include <errno.h>
#include <stdlib.h>

#include "cli/fetching.h"
#include "cli/output.h"
#include "cli/progress.h"

typedef struct settings {
  const char *tags, *preprocess, *signature, *call, *output, *outputs, *text,
      *image, *image_size, *image_range, *image_resize;
  int64_t batch;
  option_list input, feed, fetch, argument;
} settings;

#define AT(field) .offset = offsetof(settings, field)
static const option options[] = {
    {"outputs", "F", "where they are written: .h5, .npz, .csv, .jsonl, or -",
     OPTION_TEXT, AT(outputs)},
    {"output", "KEY|TENSOR", "only this output, or a tensor within the module",
     OPTION_TEXT, AT(output)},
    {"text", "COL", "the column of texts", OPTION_TEXT, AT(text)},
    {"image", "COL", "the column of images", OPTION_TEXT, AT(image)},
    {"image-size", "N|HxW", "size of images, where the module takes any",
     OPTION_TEXT, AT(image_size)},
    {"image-range", "LOW,HIGH",
     "what black and white become; else 0,1, or 0,255 for bytes", OPTION_TEXT,
     AT(image_range)},
    {"image-resize", "bilinear|area|bicubic|nearest", "how images are resized",
     OPTION_CHOICE, AT(image_resize)},
    {"input", "NAME=COL", "the column of a named input", OPTION_LIST,
     AT(input)},
    {"tags", "A,B", "the graph of the module; '' is the empty set", OPTION_TEXT,
     AT(tags)},
    {"preprocess", "HANDLE",
     "a module that reads the raw input and feeds this one by equal names",
     OPTION_TEXT, AT(preprocess)},
    {"signature", "NAME", "the signature to call", OPTION_TEXT, AT(signature)},
    {"call", "NAME", "the callable to call: __call__ or a named method",
     OPTION_TEXT, AT(call)},
    {"argument", "NAME=VALUE", "a Python value that chooses the trace",
     OPTION_LIST, AT(argument)},
    {"feed", "NAME=VALUE",
     "an input that is the same for all: a .npy file, a text, or numbers "
     "separated by commas",
     OPTION_LIST, AT(feed)},
    {"fetch", "TENSOR", "a tensor 'node:0' to compute, instead of a signature",
     OPTION_LIST, AT(fetch)},
    {"batch", "N", "examples at a time", OPTION_INT, AT(batch), .low = 1,
     .high = 1e6},
    {0}};
#undef AT

static const settings defaults = {.batch = 64};

/* Constants are parsed by a function, which wants to know what is fed. */
typedef struct work {
  const settings *s;
  ht_module *module;
  ht_function *function;
  ht_arrays *constants;
  const char **feed; /* names of constants, then of --input */
  int n_constants;
  progress bar;
} work;

static const ht_status no_memory = {HT_NO_MEMORY, "no memory for names"};

static bool cut_names(work *w) {
  errno = 0;
  const settings *s = w->s;
  int n = s->feed.n + s->input.n;
  w->feed = calloc((size_t)n + 1, sizeof *w->feed);
  for (int i = 0; w->feed && i < n; i++) {
    const char *text =
        i < s->feed.n ? s->feed.value[i] : s->input.value[i - s->feed.n];
    size_t length = strcspn(text, "=");
    if (!length || !text[length]) return false;
    w->feed[i] = strndup(text, length);
    if (!w->feed[i]) return false;
  }
  w->n_constants = s->feed.n;
  return w->feed != NULL;
}

static ht_choice choice_of(const work *w, bool with_inputs) {
  const settings *s = w->s;
  ht_choice choice = {.signature = s->signature,
                      .call = s->call,
                      .n_arguments = s->argument.n,
                      .argument = s->argument.value,
                      .n_fetches = s->fetch.n,
                      .fetch = s->fetch.value};
  if (s->fetch.n) {
    choice.feed = w->feed;
    choice.n_feeds = w->n_constants + (with_inputs ? s->input.n : 0);
  }
  return choice;
}

static ht_status read_constants(work *w) {
  ht_choice choice = choice_of(w, true);
  ht_status st = ht_arrays_new(&w->constants);
  if (w->n_constants && st.code == HT_OK)
    st = ht_function_open(w->module, &choice, NULL, &w->function);
  for (int i = 0; i < w->n_constants && st.code == HT_OK; i++) {
    ht_array *a = NULL;
    const char *value = w->s->feed.value[i] + strlen(w->feed[i]) + 1;
    const char *end = strrchr(value, '.');
    st = end && strcmp(end, ".npy") == 0
             ? ht_array_read(value, &a)
             : ht_function_parse(w->function, w->feed[i], value, &a);
    if (st.code == HT_OK) st = ht_arrays_put(w->constants, w->feed[i], a);
  }
  return st;
}

static bool tell(void *arg, int64_t done, int64_t n) {
  work *w = arg;
  char what[64];
  snprintf(what, sizeof what, "%lld/%lld", (long long)done, (long long)n);
  progress_show(
      &w->bar, &(progress_state){
                   .what = what, .done = done, .total = n, .unit = "examples"});
  return signals_noted() == 0;
}

static ht_status embed(work *w, const invocation *c) {
  const settings *s = w->s;
  ht_module_options o = ht_module_defaults();
  o.tags = s->tags;
  o.preprocess = s->preprocess;
  o.threads = (int)c->common->threads;
  ht_status st = fetch_and_open(c, &o, &w->module);
  if (st.code == HT_OK) st = read_constants(w);
  if (st.code != HT_OK) return st;
  ht_embed_options e = {.choice = choice_of(w, false),
                        .output = s->output,
                        .text = s->text,
                        .image = s->image,
                        .image_size = s->image_size,
                        .image_range = s->image_range,
                        .image_resize = s->image_resize,
                        .n_inputs = s->input.n,
                        .input = s->input.value,
                        .constants = w->constants,
                        .batch = (int)s->batch,
                        .tell = tell,
                        .arg = w};
  return ht_module_embed(w->module, &e, c->operand[1], s->outputs);
}

static void finish(work *w) {
  progress_clear(&w->bar);
  ht_arrays_free(w->constants);
  ht_function_free(w->function);
  ht_module_free(w->module);
  for (int i = 0; w->feed && w->feed[i]; i++) free((char *)w->feed[i]);
  free(w->feed);
}

static int run(const invocation *c) {
  const settings *s = c->settings;
  work w = {.s = s};
  if (!s->outputs) return wrong_use("embed needs --outputs");
  if (s->signature && s->call)
    return wrong_use("either --signature or --call, not both");
  if (s->fetch.n && (s->signature || s->call))
    return wrong_use("either --fetch or a signature, not both");
  if (s->fetch.n && s->preprocess)
    return wrong_use("either --fetch or --preprocess, not both");
  if (!cut_names(&w)) {
    finish(&w);
    if (errno == ENOMEM) return failed(no_memory);
    return wrong_use("options '--feed' and '--input' need NAME=...");
  }
  signals_subject(c->operand[0]);
  signals_note();
  progress_start(&w.bar, c->common->quiet);
  ht_status st = embed(&w, c);
  progress_clear(&w.bar);
  int status = st.code == HT_OK ? DONE : failed(st);
  finish(&w);
  return status;
}

const action do_embed = {
    .text =
        "Calls a module with every example of DATA and writes its outputs, in "
        "the order of the examples, to the file that --outputs names. DATA and "
        "its columns are as for 'train'; what is called as for 'run'.\n\n"
        "Example:\n"
        "  hubtune embed nnlm reviews.csv --text review --outputs "
        "vectors.h5",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(settings),
    .run = run,
};
