/*
 * targets.c - see targets.h. A target may refuse whatever it likes; what it
 * takes has to be usable. Readers of files get one in a folder of the
 * process.
 */
#include "targets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "data/dataset.h"
#include "format/bundle.h"
#include "format/embeddings.h"
#include "format/image.h"
#include "format/npy.h"
#include "format/npz.h"
#include "format/sstable.h"
#include "format/unpack.h"
#include "graph/plan.h"
#include "hub/bucket.h"
#include "hub/kaggle.h"
#include "hub/model.h"
#include "kernels/regex.h"
#include "targets_ops.h"
#include "train/train.h"

static char folder[64];
static ht_arena arena;

static void sweep(void) {
  ht_status st = ht_folder_remove(folder);
  (void)st;
}

/* A path in the folder of this process. */
static const char *place(const char *name) {
  if (!*folder) {
    const char *in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/hubtune-fuzz-XXXXXX", in);
    if (!mkdtemp(folder)) abort();
    atexit(sweep);
  }
  return ht_path_join(&arena, folder, name);
}

static const char *store(const char *name, const void *data, size_t n) {
  const char *path = place(name);
  FILE *f = fopen(path, "wb");
  if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0) abort();
  return path;
}

static void done(ht_status st) {
  if (st.code != HT_OK && (!st.msg || !*st.msg)) abort();
  ht_arena_free(&arena);
}

/* ---- modules */

/* Runs what a module offers on small inputs; what it answers is its own. */
static void call(ht_module *module, const ht_callable_info *info) {
  ht_function *function = NULL;
  ht_arrays *inputs = NULL, *outputs = NULL, *gradients = NULL;
  ht_choice choice = {0};
  *(info->signature ? &choice.signature : &choice.call) = info->name;
  if (ht_function_open(module, &choice, NULL, &function).code != HT_OK) return;
  ht_status st = ht_arrays_new(&inputs);
  for (int i = 0; i < info->n_inputs && st.code == HT_OK; i++) {
    const ht_port_info *in = &info->input[i];
    int64_t dim[8];
    ht_array *a = NULL;
    int rank = in->rank < 0 ? 1 : in->rank;
    for (int k = 0; k < rank && k < 8; k++)
      dim[k] = in->rank < 0 || in->dim[k] < 0 || in->dim[k] > 64 ? 2
                                                                 : in->dim[k];
    st = ht_array_new(in->dtype, rank, dim, &a);
    if (st.code == HT_OK) st = ht_arrays_put(inputs, in->name, a);
  }
  if (st.code == HT_OK)
    st = ht_function_gradients(function, inputs, NULL, &outputs, &gradients);
  if (st.code != HT_OK) st = ht_function_run(function, inputs, &outputs);
  ht_arrays_free(gradients);
  ht_arrays_free(outputs);
  ht_arrays_free(inputs);
  ht_function_free(function);
}

static ht_status open_module(const char *path) {
  const ht_module_info *info;
  const ht_missing_info *missing;
  ht_module *module = NULL;
  int n;
  ht_module_options options = ht_module_defaults();
  options.threads = 1;
  ht_status st = ht_module_open(path, &options, &module);
  if (st.code == HT_OK) st = ht_module_inspect(module, &info);
  for (int g = 0; g < 2 && st.code == HT_OK; g++)
    st = ht_module_missing(module, g, &missing, &n);
  for (int i = 0; st.code == HT_OK && i < info->n_callables && i < 8; i++)
    call(module, &info->callable[i]);
  ht_module_free(module);
  return st;
}

/* Four bytes of a length, which is taken off the front; what is left. */
static size_t length_of(const uint8_t **data, size_t *n) {
  uint32_t size = 0;
  if (*n < sizeof size) return 0;
  memcpy(&size, *data, sizeof size);
  *data += sizeof size;
  *n -= sizeof size;
  return size;
}

static void store_part(const char *name, const uint8_t **data, size_t *n,
                       size_t size) {
  if (size > *n) size = *n;
  store(name, *data, size);
  *data += size;
  *n -= size;
}

/* Two lengths, then saved_model.pb with its graphs, functions and objects, the
 * index of its variables, and their data. */
static void run_saved_model(const uint8_t *data, size_t n) {
  size_t graphs = length_of(&data, &n), index = length_of(&data, &n);
  ht_status st = ht_folder_make(place("variables"));
  if (st.code == HT_OK) st = ht_folder_make(place("assets"));
  if (st.code != HT_OK) abort();
  store("assets/tokens.txt", "cat\ndog\n", 8);
  store("assets/words.txt", "cat\ndog\n", 8);
  store_part("saved_model.pb", &data, &n, graphs);
  store_part("variables/variables.index", &data, &n, index);
  store_part("variables/variables.data-00000-of-00001", &data, &n, n);
  done(open_module(folder));
}

/* tfhub_module.pb beside nothing else. */
static void run_module_def(const uint8_t *data, size_t n) {
  static const unsigned char saved[] = {0x12, 2, 0x0a, 0}; /* one graph */
  store("saved_model.pb", saved, sizeof saved);
  store("tfhub_module.pb", data, n);
  ht_status st = open_module(folder);
  unlink(place("tfhub_module.pb"));
  done(st);
}

/* ---- checkpoints: a length of four bytes, so much of the index, the rest is
 * the data file */

static void run_bundle(const uint8_t *data, size_t n) {
  ht_bundle *bundle;
  size_t index = length_of(&data, &n);
  store_part("b.index", &data, &n, index);
  store_part("b.data-00000-of-00001", &data, &n, n);
  ht_status st = ht_bundle_open(place("b"), &bundle);
  if (st.code == HT_OK) {
    st = ht_bundle_verify(bundle);
    for (int i = 0; i < ht_bundle_count(bundle); i++) {
      const ht_bundle_entry *e = ht_bundle_at(bundle, i);
      size_t width = ht_bundle_width(e->dtype);
      if (e->count < 0 || e->count > 1 << 20) continue;
      void *to = calloc((size_t)e->count + 1, sizeof(ht_bundle_string));
      ht_status ignored = !to ? st
                          : width && width <= sizeof(ht_bundle_string)
                              ? ht_bundle_read(bundle, e, to)
                          : e->dtype == HT_STRING
                              ? ht_bundle_strings(bundle, e, to)
                              : st;
      (void)ignored;
      free(to);
    }
    ht_bundle_close(bundle);
  }
  done(st);
}

static ht_status count_entry(void *arg, const char *key, size_t key_n,
                             const char *value, size_t value_n) {
  size_t *sum = arg;
  for (size_t i = 0; i < key_n; i++) *sum += (unsigned char)key[i];
  for (size_t i = 0; i < value_n; i++) *sum += (unsigned char)value[i];
  return HT_SUCCESS;
}

/* The table of an index, its blocks with Snappy. */
static void run_sstable(const uint8_t *data, size_t n) {
  size_t sum = 0;
  done(ht_sstable_walk(data, n, count_entry, &sum));
}

/* ---- arrays */

static void run_npy(const uint8_t *data, size_t n) {
  ht_npy a = {0};
  ht_status st = ht_npy_read(store("a.npy", data, n), &a);
  ht_npy_free(&a);
  done(st);
}

static ht_status take_array(void *arg, const char *name, ht_npy *a) {
  (void)arg;
  return a->count < 0 || !*name ? ht_fail(HT_CORRUPT, "no name") : HT_SUCCESS;
}

static void run_npz(const uint8_t *data, size_t n) {
  done(ht_npz_read(store("a.npz", data, n), take_array, NULL));
}

/* ---- data sets */

static void read_data(const char *name, const uint8_t *data, size_t n) {
  ht_dataset set = {0};
  ht_read_options options = {.max_bytes = 64 << 20};
  ht_status st = ht_dataset_read(store(name, data, n), &options, &set);
  if (st.code == HT_OK) ht_dataset_free(&set);
  done(st);
}

static void run_csv(const uint8_t *data, size_t n) {
  read_data("d.csv", data, n);
}
static void run_tsv(const uint8_t *data, size_t n) {
  read_data("d.tsv", data, n);
}
static void run_jsonl(const uint8_t *data, size_t n) {
  read_data("d.jsonl", data, n);
}
static void run_lines(const uint8_t *data, size_t n) {
  read_data("d.txt", data, n);
}
static void run_gz(const uint8_t *data, size_t n) {
  read_data("d.csv.gz", data, n);
}
static void run_hdf5(const uint8_t *data, size_t n) {
  read_data("d.h5", data, n);
}
static void run_tfrecord(const uint8_t *data, size_t n) {
  read_data("d.tfrecord", data, n);
}

static void run_embeddings(const uint8_t *data, size_t n) {
  ht_embeddings e = {0};
  ht_embeddings_options o = {0};
  ht_status st = ht_embeddings_read(store("e.txt", data, n), &o, &e);
  if (st.code == HT_OK) ht_embeddings_free(&e);
  done(st);
}

static void run_vectors_bin(const uint8_t *data, size_t n) {
  ht_embeddings e = {0};
  ht_embeddings_options o = {0};
  ht_status st = ht_embeddings_read(store("e.bin", data, n), &o, &e);
  if (st.code == HT_OK) ht_embeddings_free(&e);
  done(st);
}

/* ---- images */

static void run_image(const uint8_t *data, size_t n) {
  for (int channels = 0; channels <= 4; channels += 3) {
    ht_image image = {0};
    ht_image_want want = {.channels = channels, .cut_off = channels == 3,
                          .upright = channels == 3, .ratio = 1};
    ht_status st = ht_image_read(data, n, &want, &image);
    if (st.code == HT_OK) free(image.pixels);
    done(st);
  }
}

/* ---- archives */

static void run_archive(const uint8_t *data, size_t n) {
  ht_unpack_limits limits = ht_unpack_usual(1 << 20);
  const char *out = place("out");
  const char *path = store("a.tar.gz", data, n);
  limits.members = 100;
  ht_status st = ht_folder_make(out);
  if (st.code == HT_OK) st = ht_unpack(path, out, &limits, NULL, NULL);
  if (ht_path_is_folder(out)) {
    ht_status ignored = ht_folder_remove(out);
    (void)ignored;
  }
  done(st);
}

/* ---- text */

/* The first line is a pattern, the rest a text. */
static void run_regex(const uint8_t *data, size_t n) {
  const uint8_t *line = memchr(data, '\n', n);
  size_t size = line ? (size_t)(line - data) : n;
  const char *s = line ? (const char *)line + 1 : "";
  size_t rest = line ? n - size - 1 : 0, whole[2], group[2];
  ht_regex *re = NULL;
  ht_regex_class class;
  ht_text out = {.max = 1 << 20};
  ht_status st = ht_regex_new((const char *)data, size, &re);
  if (st.code == HT_OK) {
    ht_regex_full_match(re, s, rest);
    ht_regex_find(re, s, rest, whole, group);
    ht_regex_classify(re, (const char *)data, size, &class);
    ht_rewrite rewrite = {"<\\0>", 4, true};
    ht_regex_replace(re, s, rest, &rewrite, &out);
  }
  ht_text_free(&out);
  ht_regex_free(re);
  done(st);
}

/* config.json of a run. */
static void run_config(const uint8_t *data, size_t n) {
  ht_training *training = NULL;
  const char *path = store("config.json", data, n);
  ht_status st = ht_training_new(&training);
  if (st.code == HT_OK) st = ht_training_read(training, path);
  ht_training_free(training);
  done(st);
}

/* A page of a bucket's list. */
static void run_bucket(const uint8_t *data, size_t n) {
  char *text = ht_arena_bytes(&arena, data, n);
  ht_bucket_list list = {"gs://b/a", "a/", 100, .arena = &arena};
  const char *next;
  if (!text) abort();
  ht_status st = ht_bucket_list_page(&list, text, &next);
  for (int i = 0; i < list.n; i++)
    if (strncmp(list.object[i].name, "../", 3) == 0) abort();
  done(st);
}

/* kaggle.json of a user. */
static void run_kaggle(const uint8_t *data, size_t n) {
  ht_login login;
  store("kaggle.json", data, n);
  setenv("KAGGLE_CONFIG_DIR", folder, 1);
  done(ht_kaggle_login(&arena, &login));
}

static void run_vocabulary(const uint8_t *data, size_t n) {
  target_vocabulary(store("words.txt", data, n));
  done(HT_SUCCESS);
}

const target targets[] = {
    {"archive", run_archive},
    {"bucket", run_bucket},
    {"bundle", run_bundle},
    {"config", run_config},
    {"csv", run_csv},
    {"embeddings", run_embeddings},
    {"example", target_example},
    {"fastbert", target_fastbert},
    {"gz", run_gz},
    {"hdf5", run_hdf5},
    {"image", run_image},
    {"jsonl", run_jsonl},
    {"kaggle", run_kaggle},
    {"lines", run_lines},
    {"module_def", run_module_def},
    {"npy", run_npy},
    {"npz", run_npz},
    {"regex", run_regex},
    {"saved_model", run_saved_model},
    {"sentencepiece", target_sentencepiece},
    {"sequence", target_sequence},
    {"sstable", run_sstable},
    {"tensor", target_tensor},
    {"text", target_text},
    {"tfrecord", run_tfrecord},
    {"tsv", run_tsv},
    {"vectors", run_vectors_bin},
    {"vocabulary", run_vocabulary},
    {NULL, NULL},
};

const target *target_find(const char *name) {
  for (const target *t = targets; t->name; t++)
    if (strcmp(t->name, name) == 0) return t;
  return NULL;
}
