/*
 * events.c - see events.h. The file is a TFRecord of Event messages
 * (tensorflow/core/util/event.proto).
 */
#include "train/events.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "format/tfrecord.h"
#include "proto/event.pb-c.h"
#include "train/metrics.h"

struct ht_events {
  FILE *file;
  char *path;
};

enum { BUCKETS = 30, MOST_VALUES = 1 << 18, MOST_ROWS = 1 << 12 };

/* ---- records */

static ht_status write_event(ht_events *events, Tensorflow__Event *e) {
  struct timespec t;
  ht_text record = {0};
  clock_gettime(CLOCK_REALTIME, &t);
  e->wall_time = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
  size_t n = tensorflow__event__get_packed_size(e);
  unsigned char *data = malloc(n ? n : 1);
  if (!data) return ht_fail(HT_NO_MEMORY, "no memory for an event");
  tensorflow__event__pack(e, data);
  ht_tfrecord_add(&record, data, n);
  free(data);
  ht_status st = ht_text_check(&record);
  if (st.code == HT_OK &&
      fwrite(record.p, 1, record.n, events->file) != record.n)
    st = ht_fail_errno("cannot write", events->path);
  ht_text_free(&record);
  return st;
}

static ht_status write_values(ht_events *events, int64_t step,
                              Tensorflow__Summary__Value **value, size_t n) {
  Tensorflow__Summary summary = TENSORFLOW__SUMMARY__INIT;
  Tensorflow__Event e = TENSORFLOW__EVENT__INIT;
  summary.value = value;
  summary.n_value = n;
  e.step = step;
  e.what_case = TENSORFLOW__EVENT__WHAT_SUMMARY;
  e.summary = &summary;
  return write_event(events, &e);
}

/* ---- the file */

static ht_status write_version(ht_events *events) {
  static char version[] = "brain.Event:2";
  Tensorflow__Event e = TENSORFLOW__EVENT__INIT;
  e.what_case = TENSORFLOW__EVENT__WHAT_FILE_VERSION;
  e.file_version = version;
  return write_event(events, &e);
}

/* The count is for files of one second and process, in the order of names, in
 * which TensorBoard reads them. */
static ht_status open_file(const char *folder, ht_events *events) {
  long long now = (long long)time(NULL);
  for (int count = 0; !events->file; count++) {
    char name[96];
    ht_arena arena = {0};
    snprintf(name, sizeof name, "events.out.tfevents.%lld.%ld.%d.hubtune", now,
             (long)getpid(), count);
    char *path = ht_path_join(&arena, folder, name);
    free(events->path);
    events->path = path ? strdup(path) : NULL;
    ht_arena_free(&arena);
    if (!events->path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    events->file = fopen(events->path, "wxe");
    if (!events->file && errno != EEXIST)
      return ht_fail_errno("cannot write", events->path);
  }
  return write_version(events);
}

ht_status ht_events_open(const char *folder, ht_events **out) {
  *out = NULL;
  HT_TRY(ht_folder_make(folder));
  ht_events *events = calloc(1, sizeof *events);
  if (!events) return ht_fail(HT_NO_MEMORY, "no memory for events");
  ht_status st = open_file(folder, events);
  if (st.code == HT_OK)
    *out = events;
  else
    ht_events_close(events);
  return st;
}

void ht_events_close(ht_events *events) {
  if (!events) return;
  if (events->file) fclose(events->file);
  free(events->path);
  free(events);
}

/* ---- scalars */

typedef struct scalars {
  Tensorflow__Summary__Value value[HT_MAX_METRICS + 4];
  Tensorflow__Summary__Value *at[HT_MAX_METRICS + 4];
  char tag[HT_MAX_METRICS + 4][64];
  size_t n;
} scalars;

static void add_scalar(scalars *s, const char *group, const char *name,
                       double value) {
  Tensorflow__Summary__Value *v = &s->value[s->n];
  tensorflow__summary__value__init(v);
  snprintf(s->tag[s->n], sizeof s->tag[0], "%s/%s", group, name);
  v->tag = s->tag[s->n];
  v->value_case = TENSORFLOW__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
  v->simple_value = (float)value;
  s->at[s->n++] = v;
}

static void add_card(scalars *s, const char *group, const ht_scorecard *card) {
  if (!card) return;
  add_scalar(s, group, "loss", card->loss);
  for (int i = 0; i < card->n_values; i++)
    add_scalar(s, group, card->name[i], card->value[i]);
}

ht_status ht_events_write(ht_events *events, const ht_event *e) {
  scalars s = {.n = 0};
  if (e->type == HT_EVENT_STEP) {
    add_scalar(&s, "step", "loss", e->loss);
    add_scalar(&s, "step", "lr", e->lr);
  }
  if (e->type == HT_EVENT_EPOCH) {
    add_scalar(&s, "epoch", "loss", e->loss);
    add_scalar(&s, "epoch", "examples_per_s", e->rate);
    add_card(&s, "valid", e->valid);
  }
  if (e->type == HT_EVENT_TEST) add_card(&s, "test", e->valid);
  if (!s.n) return HT_SUCCESS;
  HT_TRY(write_values(events, e->step, s.at, s.n));
  if (e->type != HT_EVENT_STEP && fflush(events->file) != 0)
    return ht_fail_errno("cannot write", events->path);
  return HT_SUCCESS;
}

/* ---- texts */

ht_status ht_events_text(ht_events *events, const char *tag, const char *text) {
  static char plugin[] = "text";
  Tensorflow__SummaryMetadata__PluginData data =
      TENSORFLOW__SUMMARY_METADATA__PLUGIN_DATA__INIT;
  Tensorflow__SummaryMetadata meta = TENSORFLOW__SUMMARY_METADATA__INIT;
  Tensorflow__TensorShapeProto shape = TENSORFLOW__TENSOR_SHAPE_PROTO__INIT;
  Tensorflow__TensorProto tensor = TENSORFLOW__TENSOR_PROTO__INIT;
  Tensorflow__Summary__Value value = TENSORFLOW__SUMMARY__VALUE__INIT;
  ProtobufCBinaryData string = {strlen(text), (uint8_t *)(uintptr_t)text};
  data.plugin_name = plugin;
  meta.plugin_data = &data;
  tensor.dtype = (Tensorflow__DataType)HT_STRING;
  tensor.tensor_shape = &shape;
  tensor.string_val = &string;
  tensor.n_string_val = 1;
  value.tag = (char *)(uintptr_t)tag;
  value.metadata = &meta;
  value.value_case = TENSORFLOW__SUMMARY__VALUE__VALUE_TENSOR;
  value.tensor = &tensor;
  return write_values(events, 0, (Tensorflow__Summary__Value *[]){&value}, 1);
}

/* ---- histograms */

/* Large tables are shown by every k-th value. */
static int64_t stride(int64_t n) { return (n + MOST_VALUES - 1) / MOST_VALUES; }

static void span(const ht_tensor *t, int64_t n, Tensorflow__HistogramProto *h) {
  h->min = INFINITY;
  h->max = -INFINITY;
  for (int64_t i = 0; i < n; i += stride(n)) {
    double v = ht_real_at(t, i);
    h->min = fmin(h->min, v);
    h->max = fmax(h->max, v);
    h->num++;
    h->sum += v;
    h->sum_squares += v * v;
  }
}

static void count(const ht_tensor *t, int64_t n,
                  Tensorflow__HistogramProto *h) {
  double width = (h->max - h->min) / BUCKETS;
  for (int k = 0; k < BUCKETS; k++)
    h->bucket_limit[k] = k + 1 < BUCKETS ? h->min + (k + 1) * width : h->max;
  for (int64_t i = 0; i < n; i += stride(n)) {
    int k = width > 0 ? (int)((ht_real_at(t, i) - h->min) / width) : 0;
    h->bucket[k < BUCKETS ? k : BUCKETS - 1]++;
  }
}

/* The values as they are now; of a table whose rows are updated late some
 * rows, evenly spread. */
static ht_status current(const ht_variable *v, ht_tensor *out) {
  int64_t rows = v->value.shape.rank ? v->value.shape.dim[0] : 1;
  int64_t n = rows < MOST_ROWS ? rows : MOST_ROWS;
  ht_shape shape = ht_shape_1(n);
  ht_tensor ids;
  if (!v->rows) {
    *out = ht_tensor_share(&v->value);
    return HT_SUCCESS;
  }
  HT_TRY(ht_tensor_new(NULL, HT_INT64, &shape, &ids));
  for (int64_t i = 0; i < n; i++) ht_i64(&ids)[i] = i * rows / n;
  ht_status st = v->rows->copy_rows(v->rows->state, v, &ids, out);
  ht_tensor_drop(&ids);
  return st;
}

static ht_status write_histogram(ht_events *events, const ht_variable *v,
                                 const ht_tensor *now, int64_t step) {
  double limit[BUCKETS], bucket[BUCKETS] = {0};
  Tensorflow__HistogramProto h = TENSORFLOW__HISTOGRAM_PROTO__INIT;
  Tensorflow__Summary__Value value = TENSORFLOW__SUMMARY__VALUE__INIT;
  char tag[256];
  const char *end = strstr(v->key, "/.ATTRIBUTES/");
  snprintf(tag, sizeof tag, "%.*s",
           (int)(end ? end - v->key : (ptrdiff_t)strlen(v->key)), v->key);
  int64_t n = ht_count(now);
  if (!n) return HT_SUCCESS;
  h.bucket_limit = limit;
  h.bucket = bucket;
  h.n_bucket_limit = h.n_bucket = BUCKETS;
  span(now, n, &h);
  if (!isfinite(h.min) || !isfinite(h.max)) return HT_SUCCESS;
  count(now, n, &h);
  value.tag = tag;
  value.value_case = TENSORFLOW__SUMMARY__VALUE__VALUE_HISTO;
  value.histo = &h;
  return write_values(events, step, (Tensorflow__Summary__Value *[]){&value},
                      1);
}

ht_status ht_events_weights(ht_events *events, const ht_optimizer *o,
                            int64_t step) {
  for (int i = 0; i < o->n_tuned; i++) {
    const ht_variable *v = o->tuned[i].variable;
    ht_tensor now;
    HT_TRY(current(v, &now));
    ht_status st = write_histogram(events, v, &now, step);
    ht_tensor_drop(&now);
    HT_TRY(st);
  }
  return HT_SUCCESS;
}
