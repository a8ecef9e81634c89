/* test_twins.c - ops that TensorFlow has no kernel for on CPUs, or whose bytes
 * are a library's: held against their twins. */
#include "config.h"
#include "ops/op.h"
#include "test.h"

static ht_run run;

static ht_tensor make(ht_dtype dtype, ht_shape shape) {
  ht_tensor t;
  OK(ht_tensor_new(NULL, dtype, &shape, &t));
  return t;
}

/* ---- CTCLossV2 */

enum { STEPS = 5, BATCH = 2, CLASSES = 4, LABELS = 4 };

/* Class k of the one is class k + 1 of the other, the last one the first. */
START_TEST(the_second_ctc_loss_is_the_first_with_the_blank_in_front) {
  static const int64_t at[2 * LABELS] = {0, 0, 0, 1, 1, 0, 1, 1};
  static const int32_t label[LABELS] = {0, 1, 2, 2}, length[BATCH] = {5, 4};
  ht_shape logits = {3, {STEPS, BATCH, CLASSES}};
  ht_tensor x[2] = {make(HT_FLOAT, logits), make(HT_FLOAT, logits)};
  ht_tensor l[2] = {make(HT_INT32, ht_shape_1(LABELS)),
                    make(HT_INT32, ht_shape_1(LABELS))};
  ht_tensor places = make(HT_INT64, ht_shape_2(LABELS, 2));
  ht_tensor lengths = make(HT_INT32, ht_shape_1(BATCH)), out[2][2];
  memcpy(places.data, at, sizeof at);
  memcpy(lengths.data, length, sizeof length);
  for (int i = 0; i < STEPS * BATCH * CLASSES; i++) {
    int other = i - i % CLASSES + (i + 1) % CLASSES;
    ht_f(&x[0])[i] = ht_f(&x[1])[other] = (float)(i * 7 % 11) / 4 - 1;
  }
  for (int i = 0; i < LABELS; i++) {
    ht_i32(&l[0])[i] = label[i];
    ht_i32(&l[1])[i] = label[i] + 1;
  }
  for (int k = 0; k < 2; k++)
    OK(ht_apply(&run, k ? "CTCLossV2" : "CTCLoss", "", 4,
                (const ht_tensor *[]){&x[k], &places, &l[k], &lengths}, 2,
                out[k]));
  for (int b = 0; b < BATCH; b++)
    ck_assert_float_eq_tol(ht_f(&out[0][0])[b], ht_f(&out[1][0])[b], 1e-5f);
  for (int i = 0; i < STEPS * BATCH * CLASSES; i++) {
    int other = i - i % CLASSES + (i + 1) % CLASSES;
    ck_assert_float_eq_tol(ht_f(&out[0][1])[i], ht_f(&out[1][1])[other], 1e-6f);
  }
  ht_i32(&l[1])[0] = 0;
  ht_tensor bad[2];
  FAILS(
      ht_apply(&run, "CTCLossV2", "", 4,
               (const ht_tensor *[]){&x[1], &places, &l[1], &lengths}, 2, bad),
      HT_USAGE, "a label stands behind a blank");
  for (int k = 0; k < 2; k++) {
    ht_tensor *all[] = {&x[k], &l[k], &out[k][0], &out[k][1]};
    for (int i = 0; i < 4; i++) ht_tensor_drop(all[i]);
  }
  ht_tensor_drop(&places);
  ht_tensor_drop(&lengths);
}
END_TEST

/* ---- files of images */

static ht_tensor picture(ht_dtype dtype, int channels) {
  ht_shape shape = {3, {9, 13, channels}};
  ht_tensor t = make(dtype, shape);
  for (int64_t i = 0; i < ht_count(&t); i++)
    if (dtype == HT_UINT8)
      HT_DATA(uint8_t, &t)[i] = (uint8_t)(i * 3);
    else
      HT_DATA(uint16_t, &t)[i] = (uint16_t)(i * 751);
  return t;
}

/* The pixels that come back from a file of that op. */
static ht_tensor there_and_back(const char *op, const char *settings,
                                const char *back, const char *wanted,
                                const ht_tensor *image) {
  ht_tensor file, found;
  OK(ht_apply(&run, op, settings, 1, &image, 1, &file));
  ck_assert_int_eq(file.shape.rank, 0);
  OK(ht_apply(&run, back, wanted, 1, (const ht_tensor *[]){&file}, 1, &found));
  ht_tensor_drop(&file);
  ck_assert(ht_shape_equal(&found.shape, &image->shape));
  ck_assert_int_eq(found.dtype, image->dtype);
  return found;
}

static int farthest(const ht_tensor *a, const ht_tensor *b) {
  int most = 0;
  for (int64_t i = 0; i < ht_count(a); i++) {
    int d = abs(HT_DATA(uint8_t, a)[i] - HT_DATA(uint8_t, b)[i]);
    if (d > most) most = d;
  }
  return most;
}

static void check_png(ht_dtype dtype, int channels, const char *settings) {
  ht_tensor image = picture(dtype, channels);
  ht_tensor found =
      there_and_back("EncodePng", settings, "DecodePng",
                     dtype == HT_UINT16 ? "dtype=uint16" : "", &image);
  ck_assert_mem_eq(found.data, image.data, ht_tensor_bytes(&image));
  ht_tensor_drop(&image);
  ht_tensor_drop(&found);
}

static void check_jpeg(int channels, const char *settings, int most) {
  ht_tensor image = picture(HT_UINT8, channels);
  ht_tensor found = there_and_back("EncodeJpeg", settings, "DecodeJpeg",
                                   "dct_method='INTEGER_ACCURATE'", &image);
  ck_assert_int_le(farthest(&image, &found), most);
  ht_tensor_drop(&image);
  ht_tensor_drop(&found);
}

START_TEST(encoded_images_decode_to_their_pixels) {
#ifdef HAVE_PNG
  for (int channels = 1; channels <= 4; channels++) {
    check_png(HT_UINT8, channels, "");
    check_png(HT_UINT16, channels, "compression=9");
  }
  check_png(HT_UINT8, 3, "compression=0");
#endif
#ifdef HAVE_JPEG
  check_jpeg(1, "quality=100", 2);
  check_jpeg(1, "quality=100 progressive=true format='grayscale'", 2);
  check_jpeg(3, "quality=100 chroma_downsampling=false", 4);
  check_jpeg(3, "quality=100 optimize_size=true chroma_downsampling=false", 4);
#endif
}
END_TEST

START_TEST(an_image_that_no_file_can_hold_is_refused) {
  ht_tensor out, five = picture(HT_UINT8, 5), two = picture(HT_UINT8, 2);
  const ht_tensor *in = &five;
  FAILS(ht_apply(&run, "EncodePng", "", 1, &in, 1, &out), HT_USAGE,
        "5 channels");
  in = &two;
  FAILS(ht_apply(&run, "EncodeJpeg", "", 1, &in, 1, &out), HT_USAGE,
        "JPEG has no 2");
  FAILS(ht_apply(&run, "EncodePng", "compression=10", 1, &in, 1, &out),
        HT_USAGE, "compression 10");
  ht_tensor_drop(&five);
  ht_tensor_drop(&two);
}
END_TEST

/* ---- convolutions */

enum { PIXELS = 9, CHANNELS = 20, EACH = 2, SIZE = 7 };

static ht_tensor drawn(ht_shape shape, int seed) {
  ht_tensor t = make(HT_FLOAT, shape);
  for (int64_t i = 0; i < ht_count(&t); i++)
    ht_f(&t)[i] = (float)((i * 37 + seed) % 23) / 11 - 1;
  return t;
}

static ht_tensor sizes(const ht_shape *s) {
  ht_tensor t = make(HT_INT32, ht_shape_1(4));
  for (int i = 0; i < 4; i++) ht_i32(&t)[i] = (int32_t)s->dim[i];
  return t;
}

/* Runs both; [0] has a filter for each channel, [1] groups of one. */
static void like_each_other(const char *const op[2], const ht_tensor *in[2][3],
                            int n) {
  static const char attrs[] = "strides=[1,2,2,1] padding='SAME'";
  ht_tensor out[2];
  for (int k = 0; k < 2; k++)
    OK(ht_apply(&run, op[k], attrs, n, in[k], 1, &out[k]));
  ck_assert_int_eq(ht_count(&out[0]), ht_count(&out[1]));
  for (int64_t i = 0; i < ht_count(&out[0]); i++)
    ck_assert_float_eq_tol(ht_f(&out[0])[i], ht_f(&out[1])[i], 1e-5f);
  for (int k = 0; k < 2; k++) ht_tensor_drop(&out[k]);
}

START_TEST(groups_of_one_channel_are_a_filter_for_each) {
  ht_shape sx = {4, {2, PIXELS, PIXELS, CHANNELS}},
           sy = {4, {2, (PIXELS + 1) / 2, (PIXELS + 1) / 2, CHANNELS * EACH}},
           sf[2] = {{4, {SIZE, SIZE, CHANNELS, EACH}},
                    {4, {SIZE, SIZE, 1, CHANNELS * EACH}}};
  ht_tensor x = drawn(sx, 1), dy = drawn(sy, 2), nx = sizes(&sx);
  ht_tensor f[2] = {drawn(sf[0], 3), drawn(sf[1], 3)};
  ht_tensor nf[2] = {sizes(&sf[0]), sizes(&sf[1])};
  like_each_other((const char *[]){"DepthwiseConv2dNative", "Conv2D"},
                  (const ht_tensor *[2][3]){{&x, &f[0]}, {&x, &f[1]}}, 2);
  like_each_other(
      (const char *[]){"DepthwiseConv2dNativeBackpropInput",
                       "Conv2DBackpropInput"},
      (const ht_tensor *[2][3]){{&nx, &f[0], &dy}, {&nx, &f[1], &dy}}, 3);
  like_each_other(
      (const char *[]){"DepthwiseConv2dNativeBackpropFilter",
                       "Conv2DBackpropFilter"},
      (const ht_tensor *[2][3]){{&x, &nf[0], &dy}, {&x, &nf[1], &dy}}, 3);
  ht_tensor *all[] = {&x, &dy, &nx, &f[0], &f[1], &nf[0], &nf[1]};
  for (int i = 0; i < 7; i++) ht_tensor_drop(all[i]);
}
END_TEST

static void add(TCase *c) {
  tcase_add_test(c, groups_of_one_channel_are_a_filter_for_each);
  tcase_add_test(c, the_second_ctc_loss_is_the_first_with_the_blank_in_front);
  tcase_add_test(c, encoded_images_decode_to_their_pixels);
  tcase_add_test(c, an_image_that_no_file_can_hold_is_refused);
}

int main(void) { return test_main("twins", add); }
