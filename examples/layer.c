/*
 * layer.c - a module as a layer, as hub.KerasLayer has it: frozen while the
 * layers after it learn, then thawed, and written back by itself with its
 * configuration.
 *
 *     layer MODULE TEXTS.csv OUT
 *
 * OUT becomes the tuned module; the configuration is printed.
 */
#include <hubtune.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct model {
  ht_layer *layer;
  ht_net *net;
  ht_symbol text, label, loss;
} model;

static ht_status compose(model *m) {
  int64_t any = -1;
  ht_status st = ht_net_new(&m->net);
  if (st.code != HT_OK) return st;
  ht_net *net = m->net;
  m->text = ht_net_input(net, "text", HT_STRING, 1, &any);
  m->label = ht_net_input(net, "label", HT_INT64, 1, &any);
  ht_symbol x = ht_layer_call(m->layer, net, true, HT_NAMED({NULL, m->text}));
  x = ht_net_dense(net, "answer", x, 2, NULL);
  m->loss = ht_net_op(net, "AddV2", NULL,
                      HT_SYMBOLS(ht_net_loss(net, "softmax", x, m->label),
                                 ht_net_regularization(net)));
  return ht_net_status(net);
}

static bool tell(void *arg, const ht_news *news) {
  if (news->type == HT_NEWS_EPOCH) *(double *)arg = news->loss;
  return true;
}

/* Ten epochs with what trains now. */
static ht_status fit(model *m, const ht_arrays *data) {
  ht_trainer *t = NULL;
  double loss = 0;
  const ht_variable_info *weight;
  int n, n_trainable;
  ht_status st = ht_layer_weights(m->layer, &weight, &n_trainable, &n);
  if (st.code == HT_OK)
    st = ht_trainer_new(
        m->net, HT_NAMED({"text", m->text}, {"label", m->label}), m->loss, &t);
  if (st.code == HT_OK) st = ht_trainer_set(t, "lr", "0.02");
  if (st.code == HT_OK) st = ht_trainer_set(t, "epochs", "10");
  if (st.code == HT_OK) st = ht_trainer_fit(t, data, tell, &loss);
  if (st.code == HT_OK)
    printf("%d of %d weights of the module train: loss %.4f\n", n_trainable, n,
           loss);
  ht_trainer_free(t);
  return st;
}

static ht_status print_config(const ht_layer *layer) {
  char *json;
  ht_status st = ht_layer_config(layer, &json);
  if (st.code == HT_OK) printf("config: %s\n", json);
  free(json);
  return st;
}

static ht_status run(const char *module, const char *path, const char *out) {
  model m = {0};
  ht_arrays *data = NULL;
  ht_layer_options options = {.name = "texts"};
  ht_status st = ht_layer_new(module, &options, &m.layer);
  if (st.code == HT_OK) st = ht_data_read(path, &data);
  if (st.code == HT_OK) st = compose(&m);
  if (st.code == HT_OK) st = fit(&m, data);
  if (st.code == HT_OK) {
    ht_layer_train(m.layer, true);
    st = fit(&m, data);
  }
  if (st.code == HT_OK) st = print_config(m.layer);
  if (st.code == HT_OK)
    st = ht_module_export(ht_layer_module(m.layer), out, false);
  ht_net_free(m.net);
  ht_layer_free(m.layer);
  ht_arrays_free(data);
  return st;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: layer MODULE TEXTS.csv OUT\n");
    return 2;
  }
  ht_status st = run(argv[1], argv[2], argv[3]);
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "layer: %s\n", st.msg);
  return 1;
}
