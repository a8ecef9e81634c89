/* cmd_data.c - hubtune data: what a data set is, before it is trained on. */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

typedef struct settings {
  const char *test, *text, *label;
} settings;

#define AT(field) .offset = offsetof(settings, field)
static const option options[] = {
    {"test", "DATA", "data for a test, held against the others", OPTION_TEXT,
     AT(test)},
    {"text", "COL", "the column that tells examples apart", OPTION_TEXT,
     AT(text)},
    {"label", "COL", "the column of labels", OPTION_TEXT, AT(label)},
    {0}};
#undef AT

static void say(void *arg, const char *text) { remark(arg, "%s", text); }

static int run(const invocation *c) {
  const settings *s = c->settings;
  char *report;
  if (strcmp(c->operand[0], "check") != 0)
    return wrong_use("unknown: 'data %s' (there is 'data check')",
                     c->operand[0]);
  const ht_data_check_options o = {.text = s->text,
                                   .label = s->label,
                                   .test = s->test,
                                   .notice = say,
                                   .arg = (void *)(uintptr_t)c};
  ht_status st = ht_data_check(c->operand[1], &o, c->common->json, &report);
  if (st.code != HT_OK) return failed(st);
  fputs(report, stdout);
  free(report);
  return DONE;
}

const action do_data = {
    .text =
        "'check' tells format, encoding and delimiter, columns and their "
        "types, classes and how frequent they are, lengths of texts, examples "
        "that are empty, that come twice or that stand under two labels, "
        "records that cannot be read, and with --test how many of the test "
        "examples are training examples. Texts are the same where they differ "
        "in case or blanks alone, images where their files are the same. "
        "DATA may be - for standard input; the keys of --json are data, test, "
        "task, classes, empty, duplicates, conflicts, overlap and "
        "findings.\n\n"
        "Example:\n"
        "  hubtune data check train.csv --test test.csv",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
