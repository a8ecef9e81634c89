/* result.c - what was trained, opened again. */
#include <stdlib.h>
#include <string.h>

#include "api/lines.h"
#include "base/parallel.h"
#include "hub/export.h"
#include "train/assert.h"
#include "train/export_run.h"
#include "train/feed.h"
#include "train/metrics.h"
#include "train/prepare.h"
#include "train/report.h"
#include "train/train.h"

struct ht_result {
  char *path; /* of the image that is answered */
  int threads;
  ht_trained trained;
  ht_scorecard card;
  ht_arena arena;
  ht_metrics *metrics;
};

bool ht_result_is_hub1(const ht_result *r) {
  return r->trained.model->format == HT_FORMAT_HUB1;
}

ht_status ht_result_open(const char *run, ht_result **out) {
  *out = NULL;
  ht_result *r = calloc(1, sizeof *r);
  if (!r) return ht_fail(HT_NO_MEMORY, "no memory for a trained model");
  ht_status st = ht_trained_open(run, &r->trained);
  if (st.code == HT_OK)
    *out = r;
  else
    free(r);
  return st;
}

void ht_result_threads(ht_result *r, int threads) { r->threads = threads; }

void ht_result_notice(ht_result *r, ht_notice_fn *notice, void *arg) {
  r->trained.notice = notice;
  r->trained.notice_arg = arg;
}

const char *ht_result_path(const ht_result *r) { return r->path; }

static void forget_metrics(ht_result *r) {
  ht_scorecard_free(&r->card);
  ht_arena_free(&r->arena);
  r->metrics = NULL;
}

void ht_result_free(ht_result *r) {
  if (!r) return;
  forget_metrics(r);
  ht_trained_close(&r->trained);
  free(r->path);
  free(r);
}

int ht_result_classes(const ht_result *r) {
  return r->trained.labels.name ? r->trained.labels.n : 0;
}

const char *ht_result_class(const ht_result *r, int i) {
  return i >= 0 && i < ht_result_classes(r) ? r->trained.labels.name[i] : NULL;
}

static ht_status describe(ht_result *r) {
  const ht_scorecard *card = &r->card;
  ht_class_metrics *row;
  HT_NEW(r->metrics, &r->arena, 1);
  HT_NEW(row, &r->arena, card->width + 1);
  *r->metrics = (ht_metrics){.n = card->n,
                             .loss = card->loss,
                             .n_values = card->n_values,
                             .name = card->name,
                             .value = card->value,
                             .n_classes = card->class ? card->width : 0,
                             .class_metrics = row,
                             .confusion = card->confusion};
  for (int i = 0; i < r->metrics->n_classes; i++)
    row[i] = (ht_class_metrics){ht_result_class(r, i), card->class[i].n,
                                card->class[i].precision, card->class[i].recall,
                                card->class[i].f1};
  return HT_SUCCESS;
}

ht_status ht_result_evaluate(ht_result *r, const char *data,
                             const ht_metrics **out) {
  forget_metrics(r);
  ht_threads_set(r->threads);
  HT_TRY(ht_trained_eval(&r->trained, data, &r->card));
  HT_TRY(describe(r));
  *out = r->metrics;
  return HT_SUCCESS;
}

/* ---- answers */

enum { BATCH = 64 };

typedef struct answering {
  ht_result *r;
  ht_feed feed;
  ht_arena arena;
  int64_t *index;
  ht_tensor *in;
  const ht_tensor **pointer;
} answering;

/* *n: how many could be used; a->index names them. */
static ht_status answer_batch(answering *a, int64_t from, int64_t *n,
                              ht_tensor *scores) {
  int n_inputs = a->r->trained.composed.n_inputs;
  for (int64_t i = 0; i < *n; i++) a->index[i] = from + i;
  HT_TRY(ht_feed_inputs(&a->feed, NULL, HT_UNCHANGED, a->index, n, a->in));
  ht_status st = HT_SUCCESS;
  if (*n) st = ht_trained_predict(&a->r->trained, a->pointer, scores);
  for (int i = 0; i < n_inputs; i++) ht_tensor_drop(&a->in[i]);
  return st;
}

/* Notes the path of an image, to be asked for by ht_result_path. */
static void note_path(answering *a, int64_t example) {
  ht_images *images = ht_feed_images(&a->feed);
  free(a->r->path);
  a->r->path = images ? ht_images_path(images, example) : NULL;
}

/* One batch; false: enough. */
static ht_status tell_batch(answering *a, int64_t at, int64_t n,
                            ht_scores_fn *tell, void *arg, bool *more) {
  ht_tensor scores = {0};
  int64_t m = n, k = 0;
  HT_TRY(answer_batch(a, at, &m, &scores));
  int width = m ? (int)(ht_count(&scores) / m) : 0;
  for (int64_t i = 0; *more && i < n; i++) {
    bool good = k < m && a->index[k] == at + i;
    note_path(a, at + i);
    *more =
        tell(arg, good ? ht_f(&scores) + k * width : NULL, good ? width : 0);
    k += good;
  }
  ht_tensor_drop(&scores);
  return HT_SUCCESS;
}

static ht_status answer_all(answering *a, ht_scores_fn *tell, void *arg) {
  int n_inputs = a->r->trained.composed.n_inputs;
  HT_NEW(a->index, &a->arena, BATCH);
  HT_NEW(a->in, &a->arena, n_inputs + 1);
  HT_NEW(a->pointer, &a->arena, n_inputs + 1);
  for (int i = 0; i < n_inputs; i++) a->pointer[i] = &a->in[i];
  bool more = true;
  for (int64_t at = 0; more && at < a->feed.data.n; at += BATCH) {
    int64_t left = a->feed.data.n - at;
    HT_TRY(tell_batch(a, at, left < BATCH ? left : BATCH, tell, arg, &more));
  }
  return more ? HT_SUCCESS : ht_fail(HT_STOPPED, "stopped");
}

ht_status ht_result_predict(ht_result *r, const char *data, ht_scores_fn *tell,
                            void *arg) {
  ht_trained *t = &r->trained;
  ht_composed *c = &t->composed;
  answering a = {.r = r};
  ht_threads_set(r->threads);
  if (strcmp(data, "-") == 0) return ht_answer_lines(t, tell, arg);
  ht_image_choice images;
  ht_mapping_choice choice = ht_prepare_mapping(&t->options, t->model, &images);
  choice.max_bad = 0; /* an answer for each */
  images.skip = INT64_MAX; /* they are answered by nothing */
  images.notice = t->notice;
  images.arg = t->notice_arg;
  HT_TRY(ht_feed_open(data, c->design.inference, c->input, c->n_inputs, &choice,
                      false, &a.feed));
  ht_status st = answer_all(&a, tell, arg);
  ht_feed_close(&a.feed);
  ht_arena_free(&a.arena);
  free(r->path);
  r->path = NULL;
  return st;
}

ht_status ht_result_export(ht_result *r, const char *out, bool module_only,
                           bool hub1) {
  ht_threads_set(r->threads);
  HT_TRY(ht_assert_held(&r->trained));
  if (module_only) return ht_export_module(r->trained.model, out, hub1, false);
  return ht_export_trained(&r->trained, out, hub1, false);
}

ht_status ht_result_report(ht_result *r, const char *run) {
  ht_threads_set(r->threads);
  return ht_report_write(&r->trained, run, NULL);
}
