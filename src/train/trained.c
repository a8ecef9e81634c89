/* trained.c - run folders opened again, see train.h. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "train/checkpoint.h"
#include "train/joint.h"
#include "train/loop.h"
#include "train/prepare.h"

static ht_status open_labels(ht_trained *t, const ht_trained_note *note) {
  return ht_labels_make(note->task, note->name, note->n, note->separator,
                        &t->labels);
}

/* As it was trained, but from no given weights: the run has its own. */
static ht_status open_composed(ht_trained *t, const ht_trained_note *note) {
  ht_design design;
  ht_train_options o = t->options;
  o.head_init = "zeros";
  HT_TRY(ht_prepare_design(&o, t->model, &design));
  HT_TRY(ht_prepare_labels(&o, &t->labels, &design));
  design.features = &note->features;
  return ht_compose(t->model, &design, NULL, &t->composed);
}

static ht_status open_all(const char *run, ht_trained *t) {
  ht_trained_note *note;
  char *config = ht_path_join(&t->arena, run, "config.json");
  t->run = ht_arena_string(&t->arena, run);
  if (!config || !t->run) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_exists(config))
    return ht_fail(HT_IO,
                   "'%s' is no run, a folder that 'train --out' wrote: it has "
                   "no config.json",
                   run);
  HT_NEW(note, &t->arena, 1);
  HT_TRY(ht_train_read(config, &t->arena, &t->options));
  HT_TRY(ht_prepare_read_note(run, &t->arena, note));
  if (!t->options.label) t->options.label = note->label;
  t->step = note->step;
  HT_TRY(ht_joint_given_in(&t->options, note->folder, &t->arena));
  HT_TRY(ht_within(ht_prepare_model(&t->options, &t->model),
                   "cannot open the module of '%s', named as from where it was "
                   "trained",
                   run));
  t->owns_model = true;
  HT_TRY(open_labels(t, note));
  HT_TRY(ht_prepare_tuned(&t->options, t->model));
  HT_TRY(open_composed(t, note));
  return ht_checkpoint_weights(run, note->step, &t->model->store);
}

ht_status ht_trained_open(const char *run, ht_trained *out) {
  *out = (ht_trained){0};
  ht_status st = open_all(run, out);
  if (st.code != HT_OK) ht_trained_close(out);
  return st;
}

void ht_trained_close(ht_trained *t) {
  ht_composed_free(&t->composed);
  ht_labels_free(&t->labels);
  if (t->owns_model) ht_model_free(t->model);
  ht_arena_free(&t->arena);
  *t = (ht_trained){0};
}

ht_status ht_trained_eval(ht_trained *t, const char *data, ht_scorecard *out) {
  const ht_train_options *o = &t->options;
  ht_composed *c = &t->composed;
  ht_image_choice images;
  ht_mapping_choice choice = ht_prepare_mapping(o, t->model, &images);
  images.notice = t->notice;
  images.arg = t->notice_arg;
  ht_feed feed;
  *out = (ht_scorecard){0};
  HT_TRY(ht_feed_open(data, c->design.inference, c->input, c->n_inputs, &choice,
                      true, &feed));
  ht_status st = ht_feed_encode(&feed, &t->labels);
  if (st.code == HT_OK) st = ht_judge(c, &feed, NULL, feed.data.n, NULL, out);
  ht_feed_close(&feed);
  return st;
}

ht_status ht_trained_predict(ht_trained *t, const ht_tensor *const *in,
                             ht_tensor *scores) {
  ht_run run = ht_run_make(NULL, &t->model->store, t->model->folder);
  return ht_plan_run(t->composed.predict, &run, t->composed.n_inputs, in, 1,
                     scores);
}
