/* program.c - the program's side in the library: finds the command's row,
 * reads its options, runs it. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/program.h"
#include "config.h"

#define COMMAND(name, operands, summary) extern const action do_##name;
#include "cli/commands.def"
#undef COMMAND

const command commands[] = {
#define COMMAND(name, operands, summary) {#name, operands, summary, &do_##name},
#include "cli/commands.def"
#undef COMMAND
    {0}};

#define AT(field) .offset = offsetof(common, field)
const option common_options[] = {
    {"threads", "N", "threads to compute with; 0 takes all cores", OPTION_INT,
     AT(threads), .low = 0, .high = 4096},
    {"max-memory", "MB",
     "give up, with a message, where tensors would take more, after train has "
     "cut its batches; 0: no limit",
     OPTION_INT, AT(max_memory), .low = 0, .high = 1e9},
    {"json", NULL, "print for programs", OPTION_FLAG, AT(json)},
    {"quiet", NULL, "no progress and no remarks", OPTION_FLAG, AT(quiet), 'q'},
    {"verbose", NULL, "more remarks", OPTION_FLAG, AT(verbose), 'v'},
    {"offline", NULL, "download nothing: modules come from the cache",
     OPTION_FLAG, AT(offline)},
    {"help", NULL, "show this help", OPTION_FLAG, AT(help), 'h'},
    {"version", NULL, "show the version", OPTION_FLAG, AT(version)},
    {0}};
#undef AT

/* One line whatever a file's name or content puts into it. */
static void tame(char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < ' ' || *text == 127) *text = '?';
}

static void complain(const char *what) {
  char text[2048];
  snprintf(text, sizeof text, "%s", what);
  tame(text);
  fprintf(stderr, "hubtune: %s\n", text);
}

int failed(ht_status st) {
  /* printing failed, which finish() is about to say */
  if (st.code == HT_STOPPED && !signals_noted() && ferror(stdout)) return DONE;
  complain(st.msg ? st.msg : "stopped");
  if (st.code == HT_STOPPED && signals_noted()) return 128 + signals_noted();
  return st.code == HT_UNMET ? NOT_GOOD_ENOUGH : FAILED;
}

int wrong_use(const char *format, ...) {
  char text[OPTION_MESSAGE];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  complain(text);
  return WRONG_USE;
}

void remark(const invocation *c, const char *format, ...) {
  if (c->common->quiet) return;
  char text[2048];
  int columns = terminal_columns();
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  tame(text);
  if (columns > 0)
    put_wrapped(stderr, text, 0, 2, columns);
  else
    fprintf(stderr, "%s\n", text);
}

static const command *find(const char *name) {
  for (const command *c = commands; c->name; c++)
    if (strcmp(c->name, name) == 0) return c;
  return NULL;
}

static int unknown_command(const char *name) {
  const char *names[64];
  int n = 0;
  for (; commands[n].name; n++) names[n] = commands[n].name;
  const char *near = nearest_word(name, names, n);
  if (near)
    return wrong_use("unknown command: '%s' (did you mean '%s'?)", name, near);
  return wrong_use("unknown command: '%s' (see 'hubtune --help')", name);
}

static int check_operands(const command *c, int n, const char **operand) {
  if (n < c->action->min_operands)
    return wrong_use("%s needs %s (see 'hubtune %s --help')", c->name,
                     c->operands, c->name);
  if (n > c->action->max_operands)
    return wrong_use("%s takes no more operands: '%s'", c->name,
                     operand[c->action->max_operands]);
  return DONE;
}

static int perform(const invocation *i) {
  if (i->common->offline && setenv("HUBTUNE_OFFLINE", "1", 1) != 0)
    return failed((ht_status){HT_NO_MEMORY, "no memory for a setting"});
  ht_memory_limit((size_t)i->common->max_memory << 20);
  ht_take_process();
  return i->command->action->run(i);
}

enum { MAX_OPTIONS = 256 }; /* of a command */

static int run(const command *c, int n, char **argv) {
  common shared = {0};
  void *settings = calloc(1, c->action->settings_size + 1);
  const char **operand = calloc((size_t)n + 1, sizeof *operand);
  bool given[MAX_OPTIONS] = {false};
  char message[OPTION_MESSAGE];
  int status = FAILED;
  if (!settings || !operand) {
    free(settings);
    free(operand);
    return failed((ht_status){HT_NO_MEMORY, "no memory for the command line"});
  }
  if (c->action->defaults)
    memcpy(settings, c->action->defaults, c->action->settings_size);
  if (c->action->set_defaults) c->action->set_defaults(settings);
  option_set set[] = {{c->action->options, settings, given},
                      {common_options, &shared, NULL}};
  int n_operands = options_read(n, argv, set, 2, operand, message);
  if (n_operands < 0)
    status = wrong_use("%s", message);
  else if (shared.help)
    status = (help_command(c, stdout), DONE);
  else if (shared.version)
    status = (printf("hubtune %s\n", PACKAGE_VERSION), DONE);
  else if ((status = check_operands(c, n_operands, operand)) == DONE)
    status = perform(
        &(invocation){c, &shared, settings, given, operand, n_operands});
  options_free(set, 2);
  free(settings);
  free(operand);
  return status;
}

static int complete(const char *shell) {
  if (completion(shell, stdout)) return DONE;
  return wrong_use("completion is for bash, zsh or fish, not for '%s'", shell);
}

static int without_command(const char *word, const char *next) {
  if (strcmp(word, "--completion") == 0) return complete(next ? next : "bash");
  if (strcmp(word, "--manual") == 0) return manual_page(NULL, stdout), DONE;
  if (word[0] == '-')
    return wrong_use(
        "a command comes first, then options: '%s' (see 'hubtune "
        "--help')",
        word);
  return unknown_command(word);
}

int ht_program(int argc, char **argv) {
  signals_install();
  const command *c = find(argv[1]);
  if (!c) return without_command(argv[1], argv[2]);
  if (argc == 3 && strcmp(argv[2], "--manual") == 0)
    return manual_page(c, stdout), DONE;
  return run(c, argc - 2, argv + 2);
}
