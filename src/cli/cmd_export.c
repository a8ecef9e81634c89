/* cmd_export.c - hubtune export: writes what was trained as a module. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/watching.h"

typedef struct settings {
  const char *what, *format;
  bool latest;
  int64_t keep;
  const char *module, *tags, *checkpoint;
  option_list map;
} settings;

#define AT(field) .offset = offsetof(settings, field)
static const option options[] = {
    {"what", "model|module", "module and head, or the tuned module alone",
     OPTION_CHOICE, AT(what)},
    {"format", "savedmodel|hub1",
     "TF2 SavedModel, or the TF1 Hub format (savedmodel; a TF1 Hub module "
     "alone: its own, which alone has all its variants)",
     OPTION_CHOICE, AT(format)},
    {"latest", NULL, "into OUT/SECONDS, and remove what is older", OPTION_FLAG,
     AT(latest)},
    {"keep", "N", "how many the newest are that --latest leaves (5)",
     OPTION_INT, AT(keep), .low = 1, .high = 1e9},
    {"module", "HANDLE", "this module with the weights of --checkpoint",
     OPTION_TEXT, AT(module)},
    {"tags", "a,b", "the graph that is converted to another format",
     OPTION_TEXT, AT(tags)},
    {"checkpoint", "CKPT", "of tf.train.Saver or tf.train.Checkpoint",
     OPTION_TEXT, AT(checkpoint)},
    {"map", "REGEX=REPLACEMENT",
     "rewrites names of variables to those of the checkpoint", OPTION_LIST,
     AT(map)},
    {0}};
#undef AT

static const settings defaults = {.what = "model", .keep = OPTION_UNSET};

/* own: a TF1 Hub module alone is written. */
static bool is_hub1(const settings *s, bool own) {
  return s->format ? strcmp(s->format, "hub1") == 0 : own;
}

/* ---- what was trained */

static ht_status export_latest(ht_result *result, const settings *s,
                               const char *folder) {
  char *path;
  int keep = s->keep == OPTION_UNSET ? 5 : (int)s->keep;
  bool alone = strcmp(s->what, "module") == 0;
  bool hub1 = is_hub1(s, alone && ht_result_is_hub1(result));
  ht_status st =
      ht_result_export_latest(result, folder, alone, hub1, keep, &path);
  if (st.code == HT_OK) printf("%s\n", path);
  free(path);
  return st;
}

static ht_status export_once(ht_result *result, const settings *s,
                             const char *out) {
  bool alone = strcmp(s->what, "module") == 0;
  bool hub1 = is_hub1(s, alone && ht_result_is_hub1(result));
  return ht_result_export(result, out, alone, hub1);
}

static ht_status export_run(const invocation *c) {
  const settings *s = c->settings;
  ht_result *result = NULL;
  watching watched;
  signals_subject(c->operand[0]);
  ht_status st = ht_result_open(c->operand[0], &result);
  if (st.code == HT_OK) ht_result_threads(result, (int)c->common->threads);
  watching_begin(&watched, c);
  if (st.code == HT_OK)
    st = (s->latest ? export_latest : export_once)(result, s, c->operand[1]);
  watching_end(&watched);
  ht_result_free(result);
  return st;
}

/* ---- a module with the weights of a checkpoint */

static ht_status export_module(const invocation *c) {
  const settings *s = c->settings;
  ht_module_options how = ht_module_defaults();
  ht_module *module = NULL;
  const ht_module_info *info;
  watching watched;
  how.threads = (int)c->common->threads;
  how.tags = s->tags;
  signals_subject(s->module);
  ht_status st = ht_module_open(s->module, &how, &module);
  if (st.code == HT_OK && s->checkpoint)
    st = ht_module_assign(module, s->checkpoint, s->map.n, s->map.value);
  watching_begin(&watched, c);
  if (st.code == HT_OK) st = ht_module_inspect(module, &info);
  if (st.code == HT_OK)
    st = ht_module_export(module, c->operand[0],
                          is_hub1(s, strcmp(info->format, "TF1 Hub") == 0));
  watching_end(&watched);
  ht_module_free(module);
  return st;
}

static const char *misuse(const invocation *c) {
  const settings *s = c->settings;
  int wanted = s->module ? 1 : 2;
  if (s->module && s->latest) return "export --latest is of a RUN";
  if (c->n_operands != wanted)
    return s->module ? "export --module needs OUT" : "export needs RUN OUT";
  if (!s->module && (s->checkpoint || s->map.n || s->tags))
    return "export --checkpoint, --map and --tags need --module";
  if (s->map.n && !s->checkpoint) return "export --map needs --checkpoint";
  if (!s->latest && s->keep != OPTION_UNSET)
    return "export --keep needs --latest";
  return NULL;
}

static int run(const invocation *c) {
  const settings *s = c->settings;
  const char *wrong = misuse(c);
  if (wrong) return wrong_use("%s (see 'hubtune export --help')", wrong);
  ht_status st = s->module ? export_module(c) : export_run(c);
  return st.code == HT_OK ? DONE : failed(st);
}

const action do_export = {
    .text =
        "Writes the folder OUT. A model is module and head, with the "
        "signature 'serving_default' and its outputs 'scores' and 'classes' "
        "('outputs' for a regression). A module is the one that was tuned, "
        "with its own interface and new weights. With --latest, OUT is a "
        "folder of exports by their time in seconds, each of which appears "
        "whole; the new one's path is printed. A RUN whose --assert did not "
        "hold is refused.\n\n"
        "With --module, OUT is that module, in its own format or converted, "
        "with the weights of a checkpoint. Every variable has to be there "
        "under its name (hubtune inspect shows them), in which each --map in "
        "turn rewrites the first match of a regular expression: --map "
        "'^=model/' puts a scope before all names.\n\n"
        "Examples:\n"
        "  hubtune export run tuned --what module\n"
        "  hubtune export run serving --latest --keep 3\n"
        "  hubtune export --module m out --checkpoint model.ckpt-7 --map "
        "'^=model/'",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(settings),
    .run = run,
};
