/* cmd_predict.c - hubtune predict: answers for a file or standard input. */
#include <unistd.h>

#include "cli/output.h"

typedef struct settings {
  int64_t top;
  bool csv, line_buffered;
} settings;

#define AT(field) .offset = offsetof(settings, field)
static const option options[] = {
    {"top", "K", "print the K best classes of each example", OPTION_INT,
     AT(top), .low = 1, .high = 1e6},
    {"csv", NULL, "print as CSV", OPTION_FLAG, AT(csv)},
    {"line-buffered", NULL,
     "hand on each line at once, as it is done when standard input is a "
     "terminal",
     OPTION_FLAG, AT(line_buffered)},
    {0}};
#undef AT

static const settings defaults = {.top = 1};

typedef struct printer {
  const ht_result *result;
  const settings *s;
  bool json, flush;
} printer;

/* The class with the largest score below (in order) the one before. */
static int next_best(const float *score, int n, int before) {
  int best = -1;
  for (int i = 0; i < n; i++) {
    if (before >= 0 && (score[i] > score[before] ||
                        (score[i] == score[before] && i <= before)))
      continue;
    if (best < 0 || score[i] > score[best]) best = i;
  }
  return best;
}

static void print_cell(const char *text) {
  if (!strpbrk(text, ",\"\r\n")) {
    fputs(text, stdout);
    return;
  }
  putchar('"');
  for (; *text; text++) {
    if (*text == '"') putchar('"');
    putchar(*text);
  }
  putchar('"');
}

static void print_numbers(const printer *p, const float *value, int n) {
  if (p->json) putchar('[');
  for (int i = 0; i < n; i++)
    printf("%s%.9g",
           i == 0      ? ""
           : p->json   ? ", "
           : p->s->csv ? ","
                       : " ",
           (double)value[i]);
  puts(p->json ? "]" : "");
}

static void print_json(const printer *p, const float *score, int n) {
  json_object *list = json_object_new_array();
  int best = -1;
  for (int64_t k = 0; k < p->s->top && k < n; k++) {
    char number[32];
    best = next_best(score, n, best);
    if (best < 0) break;
    json_object *o = json_object_new_object();
    snprintf(number, sizeof number, "%.9g", (double)score[best]);
    json_object_object_add(
        o, "label", json_object_new_string(ht_result_class(p->result, best)));
    json_object_object_add(
        o, "score", json_object_new_double_s((double)score[best], number));
    json_object_array_add(list, o);
  }
  puts(json_object_to_json_string_ext(
      list, JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(list);
}

static void print_best(const printer *p, const float *score, int n) {
  const char *path = ht_result_path(p->result);
  int best = -1;
  for (int64_t k = 0; k < p->s->top && k < n; k++) {
    best = next_best(score, n, best);
    if (best < 0) break;
    if (k) putchar(p->s->csv ? ',' : '\t');
    const char *name = ht_result_class(p->result, best);
    p->s->csv ? print_cell(name) : (void)fputs(name, stdout);
    printf(p->s->csv ? ",%.6f" : " %.6f", (double)score[best]);
  }
  if (path) putchar(p->s->csv ? ',' : '\t');
  if (path) p->s->csv ? print_cell(path) : (void)fputs(path, stdout);
  putchar('\n');
}

/* Without scores: what could not be read keeps its line. */
static bool print(void *arg, const float *score, int n) {
  const printer *p = arg;
  if (!n)
    puts(p->json ? "null" : p->s->csv ? ",nan" : "- nan");
  else if (ht_result_classes(p->result) != n)
    print_numbers(p, score, n);
  else if (p->json)
    print_json(p, score, n);
  else
    print_best(p, score, n);
  if (p->flush) fflush(stdout);
  return !ferror(stdout);
}

static void notice(void *arg, const char *text) { remark(arg, "%s", text); }

static int run(const invocation *c) {
  ht_result *result = NULL;
  signals_subject(c->operand[0]);
  ht_status st = ht_result_open(c->operand[0], &result);
  if (st.code == HT_OK) ht_result_threads(result, (int)c->common->threads);
  if (st.code == HT_OK) ht_result_notice(result, notice, (void *)c);
  const settings *s = c->settings;
  printer p = {result, s, c->common->json,
               s->line_buffered || isatty(STDIN_FILENO)};
  if (st.code == HT_OK)
    st = ht_result_predict(result, c->n_operands > 1 ? c->operand[1] : "-",
                           print, &p);
  int status = st.code == HT_OK ? DONE : failed(st);
  ht_result_free(result);
  return status;
}

const action do_predict = {
    .text =
        "Prints label and probability for every example of DATA, in its "
        "order, a line each; numbers for a regression; of images the path, "
        "too. "
        "DATA may be a folder of images or a single one. Without DATA, a "
        "line of standard input is an example: a text, or the path of an "
        "image. A broken image is answered by '- nan'.\n\n"
        "Examples:\n"
        "  echo 'a good film' | hubtune predict run\n"
        "  hubtune predict run new.csv --top 3 --csv > answers.csv\n"
        "  hubtune predict run photos/",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(settings),
    .run = run,
};
