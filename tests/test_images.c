/* test_images.c - files of images to pixels, to batches, to trainings: held
 * against TensorFlow's numbers in tests/golden/images.txt. */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parallel.h"
#include "data/images.h"
#include "test.h"

enum { MAX_FILES = 32, MAX_RESIZED = 16, HEIGHT = 12, WIDTH = 10 };

/* ---- the golden file */

typedef struct resized {
  int file;
  ht_resize_method method;
  int64_t height, width;
  float *value;
} resized;

static struct {
  ht_arena arena;
  const char *name[MAX_FILES];
  uint8_t *data[MAX_FILES], *pixels[MAX_FILES];
  size_t size[MAX_FILES];
  int64_t height[MAX_FILES], width[MAX_FILES];
  int n, n_resized;
  resized resized[MAX_RESIZED];
  float losses[16], kernel[32];
} golden;

static char folder[] = "/tmp/ht_images_XXXXXX";

static uint8_t *from_hex(const char *hex, size_t *n) {
  *n = strlen(hex) / 2;
  uint8_t *out = ht_alloc(&golden.arena, *n + 1, 1);
  for (size_t i = 0; i < *n; i++) {
    const char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
    out[i] = (uint8_t)strtoul(digits, NULL, 16);
  }
  return out;
}

static int floats(char *text, float *out, int most) {
  int n = 0;
  for (char *end; n < most; text = end) {
    float v = strtof(text, &end);
    if (end == text) break;
    out[n++] = v;
  }
  return n;
}

static void read_resized(char *rest) {
  static const char *const names[] = {"nearest", "bilinear", "bicubic", "area"};
  resized *r = &golden.resized[golden.n_resized++];
  char *method = strtok_r(NULL, " ", &rest);
  r->file = golden.n - 1;
  for (int i = 0; i < 4; i++)
    if (strcmp(method, names[i]) == 0) r->method = (ht_resize_method)i;
  r->height = strtol(strtok_r(NULL, " ", &rest), NULL, 10);
  r->width = strtol(strtok_r(NULL, " ", &rest), NULL, 10);
  int n = (int)(r->height * r->width * 3);
  r->value = ht_alloc(&golden.arena, (size_t)n, sizeof(float));
  ck_assert_int_eq(floats(rest, r->value, n), n);
}

static void read_line(char *line) {
  char *rest = NULL;
  const char *word = strtok_r(line, " ", &rest);
  int i = golden.n - 1;
  size_t n;
  if (strcmp(word, "file") == 0) {
    i = golden.n++;
    golden.name[i] = strtok_r(NULL, " ", &rest);
    golden.data[i] = from_hex(rest, &golden.size[i]);
  } else if (strcmp(word, "pixels") == 0) {
    golden.height[i] = strtol(strtok_r(NULL, " ", &rest), NULL, 10);
    golden.width[i] = strtol(strtok_r(NULL, " ", &rest), NULL, 10);
    golden.pixels[i] = from_hex(rest, &n);
    ck_assert(n == (size_t)(golden.height[i] * golden.width[i] * 3));
  } else if (strcmp(word, "resize") == 0) {
    read_resized(rest);
  } else if (strcmp(word, "losses") == 0) {
    ck_assert_int_eq(floats(rest, golden.losses, 16), 5);
  } else if (strcmp(word, "kernel") == 0) {
    ck_assert_int_eq(floats(rest, golden.kernel, 32), 18);
  }
}

/* What this build lacks the library for. */
static bool readable(int i) {
  ht_image image;
  ht_image_want want = {.channels = 3};
  ht_status st = ht_image_read(golden.data[i], golden.size[i], &want, &image);
  if (st.code == HT_OK) free(image.pixels);
  return !test_lacks(st);
}

static bool all_readable(void) {
  for (int i = 0; i < golden.n; i++)
    if (!readable(i)) {
      printf("skipped: this build cannot read %s\n", golden.name[i]);
      return false;
    }
  return true;
}

/* The files in class folders "a", "b" and "c". */
static void write_files(void) {
  for (int i = 0; i < golden.n; i++) {
    char *class = ht_arena_printf(&golden.arena, "%s/photos/%c", folder,
                                  golden.name[i][0]);
    OK(ht_folder_make(class));
    OK(ht_file_write(ht_path_join(&golden.arena, class, golden.name[i]),
                     golden.data[i], golden.size[i]));
  }
}

static void setup(void) {
  char path[1024], *text, *rest = NULL;
  size_t n;
  memset(&golden, 0, sizeof golden);
  ck_assert(mkdtemp(folder));
  char *name =
      ht_path_join(&golden.arena, test_folder(path), "golden/images.txt");
  OK(ht_file_read(name, 1 << 24, &golden.arena, &text, &n));
  for (char *line = strtok_r(text, "\n", &rest); line;
       line = strtok_r(NULL, "\n", &rest))
    read_line(line);
  ck_assert_int_eq(golden.n, 18);
  ck_assert_int_eq(golden.n_resized, 10);
  write_files();
}

static void teardown(void) {
  OK(ht_folder_remove(folder));
  ht_arena_free(&golden.arena);
}

static const char *own(const char *name) {
  return ht_path_join(&golden.arena, folder, name);
}

/* ---- pixels */

static ht_image_spec spec_of(int64_t height, int64_t width) {
  return (ht_image_spec){.height = height,
                         .width = width,
                         .channels = 3,
                         .method = HT_BILINEAR,
                         .high = 1,
                         .dtype = HT_FLOAT};
}

START_TEST(files_of_all_formats_have_the_pixels_that_tensorflow_reads) {
  ht_image_spec spec = spec_of(1, 1);
  int64_t i = _i;
  ht_image image;
  if (!readable((int)i)) return;
  OK(ht_image_decode(&spec, golden.data[i], golden.size[i], &image));
  ck_assert_int_eq(image.height, golden.height[i]);
  ck_assert_int_eq(image.width, golden.width[i]);
  ck_assert(image.channels == 3 && image.bits == 8);
  size_t size = (size_t)(image.height * image.width * 3);
  ck_assert_msg(memcmp(image.pixels, golden.pixels[i], size) == 0, "%s",
                golden.name[i]);
  free(image.pixels);
}
END_TEST

START_TEST(images_are_resized_to_the_values_of_tensorflow) {
  const resized *r = &golden.resized[_i];
  ht_image image = {golden.height[r->file], golden.width[r->file], 3, 8,
                    golden.pixels[r->file]};
  ht_image_spec spec = spec_of(r->height, r->width);
  ht_image_taps taps = {0};
  int64_t n = r->height * r->width * 3;
  float *out = malloc((size_t)n * sizeof *out);
  spec.method = r->method;
  OK(ht_image_fit(&spec, &image, &taps, out));
  for (int64_t k = 0; k < n; k++)
    ck_assert_float_eq_tol(out[k], r->value[k], 1e-6f);
  free(out);
  ht_image_taps_free(&taps);
}
END_TEST

/* Cut at any length and with any byte changed: an image or a failure. */
START_TEST(damaged_files_are_refused_or_read_without_harm) {
  ht_image_spec spec = spec_of(1, 1);
  for (size_t k = 0; k < golden.size[_i]; k++) {
    ht_image image;
    uint8_t *copy = malloc(golden.size[_i]);
    memcpy(copy, golden.data[_i], golden.size[_i]);
    copy[k] = (uint8_t)(copy[k] ^ (k % 2 ? 0xff : 0x11));
    if (ht_image_decode(&spec, copy, golden.size[_i], &image).code == HT_OK)
      free(image.pixels);
    free(copy);
    copy = malloc(k + 1); /* of its own, so that reads past it are seen */
    memcpy(copy, golden.data[_i], k);
    ht_status st = ht_image_decode(&spec, copy, k, &image);
    if (st.code == HT_OK)
      free(image.pixels);
    else
      ck_assert(!image.pixels);
    free(copy);
  }
}
END_TEST

/* ---- batches */

/* The files as a column of paths. */
static void read_photos(ht_dataset *d, const ht_column **images) {
  OK(ht_dataset_read(own("photos"), NULL, d));
  ck_assert_int_eq(d->n, golden.n);
  *images = ht_dataset_find(d, "image");
  ck_assert(*images);
}

static int n_notices;
static char last_notice[HT_MESSAGE_MAX];
static void count_notice(void *arg, const char *text) {
  (void)arg;
  n_notices++;
  snprintf(last_notice, sizeof last_notice, "%s", text);
}

static ht_images *open_images(const ht_column *c, const char *augment,
                              uint64_t seed, int64_t skip) {
  ht_images *images;
  ht_images_options o = {.spec = spec_of(HEIGHT, WIDTH),
                         .path = "photos",
                         .skip = skip,
                         .notice = count_notice};
  n_notices = 0;
  OK(ht_augment_parse(augment, seed, &o.spec.augment));
  OK(ht_images_open(c, &o, &images));
  return images;
}

static ht_tensor batch(ht_images *images, int64_t epoch, int64_t n,
                       const int64_t *index) {
  bool good[MAX_FILES];
  ht_tensor out;
  OK(ht_images_read(images, epoch, index, n, good, &out));
  return out;
}

static bool same(const ht_tensor *a, const ht_tensor *b) {
  return ht_tensor_bytes(a) == ht_tensor_bytes(b) &&
         memcmp(a->data, b->data, ht_tensor_bytes(a)) == 0;
}

START_TEST(a_batch_is_the_same_on_any_threads_and_read_ahead_or_not) {
  ht_dataset d;
  const ht_column *c;
  const int64_t index[6] = {7, 0, 11, 6, 2, 8};
  read_photos(&d, &c);
  ht_tensor first = {0};
  for (int threads = 1; threads <= 5; threads += 2) {
    ht_threads_set(threads);
    ht_images *images = open_images(c, "flip,rotation,color", 1, 99);
    OK(ht_images_expect(images, 3, index, 6));
    ht_tensor ahead = batch(images, 3, 6, index);
    OK(ht_images_expect(images, 4, index, 6)); /* nobody asks for it */
    ht_tensor at_once = batch(images, 3, 6, index);
    ck_assert(same(&ahead, &at_once));
    if (!first.dtype) first = ht_tensor_share(&ahead);
    ck_assert(same(&ahead, &first));
    ht_tensor_drop(&ahead);
    ht_tensor_drop(&at_once);
    ht_images_free(images);
  }
  ht_tensor_drop(&first);
  ht_threads_set(0);
  ht_dataset_free(&d);
}
END_TEST

/* The files' names lead nowhere in the third epoch. */
START_TEST(an_image_is_decoded_twice_and_then_kept) {
  ht_dataset d;
  const ht_column *c;
  const int64_t index[3] = {7, 0, 11};
  read_photos(&d, &c);
  for (int augmented = 0; augmented < 2; augmented++) {
    ht_images *images = open_images(c, augmented ? "flip,color" : NULL, 1, 0);
    ht_tensor fresh = batch(images, 2, 3, index), kept;
    ht_tensor_drop(&fresh);
    fresh = batch(images, 2, 3, index);
    ht_string name[3];
    for (int i = 0; i < 3; i++) {
      name[i] = ht_str(&c->value)[index[i]];
      ht_str(&c->value)[index[i]] = (ht_string){"gone", 4};
    }
    kept = batch(images, 2, 3, index);
    ck_assert(same(&fresh, &kept));
    ht_tensor_drop(&kept);
    ht_images_free(images);
    images = open_images(c, augmented ? "flip,color" : NULL, 1, 0);
    bool good[3];
    FAILS(ht_images_read(images, 2, index, 3, good, &kept), HT_CORRUPT, "gone");
    for (int i = 0; i < 3; i++) ht_str(&c->value)[index[i]] = name[i];
    ht_tensor_drop(&fresh);
    ht_images_free(images);
  }
  ht_dataset_free(&d);
}
END_TEST

START_TEST(an_image_changes_by_seed_epoch_and_example_alone) {
  ht_dataset d;
  const ht_column *c;
  const int64_t alone[1] = {6}, among[3] = {8, 6, 7};
  if (!all_readable()) return;
  read_photos(&d, &c);
  ht_images *a = open_images(c, "flip,crop,zoom,rotation,color", 1, 99);
  ht_images *b = open_images(c, "flip,crop,zoom,rotation,color", 2, 99);
  ht_tensor x = batch(a, 0, 1, alone), y = batch(a, 0, 3, among);
  ht_tensor row = ht_tensor_rows(&y, 1, 1);
  ck_assert(memcmp(x.data, row.data, ht_tensor_bytes(&x)) == 0);
  ht_tensor epoch = batch(a, 1, 1, alone), seed = batch(b, 0, 1, alone);
  ht_tensor plain = batch(a, HT_UNCHANGED, 1, alone);
  ck_assert(!same(&x, &epoch) && !same(&x, &seed) && !same(&x, &plain));
  for (int64_t i = 0; i < ht_count(&x); i++)
    ck_assert(ht_f(&x)[i] >= 0 && ht_f(&x)[i] <= 1);
  ht_tensor all[] = {x, y, row, epoch, seed, plain};
  for (int i = 0; i < 6; i++) ht_tensor_drop(&all[i]);
  ht_images_free(a);
  ht_images_free(b);
  ht_dataset_free(&d);
}
END_TEST

START_TEST(half_of_the_images_are_mirrored_and_none_else_changed) {
  ht_dataset d;
  const ht_column *c;
  const int64_t index[1] = {6};
  int mirrored = 0;
  if (!all_readable()) return;
  read_photos(&d, &c);
  ht_images *images = open_images(c, "flip", 5, 99);
  ht_tensor plain = batch(images, HT_UNCHANGED, 1, index);
  for (int epoch = 0; epoch < 40; epoch++) {
    ht_tensor x = batch(images, epoch, 1, index);
    bool flipped = fabsf(ht_f(&x)[0] - ht_f(&plain)[0]) > 1e-4f;
    mirrored += flipped;
    for (int i = 0; i < HEIGHT; i++)
      for (int j = 0; j < WIDTH; j++) {
        int from = flipped ? WIDTH - 1 - j : j;
        ck_assert_float_eq_tol(ht_f(&x)[(i * WIDTH + j) * 3],
                               ht_f(&plain)[(i * WIDTH + from) * 3], 1e-5f);
      }
    ht_tensor_drop(&x);
  }
  ck_assert(mirrored > 10 && mirrored < 30);
  ht_tensor_drop(&plain);
  ht_images_free(images);
  ht_dataset_free(&d);
}
END_TEST

START_TEST(a_broken_image_is_named_skipped_and_counted) {
  ht_dataset d;
  const ht_column *c;
  const int64_t index[3] = {6, 7, 8};
  bool good[3];
  ht_tensor out;
  OK(ht_file_write(own("photos/b/b1.png"), "no image", 8));
  OK(ht_file_write(own("photos/b/b3_alpha.png"), golden.data[8], 60));
  if (!all_readable()) return;
  read_photos(&d, &c);
  ht_images *images = open_images(c, NULL, 0, 2);
  OK(ht_images_read(images, HT_UNCHANGED, index, 3, good, &out));
  ck_assert(!good[0] && good[1] && !good[2]);
  ht_tensor_drop(&out);
  OK(ht_images_read(images, HT_UNCHANGED, index, 3, good, &out));
  ht_tensor_drop(&out);
  ck_assert_int_eq(n_notices, 2); /* each once */
  ck_assert(strstr(last_notice, "b3_alpha.png"));
  ck_assert(strstr(last_notice, "2 so far"));
  ck_assert(ht_images_broken(images, 6) && !ht_images_broken(images, 7));
  ht_images_free(images);
  images = open_images(c, NULL, 0, 1);
  FAILS(ht_images_read(images, HT_UNCHANGED, index, 3, good, &out), HT_CORRUPT,
        "more than 1 images cannot be read");
  ht_images_free(images);
  ht_dataset_free(&d);
}
END_TEST

START_TEST(amounts_of_augmentation_are_read) {
  ht_augment a;
  OK(ht_augment_parse("flip,crop:0.5,rotation", 3, &a));
  ck_assert(a.any && a.flip && a.crop == 0.5 && a.rotation == 20);
  ck_assert(a.zoom == 0 && a.color == 0 && a.seed == 3);
  OK(ht_augment_parse(NULL, 3, &a));
  ck_assert(!a.any);
  static const char *const wrong[] = {
      "",       "flap",       "crop:",     "crop:2",
      "flip:1", "flip,,crop", "crop:0.1x", "zoom:-1"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    FAILS(ht_augment_parse(wrong[i], 0, &a), HT_USAGE, "'--augment' wants");
}
END_TEST

/* ---- trainings */

static ht_status run_training(const char *run, int n,
                              const char *const (*setting)[2]) {
  char path[1024];
  ht_training *t;
  char *module =
      ht_path_join(&golden.arena, test_folder(path), "models/images");
  OK(ht_training_new(&t));
  OK(ht_training_set(t, "module", module));
  OK(ht_training_set(t, "data", own("photos")));
  OK(ht_training_set(t, "out", own(run)));
  for (int i = 0; i < n; i++)
    OK(ht_training_set(t, setting[i][0], setting[i][1]));
  ht_status st = ht_training_run(t, NULL, NULL);
  ht_training_free(t);
  return st;
}
#define TRAIN(run, ...)                                                  \
  do {                                                                   \
    const char *const settings[][2] = {__VA_ARGS__};                     \
    OK(run_training(run, sizeof settings / sizeof *settings, settings)); \
  } while (0)

static void read_losses(const char *run, float *loss, int n) {
  char *text;
  size_t size;
  char *path = ht_path_join(&golden.arena, own(run), "log.jsonl");
  OK(ht_file_read(path, 1 << 20, &golden.arena, &text, &size));
  for (int i = 0; i < n; i++) {
    text = strstr(text, "{\"step\":");
    ck_assert(text != NULL);
    text = strstr(text, "\"loss\":") + 7;
    loss[i] = strtof(text, &text);
  }
}

/* All of a run's last weights. */
static char *weights(const char *run, size_t *n) {
  char **name, *data = NULL;
  int names;
  char *path = ht_path_join(&golden.arena, own(run), "checkpoints");
  OK(ht_folder_list(path, &golden.arena, &name, &names));
  for (int i = 0; i < names; i++)
    if (strncmp(name[i], "best", 4) == 0 && strstr(name[i], ".data"))
      OK(ht_file_read(ht_path_join(&golden.arena, path, name[i]), 1 << 20,
                      &golden.arena, &data, n));
  ck_assert(data != NULL);
  return data;
}

START_TEST(a_training_on_files_takes_the_steps_of_tensorflow) {
  float loss[5];
  if (!all_readable()) return;
  TRAIN("run", {"trainable", NULL}, {"optimizer", "sgd"}, {"lr", "0.1"},
        {"module-lr", "0.05"}, {"head-init", "zeros"}, {"batch", "4"},
        {"no-shuffle", NULL}, {"epochs", "1"});
  read_losses("run", loss, 5);
  for (int i = 0; i < 5; i++)
    ck_assert_float_eq_tol(loss[i], golden.losses[i], 2e-5f);
}
END_TEST

START_TEST(a_training_that_is_resumed_changes_images_alike) {
  size_t n, m;
  /* of steps of one image each, some have none */
  OK(ht_file_write(own("photos/b/b1.png"), "no image", 8));
  TRAIN("whole", {"trainable", NULL}, {"augment", "flip,crop,rotation,color"},
        {"batch", "1"}, {"epochs", "3"}, {"skip-broken", "20"});
  TRAIN("parts", {"trainable", NULL}, {"augment", "flip,crop,rotation,color"},
        {"batch", "1"}, {"epochs", "1"}, {"skip-broken", "20"});
  TRAIN("parts", {"trainable", NULL}, {"augment", "flip,crop,rotation,color"},
        {"batch", "1"}, {"epochs", "3"}, {"skip-broken", "20"},
        {"resume", NULL});
  char *a = weights("whole", &n), *b = weights("parts", &m);
  ck_assert(n == m && memcmp(a, b, n) == 0);
}
END_TEST

typedef struct answers {
  float score[MAX_FILES][3];
  int n, broken;
} answers;

static bool take_scores(void *arg, const float *score, int n) {
  answers *a = arg;
  if (n == 3) memcpy(a->score[a->n], score, sizeof a->score[0]);
  a->broken += n == 0;
  a->n++;
  return true;
}

START_TEST(answers_to_a_folder_have_a_line_for_each_image) {
  ht_result *result;
  answers all = {0}, one = {0};
  TRAIN("run", {"epochs", "1"}, {"skip-broken", "20"});
  OK(ht_file_write(own("photos/a/a1_444.jpg"), "no image", 8));
  OK(ht_result_open(own("run"), &result));
  OK(ht_result_predict(result, own("photos"), take_scores, &all));
  ck_assert_int_eq(all.n, golden.n);
  ck_assert(all.broken >= 1);
  OK(ht_result_predict(result, own("photos/c/c1.bmp"), take_scores, &one));
  ck_assert_int_eq(one.n, 1);
  for (int k = 0; k < 3; k++)
    ck_assert_float_eq_tol(one.score[0][k], all.score[12][k], 1e-6f);
  ht_result_free(result);
}
END_TEST

/* Files 0, 3 and 6: JPEG, JPEG, PNG, upright. */
static ht_array *three_files(void) {
  ht_array *a;
  int64_t dim = 3;
  OK(ht_array_new(HT_STRING, 1, &dim, &a));
  for (int i = 0; i < 3; i++)
    OK(ht_array_set_string(a, i, (char *)golden.data[3 * i],
                           golden.size[3 * i]));
  return a;
}

START_TEST(the_exported_model_answers_files_as_the_run_does) {
  ht_module *module;
  ht_function *f;
  ht_arrays *in, *out;
  ht_result *result;
  answers all = {0};
  ht_choice choice = {.signature = "serving_bytes"};
  if (!all_readable()) return;
  TRAIN("run", {"epochs", "2"});
  OK(ht_module_open(own("run/model"), NULL, &module));
  OK(ht_function_open(module, &choice, NULL, &f));
  OK(ht_arrays_new(&in));
  OK(ht_arrays_put(in, "image_bytes", three_files()));
  OK(ht_function_run(f, in, &out));
  OK(ht_result_open(own("run"), &result));
  OK(ht_result_predict(result, own("photos"), take_scores, &all));
  const ht_array *scores = ht_arrays_find(out, "scores");
  for (int i = 0; i < 9; i++)
    ck_assert_double_eq_tol(ht_array_number(scores, i),
                            (double)all.score[3 * (i / 3)][i % 3], 1e-5);
  ht_result_free(result);
  ht_arrays_free(in);
  ht_arrays_free(out);
  ht_function_free(f);
  ht_module_free(module);
}
END_TEST

static void add(TCase *t) {
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_loop_test(
      t, files_of_all_formats_have_the_pixels_that_tensorflow_reads, 0, 18);
  tcase_add_loop_test(t, images_are_resized_to_the_values_of_tensorflow, 0, 10);
  tcase_add_loop_test(t, damaged_files_are_refused_or_read_without_harm, 0, 18);
  tcase_add_test(t, a_batch_is_the_same_on_any_threads_and_read_ahead_or_not);
  tcase_add_test(t, an_image_is_decoded_twice_and_then_kept);
  tcase_add_test(t, an_image_changes_by_seed_epoch_and_example_alone);
  tcase_add_test(t, half_of_the_images_are_mirrored_and_none_else_changed);
  tcase_add_test(t, a_broken_image_is_named_skipped_and_counted);
  tcase_add_test(t, amounts_of_augmentation_are_read);
  tcase_add_test(t, a_training_on_files_takes_the_steps_of_tensorflow);
  tcase_add_test(t, a_training_that_is_resumed_changes_images_alike);
  tcase_add_test(t, answers_to_a_folder_have_a_line_for_each_image);
  tcase_add_test(t, the_exported_model_answers_files_as_the_run_does);
}

int main(void) { return test_main("images", add); }
