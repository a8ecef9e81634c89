/* cmd_inspect.c - hubtune inspect: what a module is, before any work. */
#include <stdlib.h>

#include "cli/fetching.h"
#include "cli/output.h"

typedef struct settings {
  const char *tags, *signature, *call;
  int64_t batch;
  bool plan, training;
} settings;

#define AT(field) .offset = offsetof(settings, field)

static const option options[] = {
    {"tags", "A,B", "the graph of the module to look at; '' is the empty set",
     OPTION_TEXT, AT(tags)},
    {"plan", NULL,
     "show how a call is run instead: its steps, and the memory that a batch "
     "takes",
     OPTION_FLAG, AT(plan)},
    {"signature", "NAME", "the signature to plan", OPTION_TEXT, AT(signature)},
    {"call", "NAME", "the callable to plan", OPTION_TEXT, AT(call)},
    {"training", NULL, "its training variant", OPTION_FLAG, AT(training)},
    {"batch", "N", "rows of the batch", OPTION_INT, AT(batch), .low = 1,
     .high = 1e9},
    {0}};
#undef AT

static void set_defaults(void *p) { *(settings *)p = (settings){.batch = 32}; }

/* What is shown. */
typedef struct view {
  const ht_module_info *info;
  const ht_missing_info *missing[2]; /* for running, for differentiating */
  int n_missing[2];
  ht_module *module;
  bool images; /* whether it is said which ones it takes */
  int64_t image_size[2], image_channels;
} view;

/* What hub.get_expected_image_size and get_num_image_channels say, of the
 * first signature that has an input of images. */
static void find_images(view *v) {
  for (int i = 0; i < v->info->n_callables && !v->images; i++) {
    const ht_callable_info *c = &v->info->callable[i];
    for (int k = 0; k < c->n_inputs && c->signature; k++)
      if (strcmp(c->input[k].name, "images") == 0 && c->input[k].rank == 4)
        v->images =
            ht_module_image_size(v->module, c->name, NULL, v->image_size)
                    .code == HT_OK &&
            ht_module_image_channels(v->module, c->name, NULL,
                                     &v->image_channels)
                    .code == HT_OK;
  }
}

/* ---- for people */

static int widest_port(const ht_callable_info *c) {
  int width = 0;
  for (int i = 0; i < c->n_inputs + c->n_outputs; i++) {
    const ht_port_info *p =
        i < c->n_inputs ? &c->input[i] : &c->output[i - c->n_inputs];
    int n = (int)strlen(p->name);
    if (n > width) width = n;
  }
  return width < 48 ? width : 48;
}

static void show_ports(const char *what, const ht_port_info *port, int n,
                       int width) {
  for (int i = 0; i < n; i++) {
    char shape[160];
    printf("    %-6s  %-*s  %-8s  %s\n", i ? "" : what, width, port[i].name,
           ht_dtype_text(port[i].dtype),
           shape_text(port[i].rank, port[i].dim, shape));
  }
}

static void show_callable(const ht_callable_info *c) {
  int width = widest_port(c);
  printf("  %s", c->name);
  if (c->n_arguments) {
    fputs(" (", stdout);
    for (int i = 0; i < c->n_arguments; i++)
      printf("%s%s=%s", i ? ", " : "", c->argument[i], c->value[i]);
    fputs(")", stdout);
  }
  if (*c->method) printf("  [%s]", c->method);
  putchar('\n');
  show_ports("input", c->input, c->n_inputs, width);
  show_ports("output", c->output, c->n_outputs, width);
}

static void show_callables(const ht_module_info *m, bool signatures) {
  bool title = false;
  for (int i = 0; i < m->n_callables; i++) {
    if (m->callable[i].signature != signatures) continue;
    if (!title) puts(signatures ? "\nSignatures" : "\nCallables");
    title = true;
    show_callable(&m->callable[i]);
  }
}

static void show_variables(const ht_module_info *m) {
  int key = 3, shape_width = 5;
  uint64_t bytes = 0;
  char shape[160], size[32];
  for (int i = 0; i < m->n_variables; i++) {
    const ht_variable_info *v = &m->variable[i];
    int n = (int)strlen(v->key);
    int w = (int)strlen(shape_text(v->rank, v->dim, shape));
    if (n > key) key = n;
    if (w > shape_width) shape_width = w;
    bytes += v->bytes;
  }
  if (m->n_variables == 0) return;
  printf("\nVariables: %d, %s\n", m->n_variables, size_text(bytes, size));
  for (int i = 0; i < m->n_variables; i++) {
    const ht_variable_info *v = &m->variable[i];
    printf("  %-*s  %-6s  %-*s  %8s  %-9s  %s\n", key, v->key,
           ht_dtype_text(v->dtype), shape_width,
           shape_text(v->rank, v->dim, shape), size_text(v->bytes, size),
           v->trainable ? "trainable" : "",
           strcmp(v->name, v->key) ? v->name : "");
    if (v->n_parts > 1) printf("%*s  in %d parts\n", key + 2, "", v->n_parts);
  }
}

static void show_tables(const ht_module_info *m) {
  int width = 0;
  for (int i = 0; i < m->n_tables; i++) {
    int n = (int)strlen(m->table[i].name);
    if (n > width) width = n < 60 ? n : 60;
  }
  if (m->n_tables) puts("\nTables");
  for (int i = 0; i < m->n_tables; i++) {
    const ht_table_info *t = &m->table[i];
    printf("  %-*s  %s to %s  %lld entries\n", width, t->name,
           ht_dtype_text(t->key), ht_dtype_text(t->value),
           (long long)t->entries);
  }
}

static void show_words(const char *title, const char *const *word, int n) {
  if (n) printf("\n%s\n", title);
  for (int i = 0; i < n; i++) printf("  %s\n", word[i]);
}

static size_t message(const view *v, int i, const void **data) {
  size_t n = 0;
  ht_status st =
      ht_module_attachment(v->module, v->info->attachment[i], data, &n);
  return st.code == HT_OK && *data ? n : 0;
}

static void show_messages(const view *v) {
  char size[32];
  const void *data;
  if (v->info->n_attachments) puts("\nAttached messages");
  for (int i = 0; i < v->info->n_attachments; i++)
    printf("  %s  %s\n", v->info->attachment[i],
           size_text(message(v, i, &data), size));
}

static void show_missing(const char *verb, const ht_missing_info *missing,
                         int n) {
  if (n == 0) {
    printf("  every operation can be %s\n", verb);
    return;
  }
  for (int i = 0; i < n; i++) {
    bool seen = false;
    for (int k = 0; k < i; k++)
      if (strcmp(missing[k].op, missing[i].op) == 0) seen = true;
    if (seen) continue;
    printf("  %s cannot be %s, which these need:\n", missing[i].op, verb);
    for (int k = i; k < n; k++)
      if (strcmp(missing[k].op, missing[i].op) == 0)
        printf("    %s%s%s\n", missing[k].node,
               *missing[k].function ? "  in " : "", missing[k].function);
  }
}

static void show_tags(const ht_module_info *m) {
  printf("Tag sets    ");
  for (int i = 0; i < m->n_tag_sets; i++)
    printf("%s{%s}%s", i ? "  " : "", m->tag_set[i],
           i == m->chosen && m->n_tag_sets > 1 ? " (shown)" : "");
  putchar('\n');
}

static void show(const view *v) {
  const ht_module_info *m = v->info;
  printf("Module      %s\nFormat      %s\n", m->folder, m->format);
  if (*m->tf_version) printf("TensorFlow  %s\n", m->tf_version);
  show_tags(m);
  show_callables(m, true);
  show_callables(m, false);
  show_words("Common interfaces", m->interface, m->n_interfaces);
  if (v->images)
    printf("\nImages: %lld x %lld, %lld channels\n",
           (long long)v->image_size[0], (long long)v->image_size[1],
           (long long)v->image_channels);
  show_variables(m);
  if (m->n_regularization_losses)
    printf("\nRegularization losses: %d\n", m->n_regularization_losses);
  show_tables(m);
  show_words("Assets", m->asset, m->n_assets);
  show_messages(v);
  puts("\nVerdict");
  show_missing("run", v->missing[0], v->n_missing[0]);
  show_missing("differentiated", v->missing[1], v->n_missing[1]);
}

/* ---- for programs */

static json_object *text(const char *s) { return json_object_new_string(s); }

static json_object *json_shape(int rank, const int64_t *dim) {
  if (rank < 0) return NULL;
  json_object *list = json_object_new_array();
  for (int i = 0; i < rank; i++)
    json_object_array_add(list,
                          dim[i] < 0 ? NULL : json_object_new_int64(dim[i]));
  return list;
}

static json_object *json_ports(const ht_port_info *port, int n) {
  json_object *o = json_object_new_object();
  for (int i = 0; i < n; i++) {
    json_object *p = json_object_new_object();
    json_object_object_add(p, "dtype", text(ht_dtype_text(port[i].dtype)));
    json_object_object_add(p, "shape", json_shape(port[i].rank, port[i].dim));
    json_object_object_add(o, port[i].name, p);
  }
  return o;
}

static json_object *json_callable(const ht_callable_info *c) {
  json_object *o = json_object_new_object();
  if (c->signature) {
    json_object_object_add(o, "method_name", text(c->method));
  } else {
    json_object *arguments = json_object_new_object();
    for (int i = 0; i < c->n_arguments; i++)
      json_object_object_add(arguments, c->argument[i], text(c->value[i]));
    json_object_object_add(o, "arguments", arguments);
    json_object_object_add(
        o, "training",
        c->training < 0 ? NULL : json_object_new_boolean(c->training));
  }
  json_object_object_add(o, "inputs", json_ports(c->input, c->n_inputs));
  json_object_object_add(o, "outputs", json_ports(c->output, c->n_outputs));
  return o;
}

/* Signatures are one each by name; a callable is the list of its traces. */
static json_object *json_callables(const ht_module_info *m, bool signatures) {
  json_object *all = json_object_new_object();
  for (int i = 0; i < m->n_callables; i++) {
    const ht_callable_info *c = &m->callable[i];
    if (c->signature != signatures) continue;
    json_object *traces = NULL;
    if (signatures) {
      json_object_object_add(all, c->name, json_callable(c));
      continue;
    }
    if (!json_object_object_get_ex(all, c->name, &traces)) {
      traces = json_object_new_array();
      json_object_object_add(all, c->name, traces);
    }
    json_object_array_add(traces, json_callable(c));
  }
  return all;
}

static json_object *json_variables(const ht_module_info *m) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < m->n_variables; i++) {
    const ht_variable_info *v = &m->variable[i];
    json_object *o = json_object_new_object();
    json_object_object_add(o, "key", text(v->key));
    json_object_object_add(o, "name", text(v->name));
    json_object_object_add(o, "dtype", text(ht_dtype_text(v->dtype)));
    json_object_object_add(o, "shape", json_shape(v->rank, v->dim));
    json_object_object_add(o, "trainable",
                           json_object_new_boolean(v->trainable));
    json_object_object_add(o, "bytes",
                           json_object_new_int64((int64_t)v->bytes));
    json_object_object_add(o, "parts", json_object_new_int(v->n_parts));
    json_object_array_add(list, o);
  }
  return list;
}

static json_object *json_tables(const ht_module_info *m) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < m->n_tables; i++) {
    const ht_table_info *t = &m->table[i];
    json_object *o = json_object_new_object();
    json_object_object_add(o, "name", text(t->name));
    json_object_object_add(o, "key", text(ht_dtype_text(t->key)));
    json_object_object_add(o, "value", text(ht_dtype_text(t->value)));
    json_object_object_add(o, "entries", json_object_new_int64(t->entries));
    json_object_array_add(list, o);
  }
  return list;
}

static json_object *json_words(const char *const *word, int n) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < n; i++) json_object_array_add(list, text(word[i]));
  return list;
}

static json_object *json_tags(const ht_module_info *m) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < m->n_tag_sets; i++) {
    json_object *set = json_object_new_array();
    for (const char *p = m->tag_set[i]; *p;) {
      int n = (int)strcspn(p, ",");
      json_object_array_add(set, json_object_new_string_len(p, n));
      p += n + (p[n] == ',');
    }
    json_object_array_add(list, set);
  }
  return list;
}

/* RFC 4648, section 4. */
static json_object *base64(const unsigned char *p, size_t n) {
  static const char digit[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char *out = malloc(n / 3 * 4 + 5), *to = out;
  if (!out) return NULL;
  for (size_t i = 0; i < n; i += 3) {
    unsigned rest = (unsigned)(n - i < 3 ? n - i : 3), bits = 0;
    for (unsigned k = 0; k < 3; k++)
      bits = bits << 8 | (k < rest ? p[i + k] : 0);
    for (unsigned k = 0; k < 4; k++)
      *to++ = k <= rest ? digit[bits >> (18 - 6 * k) & 63] : '=';
  }
  *to = 0;
  json_object *o = text(out);
  free(out);
  return o;
}

static json_object *json_messages(const view *v) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < v->info->n_attachments; i++) {
    const void *data = NULL;
    size_t n = message(v, i, &data);
    json_object *o = json_object_new_object();
    json_object_object_add(o, "key", text(v->info->attachment[i]));
    json_object_object_add(o, "base64", base64(data, n));
    json_object_array_add(list, o);
  }
  return list;
}

/* null where it is not said. */
static json_object *json_images(const view *v) {
  if (!v->images) return NULL;
  json_object *o = json_object_new_object();
  json_object_object_add(o, "height", json_object_new_int64(v->image_size[0]));
  json_object_object_add(o, "width", json_object_new_int64(v->image_size[1]));
  json_object_object_add(o, "channels",
                         json_object_new_int64(v->image_channels));
  return o;
}

/* {op: [nodes]} */
static json_object *json_missing(const ht_missing_info *missing, int n) {
  json_object *all = json_object_new_object();
  for (int i = 0; i < n; i++) {
    json_object *nodes = NULL, *o = json_object_new_object();
    if (!json_object_object_get_ex(all, missing[i].op, &nodes)) {
      nodes = json_object_new_array();
      json_object_object_add(all, missing[i].op, nodes);
    }
    json_object_object_add(o, "node", text(missing[i].node));
    json_object_object_add(o, "function", text(missing[i].function));
    json_object_array_add(nodes, o);
  }
  return all;
}

static void show_json(const view *v) {
  const ht_module_info *m = v->info;
  json_object *o = json_object_new_object();
  json_object_object_add(o, "format", text(m->format));
  json_object_object_add(o, "tensorflow", text(m->tf_version));
  json_object_object_add(o, "tags", json_tags(m));
  json_object_object_add(o, "signatures", json_callables(m, true));
  json_object_object_add(o, "callables", json_callables(m, false));
  json_object_object_add(o, "interfaces",
                         json_words(m->interface, m->n_interfaces));
  json_object_object_add(o, "variables", json_variables(m));
  json_object_object_add(o, "regularization_losses",
                         json_object_new_int(m->n_regularization_losses));
  json_object_object_add(o, "tables", json_tables(m));
  json_object_object_add(o, "assets", json_words(m->asset, m->n_assets));
  json_object_object_add(o, "attachments", json_messages(v));
  json_object_object_add(o, "images", json_images(v));
  json_object_object_add(o, "missing_ops",
                         json_missing(v->missing[0], v->n_missing[0]));
  json_object_object_add(o, "missing_gradients",
                         json_missing(v->missing[1], v->n_missing[1]));
  json_print(o);
}

/* ---- the plan of a call */

static void show_plan(const ht_callable_info *c, const ht_plan_info *p) {
  char size[32];
  printf("Call        %s\nSteps       %d\n", c->name, p->n_steps);
  for (int i = 0; i < p->n_ops; i++)
    printf("  %5d  %s\n", p->op[i].n, p->op[i].name);
  printf("\nMemory      batches of %lld\n", (long long)p->batch);
  printf("  weights   %s\n", size_text(p->weights, size));
  printf("  a call    %s\n", size_text(p->run_peak, size));
  printf("  a step    %s, without what the optimizer keeps\n",
         size_text(p->train_peak, size));
}

static json_object *json_bytes(uint64_t n) {
  return json_object_new_int64((int64_t)n);
}

static void show_plan_json(const ht_callable_info *c, const ht_plan_info *p) {
  json_object *o = json_object_new_object(), *ops = json_object_new_object();
  for (int i = 0; i < p->n_ops; i++)
    json_object_object_add(ops, p->op[i].name, json_object_new_int(p->op[i].n));
  json_object_object_add(o, "call", text(c->name));
  json_object_object_add(o, "steps", json_object_new_int(p->n_steps));
  json_object_object_add(o, "ops", ops);
  json_object_object_add(o, "batch", json_object_new_int64(p->batch));
  json_object_object_add(o, "weight_bytes", json_bytes(p->weights));
  json_object_object_add(o, "call_bytes", json_bytes(p->run_peak));
  json_object_object_add(o, "step_bytes", json_bytes(p->train_peak));
  json_print(o);
}

static ht_status plan_call(const invocation *c, ht_module *module) {
  const settings *s = c->settings;
  ht_choice choice = {
      .signature = s->signature, .call = s->call, .training = s->training};
  ht_function *f;
  const ht_callable_info *info;
  ht_plan_info plan;
  ht_status st = ht_function_open(module, &choice, NULL, &f);
  if (st.code != HT_OK) return st;
  st = ht_function_info(f, &info);
  if (st.code == HT_OK) st = ht_function_plan(f, s->batch, &plan);
  if (st.code == HT_OK)
    (c->common->json ? show_plan_json : show_plan)(info, &plan);
  ht_function_free(f);
  return st;
}

static ht_status look(ht_module *module, view *v) {
  ht_status st = ht_module_inspect(module, &v->info);
  for (int g = 0; g < 2 && st.code == HT_OK; g++)
    st = ht_module_missing(module, g == 1, &v->missing[g], &v->n_missing[g]);
  v->module = module;
  if (st.code == HT_OK) find_images(v);
  return st;
}

static int run(const invocation *c) {
  const settings *s = c->settings;
  ht_module_options options_ = ht_module_defaults();
  ht_module *module = NULL;
  view v = {0};
  options_.tags = s->tags;
  options_.threads = (int)c->common->threads;
  signals_subject(c->operand[0]);
  ht_status st = fetch_and_open(c, &options_, &module);
  if (st.code == HT_OK) st = s->plan ? plan_call(c, module) : look(module, &v);
  int status = DONE;
  if (st.code != HT_OK)
    status = failed(st);
  else if (s->plan)
    status = DONE;
  else if (c->common->json)
    show_json(&v);
  else
    show(&v);
  ht_module_free(module);
  return status;
}

const action do_inspect = {
    .text =
        "Shows the format of a module, its tag sets, signatures, callables "
        "with their variants, variables, regularization losses and assets; "
        "then which operations are missing for running and for "
        "differentiating it, if any.\n\n"
        "A common interface is one that modules of TensorFlow Hub share, so "
        "that another of them takes its place by its handle alone: image "
        "feature vector, image classification (either also with "
        "hyperparameters), text feature vector, text preprocessor, text "
        "encoder, transformer preprocessor, transformer encoder, BERT tokens. "
        "A SavedModel does not say whether its numbers for an image are "
        "features or classes: it has both interfaces.\n\n"
        "With --plan, how one call of it is run: the steps that are left once "
        "what is constant was computed and neighbours became one, and the "
        "memory that tensors take at the worst moment of a call and of a step "
        "of training, before either is done.\n\n"
        "Example:\n"
        "  hubtune inspect mobilenet --plan --call __call__ --training "
        "--batch 64",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .set_defaults = set_defaults,
    .settings_size = sizeof(settings),
    .run = run,
};
