/*
 * feature_extractor.c - two dense layers on top of a text module that stays
 * as it is: the model is composed with the builder, trained, and written as a
 * module of its own.
 *
 *     feature_extractor MODULE TEXTS.csv OUT
 *
 * TEXTS.csv has the columns text and label, a whole number. OUT becomes a
 * SavedModel with the input text and the output scores.
 */
#include <hubtune.h>
#include <stdio.h>

enum { CLASSES = 2 };

/* The model, and what is needed to train and to ask it. */
typedef struct model {
  ht_net *net;
  ht_symbol text, label, scores, loss;
} model;

static ht_status compose(ht_module *module, model *m) {
  int64_t any = -1;
  ht_status st = ht_net_new(&m->net);
  if (st.code != HT_OK) return st;
  ht_net *net = m->net;
  m->text = ht_net_input(net, "text", HT_STRING, 1, &any);
  m->label = ht_net_input(net, "label", HT_INT64, 1, &any);
  ht_net_module(net, module, "text_module", false); /* not trainable */
  ht_symbol x = ht_net_apply(net, module, NULL, HT_NAMED({NULL, m->text}));
  x = ht_net_dense(net, "hidden", x, 16, "Relu");
  x = ht_net_dense(net, "answer", x, CLASSES, NULL);
  m->scores = ht_net_op(net, "Softmax", NULL, HT_SYMBOLS(x));
  m->loss = ht_net_loss(net, "softmax", x, m->label);
  return ht_net_status(net);
}

static bool tell(void *arg, const ht_news *news) {
  (void)arg;
  if (news->type == HT_NEWS_EPOCH && news->epoch % 10 == 0)
    printf("epoch %d  loss %.4f\n", (int)news->epoch, news->loss);
  return true; /* false would stop */
}

static ht_status train(model *m, const ht_arrays *data) {
  ht_trainer *t;
  ht_status st = ht_trainer_new(
      m->net, HT_NAMED({"text", m->text}, {"label", m->label}), m->loss, &t);
  if (st.code != HT_OK) return st;
  st = ht_trainer_set(t, "optimizer", "adam");
  if (st.code == HT_OK) st = ht_trainer_set(t, "lr", "0.01");
  if (st.code == HT_OK) st = ht_trainer_set(t, "batch", "16");
  if (st.code == HT_OK) st = ht_trainer_set(t, "epochs", "30");
  if (st.code == HT_OK) st = ht_trainer_fit(t, data, tell, NULL);
  ht_trainer_free(t);
  return st;
}

/* How many texts the best score is right for. */
static ht_status evaluate(model *m, const ht_arrays *data) {
  ht_function *f;
  ht_arrays *out = NULL;
  ht_symbol class =
      ht_net_op(m->net, "ArgMax", NULL,
                HT_SYMBOLS(m->scores, ht_net_number(m->net, HT_INT32, 1)));
  ht_symbol hit = ht_net_op(m->net, "Equal", NULL, HT_SYMBOLS(class, m->label));
  ht_status st =
      ht_net_function(m->net, HT_NAMED({"text", m->text}, {"label", m->label}),
                      HT_NAMED({"hit", hit}), &f);
  if (st.code != HT_OK) return st;
  st = ht_function_run(f, data, &out);
  if (st.code == HT_OK) {
    const ht_array *hits = ht_arrays_find(out, "hit");
    double right = 0;
    int64_t n = ht_array_count(hits);
    for (int64_t i = 0; i < n; i++) right += ht_array_number(hits, i);
    printf("accuracy %.4f\n", right / (double)n);
  }
  ht_arrays_free(out);
  ht_function_free(f);
  return st;
}

static ht_status run(ht_module *module, const char *path, const char *out) {
  model m = {0};
  ht_arrays *data;
  ht_status st = ht_data_read(path, &data);
  if (st.code != HT_OK) return st;
  st = compose(module, &m);
  if (st.code == HT_OK) st = train(&m, data);
  if (st.code == HT_OK) st = evaluate(&m, data);
  if (st.code == HT_OK) {
    ht_net_add_signature(m.net, NULL, HT_NAMED({"text", m.text}),
                         HT_NAMED({"scores", m.scores}));
    st = ht_net_export(m.net, out, false);
  }
  ht_net_free(m.net);
  ht_arrays_free(data);
  return st;
}

int main(int argc, char **argv) {
  ht_module *module;
  if (argc != 4) {
    fprintf(stderr, "usage: feature_extractor MODULE TEXTS.csv OUT\n");
    return 2;
  }
  ht_status st = ht_module_open(argv[1], NULL, &module);
  if (st.code == HT_OK) {
    st = run(module, argv[2], argv[3]);
    ht_module_free(module);
  }
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "feature_extractor: %s\n", st.msg);
  return 1;
}
