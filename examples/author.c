/*
 * author.c - makes a module and trains it: a function builds its graphs, one
 * for inference and one for training, over the same variables. Batch
 * normalisation follows its averages in training alone; two signatures share
 * the layers.
 *
 *     author OUT
 *
 * OUT becomes a module in the TF1 Hub format with the graphs {} and {train},
 * the signatures `default` (x -> features) and `logits`, a regularization
 * loss, and the attached message `note`.
 */
#include <hubtune.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 4, UNITS = 8 };

/* (x - mean) / sqrt(variance + 1e-3) gamma + beta: by the batch in training,
 * whose moments the averages follow; else by the averages. */
static ht_symbol normalise(ht_net *net, ht_symbol x, bool training) {
  int64_t n = UNITS;
  ht_net_scope(net, "bn/");
  ht_symbol gamma = ht_net_variable_drawn(net, "gamma", "ones", 1, &n, true);
  ht_symbol beta = ht_net_variable_drawn(net, "beta", "zeros", 1, &n, true);
  ht_symbol mean = ht_net_variable_drawn(net, "mean", "zeros", 1, &n, false);
  ht_symbol variance =
      ht_net_variable_drawn(net, "variance", "ones", 1, &n, false);
  int32_t rows = 0;
  ht_symbol m = ht_net_read(net, mean), v = ht_net_read(net, variance);
  if (training) {
    ht_symbol axis = ht_net_int32s(net, 1, &rows);
    ht_symbol old[2] = {m, v}, keep = ht_net_number(net, HT_FLOAT, 0.1);
    m = ht_net_op(net, "Mean", NULL, HT_SYMBOLS(x, axis));
    ht_symbol d = ht_net_op(net, "SquaredDifference", NULL, HT_SYMBOLS(x, m));
    v = ht_net_op(net, "Mean", NULL, HT_SYMBOLS(d, axis));
    for (int i = 0; i < 2; i++) { /* average -= 0.1 (average - moment) */
      ht_symbol away =
          ht_net_op(net, "Sub", NULL, HT_SYMBOLS(old[i], i ? v : m));
      ht_symbol step = ht_net_op(net, "Mul", NULL, HT_SYMBOLS(away, keep));
      ht_net_add_update(net, ht_net_op(net, "AssignSubVariableOp", NULL,
                                       HT_SYMBOLS(i ? variance : mean, step)));
    }
  }
  ht_symbol e = ht_net_number(net, HT_FLOAT, 1e-3);
  ht_symbol r =
      ht_net_op(net, "Rsqrt", NULL,
                HT_SYMBOLS(ht_net_op(net, "AddV2", NULL, HT_SYMBOLS(v, e))));
  ht_symbol s =
      ht_net_op(net, "Mul", NULL, HT_SYMBOLS(r, ht_net_read(net, gamma)));
  ht_symbol y = ht_net_op(net, "Sub", NULL, HT_SYMBOLS(x, m));
  y = ht_net_op(net, "Mul", NULL, HT_SYMBOLS(y, s));
  y = ht_net_op(net, "AddV2", NULL, HT_SYMBOLS(y, ht_net_read(net, beta)));
  ht_net_scope(net, "");
  return y;
}

/* x w, with the loss 0.01 sum w^2. */
static ht_symbol scale(ht_net *net, ht_symbol x) {
  int64_t n = UNITS;
  int32_t axis = 0;
  ht_symbol w = ht_net_read(
      net, ht_net_variable_drawn(net, "scale", "ones", 1, &n, true));
  ht_symbol squares = ht_net_op(net, "Square", NULL, HT_SYMBOLS(w));
  ht_symbol sum = ht_net_op(net, "Sum", NULL,
                            HT_SYMBOLS(squares, ht_net_int32s(net, 1, &axis)));
  ht_net_add_regularization(
      net, ht_net_op(net, "Mul", NULL,
                     HT_SYMBOLS(sum, ht_net_number(net, HT_FLOAT, 0.01))));
  return ht_net_op(net, "Mul", NULL, HT_SYMBOLS(x, w));
}

/* What a graph is built of, and what training needs of it. */
typedef struct graph {
  bool training;
  ht_symbol x, logits;
} graph;

/* Builds one graph; called for each set of tags. */
static void build(ht_net *net, void *arg) {
  graph *g = arg;
  int64_t dim[2] = {-1, WIDTH};
  g->x = ht_net_input(net, "x", HT_FLOAT, 2, dim);
  ht_symbol h = ht_net_dense(net, "hidden", g->x, UNITS, NULL);
  h = ht_net_op(net, "Relu", NULL, HT_SYMBOLS(normalise(net, h, g->training)));
  h = scale(net, h);
  g->logits = ht_net_dense(net, "logits", h, 2, NULL);
  ht_net_add_signature(net, NULL, HT_NAMED({"x", g->x}), HT_NAMED({NULL, h}));
  ht_net_add_signature(net, "logits", HT_NAMED({"x", g->x}),
                       HT_NAMED({"features", h}, {"logits", g->logits}));
  ht_net_attach_message(net, "note", "by author.c", strlen("by author.c"));
}

/* Points drawn in a square, and whether their numbers add up to more than 0. */
static ht_status make_data(ht_arrays **out) {
  enum { N = 256 };
  float x[N][WIDTH];
  int64_t y[N], dim[2] = {N, WIDTH};
  unsigned state = 1;
  for (int i = 0; i < N; i++) {
    float sum = 0;
    for (int k = 0; k < WIDTH; k++) {
      state = state * 1664525u + 1013904223u;
      x[i][k] = (float)(state >> 8) / (float)(1 << 23) - 1;
      sum += x[i][k];
    }
    y[i] = sum > 0;
  }
  ht_array *a = NULL, *b = NULL;
  ht_status st = ht_arrays_new(out);
  if (st.code == HT_OK) st = ht_array_from(HT_FLOAT, 2, dim, x, &a);
  if (st.code == HT_OK) st = ht_arrays_put(*out, "x", a);
  if (st.code == HT_OK) st = ht_array_from(HT_INT64, 1, dim, y, &b);
  if (st.code == HT_OK) st = ht_arrays_put(*out, "label", b);
  return st;
}

static bool tell(void *arg, const ht_news *news) {
  if (news->type == HT_NEWS_EPOCH) *(double *)arg = news->loss;
  return true;
}

/* On the graph tagged train, whose variables are those of both. */
static ht_status train(ht_net *net, const graph *g) {
  int64_t any = -1;
  double loss = 0;
  ht_trainer *t = NULL;
  ht_arrays *data = NULL;
  ht_symbol label = ht_net_input(net, "label", HT_INT64, 1, &any);
  ht_symbol sum =
      ht_net_op(net, "AddV2", NULL,
                HT_SYMBOLS(ht_net_loss(net, "softmax", g->logits, label),
                           ht_net_regularization(net)));
  ht_status st =
      ht_trainer_new(net, HT_NAMED({"x", g->x}, {"label", label}), sum, &t);
  if (st.code == HT_OK) st = make_data(&data);
  if (st.code == HT_OK) st = ht_trainer_set(t, "lr", "0.01");
  if (st.code == HT_OK) st = ht_trainer_set(t, "epochs", "20");
  if (st.code == HT_OK) st = ht_trainer_fit(t, data, tell, &loss);
  if (st.code == HT_OK) printf("loss %.4f\n", loss);
  ht_trainer_free(t);
  ht_arrays_free(data);
  return st;
}

int main(int argc, char **argv) {
  graph inference = {.training = false}, training = {.training = true};
  const ht_tags_and_args graphs[] = {{"", &inference}, {"train", &training}};
  ht_net *net, *trained;
  if (argc != 2) {
    fprintf(stderr, "usage: author OUT\n");
    return 2;
  }
  ht_status st = ht_module_author(build, 2, graphs, &net);
  if (st.code == HT_OK) {
    st = ht_net_variant(net, "train", &trained);
    if (st.code == HT_OK) st = train(trained, &training);
    if (st.code == HT_OK) st = ht_net_export(net, argv[1], true);
    ht_net_free(net);
  }
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "author: %s\n", st.msg);
  return 1;
}
