/* help.c - help, manual pages and shell completion from the rows. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "config.h"

enum { COLUMN = 30, WIDTH = 79 };

static void help_option(FILE *out, const option_set *set, const option *row) {
  char usage[128], value[64], text[512];
  option_usage(row, usage);
  const char *standard = option_default(set, row, value);
  snprintf(text, sizeof text, "%s%s%s%s%s", row->help,
           row->kind == OPTION_LIST ? " (repeatable)" : "",
           standard && *standard ? " (default: " : "",
           standard && *standard ? standard : "",
           standard && *standard ? ")" : "");
  int n = fprintf(out, "  %s", usage);
  if (n >= COLUMN - 1) {
    fputc('\n', out);
    n = 0;
  }
  fprintf(out, "%*s", COLUMN - n, "");
  put_wrapped(out, text, COLUMN, COLUMN, WIDTH);
}

static void help_options(FILE *out, const option *rows, void *settings) {
  option_set set = {rows, settings, NULL};
  for (const option *o = rows; o && o->name; o++) help_option(out, &set, o);
}

/* Paragraphs; a line that begins with a space stands as it is. */
static void help_text(FILE *out, const char *text) {
  while (*text) {
    size_t n = strcspn(text, "\n");
    char line[1024];
    snprintf(line, sizeof line, "%.*s", (int)n, text);
    if (line[0] == ' ')
      fprintf(out, "%s\n", line);
    else
      put_wrapped(out, line, 0, 0, WIDTH);
    text += n + (text[n] == '\n');
  }
}

static void *make_settings(const command *c) {
  void *settings = calloc(1, c->action->settings_size + 1);
  if (settings && c->action->defaults)
    memcpy(settings, c->action->defaults, c->action->settings_size);
  if (settings && c->action->set_defaults) c->action->set_defaults(settings);
  return settings;
}

void help_command(const command *c, FILE *out) {
  common shared = {0};
  void *settings = make_settings(c);
  fprintf(out, "usage: hubtune %s%s%s [OPTION]...\n\n", c->name,
          *c->operands ? " " : "", c->operands);
  help_text(out, c->action->text);
  if (settings && c->action->options && c->action->options->name) {
    fputs("\nOptions:\n", out);
    help_options(out, c->action->options, settings);
  }
  fputs("\nEverywhere:\n", out);
  help_options(out, common_options, &shared);
  free(settings);
}

/* Text for troff: a hyphen is a minus, a dot in front is no request. */
static void troff(FILE *out, const char *text) {
  for (const char *p = text; *p; p++) {
    if ((p == text || p[-1] == '\n') && (*p == '.' || *p == '\''))
      fputs("\\&", out);
    if (*p == '-' || *p == '\\')
      fputs(*p == '-' ? "\\-" : "\\\\", out);
    else
      fputc(*p, out);
  }
}

static void manual_options(FILE *out, const option *rows, void *settings) {
  option_set set = {rows, settings, NULL};
  for (const option *o = rows; o && o->name; o++) {
    char usage[128], value[64];
    option_usage(o, usage);
    fputs(".TP\n.B ", out);
    troff(out, usage);
    fputc('\n', out);
    troff(out, o->help);
    const char *standard = option_default(&set, o, value);
    if (standard && *standard) {
      fputs(" (default: ", out);
      troff(out, standard);
      fputc(')', out);
    }
    fputs(o->kind == OPTION_LIST ? "; may be repeated.\n" : ".\n", out);
  }
}

/* Paragraphs of help; examples keep their lines. */
static void manual_text(FILE *out, const char *text) {
  bool example = false;
  while (*text) {
    size_t n = strcspn(text, "\n");
    char line[1024];
    snprintf(line, sizeof line, "%.*s", (int)n, text);
    bool keep = line[0] == ' ';
    if (keep != example && line[0]) {
      fputs(keep ? ".nf\n" : ".fi\n", out);
      example = keep;
    }
    if (!line[0])
      fputs(".PP\n", out);
    else {
      troff(out, line);
      fputc('\n', out);
    }
    text += n + (text[n] == '\n');
  }
  if (example) fputs(".fi\n", out);
}

static void manual_status(FILE *out) {
  fputs(
      ".SH EXIT STATUS\n0 when done, 1 after a failure, 2 for a wrong command "
      "line, 3 where a model is not as good as\n.B train \\-\\-assert\nwants, "
      "130 or 143 when ended by a signal.\n",
      out);
}

static void manual_commands(FILE *out) {
  fputs(".SH COMMANDS\n", out);
  for (const command *c = commands; c->name; c++)
    fprintf(out, ".TP\n.BR hubtune\\-%s (1)\n%s.\n", c->name, c->summary);
  manual_status(out);
  fputs(
      ".SH ENVIRONMENT\n"
      ".TP\n.B NO_COLOR\nprogress without colours.\n"
      ".TP\n.B XDG_CACHE_HOME\nwhere hubtune/modules and hubtune/features are, "
      "in the place of ~/.cache; modules are in TFHUB_CACHE_DIR where that is "
      "set.\n"
      ".TP\n.B HUBTUNE_OFFLINE\n1 is \\-\\-offline.\n.PP\n"
      "Of downloads,\n.BR hubtune\\-fetch (1)\nhas more.\n",
      out);
}

void manual_page(const command *c, FILE *out) {
  common shared = {0};
  const char *name = c ? c->name : NULL;
  fputs(c ? ".TH HUBTUNE\\-" : ".TH HUBTUNE", out);
  for (const char *p = c ? name : ""; *p; p++) fputc(toupper(*p), out);
  fprintf(out, " 1 \"\" \"hubtune %s\"\n", PACKAGE_VERSION);
  fprintf(out, ".SH NAME\nhubtune%s%s \\- ", c ? "\\-" : "", c ? name : "");
  troff(out, c ? c->summary : "fine-tunes TensorFlow Hub modules on the CPU");
  fputs("\n.SH SYNOPSIS\n.B hubtune ", out);
  if (!c) {
    fputs("COMMAND ...\n", out);
    manual_commands(out);
    return;
  }
  fprintf(out, "%s\n%s%s[OPTION]...\n.SH DESCRIPTION\n", name, c->operands,
          *c->operands ? " " : "");
  manual_text(out, c->action->text);
  fputs(".SH OPTIONS\n", out);
  void *settings = make_settings(c);
  if (settings) manual_options(out, c->action->options, settings);
  manual_options(out, common_options, &shared);
  free(settings);
  manual_status(out);
  fputs(".SH SEE ALSO\n.BR hubtune (1)\n", out);
}
