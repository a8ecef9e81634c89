/* interop_author.c - what only programs can write, for tests/interop/layers.py:
 *
 *     interop_author graphs OUT            a module of three graphs
 *     interop_author layer CONFIG IN OUT   what a layer of hub.KerasLayer's
 *                                          configuration makes of arrays
 */
#include <hubtune.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* y = n x; a loss, an update and a message in graph n. */
static void build(ht_net *net, void *arg) {
  int n = *(int *)arg;
  char text[2] = {(char)('0' + n), 0};
  int64_t one = 1;
  ht_symbol x = ht_net_input(net, "x", HT_FLOAT, 2, (int64_t[]){-1, 2});
  ht_symbol w = ht_net_variable_drawn(net, "w", "ones", 1, &one, true);
  ht_symbol c = ht_net_variable_drawn(net, "calls", "zeros", 1, &one, false);
  ht_symbol y = ht_net_op(net, "Mul", NULL, HT_SYMBOLS(x, ht_net_read(net, w)));
  y = ht_net_op(net, "Mul", NULL,
                HT_SYMBOLS(y, ht_net_number(net, HT_FLOAT, n)));
  ht_net_add_signature(net, NULL, HT_NAMED({"x", x}), HT_NAMED({NULL, y}));
  ht_net_attach_message(net, "graph", text, 1);
  if (n == 1) return;
  ht_net_add_signature(net, "calls", 0, NULL,
                       HT_NAMED({NULL, ht_net_read(net, c)}));
  ht_net_add_update(net, ht_net_op(net, "AssignAddVariableOp", NULL,
                                   HT_SYMBOLS(c, ht_net_read(net, w))));
  ht_symbol loss = ht_net_op(
      net, "Sum", NULL,
      HT_SYMBOLS(ht_net_read(net, w), ht_net_int32s(net, 1, (int32_t[]){0})));
  for (int i = 1; i < n; i++) ht_net_add_regularization(net, loss);
}

static ht_status write_graphs(const char *out) {
  int n[3] = {1, 2, 3};
  const ht_tags_and_args graphs[] = {
      {"", &n[0]}, {"train", &n[1]}, {"gpu,big", &n[2]}};
  ht_net *net;
  ht_status st = ht_module_author(build, 3, graphs, &net);
  if (st.code != HT_OK) return st;
  st = ht_net_export(net, out, true);
  ht_net_free(net);
  return st;
}

static ht_status run_layer(const char *config, const char *in,
                           const char *out) {
  static char json[1 << 16];
  ht_layer *layer = NULL;
  ht_arrays *inputs = NULL, *outputs = NULL;
  FILE *f = fopen(config, "r");
  if (f) json[fread(json, 1, sizeof json - 1, f)] = 0;
  if (f) fclose(f);
  ht_status st = ht_layer_from_config(json, &layer);
  if (st.code == HT_OK) st = ht_arrays_read(in, &inputs);
  if (st.code == HT_OK) st = ht_layer_run(layer, true, inputs, &outputs);
  if (st.code == HT_OK) st = ht_arrays_write(outputs, out);
  ht_arrays_free(inputs);
  ht_arrays_free(outputs);
  ht_layer_free(layer);
  return st;
}

int main(int argc, char **argv) {
  ht_status st = {HT_USAGE, "usage: interop_author graphs|layer ..."};
  if (argc == 3 && strcmp(argv[1], "graphs") == 0) st = write_graphs(argv[2]);
  if (argc == 5 && strcmp(argv[1], "layer") == 0)
    st = run_layer(argv[2], argv[3], argv[4]);
  if (st.code == HT_OK) return EXIT_SUCCESS;
  fprintf(stderr, "interop_author: %s\n", st.msg);
  return EXIT_FAILURE;
}
