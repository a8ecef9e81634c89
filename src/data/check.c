/* check.c - see check.h. */
#include "data/check.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/map.h"
#include "data/split.h"

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory to check the data");
}

/* ---- columns */

static int by_real(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Sorts. */
static ht_check_range range_of(double *v, int64_t n) {
  if (!n) return (ht_check_range){0};
  qsort(v, (size_t)n, sizeof *v, by_real);
  return (ht_check_range){v[0], v[n / 2], v[n - 1]};
}

static bool is_text(const ht_column *c) {
  return c->value.dtype == HT_STRING && !c->splits && !c->whole &&
         c->value.shape.rank == 1;
}

static const char *type_of(const ht_column *c) {
  if (c->splits) return "set";
  if (c->value.shape.rank > 1 || c->whole) return "array";
  if (c->value.dtype == HT_STRING) return "text";
  return ht_dtype_floating(c->value.dtype) ? "number" : "integer";
}

static bool is_files(const ht_dataset *d, const ht_column *c) {
  return is_text(c) && strcmp(d->format, "folder") == 0 &&
         strcmp(c->name, "image") == 0;
}

static bool blank(ht_string s) {
  for (size_t i = 0; i < s.n; i++)
    if (!isspace((unsigned char)s.p[i])) return false;
  return true;
}

static double count_characters(ht_string s) {
  double n = 0;
  for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
  return n;
}

static double count_words(ht_string s) {
  double n = 0;
  bool inside = false;
  for (size_t i = 0; i < s.n; i++) {
    bool space = isspace((unsigned char)s.p[i]);
    n += !space && !inside;
    inside = !space;
  }
  return n;
}

static void measure_texts(const ht_column *c, double *v, ht_check_column *out) {
  const ht_string *s = ht_str(&c->value);
  out->texts = true;
  for (int64_t i = 0; i < c->n; i++) out->empty += blank(s[i]);
  for (int64_t i = 0; i < c->n; i++) v[i] = count_characters(s[i]);
  out->characters = range_of(v, c->n);
  for (int64_t i = 0; i < c->n; i++) v[i] = count_words(s[i]);
  out->words = range_of(v, c->n);
}

static void measure_numbers(const ht_column *c, double *v,
                            ht_check_column *out) {
  int64_t n = 0;
  out->measured = true;
  for (int64_t i = 0; i < c->n; i++) {
    v[n] = ht_real_at(&c->value, i);
    if (!isnan(v[n])) n++;
  }
  out->empty = c->n - n;
  out->value = range_of(v, n);
}

static ht_status look_at_column(const ht_dataset *d, const ht_column *c,
                                ht_check_column *out) {
  bool files = is_files(d, c);
  *out =
      (ht_check_column){.name = c->name, .type = files ? "image" : type_of(c)};
  if (c->whole) return HT_SUCCESS;
  out->distinct = ht_column_distinct(c);
  if (out->distinct < 0) return no_memory();
  if (files) return HT_SUCCESS;
  for (int64_t i = 0; c->splits && i < c->n; i++)
    out->empty += c->splits[i] == c->splits[i + 1];
  double *v = malloc((size_t)c->n * sizeof *v + 1);
  if (!v) return no_memory();
  if (is_text(c))
    measure_texts(c, v, out);
  else if (!c->splits && c->value.shape.rank == 1)
    measure_numbers(c, v, out);
  free(v);
  return HT_SUCCESS;
}

static ht_status look_at_columns(ht_check *k, int set) {
  const ht_dataset *d = &k->data[set];
  HT_NEW(k->column[set], &k->arena, d->n_columns + 1);
  for (int i = 0; i < d->n_columns; i++)
    HT_TRY(look_at_column(d, &d->column[i], &k->column[set][i]));
  return HT_SUCCESS;
}

/* ---- which column is what */

static ht_status find_columns(ht_check *k, int set, const ht_check_options *o) {
  const ht_dataset *d = &k->data[set];
  if (o->label)
    HT_TRY(ht_dataset_column(d, o->label, &k->label[set]));
  else
    k->label[set] = ht_dataset_label(d);
  if (o->text) return ht_dataset_column(d, o->text, &k->text[set]);
  for (int i = 0, n = 0; i < d->n_columns; i++) {
    const ht_column *c = &d->column[i];
    if (c == k->label[set] || c->whole) continue;
    k->text[set] = n++ == 0 && is_text(c) ? c : NULL;
  }
  const ht_column *usual = ht_dataset_find(d, "text");
  if (usual && usual != k->label[set] && is_text(usual)) k->text[set] = usual;
  return HT_SUCCESS;
}

/* ---- classes */

typedef struct counting {
  ht_check *k;
  ht_map map;
  int set, capacity;
} counting;

static ht_status count_one(void *arg, int64_t example, const char *label) {
  counting *w = arg;
  ht_check_class *c = ht_map_get(&w->map, label);
  (void)example;
  if (!c) {
    HT_NEW(c, &w->k->arena, 1);
    c->name = ht_arena_string(&w->k->arena, label);
    if (!c->name) return no_memory();
    HT_TRY(ht_map_put(&w->map, c->name, c));
  }
  c->n[w->set]++;
  return HT_SUCCESS;
}

static int by_count(const void *a, const void *b) {
  const ht_check_class *x = a, *y = b;
  if (x->n[0] != y->n[0]) return x->n[0] < y->n[0] ? 1 : -1;
  return strcmp(x->name, y->name);
}

static ht_status count_classes(ht_check *k, char separator) {
  counting w = {.k = k, .map = {.arena = &k->arena}};
  for (w.set = 0; w.set < k->n_sets; w.set++)
    if (k->label[w.set])
      HT_TRY(ht_labels_each(k->label[w.set], separator, count_one, &w));
  HT_NEW(k->class, &k->arena, w.map.n + 1);
  k->n_classes = w.map.n;
  for (int i = 0; i < w.map.n; i++)
    k->class[i] = *(ht_check_class *)w.map.entry[i].value;
  qsort(k->class, (size_t)k->n_classes, sizeof *k->class, by_count);
  return HT_SUCCESS;
}

static ht_status look_at_labels(ht_check *k) {
  ht_labels labels;
  if (!k->label[0]) return HT_SUCCESS;
  ht_status st = ht_labels_learn(k->label[0], HT_TASK_AUTO, 0, &labels);
  if (st.code == HT_NO_MEMORY) return st;
  if (st.code != HT_OK) {
    k->unfit = ht_arena_string(&k->arena, st.msg);
    return k->unfit ? HT_SUCCESS : no_memory();
  }
  k->task = labels.task;
  char separator = labels.separator;
  ht_labels_free(&labels);
  return k->task == HT_TASK_REGRESS ? HT_SUCCESS : count_classes(k, separator);
}

/* ---- examples that are alike */

typedef struct digest {
  uint64_t text, label;
  int64_t example;
  int set;
  int64_t first; /* where the first of the same text stands among all */
} digest;

/* Of what is left when case (of ASCII) and blanks do not count. */
static uint64_t hash_text(ht_string s) {
  char *own = malloc(s.n + 1);
  size_t n = 0;
  if (!own) return ht_hash(s.p, s.n);
  for (size_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (!isspace(c))
      own[n++] = (char)tolower(c);
    else if (n && own[n - 1] != ' ')
      own[n++] = ' ';
  }
  n -= n && own[n - 1] == ' ';
  uint64_t hash = ht_hash(own, n);
  free(own);
  return hash;
}

/* Images are told apart by their bytes. */
static uint64_t hash_file(const ht_column *c, int64_t i) {
  ht_arena arena = {0};
  char *data, *path = ht_arena_bytes(&arena, ht_str(&c->value)[i].p,
                                     ht_str(&c->value)[i].n);
  size_t n;
  uint64_t hash = ht_column_hash(c, i);
  if (path &&
      ht_file_read(path, (size_t)1 << 30, &arena, &data, &n).code == HT_OK)
    hash = ht_hash(data, n);
  ht_arena_free(&arena);
  return hash;
}

static uint64_t hash_example(const ht_check *k, int set, int64_t i) {
  const ht_dataset *d = &k->data[set];
  const ht_column *text = k->text[set];
  uint64_t hash = 0;
  if (text && is_files(d, text)) return hash_file(text, i);
  if (text) return hash_text(ht_str(&text->value)[i]);
  for (int c = 0; c < d->n_columns; c++) {
    const ht_column *column = &d->column[c];
    if (column == k->label[set] || column->whole) continue;
    hash = hash * 31 + ht_column_hash(column, i);
  }
  return hash;
}

static int by_digest(const void *a, const void *b) {
  const digest *x = a, *y = b;
  if (x->text != y->text) return x->text < y->text ? -1 : 1;
  if (x->set != y->set) return x->set - y->set;
  if (x->label != y->label) return x->label < y->label ? -1 : 1;
  return (x->example > y->example) - (x->example < y->example);
}

/* In the order of the file, of equal texts as by_digest has them. */
static int by_first(const void *a, const void *b) {
  const digest *x = a, *y = b;
  if (x->first != y->first) return x->first < y->first ? -1 : 1;
  return by_digest(a, b);
}

/* The end of the equal texts that begin at i. */
static int64_t equal_texts(const digest *d, int64_t i, int64_t n) {
  int64_t next = i + 1;
  while (next < n && d[next].text == d[i].text) next++;
  return next;
}

static void sort_digests(digest *d, int64_t n) {
  qsort(d, (size_t)n, sizeof *d, by_digest);
  for (int64_t i = 0, next; i < n; i = next) {
    int64_t first = d[i].first;
    next = equal_texts(d, i, n);
    for (int64_t k = i; k < next; k++)
      if (d[k].first < first) first = d[k].first;
    for (int64_t k = i; k < next; k++) d[k].first = first;
  }
  qsort(d, (size_t)n, sizeof *d, by_first);
}

static void concern(ht_check_trouble *t, const digest *a, const digest *b) {
  t->n++;
  if (a->set == b->set && a->example > b->example) {
    const digest *later = a;
    a = b;
    b = later;
  }
  if (t->n_shown == HT_CHECK_SHOWN) return;
  t->shown[t->n_shown++] = (ht_check_pair){.set = {a->set, b->set},
                                           .example = {a->example, b->example}};
}

/* Examples with one text, those of one label side by side. */
static void compare(ht_check *k, const digest *d, int64_t n) {
  const digest *same = &d[0];
  for (int64_t i = 1; i < n; i++) {
    bool again = d[i].set == same->set && d[i].label == same->label;
    if (d[i].set != d[0].set)
      concern(&k->overlap, &d[0], &d[i]);
    else if (d[0].set == 0 && again)
      concern(&k->duplicate, same, &d[i]);
    else if (d[0].set == 0)
      concern(&k->conflict, &d[0], &d[i]);
    if (!again) same = &d[i];
  }
}

static ht_status look_for_pairs(ht_check *k) {
  int64_t n = 0, all = k->data[0].n + (k->n_sets > 1 ? k->data[1].n : 0);
  digest *d = malloc((size_t)all * sizeof *d + 1);
  if (!d) return no_memory();
  for (int set = 0; set < k->n_sets; set++)
    for (int64_t i = 0; i < k->data[set].n; i++) {
      const ht_column *label = k->label[set];
      d[n] = (digest){hash_example(k, set, i),
                      label ? ht_column_hash(label, i) : 0, i, set, n};
      n++;
    }
  sort_digests(d, n);
  for (int64_t i = 0, next; i < n; i = next) {
    next = equal_texts(d, i, n);
    compare(k, d + i, next - i);
  }
  free(d);
  return HT_SUCCESS;
}

/* A blank text, or a blank or missing label. */
static void look_for_empty(ht_check *k) {
  const ht_column *both[] = {k->text[0], k->label[0]};
  for (int64_t i = 0; i < k->data[0].n; i++) {
    bool empty = false;
    for (int c = 0; c < 2; c++) {
      if (!both[c]) continue;
      if (both[c]->splits)
        empty |= both[c]->splits[i] == both[c]->splits[i + 1];
      else if (is_text(both[c]))
        empty |= blank(ht_str(&both[c]->value)[i]);
    }
    digest one = {.example = i};
    if (empty) concern(&k->empty, &one, &one);
  }
}

/* ---- findings */

static ht_status find(ht_check *k, const char *format, ...) HT_PRINTF(2, 3);
static ht_status find(ht_check *k, const char *format, ...) {
  char text[HT_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  char **more;
  HT_NEW(more, &k->arena, k->n_findings + 1);
  if (k->n_findings)
    memcpy(more, k->finding, (size_t)k->n_findings * sizeof *more);
  k->finding = more;
  more[k->n_findings] = ht_arena_string(&k->arena, text);
  return more[k->n_findings++] ? HT_SUCCESS : no_memory();
}

static ht_status judge_balance(ht_check *k) {
  enum { FEW = 10, SKEWED = 10 };
  int few = 0, occur = 0;
  int64_t least = INT64_MAX;
  for (int i = 0; i < k->n_classes && k->class[i].n[0]; i++) {
    occur++;
    least = k->class[i].n[0];
    few += least < FEW;
  }
  if (few)
    HT_TRY(find(k, "classes with fewer than %d examples: %d of %d", (int)FEW,
                few, occur));
  if (occur && k->class[0].n[0] >= SKEWED * least)
    HT_TRY(find(k,
                "'%s' is %.0f times as frequent as the rarest class: "
                "--class-weights balanced evens that out, and f1 tells more "
                "than accuracy",
                k->class[0].name, (double)k->class[0].n[0] / (double)least));
  if (occur > 50 && 2 * occur > k->data[0].n)
    HT_TRY(find(k, "'%s' may be no column of classes: most come once",
                k->label[0]->name));
  return HT_SUCCESS;
}

/* The classes of the data come first. */
static ht_status judge_unseen(ht_check *k) {
  int first = 0;
  while (first < k->n_classes && k->class[first].n[0]) first++;
  if (first == k->n_classes) return HT_SUCCESS;
  return find(k,
              "classes in the test data alone, which no example teaches: %d, "
              "such as '%s'",
              k->n_classes - first, k->class[first].name);
}

static ht_status judge_examples(ht_check *k) {
  if (k->empty.n)
    HT_TRY(find(k, "examples with a blank text or no label: %" PRId64,
                k->empty.n));
  if (k->duplicate.n)
    HT_TRY(find(k, "examples that come again with the same label: %" PRId64,
                k->duplicate.n));
  if (k->conflict.n)
    HT_TRY(find(k, "examples that come again with another label: %" PRId64,
                k->conflict.n));
  if (!k->overlap.n) return HT_SUCCESS;
  return find(k,
              "test examples that are in the training data, and so show memory "
              "alone: %" PRId64 " of %" PRId64,
              k->overlap.n, k->data[1].n);
}

static ht_status judge(ht_check *k) {
  for (int set = 0; set < k->n_sets; set++)
    if (k->data[set].n_bad)
      HT_TRY(find(k, "records of '%s' that cannot be read: %" PRId64,
                  k->data[set].path, k->data[set].n_bad));
  if (!k->label[0]) HT_TRY(find(k, "no column is called 'label': say --label"));
  if (k->unfit) HT_TRY(find(k, "%s", k->unfit));
  HT_TRY(judge_unseen(k));
  HT_TRY(judge_balance(k));
  return judge_examples(k);
}

/* ---- all of it */

static ht_status check_all(ht_check *k, const ht_check_options *o) {
  for (int set = 0; set < k->n_sets; set++) {
    HT_TRY(find_columns(k, set, o));
    HT_TRY(look_at_columns(k, set));
  }
  HT_TRY(look_at_labels(k));
  look_for_empty(k);
  HT_TRY(look_for_pairs(k));
  return judge(k);
}

ht_status ht_check_data(const char *path, const ht_check_options *o,
                        ht_check *out) {
  const ht_read_options read = {.text = o->text,
                                .label = o->label,
                                .max_bad = INT64_MAX,
                                .labelled = true,
                                .lines = true,
                                .notice = o->notice,
                                .arg = o->arg};
  *out = (ht_check){.n_sets = o->test ? 2 : 1};
  ht_status st = ht_dataset_read(path, &read, &out->data[0]);
  if (st.code == HT_OK && o->test)
    st = ht_dataset_read(o->test, &read, &out->data[1]);
  if (st.code == HT_OK) st = check_all(out, o);
  if (st.code != HT_OK) ht_check_free(out);
  return st;
}

void ht_check_free(ht_check *k) {
  for (int set = 0; set < 2; set++) ht_dataset_free(&k->data[set]);
  ht_arena_free(&k->arena);
  *k = (ht_check){0};
}
