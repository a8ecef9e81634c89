/*
 * join.c - a model of two modules: a text module that is applied twice, to
 * title and body, with shared weights, beside a module of numbers; what they
 * answer goes through a dense layer of ours. All of it trains, and is written
 * as one module.
 *
 *     join TEXT_MODULE NUMBERS_MODULE DATA.jsonl OUT [hub1]
 *
 * A line of DATA.jsonl: {"title": "...", "body": "...", "x": [...], "label": 0}
 * OUT becomes a SavedModel, or with hub1 a module in the TF1 Hub format.
 */
#include <hubtune.h>
#include <stdio.h>
#include <string.h>

/* Built twice, for inference and for training. */
typedef struct graph {
  ht_module *text, *numbers;
  bool training;
  ht_symbol title, body, x, label, scores, loss;
} graph;

static void build(ht_net *net, void *arg) {
  graph *g = arg;
  int64_t any = -1, four[2] = {-1, 4};
  int32_t last = 1;
  ht_choice training = {.training = g->training};
  g->title = ht_net_input(net, "title", HT_STRING, 1, &any);
  g->body = ht_net_input(net, "body", HT_STRING, 1, &any);
  g->x = ht_net_input(net, "x", HT_FLOAT, 2, four);
  g->label = ht_net_input(net, "label", HT_INT64, 1, &any);
  ht_net_module(net, g->text, "text", true);
  ht_net_module(net, g->numbers, "numbers", true);
  ht_symbol part[3] = {
      ht_net_apply(net, g->text, &training, HT_NAMED({NULL, g->title})),
      ht_net_apply(net, g->text, &training, HT_NAMED({NULL, g->body})),
      ht_net_apply(net, g->numbers, &training, HT_NAMED({NULL, g->x}))};
  ht_symbol all =
      ht_net_op(net, "ConcatV2", NULL,
                HT_SYMBOLS(part[0], part[1], part[2],
                           ht_net_number(net, HT_INT32, (double)last)));
  ht_symbol y = ht_net_dense(net, "answer", all, 2, NULL);
  g->scores = ht_net_op(net, "Softmax", NULL, HT_SYMBOLS(y));
  g->loss = ht_net_op(net, "AddV2", NULL,
                      HT_SYMBOLS(ht_net_loss(net, "softmax", y, g->label),
                                 ht_net_regularization(net)));
  ht_net_add_signature(
      net, NULL, HT_NAMED({"title", g->title}, {"body", g->body}, {"x", g->x}),
      HT_NAMED({NULL, g->scores}));
}

static bool tell(void *arg, const ht_news *news) {
  if (news->type == HT_NEWS_EPOCH) *(double *)arg = news->loss;
  return true;
}

static ht_status train(ht_net *net, const graph *g, const ht_arrays *data) {
  ht_trainer *t;
  double loss = 0;
  ht_status st = ht_trainer_new(net,
                                HT_NAMED({"title", g->title}, {"body", g->body},
                                         {"x", g->x}, {"label", g->label}),
                                g->loss, &t);
  if (st.code != HT_OK) return st;
  st = ht_trainer_set(t, "lr", "0.02");
  if (st.code == HT_OK) st = ht_trainer_set(t, "module-lr", "0.01");
  if (st.code == HT_OK) st = ht_trainer_set(t, "batch", "16");
  if (st.code == HT_OK) st = ht_trainer_set(t, "epochs", "20");
  if (st.code == HT_OK) st = ht_trainer_fit(t, data, tell, &loss);
  if (st.code == HT_OK) printf("loss %.4f\n", loss);
  ht_trainer_free(t);
  return st;
}

static ht_status run(ht_module *text, ht_module *numbers, char **argv,
                     bool hub1) {
  graph inference = {.text = text, .numbers = numbers}, training = inference;
  training.training = true;
  const ht_tags_and_args graphs[] = {{"", &inference}, {"train", &training}};
  ht_arrays *data = NULL;
  ht_net *net = NULL, *trained = NULL;
  ht_status st = ht_data_read(argv[3], &data);
  if (st.code == HT_OK) st = ht_module_author(build, 2, graphs, &net);
  if (st.code == HT_OK) st = ht_net_variant(net, "train", &trained);
  if (st.code == HT_OK) st = train(trained, &training, data);
  if (st.code == HT_OK) st = ht_net_export(net, argv[4], hub1);
  ht_net_free(net);
  ht_arrays_free(data);
  return st;
}

int main(int argc, char **argv) {
  ht_module *text = NULL, *numbers = NULL;
  bool hub1 = argc == 6 && strcmp(argv[5], "hub1") == 0;
  if (argc != 5 && !hub1) {
    fprintf(stderr,
            "usage: join TEXT_MODULE NUMBERS_MODULE DATA.jsonl OUT [hub1]\n");
    return 2;
  }
  ht_status st = ht_module_open(argv[1], NULL, &text);
  if (st.code == HT_OK) st = ht_module_open(argv[2], NULL, &numbers);
  if (st.code == HT_OK) st = run(text, numbers, argv, hub1);
  ht_module_free(numbers);
  ht_module_free(text);
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "join: %s\n", st.msg);
  return 1;
}
