/* cmd_report.c - hubtune report: writes a run's report, compares runs. */
#include <math.h>
#include <stdlib.h>

#include "cli/output.h"

static const option options[] = {{0}};

enum { MOST_RUNS = 64 };

/* A run as its own files tell of it. */
typedef struct told {
  json_object *config, *last; /* settings; figures of its best epoch, tests */
} told;

static json_object *read_json(const char *run, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", run, name);
  return json_object_from_file(path);
}

/* How good an epoch was, as training chooses the best one: by the first metric
 * of its task and then by the loss. */
static double goodness(json_object *epoch) {
  static const char *const by[] = {"accuracy", "f1_micro"};
  json_object *v;
  double loss =
      json_object_get_double(json_object_object_get(epoch, "valid_loss"));
  for (size_t i = 0; i < sizeof by / sizeof *by; i++)
    if (json_object_object_get_ex(epoch, by[i], &v))
      return json_object_get_double(v) - 1e-9 * loss;
  if (json_object_object_get_ex(epoch, "valid_loss", &v)) return -loss;
  return json_object_get_double(json_object_object_get(epoch, "epoch"));
}

static void take_figures(json_object *line, json_object *all, double *best) {
  if (!json_object_is_type(line, json_type_object) ||
      json_object_object_get_ex(line, "step", NULL))
    return;
  if (json_object_object_get_ex(line, "epoch", NULL)) {
    double good = goodness(line);
    if (!(good > *best)) return;
    *best = good;
  }
  json_object_object_foreach(line, name, value) {
    json_object_object_add(all, name, json_object_get(value));
  }
}

/* The figures of the best epoch and those of the test. */
static json_object *read_figures(const char *run) {
  char path[4096], *line = NULL;
  size_t capacity = 0;
  double best = -INFINITY;
  snprintf(path, sizeof path, "%s/log.jsonl", run);
  FILE *f = fopen(path, "re");
  json_object *all = json_object_new_object();
  while (f && getline(&line, &capacity, f) > 0) {
    json_object *o = json_tokener_parse(line);
    take_figures(o, all, &best);
    json_object_put(o);
  }
  free(line);
  if (f) fclose(f);
  return all;
}

static const char *text_of(json_object *all, const char *name) {
  json_object *v;
  if (!json_object_object_get_ex(all, name, &v) || !v) return "-";
  return json_object_get_string(v);
}

/* ---- the comparison: a row per setting that differs and per figure */

enum { COLUMN = 20 };

/* The end of a text says more of a path, and of names that are alike. */
static void print_text(const char *text) {
  size_t n = strlen(text);
  if (n <= COLUMN)
    printf("  %-*s", COLUMN, text);
  else
    printf("  ...%-*s", COLUMN - 3, text + n - (COLUMN - 3));
}

/* A list is its items with ',' between. */
static void print_list(json_object *list) {
  char text[4096] = "";
  size_t n = 0, items = json_object_array_length(list);
  for (size_t i = 0; i < items && n < sizeof text; i++)
    n += (size_t)snprintf(
        text + n, sizeof text - n, "%s%s", i ? "," : "",
        json_object_get_string(json_object_array_get_idx(list, i)));
  print_text(items ? text : "-");
}

static void row(const char *name, const told *t, int n, bool settings) {
  printf("%-18s", name);
  for (int i = 0; i < n; i++) {
    json_object *all = settings ? t[i].config : t[i].last, *v = NULL;
    if (json_object_object_get_ex(all, name, &v) &&
        json_object_is_type(v, json_type_double))
      printf("  %-20.6g", json_object_get_double(v));
    else if (json_object_is_type(v, json_type_array))
      print_list(v);
    else
      print_text(text_of(all, name));
  }
  putchar('\n');
}

static bool differs(const char *name, const told *t, int n) {
  for (int i = 1; i < n; i++)
    if (strcmp(text_of(t[0].config, name), text_of(t[i].config, name)))
      return true;
  return false;
}

/* The names of the figures of all runs, in the order of their first run. */
static json_object *figure_names(const told *t, int n) {
  json_object *names = json_object_new_object();
  for (int i = 0; i < n; i++) {
    json_object_object_foreach(t[i].last, name, value) {
      (void)value;
      json_object_object_add(names, name, NULL);
    }
  }
  return names;
}

static void compare(const char *const *run, const told *t, int n) {
  printf("%-18s", "run");
  for (int i = 0; i < n; i++) print_text(run[i]);
  putchar('\n');
  json_object_object_foreach(t[0].config, name, value) {
    (void)value;
    if (strcmp(name, "out") != 0 && differs(name, t, n)) row(name, t, n, true);
  }
  json_object *names = figure_names(t, n);
  json_object_object_foreach(names, figure, none) {
    (void)none;
    row(figure, t, n, false);
  }
  json_object_put(names);
}

static void compare_json(const char *const *run, const told *t, int n) {
  json_object *all = json_object_new_object();
  for (int i = 0; i < n; i++) {
    json_object *o = json_object_new_object();
    json_object_object_add(o, "config", json_object_get(t[i].config));
    json_object_object_add(o, "figures", json_object_get(t[i].last));
    json_object_object_add(all, run[i], o);
  }
  json_print(all);
}

static int no_run(const char *run) {
  char text[512];
  snprintf(text, sizeof text, "no run: '%.400s'", run);
  return failed((ht_status){HT_IO, text});
}

static int compare_runs(const invocation *c) {
  told t[MOST_RUNS] = {{0}};
  int n = c->n_operands, status = DONE;
  if (n > MOST_RUNS) return wrong_use("more than %d runs", MOST_RUNS);
  for (int i = 0; i < n && status == DONE; i++) {
    t[i].config = read_json(c->operand[i], "config.json");
    t[i].last = read_figures(c->operand[i]);
    if (!json_object_is_type(t[i].config, json_type_object))
      status = no_run(c->operand[i]);
  }
  if (status == DONE && c->common->json) compare_json(c->operand, t, n);
  if (status == DONE && !c->common->json) compare(c->operand, t, n);
  for (int i = 0; i < n; i++) {
    json_object_put(t[i].config);
    json_object_put(t[i].last);
  }
  return status;
}

static int write_report(const invocation *c) {
  ht_result *result = NULL;
  signals_subject(c->operand[0]);
  ht_status st = ht_result_open(c->operand[0], &result);
  if (st.code == HT_OK) ht_result_threads(result, (int)c->common->threads);
  if (st.code == HT_OK) st = ht_result_report(result, c->operand[0]);
  ht_result_free(result);
  if (st.code != HT_OK) return failed(st);
  printf("%s/report.html\n", c->operand[0]);
  return DONE;
}

static int run(const invocation *c) {
  return c->n_operands == 1 ? write_report(c) : compare_runs(c);
}

const action do_report = {
    .text =
        "With one RUN, judges its best weights on the test data, else the "
        "validation data, and writes RUN/report.html, as every training does "
        "at its end.\n\n"
        "With several, prints a table: the settings in which they differ, the "
        "figures of the best epoch of each, and those of the tests.\n\n"
        "Example:\n  hubtune report run1 run2 run3",
    .min_operands = 1,
    .max_operands = MOST_RUNS,
    .options = options,
    .run = run,
};
