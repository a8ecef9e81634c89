/* export_warmup.c - see export_warmup.h; the file and its messages are those of
 * tensorflow_serving/servables/tensorflow/saved_model_warmup. */
#include "train/export_warmup.h"

#include <string.h>

#include "format/tfrecord.h"
#include "hub/pb.h"
#include "proto/example.pb-c.h"
#include "proto/serving.pb-c.h"
#include "train/export_examples.h"

typedef Tensorflow__Serving__ExamplesRequest examples_request;

/* One example of a port. */
static ht_status shape_of(const ht_port *port, ht_shape *out) {
  *out = port->shape;
  if (out->rank < 0)
    return ht_fail(HT_UNSUPPORTED, "input '%s' has no rank", port->name);
  for (int i = 0; i < out->rank; i++)
    if (out->dim[i] < 0) out->dim[i] = 1;
  return HT_SUCCESS;
}

ht_status ht_warmup_value(const ht_port *port, ht_string text, ht_tensor *out) {
  ht_shape shape;
  HT_TRY(shape_of(port, &shape));
  HT_TRY(ht_tensor_zeros(NULL, port->dtype, &shape, out));
  int64_t n = port->dtype == HT_STRING ? ht_count(out) : 0;
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < n && st.code == HT_OK; i++)
    st = ht_string_set(out, i, text.p, text.n);
  if (st.code != HT_OK) ht_tensor_drop(out);
  return st;
}

/* ---- predict: tensors by name */

/* Values that are not written are zeros, and one stands for all. */
static ht_status put_tensor(ht_arena *a, const ht_port *port, ht_string text,
                            Tensorflow__TensorProto **out) {
  ht_shape shape;
  HT_TRY(shape_of(port, &shape));
  HT_PB(*out, a, tensorflow__tensor_proto__init);
  (*out)->dtype = (Tensorflow__DataType)port->dtype;
  HT_TRY(ht_pb_shape(a, &shape, &(*out)->tensor_shape));
  if (port->dtype != HT_STRING) return HT_SUCCESS;
  HT_NEW((*out)->string_val, a, 1);
  (*out)->n_string_val = 1;
  (*out)->string_val[0] =
      (ProtobufCBinaryData){text.n, (uint8_t *)(uintptr_t)text.p};
  return HT_SUCCESS;
}

static ht_status predict_log(const ht_warmup *w, ht_arena *a,
                             Tensorflow__Serving__ModelSpec *spec,
                             Tensorflow__Serving__PredictionLog *log) {
  Tensorflow__Serving__PredictRequest *request;
  HT_PB(log->predict_log, a, tensorflow__serving__predict_log__init);
  HT_PB(request, a, tensorflow__serving__predict_request__init);
  log->log_type_case =
      TENSORFLOW__SERVING__PREDICTION_LOG__LOG_TYPE_PREDICT_LOG;
  log->predict_log->request = request;
  request->model_spec = spec;
  for (int i = 0; i < w->n; i++) {
    Tensorflow__Serving__PredictRequest__InputsEntry *e;
    HT_PB(e, a, tensorflow__serving__predict_request__inputs_entry__init);
    HT_TRY(ht_pb_text(a, &e->key, "%s", w->port[i].name));
    HT_TRY(put_tensor(a, &w->port[i], w->text, &e->value));
    HT_TRY(HT_PB_PUSH(a, request, inputs, e));
  }
  return HT_SUCCESS;
}

/* ---- classify and regress: an example */

static ht_status put_feature(ht_arena *a, const ht_port *port, ht_string text,
                             Tensorflow__Feature *f) {
  size_t n = 1;
  for (int i = 1; i < port->shape.rank; i++) n *= (size_t)port->shape.dim[i];
  switch (ht_feature_dtype(port->dtype)) {
    case HT_STRING:
      f->kind_case = TENSORFLOW__FEATURE__KIND_BYTES_LIST;
      HT_PB(f->bytes_list, a, tensorflow__bytes_list__init);
      HT_NEW(f->bytes_list->value, a, n);
      f->bytes_list->n_value = n;
      for (size_t i = 0; i < n; i++)
        f->bytes_list->value[i] =
            (ProtobufCBinaryData){text.n, (uint8_t *)(uintptr_t)text.p};
      return HT_SUCCESS;
    case HT_FLOAT:
      f->kind_case = TENSORFLOW__FEATURE__KIND_FLOAT_LIST;
      HT_PB(f->float_list, a, tensorflow__float_list__init);
      HT_NEW(f->float_list->value, a, n);
      f->float_list->n_value = n;
      return HT_SUCCESS;
    default:
      f->kind_case = TENSORFLOW__FEATURE__KIND_INT64_LIST;
      HT_PB(f->int64_list, a, tensorflow__int64_list__init);
      HT_NEW(f->int64_list->value, a, n);
      f->int64_list->n_value = n;
      return HT_SUCCESS;
  }
}

static ht_status put_example(const ht_warmup *w, ht_arena *a,
                             Tensorflow__Example **out) {
  HT_PB(*out, a, tensorflow__example__init);
  HT_PB((*out)->features, a, tensorflow__features__init);
  for (int i = 0; i < w->n; i++) {
    Tensorflow__Features__FeatureEntry *e;
    HT_PB(e, a, tensorflow__features__feature_entry__init);
    HT_PB(e->value, a, tensorflow__feature__init);
    HT_TRY(ht_pb_text(a, &e->key, "%s", w->port[i].name));
    HT_TRY(put_feature(a, &w->port[i], w->text, e->value));
    HT_TRY(HT_PB_PUSH(a, (*out)->features, feature, e));
  }
  return HT_SUCCESS;
}

static ht_status examples_log(const ht_warmup *w, ht_arena *a,
                              Tensorflow__Serving__ModelSpec *spec,
                              Tensorflow__Serving__PredictionLog *log) {
  Tensorflow__Example *example;
  examples_request *request;
  bool regress = strstr(w->method->method, "regress") != NULL;
  HT_PB(log->classify_log, a, tensorflow__serving__examples_log__init);
  HT_PB(request, a, tensorflow__serving__examples_request__init);
  HT_PB(request->input, a, tensorflow__serving__input__init);
  HT_PB(request->input->example_list, a,
        tensorflow__serving__example_list__init);
  /* Both are of one type, in one union. */
  log->log_type_case =
      regress ? TENSORFLOW__SERVING__PREDICTION_LOG__LOG_TYPE_REGRESS_LOG
              : TENSORFLOW__SERVING__PREDICTION_LOG__LOG_TYPE_CLASSIFY_LOG;
  log->classify_log->request = request;
  request->model_spec = spec;
  HT_TRY(put_example(w, a, &example));
  return HT_PB_PUSH(a, request->input->example_list, examples, example);
}

/* ---- the record */

static ht_status add(const ht_warmup *w, ht_arena *a, ht_text *file) {
  Tensorflow__Serving__PredictionLog log =
      TENSORFLOW__SERVING__PREDICTION_LOG__INIT;
  Tensorflow__Serving__ModelSpec spec = TENSORFLOW__SERVING__MODEL_SPEC__INIT;
  ProtobufCBinaryData bytes;
  HT_TRY(ht_pb_text(a, &spec.signature_name, "%s", w->method->name));
  HT_TRY(w->method->method ? examples_log(w, a, &spec, &log)
                           : predict_log(w, a, &spec, &log));
  HT_TRY(ht_pb_pack(a, &log.base, &bytes));
  ht_tfrecord_add(file, bytes.data, bytes.len);
  return ht_text_check(file);
}

ht_status ht_warmup_add(const ht_warmup *w, ht_text *file) {
  ht_arena a = {0};
  ht_status st = add(w, &a, file);
  ht_arena_free(&a);
  return st;
}
