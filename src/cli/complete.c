/* complete.c - completion for shells, made from the rows of the options. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

/* The words of "a|b|c"; words that are no choice (N, FILE) are capitals. */
static void choices(FILE *out, const char *argument) {
  for (const char *p = argument; *p; p++) fputc(*p == '|' ? ' ' : *p, out);
}

/* The words that a first operand is one of: "list|clear"; "" where it is
 * anything, which has capitals or brackets. */
static const char *first_words(const command *c, char text[64]) {
  snprintf(text, 64, "%.*s", (int)strcspn(c->operands, " "), c->operands);
  if (strcspn(text, "[ABCDEFGHIJKLMNOPQRSTUVWXYZ") < strlen(text)) *text = 0;
  return text;
}

/* Text inside single quotes; the quote itself becomes a mark that all three
 * shells leave alone. */
static void quoted(FILE *out, const char *text) {
  for (; *text; text++) {
    const char *as = *text == '\'' ? "\xe2\x80\x99" : NULL;
    if (as)
      fputs(as, out);
    else
      fputc(*text, out);
  }
}

/* ---- bash */

static void completion_words(FILE *out, const option *rows) {
  for (const option *o = rows; o && o->name; o++)
    fprintf(out, " --%s", o->name);
}

static void completion_choices(FILE *out, const command *c) {
  for (const option *o = c->action->options; o && o->name; o++) {
    if (o->kind != OPTION_CHOICE) continue;
    fprintf(out, "    %s:--%s) words='", c->name, o->name);
    choices(out, o->argument);
    fputs("' ;;\n", out);
  }
}

static void bash(FILE *out) {
  fputs(
      "# Completion of hubtune for bash; made by 'hubtune --completion bash'.\n"
      "_hubtune() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} words=''\n"
      "  local command=${COMP_WORDS[1]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    words='--help --version",
      out);
  for (const command *c = commands; c->name; c++) fprintf(out, " %s", c->name);
  fputs("'\n  else case $command:$before in\n", out);
  for (const command *c = commands; c->name; c++) completion_choices(out, c);
  fputs("    *) case $command:$word in\n", out);
  for (const command *c = commands; c->name; c++) {
    char first[64];
    fprintf(out, "      %s:-*) words='", c->name);
    completion_words(out, c->action->options);
    completion_words(out, common_options);
    fputs("' ;;\n", out);
    if (!*first_words(c, first)) continue;
    fprintf(out, "      %s:*) [ \"$COMP_CWORD\" -eq 2 ] && words='", c->name);
    choices(out, first);
    fputs("' ;;\n", out);
  }
  fputs(
      "    esac ;;\n  esac; fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "}\ncomplete -o default -F _hubtune hubtune\n",
      out);
}

/* ---- zsh */

/* In _arguments' language ':' and brackets mean something. */
static void zsh_text(FILE *out, const char *text) {
  for (; *text; text++) {
    if (*text == '\'') {
      fputs("\xe2\x80\x99", out);
      continue;
    }
    if (strchr(":[]", *text)) fputc('\\', out);
    fputc(*text, out);
  }
}

static void zsh_options(FILE *out, const option *rows) {
  for (const option *o = rows; o && o->name; o++) {
    fprintf(out, "      '%s--%s[", o->kind == OPTION_LIST ? "*" : "", o->name);
    zsh_text(out, o->help);
    fputc(']', out);
    if (o->kind == OPTION_CHOICE) {
      fputs(":one of:(", out);
      choices(out, o->argument);
      fputc(')', out);
    } else if (o->argument) {
      fputc(':', out);
      zsh_text(out, o->argument);
      fputs(":_files", out);
    }
    fputs("' \\\n", out);
  }
}

static void zsh(FILE *out) {
  fputs(
      "#compdef hubtune\n# Made by 'hubtune --completion zsh'.\n"
      "_hubtune() {\n  local -a commands\n  commands=(\n",
      out);
  for (const command *c = commands; c->name; c++) {
    fprintf(out, "    '%s:", c->name);
    zsh_text(out, c->summary);
    fputs("'\n", out);
  }
  fputs(
      "  )\n  if (( CURRENT == 2 )); then\n"
      "    _describe command commands\n    return\n  fi\n"
      "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n"
      "  case $command in\n",
      out);
  for (const command *c = commands; c->name; c++) {
    fprintf(out, "    %s) _arguments \\\n", c->name);
    zsh_options(out, c->action->options);
    zsh_options(out, common_options);
    char first[64];
    if (*first_words(c, first)) {
      fputs("      '1:what:(", out);
      choices(out, first);
      fputs(")' \\\n", out);
    }
    fputs("      '*:file:_files' ;;\n", out);
  }
  fputs("  esac\n}\ncompdef _hubtune hubtune\n", out);
}

/* ---- fish */

static void fish_options(FILE *out, const char *where, const option *rows) {
  for (const option *o = rows; o && o->name; o++) {
    fprintf(out, "complete -c hubtune -n '%s' -l %s -d '", where, o->name);
    quoted(out, o->help);
    fputs("'", out);
    if (o->kind == OPTION_CHOICE) {
      fputs(" -x -a '", out);
      choices(out, o->argument);
      fputs("'", out);
    } else if (o->argument) {
      fputs(" -r", out);
    }
    fputc('\n', out);
  }
}

static void fish(FILE *out) {
  fputs(
      "# Completion of hubtune for fish; made by 'hubtune --completion "
      "fish'.\n",
      out);
  for (const command *c = commands; c->name; c++) {
    char where[96];
    fprintf(out, "complete -c hubtune -f -n __fish_use_subcommand -a %s -d '",
            c->name);
    quoted(out, c->summary);
    fputs("'\n", out);
    snprintf(where, sizeof where, "__fish_seen_subcommand_from %s", c->name);
    char first[64];
    if (*first_words(c, first)) {
      fprintf(out,
              "complete -c hubtune -f -n '%s; and not "
              "__fish_seen_subcommand_from ",
              where);
      choices(out, first);
      fputs("' -a '", out);
      choices(out, first);
      fputs("'\n", out);
    }
    fish_options(out, where, c->action->options);
    fish_options(out, where, common_options);
  }
}

bool completion(const char *shell, FILE *out) {
  static const struct {
    const char *name;
    void (*write)(FILE *out);
  } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
  for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
    if (strcmp(shells[i].name, shell) == 0) return shells[i].write(out), true;
  return false;
}
