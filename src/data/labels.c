/* labels.c - see labels.h. */
#include "data/labels.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"

enum { MAX_CLASSES = 1 << 24 };

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for labels");
}

/* A matrix of numbers, one column a class. */
static bool is_matrix(const ht_column *c) {
  return !c->splits && c->value.shape.rank == 2 && c->value.shape.dim[1] > 1 &&
         c->value.dtype != HT_STRING;
}

static ht_status check_column(const ht_column *c) {
  const ht_shape *s = &c->value.shape;
  if (c->whole)
    return ht_fail(HT_USAGE, "column '%s' has one value, not one an example",
                   c->name);
  if (s->rank > 2 || (s->rank == 2 && s->dim[1] != 1 && !is_matrix(c)))
    return ht_fail(HT_UNSUPPORTED,
                   "labels '%s' have more values an example than can be used",
                   c->name);
  return HT_SUCCESS;
}

/* ---- walking labels as texts */

typedef struct {
  const ht_column *column;
  char separator;
  ht_label_fn *fn;
  void *arg;
  ht_text text;
} walk;

static ht_status give(walk *w, int64_t example, const char *p, size_t n) {
  if (memchr(p, 0, n))
    return ht_fail(HT_CORRUPT, "a label of '%s' has a NUL in it",
                   w->column->name);
  ht_text_reset(&w->text);
  ht_text_bytes(&w->text, p, n);
  HT_TRY(ht_text_check(&w->text));
  return w->fn(w->arg, example, w->text.p);
}

static ht_status give_number(walk *w, int64_t example, int64_t i) {
  const ht_tensor *t = &w->column->value;
  char text[32];
  double real = ht_dtype_floating(t->dtype) ? ht_real_at(t, i) : 0;
  if (real != floor(real) || fabs(real) > 1e15)
    return ht_fail(HT_USAGE,
                   "'%s' holds numbers such as %g, which name no "
                   "class",
                   w->column->name, real);
  int64_t v = ht_dtype_floating(t->dtype) ? (int64_t)real : ht_int_at(t, i);
  int n = snprintf(text, sizeof text, "%" PRId64, v);
  return give(w, example, text, (size_t)n);
}

static ht_status give_cut(walk *w, int64_t example, ht_string s) {
  const char *p = s.p, *end = s.p + s.n;
  while (p < end) {
    const char *stop = memchr(p, w->separator, (size_t)(end - p));
    if (!stop) stop = end;
    const char *from = p, *to = stop;
    while (from < to && *from == ' ') from++;
    while (to > from && to[-1] == ' ') to--;
    if (to > from) HT_TRY(give(w, example, from, (size_t)(to - from)));
    p = stop + (stop < end);
  }
  return HT_SUCCESS;
}

static ht_status give_element(walk *w, int64_t example, int64_t i) {
  const ht_tensor *t = &w->column->value;
  if (t->dtype != HT_STRING) return give_number(w, example, i);
  ht_string s = ht_str(t)[i];
  if (w->separator && !w->column->splits) return give_cut(w, example, s);
  return give(w, example, s.n ? s.p : "", s.n);
}

static ht_status give_row(walk *w, int64_t example) {
  const ht_tensor *t = &w->column->value;
  int64_t classes = t->shape.dim[1];
  char text[32];
  for (int64_t k = 0; k < classes; k++) {
    if (ht_real_at(t, example * classes + k) == 0) continue;
    int n = snprintf(text, sizeof text, "%" PRId64, k);
    HT_TRY(give(w, example, text, (size_t)n));
  }
  return HT_SUCCESS;
}

static ht_status walk_all(walk *w) {
  const ht_column *c = w->column;
  bool matrix = is_matrix(c);
  for (int64_t e = 0; e < c->n; e++) {
    int64_t from = c->splits ? c->splits[e] : e;
    int64_t to = c->splits ? c->splits[e + 1] : e + 1;
    if (matrix) HT_TRY(give_row(w, e));
    for (int64_t i = from; i < to && !matrix; i++)
      HT_TRY(give_element(w, e, i));
  }
  return HT_SUCCESS;
}

ht_status ht_labels_each(const ht_column *c, char separator, ht_label_fn *fn,
                         void *arg) {
  walk w = {.column = c, .separator = separator, .fn = fn, .arg = arg};
  if (c->value.dtype != HT_STRING && !ht_dtype_integer(c->value.dtype) &&
      c->value.dtype != HT_BOOL && !ht_dtype_floating(c->value.dtype))
    return ht_fail(HT_USAGE, "labels '%s' are of type %s", c->name,
                   ht_dtype_name(c->value.dtype));
  ht_status st = walk_all(&w);
  ht_text_free(&w.text);
  return st;
}

/* ---- what task */

static bool zeros_and_ones(const ht_tensor *t) {
  for (int64_t i = 0; i < ht_count(t); i++) {
    double v = ht_real_at(t, i);
    if (v != 0 && v != 1) return false;
  }
  return true;
}

static ht_task choose(const ht_column *c) {
  if (c->splits) {
    for (int64_t e = 0; e < c->n; e++)
      if (c->splits[e + 1] - c->splits[e] != 1) return HT_TASK_MULTILABEL;
    return HT_TASK_CLASSIFY;
  }
  if (is_matrix(c))
    return zeros_and_ones(&c->value) ? HT_TASK_MULTILABEL : HT_TASK_REGRESS;
  return ht_dtype_floating(c->value.dtype) ? HT_TASK_REGRESS : HT_TASK_CLASSIFY;
}

static char find_separator(const ht_column *c) {
  static const char known[] = ",;|";
  if (c->value.dtype != HT_STRING || c->splits) return 0;
  for (const char *k = known; *k; k++)
    for (int64_t i = 0; i < c->n; i++) {
      ht_string s = ht_str(&c->value)[i];
      if (s.n && memchr(s.p, *k, s.n)) return *k;
    }
  return ',';
}

/* ---- learning */

typedef struct {
  ht_map map;
  ht_labels *labels;
} learner;

static ht_status learn_one(void *arg, int64_t example, const char *label) {
  learner *l = arg;
  (void)example;
  if (ht_map_get(&l->map, label)) return HT_SUCCESS;
  if (l->map.n == MAX_CLASSES)
    return ht_fail(HT_UNSUPPORTED, "more than %d different labels",
                   MAX_CLASSES);
  char *own = ht_arena_string(&l->labels->arena, label);
  return own ? ht_map_put(&l->map, own, own) : no_memory();
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_value(const void *a, const void *b) {
  int64_t x = 0, y = 0;
  bool both = ht_parse_int(*(const char *const *)a, &x) &&
              ht_parse_int(*(const char *const *)b, &y);
  return both && x != y ? (x > y) - (x < y) : by_bytes(a, b);
}

static void sort_names(ht_labels *l) {
  int64_t v;
  bool integers = true;
  for (int i = 0; i < l->n; i++) integers &= ht_parse_int(l->name[i], &v);
  qsort(l->name, (size_t)l->n, sizeof *l->name, integers ? by_value : by_bytes);
}

static ht_status number_names(ht_labels *l, int n) {
  HT_NEW(l->name, &l->arena, n + 1);
  for (l->n = 0; l->n < n; l->n++)
    if (!(l->name[l->n] = ht_arena_printf(&l->arena, "%d", l->n)))
      return no_memory();
  return HT_SUCCESS;
}

static ht_status learn_names(const ht_column *c, ht_labels *l) {
  learner work = {.map = {.arena = &l->arena}, .labels = l};
  HT_TRY(ht_labels_each(c, l->separator, learn_one, &work));
  HT_NEW(l->name, &l->arena, work.map.n + 1);
  for (int i = 0; i < work.map.n; i++) l->name[i] = work.map.entry[i].key;
  l->n = work.map.n;
  sort_names(l);
  if (l->n == 1 && l->task == HT_TASK_CLASSIFY)
    return ht_fail(HT_USAGE, "labels '%s' are of one class only, '%s'", c->name,
                   l->name[0]);
  if (!l->n) return ht_fail(HT_USAGE, "'%s' holds no labels", c->name);
  return HT_SUCCESS;
}

/* Whether all parts of "a|b" are labels themselves. */
static ht_status is_set(const ht_map *labels, const char *text, char separator,
                        bool *set) {
  *set = true;
  for (const char *p = text; p && *set;) {
    const char *stop = strchr(p, separator), *end = stop ? stop : strchr(p, 0);
    while (*p == ' ') p++;
    while (end > p && end[-1] == ' ') end--;
    char *part = ht_arena_printf(labels->arena, "%.*s", (int)(end - p), p);
    if (!part) return no_memory();
    *set = ht_map_get(labels, part) != NULL;
    p = stop ? stop + 1 : NULL;
  }
  return HT_SUCCESS;
}

/* Texts that are sets: there are some, and nothing else has a separator. */
static ht_status choose_for_texts(const ht_column *c, ht_labels *l) {
  learner work = {.map = {.arena = &l->arena}, .labels = l};
  char separator = find_separator(c);
  bool set = true;
  HT_TRY(ht_labels_each(c, 0, learn_one, &work));
  for (int i = 0; i < work.map.n && set; i++) {
    const char *text = work.map.entry[i].key;
    if (!strchr(text, separator)) continue;
    HT_TRY(is_set(&work.map, text, separator, &set));
    l->task = set ? HT_TASK_MULTILABEL : HT_TASK_CLASSIFY;
  }
  return HT_SUCCESS;
}

static ht_status learn(const ht_column *c, int n_classes, ht_labels *l) {
  HT_TRY(check_column(c));
  if (l->task == HT_TASK_AUTO) {
    l->task = choose(c);
    if (l->task == HT_TASK_CLASSIFY && c->value.dtype == HT_STRING &&
        !c->splits && n_classes <= 0)
      HT_TRY(choose_for_texts(c, l));
  }
  if (l->task == HT_TASK_REGRESS) {
    if (c->value.dtype == HT_STRING || c->splits)
      return ht_fail(HT_USAGE, "'%s' holds no numbers to regress on", c->name);
    l->n = c->value.shape.rank == 2 ? (int)c->value.shape.dim[1] : 1;
    return HT_SUCCESS;
  }
  if (l->task == HT_TASK_MULTILABEL) l->separator = find_separator(c);
  if (n_classes > 0) return number_names(l, n_classes);
  if (is_matrix(c)) return number_names(l, (int)c->value.shape.dim[1]);
  return learn_names(c, l);
}

ht_status ht_labels_learn(const ht_column *column, ht_task task, int n_classes,
                          ht_labels *out) {
  *out = (ht_labels){.task = task};
  ht_status st = learn(column, n_classes, out);
  if (st.code != HT_OK) ht_labels_free(out);
  return st;
}

ht_status ht_labels_make(ht_task task, const char *const *name, int n,
                         char separator, ht_labels *out) {
  *out = (ht_labels){.task = task, .n = n, .separator = separator};
  if (task == HT_TASK_REGRESS) return HT_SUCCESS;
  HT_NEW(out->name, &out->arena, n + 1);
  for (int i = 0; i < n; i++)
    if (!(out->name[i] = ht_arena_string(&out->arena, name[i]))) {
      ht_labels_free(out);
      return no_memory();
    }
  return HT_SUCCESS;
}

void ht_labels_free(ht_labels *labels) {
  ht_arena_free(&labels->arena);
  *labels = (ht_labels){0};
}

/* ---- targets */

typedef struct {
  const ht_labels *labels;
  const char *column;
  ht_map map;     /* name -> its place in labels->name */
  ht_text ids;    /* int64, bytewise */
  int64_t *count; /* labels an example */
} encoder;

static ht_status encode_one(void *arg, int64_t example, const char *label) {
  encoder *e = arg;
  const char **at = ht_map_get(&e->map, label);
  if (!at)
    return ht_fail(HT_USAGE, "label '%s' of '%s' is none of the %d classes",
                   label, e->column, e->labels->n);
  int64_t id = at - e->labels->name;
  ht_text_bytes(&e->ids, &id, sizeof id);
  e->count[example]++;
  return ht_text_check(&e->ids);
}

static ht_status check_single(const ht_column *c, const int64_t *count) {
  for (int64_t i = 0; i < c->n; i++)
    if (count[i] != 1)
      return ht_fail(HT_USAGE,
                     "example %" PRId64 " has %" PRId64
                     " labels '%s', wanted one",
                     i, count[i], c->name);
  return HT_SUCCESS;
}

static ht_status keep_ids(encoder *e, const ht_column *c, ht_targets *out) {
  int64_t n = (int64_t)(e->ids.n / sizeof(int64_t)), *splits;
  ht_shape shape = ht_shape_1(n);
  if (e->labels->task == HT_TASK_CLASSIFY) {
    HT_TRY(check_single(c, e->count));
  } else {
    HT_NEW(splits, &out->arena, c->n + 1);
    for (int64_t i = 0; i < c->n; i++) splits[i + 1] = splits[i] + e->count[i];
    out->column.splits = splits;
  }
  HT_TRY(ht_tensor_new(NULL, HT_INT64, &shape, &out->column.value));
  if (n) memcpy(out->column.value.data, e->ids.p, e->ids.n);
  return HT_SUCCESS;
}

static ht_status encode_classes(const ht_labels *l, const ht_column *c,
                                ht_targets *out) {
  encoder e = {.labels = l, .column = c->name, .map = {.arena = &out->arena}};
  e.ids.max = SIZE_MAX / 2;
  HT_NEW(e.count, &out->arena, c->n + 1);
  for (int i = 0; i < l->n; i++)
    HT_TRY(ht_map_put(&e.map, l->name[i], &l->name[i]));
  ht_status st = ht_labels_each(c, l->separator, encode_one, &e);
  if (st.code == HT_OK) st = keep_ids(&e, c, out);
  ht_text_free(&e.ids);
  return st;
}

static ht_status encode_numbers(const ht_labels *l, const ht_column *c,
                                ht_targets *out) {
  const ht_tensor *t = &c->value;
  int64_t values = t->shape.rank == 2 ? t->shape.dim[1] : 1;
  if (t->dtype == HT_STRING || c->splits || values != l->n)
    return ht_fail(HT_USAGE, "targets '%s' are not %d numbers an example",
                   c->name, l->n);
  ht_shape shape = ht_shape_2(c->n, values);
  HT_TRY(ht_tensor_new(NULL, HT_FLOAT, &shape, &out->column.value));
  for (int64_t i = 0; i < c->n * values; i++)
    ht_f(&out->column.value)[i] = (float)ht_real_at(t, i);
  return HT_SUCCESS;
}

ht_status ht_labels_encode(const ht_labels *labels, const ht_column *column,
                           ht_targets *out) {
  *out = (ht_targets){.n_classes = labels->n};
  HT_TRY(check_column(column));
  out->column.n = column->n;
  out->column.name = ht_arena_string(&out->arena, column->name);
  ht_status st = !out->column.name ? no_memory()
                 : labels->task == HT_TASK_REGRESS
                     ? encode_numbers(labels, column, out)
                     : encode_classes(labels, column, out);
  if (st.code != HT_OK) ht_targets_free(out);
  return st;
}

void ht_targets_free(ht_targets *targets) {
  ht_tensor_drop(&targets->column.value);
  ht_arena_free(&targets->arena);
  *targets = (ht_targets){0};
}

ht_status ht_labels_balance(const ht_labels *labels, const ht_targets *targets,
                            const int64_t *index, int64_t n, float *weight) {
  if (labels->task != HT_TASK_CLASSIFY)
    return ht_fail(HT_USAGE, "class weights need one class an example");
  int64_t *count = calloc((size_t)labels->n + 1, sizeof *count);
  if (!count) return no_memory();
  int occur = 0;
  for (int64_t i = 0; i < n; i++)
    count[ht_i64(&targets->column.value)[index[i]]]++;
  for (int k = 0; k < labels->n; k++) occur += count[k] > 0;
  for (int k = 0; k < labels->n; k++)
    weight[k] =
        count[k] ? (float)((double)n / ((double)occur * (double)count[k])) : 0;
  free(count);
  return HT_SUCCESS;
}
