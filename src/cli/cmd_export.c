/* cmd_export.c - hubtune export: writes what was trained as a module. */
#include <string.h>

#include "cli/command.h"

typedef struct settings {
  const char *what, *format;
} settings;

#define AT(field) .offset = offsetof(settings, field)
static const option options[] = {
    {"what", "model|module", "module and head, or the tuned module alone",
     OPTION_CHOICE, AT(what)},
    {"format", "savedmodel|hub1", "TF2 SavedModel, or the TF1 Hub format",
     OPTION_CHOICE, AT(format)},
    {0}};
#undef AT

static const settings defaults = {"model", "savedmodel"};

static int run(const invocation *c) {
  const settings *s = c->settings;
  ht_result *result = NULL;
  signals_subject(c->operand[0]);
  ht_status st = ht_result_open(c->operand[0], &result);
  if (st.code == HT_OK) ht_result_threads(result, (int)c->common->threads);
  signals_hold();
  if (st.code == HT_OK)
    st = ht_result_export(result, c->operand[1], strcmp(s->what, "module") == 0,
                          strcmp(s->format, "hub1") == 0);
  signals_release();
  int status = st.code == HT_OK ? DONE : failed(st);
  ht_result_free(result);
  return status;
}

const command cmd_export = {
    .name = "export",
    .operands = "RUN OUT",
    .summary = "the trained classifier, or the tuned module alone",
    .text =
        "Writes the folder OUT. A model is module and head, with the "
        "signature 'serving_default' and its outputs 'scores' and 'classes' "
        "('outputs' for a regression). A module is the one that was tuned, "
        "with its own interface and new weights.",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(settings),
    .computes = true,
    .run = run,
};
