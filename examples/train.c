/*
 * train.c - a classifier by settings alone, those of `hubtune train`: a new
 * head on a module whose weights are trained, too, more slowly; afterwards
 * the tuned module is written on its own.
 *
 *     train MODULE TEXTS.csv RUN TUNED
 *
 * TUNED becomes a module with the interface of MODULE and new weights.
 */
#include <hubtune.h>
#include <math.h>
#include <stdio.h>

/* A flag has no value. */
static const char *const settings[][2] = {
    {"text", "text"},        {"label", "label"},     {"head", "mlp:16"},
    {"trainable", NULL},     {"epochs", "10"},       {"batch", "16"},
    {"lr", "0.01"},          {"module-lr", "0.01"},  {"optimizer", "adam"},
    {"clip-norm", "1"},      {"schedule", "cosine"}, {"warmup", "5"},
    {"valid-split", "0.25"}, {"seed", "1"},
};

static ht_status set_all(ht_training *training, char **argv) {
  ht_status st = ht_training_set(training, "module", argv[1]);
  if (st.code == HT_OK) st = ht_training_set(training, "data", argv[2]);
  if (st.code == HT_OK) st = ht_training_set(training, "out", argv[3]);
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    if (st.code == HT_OK)
      st = ht_training_set(training, settings[i][0], settings[i][1]);
  return st;
}

static ht_status train(char **argv) {
  ht_training *training;
  ht_status st = ht_training_new(&training);
  if (st.code != HT_OK) return st;
  st = set_all(training, argv);
  if (st.code == HT_OK) st = ht_training_run(training, NULL, NULL);
  ht_training_free(training);
  return st;
}

static ht_status evaluate_and_export(const char *run, const char *data,
                                     const char *tuned) {
  ht_result *result;
  const ht_metrics *m;
  ht_status st = ht_result_open(run, &result);
  if (st.code != HT_OK) return st;
  st = ht_result_evaluate(result, data, &m);
  for (int i = 0; st.code == HT_OK && i < m->n_values; i++)
    printf("%s %.4f\n", m->name[i], m->value[i]);
  if (st.code == HT_OK) st = ht_result_export(result, tuned, true, false);
  ht_result_free(result);
  return st;
}

/* The largest change of a variable between two modules. */
static ht_status change(ht_module *before, ht_module *after, const char *key) {
  ht_array *a = NULL, *b = NULL;
  ht_status st = ht_module_variable(before, key, &a);
  if (st.code == HT_OK) st = ht_module_variable(after, key, &b);
  double most = 0;
  for (int64_t i = 0; st.code == HT_OK && i < ht_array_count(a); i++)
    most = fmax(most, fabs(ht_array_number(a, i) - ht_array_number(b, i)));
  if (st.code == HT_OK) printf("%s changed by up to %.3g\n", key, most);
  ht_array_free(a);
  ht_array_free(b);
  return st;
}

static ht_status compare(const char *module, const char *tuned) {
  ht_module *before = NULL, *after = NULL;
  const ht_module_info *info;
  ht_status st = ht_module_open(module, NULL, &before);
  if (st.code == HT_OK) st = ht_module_open(tuned, NULL, &after);
  if (st.code == HT_OK) st = ht_module_inspect(before, &info);
  for (int i = 0; st.code == HT_OK && i < info->n_variables; i++)
    if (info->variable[i].trainable)
      st = change(before, after, info->variable[i].key);
  ht_module_free(before);
  ht_module_free(after);
  return st;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: train MODULE TEXTS.csv RUN TUNED\n");
    return 2;
  }
  ht_status st = train(argv);
  if (st.code == HT_OK) st = evaluate_and_export(argv[3], argv[2], argv[4]);
  if (st.code == HT_OK) st = compare(argv[1], argv[4]);
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "train: %s\n", st.msg);
  return 1;
}
