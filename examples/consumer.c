/*
 * consumer.c - fine-tunes the module of author.c: its graph for training,
 * through the signature `logits`, at a lower rate than the layer on it, with
 * its own regularization losses and moving averages; then writes it again, all
 * of its graphs with the new weights.
 *
 *     consumer MODULE OUT
 */
#include <hubtune.h>
#include <stdio.h>

enum { N = 128, WIDTH = 4 };

typedef struct model {
  ht_net *net;
  ht_symbol x, label, loss, losses;
} model;

static ht_status compose(ht_module *module, model *m) {
  ht_choice logits = {.signature = "logits", .training = true};
  int64_t any = -1, dim[2] = {-1, WIDTH};
  ht_status st = ht_net_new(&m->net);
  if (st.code != HT_OK) return st;
  ht_net *net = m->net;
  m->x = ht_net_input(net, "x", HT_FLOAT, 2, dim);
  m->label = ht_net_input(net, "label", HT_INT64, 1, &any);
  ht_net_module(net, module, "numbers", true);
  ht_symbol y = ht_net_apply(net, module, &logits, HT_NAMED({"x", m->x}));
  y = ht_net_dense(net, "answer", ht_net_output(net, y, "features"), 2, NULL);
  m->losses = ht_net_regularization(net);
  m->loss = ht_net_op(
      net, "AddV2", NULL,
      HT_SYMBOLS(ht_net_loss(net, "softmax", y, m->label), m->losses));
  return ht_net_status(net);
}

/* Points of a square, and whether the first number is above the second. */
static ht_status make_data(ht_arrays **out) {
  float x[N][WIDTH];
  int64_t y[N], dim[2] = {N, WIDTH};
  unsigned state = 7;
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < WIDTH; k++) {
      state = state * 1664525u + 1013904223u;
      x[i][k] = (float)(state >> 8) / (float)(1 << 23) - 1;
    }
    y[i] = x[i][0] > x[i][1];
  }
  ht_array *a = NULL, *b = NULL;
  ht_status st = ht_arrays_new(out);
  if (st.code == HT_OK) st = ht_array_from(HT_FLOAT, 2, dim, x, &a);
  if (st.code == HT_OK) st = ht_arrays_put(*out, "x", a);
  if (st.code == HT_OK) st = ht_array_from(HT_INT64, 1, dim, y, &b);
  if (st.code == HT_OK) st = ht_arrays_put(*out, "label", b);
  return st;
}

/* What the module's regularization losses are now. */
static ht_status print_losses(const model *m, const char *when) {
  ht_function *f = NULL;
  ht_arrays *none = NULL, *out = NULL;
  ht_status st =
      ht_net_function(m->net, 0, NULL, HT_NAMED({"losses", m->losses}), &f);
  if (st.code == HT_OK) st = ht_arrays_new(&none);
  if (st.code == HT_OK) st = ht_function_run(f, none, &out);
  if (st.code == HT_OK)
    printf("%s: regularization %.5f\n", when,
           ht_array_number(ht_arrays_at(out, 0), 0));
  ht_arrays_free(none);
  ht_arrays_free(out);
  ht_function_free(f);
  return st;
}

static bool tell(void *arg, const ht_news *news) {
  if (news->type == HT_NEWS_EPOCH) *(double *)arg = news->loss;
  return true;
}

static ht_status train(const model *m) {
  static const char *const settings[][2] = {
      {"lr", "0.05"}, {"module-lr", "0.01"}, {"epochs", "30"}};
  double loss = 0;
  ht_trainer *t = NULL;
  ht_arrays *data = NULL;
  ht_status st = ht_trainer_new(
      m->net, HT_NAMED({"x", m->x}, {"label", m->label}), m->loss, &t);
  for (int i = 0; i < 3 && st.code == HT_OK; i++)
    st = ht_trainer_set(t, settings[i][0], settings[i][1]);
  if (st.code == HT_OK) st = make_data(&data);
  if (st.code == HT_OK) st = ht_trainer_fit(t, data, tell, &loss);
  if (st.code == HT_OK) printf("loss %.4f\n", loss);
  ht_trainer_free(t);
  ht_arrays_free(data);
  return st;
}

static ht_status run(ht_module *module, const char *out) {
  model m = {0};
  ht_status st = compose(module, &m);
  if (st.code == HT_OK) st = print_losses(&m, "before");
  if (st.code == HT_OK) st = train(&m);
  if (st.code == HT_OK) st = print_losses(&m, "after");
  if (st.code == HT_OK) st = ht_module_export(module, out, true);
  ht_net_free(m.net);
  return st;
}

int main(int argc, char **argv) {
  ht_module *module;
  if (argc != 3) {
    fprintf(stderr, "usage: consumer MODULE OUT\n");
    return 2;
  }
  ht_status st = ht_module_open(argv[1], NULL, &module);
  if (st.code == HT_OK) {
    st = run(module, argv[2]);
    ht_module_free(module);
  }
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "consumer: %s\n", st.msg);
  return 1;
}
