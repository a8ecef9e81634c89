/*
 * convnet.c - makes a small convolutional network for images, whose weights
 * are drawn: for digits, signs, or whatever no published module was trained
 * for. hubtune train --trainable does the rest.
 *
 *     convnet OUT HEIGHT WIDTH CHANNELS
 *
 * OUT becomes a SavedModel with one signature, images [n, height, width,
 * channels] to features [n, 128]: blocks of a convolution, Relu and pooling
 * until no side is longer than 8, then a dense layer.
 */
#include <hubtune.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILTERS = 16, LARGEST = 8, FEATURES = 128 };

/* Halves height and width. */
static ht_symbol block(ht_net *net, const char *name, ht_symbol x, int in,
                       int filters) {
  char part[64];
  int64_t size[4] = {3, 3, in, filters}, n = filters;
  snprintf(part, sizeof part, "%s/kernel", name);
  ht_symbol kernel =
      ht_net_variable_drawn(net, part, "he_normal", 4, size, true);
  snprintf(part, sizeof part, "%s/bias", name);
  ht_symbol bias = ht_net_variable_drawn(net, part, "zeros", 1, &n, true);
  ht_symbol y = ht_net_op(net, "Conv2D", "strides=[1,1,1,1] padding='SAME'",
                          HT_SYMBOLS(x, ht_net_read(net, kernel)));
  y = ht_net_op(net, "BiasAdd", NULL, HT_SYMBOLS(y, ht_net_read(net, bias)));
  y = ht_net_op(net, "Relu", NULL, HT_SYMBOLS(y));
  return ht_net_op(net, "MaxPool",
                   "ksize=[1,2,2,1] strides=[1,2,2,1] padding='SAME'",
                   HT_SYMBOLS(y));
}

static void build(ht_net *net, int height, int width, int channels) {
  int64_t dim[4] = {-1, height, width, channels};
  ht_symbol images = ht_net_input(net, "images", HT_FLOAT, 4, dim), x = images;
  for (int i = 0; height > LARGEST || width > LARGEST; i++) {
    char name[16];
    snprintf(name, sizeof name, "block%d", i);
    x = block(net, name, x, channels, FILTERS << i);
    channels = FILTERS << i;
    height = (height + 1) / 2;
    width = (width + 1) / 2;
  }
  const int32_t flat[2] = {-1, height * width * channels};
  x = ht_net_op(net, "Reshape", NULL,
                HT_SYMBOLS(x, ht_net_int32s(net, 2, flat)));
  x = ht_net_dense(net, "features", x, FEATURES, "Relu");
  ht_net_add_signature(net, NULL, HT_NAMED({"images", images}),
                       HT_NAMED({"features", x}));
}

int main(int argc, char **argv) {
  ht_net *net;
  int size[3];
  if (argc != 5) {
    fprintf(stderr, "usage: convnet OUT HEIGHT WIDTH CHANNELS\n");
    return 2;
  }
  for (int i = 0; i < 3; i++) {
    long n = strtol(argv[2 + i], NULL, 10);
    if (n < 1 || n > 1024) {
      fprintf(stderr, "convnet: '%s' is not from 1 to 1024\n", argv[2 + i]);
      return 2;
    }
    size[i] = (int)n;
  }
  ht_status st = ht_net_new(&net);
  if (st.code == HT_OK) {
    build(net, size[0], size[1], size[2]);
    st = ht_net_export(net, argv[1], false);
    ht_net_free(net);
  }
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "convnet: %s\n", st.msg);
  return 1;
}
