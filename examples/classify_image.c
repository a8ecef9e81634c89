/*
 * classify_image.c - what is on a photo, says a classifier: loads a module,
 * decodes the image to what its input wants, and prints the best five of the
 * numbers that come out.
 *
 *     classify_image MODULE IMAGE [LABELS]
 *
 * LABELS is a text file with the name of a class on each line; without it
 * classes are numbered.
 */
#include <hubtune.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BEST = 5, MAX_CLASSES = 100000 };

/* Line k of the file, "class k" where there is none. */
static void name_of(const char *labels, int k, char name[256]) {
  FILE *f = labels ? fopen(labels, "r") : NULL;
  snprintf(name, 256, "class %d", k);
  for (int i = 0; f && i <= k && fgets(name, 256, f); i++)
    name[strcspn(name, "\r\n")] = 0;
  if (f) fclose(f);
}

/* The place of the greatest logit that is not above, or at, one before. */
static int64_t next_best(const ht_array *logits, int64_t n, int64_t before) {
  int64_t best = -1;
  for (int64_t i = 0; i < n; i++) {
    double v = ht_array_number(logits, i);
    double last = before < 0 ? 0 : ht_array_number(logits, before);
    if (before >= 0 && (v > last || (v == last && i <= before))) continue;
    if (best < 0 || v > ht_array_number(logits, best)) best = i;
  }
  return best;
}

static void print_best(const ht_array *logits, const char *labels) {
  char name[256];
  int64_t n = ht_array_count(logits), best = -1;
  printf("%lld logits\n", (long long)n);
  for (int k = 0; k < BEST && k < n; k++) {
    best = next_best(logits, n, best);
    if (best < 0) break; /* not a number */
    name_of(labels, (int)best, name);
    printf("%9.4f  %s\n", ht_array_number(logits, best), name);
  }
}

/* The only input, whatever it is called. */
static const char *input_of(ht_function *f) {
  const ht_callable_info *info;
  if (ht_function_info(f, &info).code != HT_OK || info->n_inputs != 1)
    return "images";
  return info->input[0].name;
}

static ht_status classify(ht_module *module, const char *image,
                          const char *labels) {
  ht_function *f;
  ht_arrays *in = NULL, *out = NULL;
  ht_array *pixels;
  ht_status st = ht_function_open(module, NULL, NULL, &f);
  if (st.code != HT_OK) return st;
  st = ht_arrays_new(&in);
  if (st.code == HT_OK) st = ht_function_parse(f, input_of(f), image, &pixels);
  if (st.code == HT_OK) st = ht_arrays_put(in, input_of(f), pixels);
  if (st.code == HT_OK) st = ht_function_run(f, in, &out);
  if (st.code == HT_OK) print_best(ht_arrays_at(out, 0), labels);
  ht_arrays_free(in);
  ht_arrays_free(out);
  ht_function_free(f);
  return st;
}

int main(int argc, char **argv) {
  ht_module *module;
  if (argc < 3) {
    fprintf(stderr, "usage: classify_image MODULE IMAGE [LABELS]\n");
    return 2;
  }
  ht_status st = ht_module_open(argv[1], NULL, &module);
  if (st.code == HT_OK) {
    st = classify(module, argv[2], argc > 3 ? argv[3] : NULL);
    if (st.code != HT_OK) fprintf(stderr, "classify_image: %s\n", st.msg);
    ht_module_free(module);
  } else {
    fprintf(stderr, "classify_image: %s\n", st.msg);
  }
  return st.code == HT_OK ? 0 : 1;
}
