/*
 * feature_extractor.c - a classifier on top of a module that stays as it is:
 * its output goes through two dense layers of our own, which are trained.
 *
 *     feature_extractor MODULE TEXTS.csv RUN
 *
 * TEXTS.csv has the columns text and label. RUN becomes the folder of the
 * training; RUN/model is a SavedModel of module and layers together.
 */
#include <hubtune.h>
#include <stdio.h>

/* Settings are those of `hubtune train`. */
static const char *const settings[][2] = {
    {"text", "text"},        {"label", "label"},    {"head", "mlp:16"},
    {"valid-split", "0.25"}, {"epochs", "30"},      {"batch", "16"},
    {"lr", "0.01"},          {"optimizer", "adam"}, {"seed", "1"},
};

static bool tell(void *arg, const ht_news *news) {
  (void)arg;
  if (news->type != HT_NEWS_EPOCH) return true;
  printf("epoch %2d  loss %.4f", (int)news->epoch, news->loss);
  for (int i = 0; i < news->n_metrics; i++)
    printf("  %s %.4f", news->metric[i], news->value[i]);
  printf("\n");
  return true; /* false would save and stop */
}

static ht_status set_all(ht_training *training, char **argv) {
  ht_status st = ht_training_set(training, "module", argv[1]);
  if (st.code == HT_OK) st = ht_training_set(training, "data", argv[2]);
  if (st.code == HT_OK) st = ht_training_set(training, "out", argv[3]);
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    if (st.code == HT_OK)
      st = ht_training_set(training, settings[i][0], settings[i][1]);
  return st;
}

/* What was trained, opened again: scores of all texts. */
static ht_status evaluate(const char *run, const char *data) {
  ht_result *result;
  const ht_metrics *m;
  ht_status st = ht_result_open(run, &result);
  if (st.code != HT_OK) return st;
  st = ht_result_evaluate(result, data, &m);
  for (int i = 0; st.code == HT_OK && i < m->n_values; i++)
    printf("%s %.4f\n", m->name[i], m->value[i]);
  ht_result_free(result);
  return st;
}

int main(int argc, char **argv) {
  ht_training *training;
  if (argc != 4) {
    fprintf(stderr, "usage: feature_extractor MODULE TEXTS.csv RUN\n");
    return 2;
  }
  ht_status st = ht_training_new(&training);
  if (st.code == HT_OK) {
    st = set_all(training, argv);
    if (st.code == HT_OK) st = ht_training_run(training, tell, NULL);
    ht_training_free(training);
  }
  if (st.code == HT_OK) st = evaluate(argv[3], argv[2]);
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "feature_extractor: %s\n", st.msg);
  return 1;
}
