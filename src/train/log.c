/* log.c - see log.h. */
#include "train/log.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

struct ht_log {
  FILE *file, *csv; /* csv NULL: none is written */
  char *path;
};

/* Whether a line belongs to what was done up to `at`. */
static bool still_true(const char *line, const ht_progress *at) {
  json_object *o = json_tokener_parse(line), *v;
  bool keep = false;
  if (json_object_is_type(o, json_type_object)) {
    if (json_object_object_get_ex(o, "step", &v))
      keep = json_object_get_int64(v) <= at->step;
    else if (json_object_object_get_ex(o, "epoch", &v))
      keep = json_object_get_int64(v) <= at->epoch;
  }
  json_object_put(o);
  return keep;
}

/* The same of a row of the table: its header, or one that begins with an
 * epoch. */
static bool still_true_row(const char *row, const ht_progress *at) {
  return strtoll(row, NULL, 10) <= at->epoch;
}

typedef bool keep_fn(const char *line, const ht_progress *at);

static ht_status keep_lines(const char *path, const ht_progress *at,
                            keep_fn *keep) {
  ht_arena arena = {0};
  ht_text kept = {0};
  char *data, *save = NULL;
  size_t n;
  ht_status st = ht_file_read(path, (size_t)4 << 30, &arena, &data, &n);
  if (st.code == HT_OK) {
    for (char *line = strtok_r(data, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save))
      if (keep(line, at)) ht_text_printf(&kept, "%s\n", line);
    st = ht_text_check(&kept);
  }
  if (st.code == HT_OK) st = ht_file_write(path, kept.p ? kept.p : "", kept.n);
  ht_text_free(&kept);
  ht_arena_free(&arena);
  return st;
}

static ht_status open_log(const char *path, const char *mode, ht_log **out) {
  *out = NULL;
  ht_log *log = calloc(1, sizeof *log);
  if (!log || !path || !(log->path = strdup(path))) {
    free(log);
    return ht_fail(HT_NO_MEMORY, "no memory for the log");
  }
  log->file = fopen(path, mode);
  if (!log->file) {
    ht_status st = ht_fail_errno("cannot write", path);
    ht_log_close(log);
    return st;
  }
  *out = log;
  return HT_SUCCESS;
}

static ht_status open_table(ht_log *log, const char *path,
                            const ht_progress *at) {
  bool again = at->step > 0 && ht_path_exists(path);
  if (again) HT_TRY(keep_lines(path, at, still_true_row));
  log->csv = fopen(path, again ? "ae" : "we");
  return log->csv ? HT_SUCCESS : ht_fail_errno("cannot write", path);
}

ht_status ht_log_open(const char *path, const char *table,
                      const ht_progress *at, ht_log **out) {
  bool again = at->step > 0 && ht_path_exists(path);
  *out = NULL;
  if (again) HT_TRY(keep_lines(path, at, still_true));
  HT_TRY(open_log(path, again ? "ae" : "we", out));
  ht_status st = open_table(*out, table, at);
  if (st.code == HT_OK) return st;
  ht_log_close(*out);
  *out = NULL;
  return st;
}

ht_status ht_log_append(const char *path, ht_log **out) {
  return open_log(path, "ae", out);
}

void ht_log_close(ht_log *log) {
  if (!log) return;
  if (log->file) fclose(log->file);
  if (log->csv) fclose(log->csv);
  free(log->path);
  free(log);
}

/* JSON has no word for what is not finite. */
static void number(ht_text *t, const char *name, double value) {
  if (isfinite(value))
    ht_text_printf(t, ",\"%s\":%.9g", name, value);
  else
    ht_text_printf(t, ",\"%s\":null", name);
}

static void step_line(ht_text *t, const ht_event *e) {
  ht_text_printf(t, "{\"step\":%lld", (long long)e->step);
  number(t, "loss", e->loss);
  number(t, "lr", e->lr);
  ht_text_add(t, "}\n");
}

static void epoch_line(ht_text *t, const ht_event *e) {
  ht_text_printf(t, "{\"epoch\":%lld", (long long)e->epoch);
  number(t, "loss", e->loss);
  number(t, "seconds", e->seconds);
  number(t, "examples_per_s", e->rate);
  if (e->valid) number(t, "valid_loss", e->valid->loss);
  for (int i = 0; e->valid && i < e->valid->n_values; i++)
    number(t, e->valid->name[i], e->valid->value[i]);
  ht_text_add(t, "}\n");
}

static void test_line(ht_text *t, const ht_event *e) {
  char name[64];
  ht_text_printf(t, "{\"test_examples\":%lld", (long long)e->valid->n);
  number(t, "test_loss", e->loss);
  for (int i = 0; i < e->valid->n_values; i++) {
    snprintf(name, sizeof name, "test_%s", e->valid->name[i]);
    number(t, name, e->valid->value[i]);
  }
  ht_text_add(t, "}\n");
}

/* ---- the table of epochs */

static void table_header(ht_text *t, const ht_event *e) {
  ht_text_add(t, "epoch,step,loss,seconds,examples_per_s");
  if (e->valid) ht_text_add(t, ",valid_loss");
  for (int i = 0; e->valid && i < e->valid->n_values; i++)
    ht_text_printf(t, ",%s", e->valid->name[i]);
  ht_text_add(t, "\n");
}

static void table_row(ht_text *t, const ht_event *e) {
  ht_text_printf(t, "%lld,%lld,%.9g,%.9g,%.9g", (long long)e->epoch,
                 (long long)e->step, e->loss, e->seconds, e->rate);
  if (e->valid) ht_text_printf(t, ",%.9g", e->valid->loss);
  for (int i = 0; e->valid && i < e->valid->n_values; i++)
    ht_text_printf(t, ",%.9g", e->valid->value[i]);
  ht_text_add(t, "\n");
}

static ht_status put(FILE *file, const ht_text *t, const char *path) {
  HT_TRY(ht_text_check(t));
  if (fwrite(t->p, 1, t->n, file) == t->n && fflush(file) == 0)
    return HT_SUCCESS;
  return ht_fail_errno("cannot write", path);
}

static ht_status write_row(ht_log *log, const ht_event *e) {
  ht_text t = {0};
  if (!log->csv || e->type != HT_EVENT_EPOCH) return HT_SUCCESS;
  if (fseek(log->csv, 0, SEEK_END) == 0 && ftell(log->csv) == 0)
    table_header(&t, e);
  table_row(&t, e);
  ht_status st = put(log->csv, &t, "log.csv");
  ht_text_free(&t);
  return st;
}

ht_status ht_log_write(ht_log *log, const ht_event *e) {
  ht_text t = {0};
  if (e->type == HT_EVENT_STEP) step_line(&t, e);
  if (e->type == HT_EVENT_EPOCH) epoch_line(&t, e);
  if (e->type == HT_EVENT_TEST) test_line(&t, e);
  if (!t.n) return HT_SUCCESS;
  ht_status st = put(log->file, &t, log->path);
  ht_text_free(&t);
  return st.code == HT_OK ? write_row(log, e) : st;
}
