/*
 * fine_tune.c - the classifier of feature_extractor.c, but the module trains,
 * too, at a lower rate and with its own regularization losses; training stops
 * in the middle and goes on from a checkpoint.
 *
 *     fine_tune MODULE TEXTS.csv OUT
 *
 * OUT becomes a module in the TF1 Hub format; OUT.state is the checkpoint.
 */
#include <hubtune.h>
#include <math.h>
#include <stdio.h>

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
  ht_net_module(net, module, "text_module", true);
  ht_symbol x = ht_net_apply(net, module, NULL, HT_NAMED({NULL, m->text}));
  x = ht_net_dense(net, "hidden", x, 16, "Relu");
  x = ht_net_dense(net, "answer", x, 2, NULL);
  m->scores = ht_net_op(net, "Softmax", NULL, HT_SYMBOLS(x));
  m->loss = ht_net_op(net, "AddV2", NULL,
                      HT_SYMBOLS(ht_net_loss(net, "softmax", x, m->label),
                                 ht_net_regularization(net)));
  return ht_net_status(net);
}

static ht_status new_trainer(model *m, const char *epochs, ht_trainer **t) {
  static const char *const settings[][2] = {{"optimizer", "adam"},
                                            {"lr", "0.01"},
                                            {"module-lr", "0.002"},
                                            {"clip-norm", "1"},
                                            {"batch", "16"}};
  ht_status st = ht_trainer_new(
      m->net, HT_NAMED({"text", m->text}, {"label", m->label}), m->loss, t);
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
    if (st.code == HT_OK)
      st = ht_trainer_set(*t, settings[i][0], settings[i][1]);
  if (st.code == HT_OK) st = ht_trainer_set(*t, "epochs", epochs);
  return st;
}

static bool tell(void *arg, const ht_news *news) {
  if (news->type == HT_NEWS_EPOCH) *(double *)arg = news->loss;
  return true;
}

/* Half of the epochs, then the others from the checkpoint. */
static ht_status train(model *m, const ht_arrays *data, const char *state) {
  static const char *const epochs[2] = {"10", "20"};
  double loss = 0;
  ht_status st = {HT_OK, NULL};
  for (int part = 0; part < 2 && st.code == HT_OK; part++) {
    ht_trainer *t = NULL;
    st = new_trainer(m, epochs[part], &t);
    if (st.code == HT_OK && part) st = ht_trainer_restore(t, state);
    if (st.code == HT_OK) st = ht_trainer_fit(t, data, tell, &loss);
    if (st.code == HT_OK) st = ht_trainer_save(t, state);
    if (st.code == HT_OK) printf("%s epochs  loss %.4f\n", epochs[part], loss);
    ht_trainer_free(t);
  }
  return st;
}

/* How far the module's variables have moved. */
static ht_status compare(const model *m, ht_array *before, const char *name) {
  char full[300];
  ht_array *after;
  double most = 0;
  snprintf(full, sizeof full, "text_module/%s", name);
  ht_status st = ht_net_value(m->net, full, &after);
  if (st.code != HT_OK) return st;
  for (int64_t i = 0; i < ht_array_count(after); i++)
    most = fmax(most,
                fabs(ht_array_number(before, i) - ht_array_number(after, i)));
  printf("%s changed by up to %.3g\n", name, most);
  ht_array_free(after);
  return st;
}

static ht_status run(ht_module *module, const char *path, const char *out) {
  model m = {0};
  char state[1100];
  ht_arrays *data = NULL;
  ht_array *before = NULL;
  const ht_module_info *info;
  ht_status st = ht_module_inspect(module, &info);
  const char *name = st.code == HT_OK ? info->variable[0].key : "";
  snprintf(state, sizeof state, "%s.state", out);
  if (st.code == HT_OK) st = ht_module_variable(module, name, &before);
  if (st.code == HT_OK) st = ht_data_read(path, &data);
  if (st.code == HT_OK) st = compose(module, &m);
  if (st.code == HT_OK) st = train(&m, data, state);
  if (st.code == HT_OK) st = compare(&m, before, name);
  if (st.code == HT_OK) {
    ht_net_add_signature(m.net, NULL, HT_NAMED({"text", m.text}),
                         HT_NAMED({NULL, m.scores}));
    st = ht_net_export(m.net, out, true);
  }
  ht_net_free(m.net);
  ht_arrays_free(data);
  ht_array_free(before);
  return st;
}

int main(int argc, char **argv) {
  ht_module *module;
  if (argc != 4) {
    fprintf(stderr, "usage: fine_tune MODULE TEXTS.csv OUT\n");
    return 2;
  }
  ht_status st = ht_module_open(argv[1], NULL, &module);
  if (st.code == HT_OK) {
    st = run(module, argv[2], argv[3]);
    ht_module_free(module);
  }
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "fine_tune: %s\n", st.msg);
  return 1;
}
