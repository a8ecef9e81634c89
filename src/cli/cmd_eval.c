/* cmd_eval.c - hubtune eval: metrics of a trained model. */
#include "cli/output.h"

static const option options[] = {{0}};

enum { CELL = 7, LONGEST = 60 }; /* columns of a number, of a name */

static void show_confusion(const ht_metrics *m, int width) {
  printf("\nconfusion (a row is what was right, a column what was answered)\n");
  printf("%*s", width, "");
  for (int k = 0; k < m->n_classes; k++) {
    int columns;
    const char *name = m->class_metrics[k].name;
    size_t n = text_fit(name, CELL, &columns);
    printf(" %*s%.*s", CELL - columns, "", (int)n, name);
  }
  putchar('\n');
  for (int i = 0; i < m->n_classes; i++) {
    put_left(m->class_metrics[i].name, width);
    for (int k = 0; k < m->n_classes; k++)
      printf(" %*lld", CELL, (long long)m->confusion[i * m->n_classes + k]);
    putchar('\n');
  }
}

static void show(const ht_metrics *m) {
  int width = 5;
  printf("%-12s %lld\n%-12s %.6f\n", "examples", (long long)m->n, "loss",
         m->loss);
  for (int i = 0; i < m->n_values; i++)
    printf("%-12s %.6f\n", m->name[i], m->value[i]);
  for (int i = 0; i < m->n_classes; i++) {
    int n;
    (void)text_fit(m->class_metrics[i].name, LONGEST, &n);
    if (n > width) width = n;
  }
  if (m->n_classes)
    printf("\n%-*s  %8s  %9s  %6s  %6s\n", width, "class", "examples",
           "precision", "recall", "f1");
  for (int i = 0; i < m->n_classes; i++) {
    const ht_class_metrics *c = &m->class_metrics[i];
    put_left(c->name, width);
    printf("  %8lld  %9.4f  %6.4f  %6.4f\n", (long long)c->n, c->precision,
           c->recall, c->f1);
  }
  if (m->confusion && m->n_classes <= 20) show_confusion(m, width);
}

static json_object *json_class(const ht_class_metrics *c) {
  json_object *o = json_object_new_object();
  json_object_object_add(o, "examples", json_object_new_int64(c->n));
  json_object_object_add(o, "precision", json_object_new_double(c->precision));
  json_object_object_add(o, "recall", json_object_new_double(c->recall));
  json_object_object_add(o, "f1", json_object_new_double(c->f1));
  return o;
}

static json_object *json_confusion(const ht_metrics *m) {
  json_object *rows = json_object_new_array();
  for (int i = 0; i < m->n_classes; i++) {
    json_object *row = json_object_new_array();
    for (int k = 0; k < m->n_classes; k++)
      json_object_array_add(
          row, json_object_new_int64(m->confusion[i * m->n_classes + k]));
    json_object_array_add(rows, row);
  }
  return rows;
}

static void show_json(const ht_metrics *m) {
  json_object *o = json_object_new_object();
  json_object_object_add(o, "examples", json_object_new_int64(m->n));
  json_object_object_add(o, "loss", json_object_new_double(m->loss));
  for (int i = 0; i < m->n_values; i++)
    json_object_object_add(o, m->name[i], json_object_new_double(m->value[i]));
  if (m->n_classes) {
    json_object *classes = json_object_new_object();
    for (int i = 0; i < m->n_classes; i++)
      json_object_object_add(classes, m->class_metrics[i].name,
                             json_class(&m->class_metrics[i]));
    json_object_object_add(o, "classes", classes);
  }
  if (m->confusion) json_object_object_add(o, "confusion", json_confusion(m));
  json_print(o);
}

static void notice(void *arg, const char *text) { remark(arg, "%s", text); }

static int run(const invocation *c) {
  ht_result *result = NULL;
  const ht_metrics *m = NULL;
  signals_subject(c->operand[0]);
  ht_status st = ht_result_open(c->operand[0], &result);
  if (st.code == HT_OK) ht_result_threads(result, (int)c->common->threads);
  if (st.code == HT_OK) ht_result_notice(result, notice, (void *)c);
  if (st.code == HT_OK) st = ht_result_evaluate(result, c->operand[1], &m);
  int status = DONE;
  if (st.code != HT_OK)
    status = failed(st);
  else if (c->common->json)
    show_json(m);
  else
    show(m);
  ht_result_free(result);
  return status;
}

const action do_eval = {
    .text =
        "Answers every example of DATA with the best weights of RUN and "
        "compares with its labels: metrics over all, a row per class, and "
        "the confusion matrix.\n\n"
        "Example:\n  hubtune eval run test.csv",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .run = run,
};
