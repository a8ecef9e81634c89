/* check_report.c - a check in words and as JSON, see check.h. */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "data/check.h"

enum { SHOWN_CLASSES = 20, LINE = 60 };

/* ---- examples */

int64_t ht_check_place(const ht_dataset *data, int64_t example) {
  return data->line ? data->line[example] : example + 1;
}

static void show_element(const ht_tensor *t, int64_t i, ht_text *out) {
  if (t->dtype == HT_STRING)
    ht_text_bytes(out, ht_str(t)[i].p, ht_str(t)[i].n);
  else if (ht_dtype_floating(t->dtype))
    ht_text_printf(out, "%g", ht_real_at(t, i));
  else
    ht_text_printf(out, "%" PRId64, ht_int_at(t, i));
}

/* Never within a character. */
static size_t whole_characters(const char *p, size_t n) {
  while (n && ((unsigned char)p[n] & 0xc0) == 0x80) n--;
  return n;
}

void ht_check_show(const ht_column *c, int64_t example, size_t size,
                   char *out) {
  ht_text text = {0};
  int64_t from = c->splits ? c->splits[example] : example;
  int64_t to = c->splits ? c->splits[example + 1] : example + 1;
  for (int64_t i = from; i < to && text.n < size; i++) {
    if (i > from) ht_text_add(&text, ",");
    show_element(&c->value, i, &text);
  }
  size_t n = text.n < size ? text.n : whole_characters(text.p, size - 4);
  if (n) memcpy(out, text.p, n);
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)out[i] < ' ') out[i] = ' ';
  memcpy(out + n, n < text.n ? "..." : "", n < text.n ? 4 : 1);
  ht_text_free(&text);
}

static const char *task_name(ht_task task) {
  static const char *const name[] = {"none", "classify", "multilabel",
                                     "regress"};
  return name[task];
}

/* ---- in words */

static void print_delimiter(const ht_dataset *d, ht_text *out) {
  if (d->delimiter == '\t')
    ht_text_add(out, ", separated by tabs");
  else if (d->delimiter)
    ht_text_printf(out, ", separated by '%c'", d->delimiter);
  if (d->delimiter)
    ht_text_add(out, d->header ? ", first row names" : ", no row of names");
}

static void print_set(const ht_check *k, int set, ht_text *out) {
  const ht_dataset *d = &k->data[set];
  ht_text_printf(out, "%-10s  %s: %s", set ? "Test data" : "Data", d->path,
                 d->format[0] == '.' ? d->format + 1 : d->format);
  if (d->encoding) ht_text_printf(out, ", %s", d->encoding);
  print_delimiter(d, out);
  ht_text_printf(out, "; %" PRId64 " examples", d->n);
  if (d->n_bad) ht_text_printf(out, ", bad records: %" PRId64, d->n_bad);
  ht_text_add(out, "\n");
}

static void print_range(const char *name, ht_check_range r, ht_text *out) {
  ht_text_printf(out, "; %s %g to %g, median %g", name, r.low, r.high,
                 r.median);
}

static void print_columns(const ht_check *k, ht_text *out) {
  ht_text_add(out, "Columns\n");
  for (int i = 0; i < k->data[0].n_columns; i++) {
    const ht_check_column *c = &k->column[0][i];
    bool label = &k->data[0].column[i] == k->label[0];
    ht_text_printf(out, "  %-10s%s %s, %" PRId64 " different", c->name,
                   label ? " label," : "", c->type, c->distinct);
    if (c->empty) ht_text_printf(out, ", %" PRId64 " empty", c->empty);
    if (c->measured) print_range("from", c->value, out);
    if (c->texts) print_range("characters", c->characters, out);
    if (c->texts) print_range("words", c->words, out);
    ht_text_add(out, "\n");
  }
}

static void print_classes(const ht_check *k, ht_text *out) {
  int64_t all = k->data[0].n;
  if (k->label[0]) ht_text_printf(out, "Task        %s\n", task_name(k->task));
  if (k->n_classes) ht_text_printf(out, "Classes     %d\n", k->n_classes);
  for (int i = 0; i < k->n_classes && i < SHOWN_CLASSES; i++) {
    const ht_check_class *c = &k->class[i];
    ht_text_printf(out, "  %8" PRId64 " %5.1f%%", c->n[0],
                   100 * (double)c->n[0] / (double)all);
    if (k->n_sets > 1) ht_text_printf(out, " %8" PRId64, c->n[1]);
    ht_text_printf(out, "  %s\n", c->name);
  }
  if (k->n_classes > SHOWN_CLASSES)
    ht_text_printf(out, "  and %d more, the rarest with %" PRId64 "\n",
                   k->n_classes - SHOWN_CLASSES,
                   k->class[k->n_classes - 1].n[0]);
}

static void print_place(const ht_check *k, int set, int64_t example,
                        ht_text *out) {
  const ht_dataset *d = &k->data[set];
  char label[LINE];
  ht_text_printf(out, "%s%s %" PRId64, set ? "test " : "",
                 d->line ? "line" : "example", ht_check_place(d, example));
  if (!k->label[set]) return;
  ht_check_show(k->label[set], example, sizeof label, label);
  ht_text_printf(out, " (%s)", label);
}

static void print_trouble(const ht_check *k, const char *title,
                          const ht_check_trouble *t, ht_text *out) {
  char text[LINE] = "";
  if (!t->n) return;
  ht_text_printf(out, "%s: %" PRId64 "\n", title, t->n);
  for (int i = 0; i < t->n_shown; i++) {
    const ht_check_pair *p = &t->shown[i];
    ht_text_add(out, "  ");
    print_place(k, p->set[0], p->example[0], out);
    if (p->set[0] != p->set[1] || p->example[0] != p->example[1]) {
      ht_text_add(out, ", ");
      print_place(k, p->set[1], p->example[1], out);
    }
    const ht_column *c = k->text[p->set[0]];
    if (c) ht_check_show(c, p->example[0], sizeof text, text);
    ht_text_printf(out, "%s%s\n", *text ? ": " : "", text);
  }
}

ht_status ht_check_print(const ht_check *k, ht_text *out) {
  for (int set = 0; set < k->n_sets; set++) print_set(k, set, out);
  print_columns(k, out);
  print_classes(k, out);
  print_trouble(k, "Empty", &k->empty, out);
  print_trouble(k, "The same, under one label", &k->duplicate, out);
  print_trouble(k, "The same, under two labels", &k->conflict, out);
  print_trouble(k, "Test examples that are training examples", &k->overlap,
                out);
  ht_text_add(out, k->n_findings ? "Look at\n" : "Nothing to look at\n");
  for (int i = 0; i < k->n_findings; i++)
    ht_text_printf(out, "  %s\n", k->finding[i]);
  return ht_text_check(out);
}

/* ---- as JSON */

static void put(json_object *o, const char *key, json_object *value) {
  json_object_object_add(o, key, value);
}

static json_object *number(int64_t n) { return json_object_new_int64(n); }

static json_object *text(const char *s) {
  return s ? json_object_new_string(s) : NULL;
}

static json_object *range_json(ht_check_range r) {
  json_object *o = json_object_new_object();
  put(o, "min", json_object_new_double(r.low));
  put(o, "median", json_object_new_double(r.median));
  put(o, "max", json_object_new_double(r.high));
  return o;
}

static json_object *column_json(const ht_check_column *c) {
  json_object *o = json_object_new_object();
  put(o, "name", text(c->name));
  put(o, "type", text(c->type));
  put(o, "distinct", number(c->distinct));
  put(o, "empty", number(c->empty));
  if (c->measured) put(o, "value", range_json(c->value));
  if (c->texts) put(o, "characters", range_json(c->characters));
  if (c->texts) put(o, "words", range_json(c->words));
  return o;
}

static json_object *set_json(const ht_check *k, int set) {
  const ht_dataset *d = &k->data[set];
  char delimiter[2] = {d->delimiter, 0};
  json_object *o = json_object_new_object();
  json_object *columns = json_object_new_array();
  put(o, "path", text(d->path));
  put(o, "format", text(d->format));
  put(o, "encoding", text(d->encoding));
  put(o, "delimiter", d->delimiter ? text(delimiter) : NULL);
  put(o, "header", json_object_new_boolean(d->header));
  put(o, "examples", number(d->n));
  put(o, "bad", number(d->n_bad));
  for (int i = 0; i < d->n_columns; i++)
    json_object_array_add(columns, column_json(&k->column[set][i]));
  put(o, "columns", columns);
  put(o, "label", k->label[set] ? text(k->label[set]->name) : NULL);
  return o;
}

static json_object *classes_json(const ht_check *k, int set) {
  json_object *o = json_object_new_object();
  for (int i = 0; i < k->n_classes; i++)
    put(o, k->class[i].name, number(k->class[i].n[set]));
  return o;
}

static json_object *trouble_json(const ht_check *k, const ht_check_trouble *t) {
  static const char *const place[] = {"first", "second"};
  json_object *o = json_object_new_object(), *all = json_object_new_array();
  put(o, "n", number(t->n));
  for (int i = 0; i < t->n_shown; i++) {
    json_object *pair = json_object_new_object();
    for (int j = 0; j < 2; j++) {
      int set = t->shown[i].set[j];
      put(pair, place[j],
          number(ht_check_place(&k->data[set], t->shown[i].example[j])));
    }
    json_object_array_add(all, pair);
  }
  put(o, "shown", all);
  return o;
}

ht_status ht_check_json(const ht_check *k, ht_text *out) {
  json_object *o = json_object_new_object(), *found = json_object_new_array();
  put(o, "data", set_json(k, 0));
  put(o, "test", k->n_sets > 1 ? set_json(k, 1) : NULL);
  put(o, "task", k->label[0] ? text(task_name(k->task)) : NULL);
  put(o, "classes", classes_json(k, 0));
  if (k->n_sets > 1) put(o, "test_classes", classes_json(k, 1));
  put(o, "empty", trouble_json(k, &k->empty));
  put(o, "duplicates", trouble_json(k, &k->duplicate));
  put(o, "conflicts", trouble_json(k, &k->conflict));
  if (k->n_sets > 1) put(o, "overlap", trouble_json(k, &k->overlap));
  for (int i = 0; i < k->n_findings; i++)
    json_object_array_add(found, text(k->finding[i]));
  put(o, "findings", found);
  ht_text_printf(
      out, "%s\n",
      json_object_to_json_string_ext(
          o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(o);
  return ht_text_check(out);
}
