/* test_interfaces.c - the common interfaces of TensorFlow Hub: which of them a
 * module has, and that a pair of them works together. */
#include "behaviours.h"

/* "a, b" of an open module, which it frees. */
static const char *interfaces(ht_module *m) {
  static char text[400];
  const ht_module_info *info;
  OK(ht_module_inspect(m, &info));
  text[0] = 0;
  for (int i = 0; i < info->n_interfaces; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s",
             i ? ", " : "", info->interface[i]);
  ht_module_free(m);
  return text;
}

static const char *of_model(const char *name) {
  char path[1100], tests[1024];
  snprintf(path, sizeof path, "%s/models/%s", test_folder(tests), name);
  return interfaces(open_tagged(path, NULL));
}

START_TEST(modules_of_tensorflow_have_the_interfaces_that_they_are_for) {
  ck_assert_str_eq(of_model("hub1"), "text feature vector");
  ck_assert_str_eq(of_model("images"),
                   "image feature vector, image classification");
  ck_assert_str_eq(of_model("behaviours/preprocessor"),
                   "text preprocessor, transformer preprocessor");
  ck_assert_str_eq(of_model("behaviours/encoder"),
                   "text encoder, transformer encoder");
  ck_assert_str_eq(of_model("behaviours/functions"), "");
  ck_assert_str_eq(of_model("behaviours/half_plus_one"), "");
  ck_assert_str_eq(of_model("hub1_train"), "");
}
END_TEST

/* ---- TF1 modules made here */

static ht_symbol input(ht_net *net, const char *name, ht_dtype dtype, int rank,
                       int64_t last) {
  int64_t dim[4] = {-1, -1, -1, -1};
  dim[rank ? rank - 1 : 0] = last;
  return ht_net_input(net, name, dtype, rank, dim);
}

/* The means over some axes, as float [n, ...]. */
static ht_symbol mean(ht_net *net, ht_symbol x, int n, const int32_t *axis) {
  return ht_net_op(net, "Mean", NULL,
                   HT_SYMBOLS(x, ht_net_int32s(net, n, axis)));
}

static void images(ht_net *net, void *arg) {
  static const int32_t axes[2] = {1, 2};
  static const int32_t wrong[1] = {1};
  bool bad = *(bool *)arg;
  ht_symbol x = input(net, "images", HT_FLOAT, 4, 3);
  ht_symbol momentum = ht_net_input(net, "momentum", HT_FLOAT, 0, NULL);
  ht_symbol y = bad ? mean(net, x, 1, wrong) : mean(net, x, 2, axes);
  ht_symbol z = ht_net_op(net, "Mul", NULL, HT_SYMBOLS(y, momentum));
  const char *name[] = {"image_feature_vector", "default",
                        "image_classification"};
  for (int i = 0; i < 3; i++)
    ht_net_add_signature(net, name[i], HT_NAMED({"images", x}),
                         HT_NAMED({NULL, y}));
  ht_net_add_signature(
      net, "image_feature_vector_with_bn_hparams",
      HT_NAMED({"images", x}, {"batch_norm_momentum", momentum}),
      HT_NAMED({NULL, z}));
}

static void bert(ht_net *net, void *arg) {
  static const int32_t axis[1] = {1};
  (void)arg;
  ht_symbol ids = input(net, "input_ids", HT_INT32, 2, -1);
  ht_symbol mask = input(net, "input_mask", HT_INT32, 2, -1);
  ht_symbol segment = input(net, "segment_ids", HT_INT32, 2, -1);
  ht_symbol sum = ht_net_op(net, "AddN", NULL, HT_SYMBOLS(ids, mask, segment));
  ht_symbol f = ht_net_op(net, "Cast", "DstT=float", HT_SYMBOLS(sum));
  ht_symbol each = ht_net_op(net, "ExpandDims", NULL,
                             HT_SYMBOLS(f, ht_net_number(net, HT_INT32, 2)));
  ht_net_add_signature(net, "tokens",
                       HT_NAMED({"input_ids", ids}, {"input_mask", mask},
                                {"segment_ids", segment}),
                       HT_NAMED({"pooled_output", mean(net, each, 1, axis)},
                                {"sequence_output", each}));
}

static const char *authored(ht_module_fn *build, bool bad, const char *name) {
  ht_net *net;
  ht_tags_and_args graph = {"", &bad};
  OK(ht_module_author(build, 1, &graph, &net));
  OK(ht_net_export(net, in_folder(name), true));
  ht_net_free(net);
  return interfaces(open_tagged(in_folder(name), NULL));
}

START_TEST(signatures_of_tf1_modules_count_when_they_fit) {
  ck_assert_str_eq(authored(images, false, "images"),
                   "image feature vector, image feature vector with "
                   "hyperparameters, image classification");
  ck_assert_str_eq(authored(images, true, "no_images"), "");
  ck_assert_str_eq(authored(bert, false, "bert"), "BERT tokens");
}
END_TEST

START_TEST(a_preprocessor_feeds_its_encoder_as_in_tensorflow) {
  const char *text[] = {"a calm day", "", "one two three four five six seven"};
  static const char *const part[] = {"input_word_ids", "input_mask",
                                     "input_type_ids"};
  double wanted[64];
  ht_module *pre = open_tagged(behaviour("preprocessor"), NULL);
  ht_module *enc = open_tagged(behaviour("encoder"), NULL);
  ht_net *net;
  ht_named packed[3];
  OK(ht_net_new(&net));
  ht_symbol s = ht_net_input(net, "text", HT_STRING, 1, (int64_t[]){-1});
  ht_symbol p = ht_net_apply(net, pre, NULL, HT_NAMED({NULL, s}));
  for (int i = 0; i < 3; i++)
    packed[i] = (ht_named){part[i], ht_net_output(net, p, part[i])};
  ht_symbol y = ht_net_apply(net, enc, NULL, 3, packed);
  y = ht_net_output(net, y, "pooled_output");
  OK(ht_net_status(net));
  ht_arrays *out =
      evaluated(net, HT_NAMED({"text", s}), y,
                SET({"text", array(HT_STRING, 1, (int64_t[]){3}, text)}));
  int n = golden("encoded", wanted);
  for (int i = 0; i < n; i++) NEAR(at(out, "y", i), wanted[i]);
  ht_arrays_free(out);
  ht_net_free(net);
  ht_module_free(pre);
  ht_module_free(enc);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests,
                 modules_of_tensorflow_have_the_interfaces_that_they_are_for);
  tcase_add_test(tests, signatures_of_tf1_modules_count_when_they_fit);
  tcase_add_test(tests, a_preprocessor_feeds_its_encoder_as_in_tensorflow);
}

int main(void) { return main_of("interfaces", add); }
