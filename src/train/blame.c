/* blame.c - see blame.h. */
#include "train/blame.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/text.h"

enum { MAX_INPUTS = 257, NAMED = 5 };

static ht_run run_of(const ht_failed_step *f, bool suspect) {
  const ht_stepper *s = f->stepper;
  ht_run run = ht_run_make(NULL, s->store, s->folder);
  run.training = true; /* the same variants and masks; rolled back */
  run.seed = s->seed;
  run.step = (uint64_t)f->t;
  run.suspect = suspect;
  return run;
}

static ht_status forward(const ht_failed_step *f, bool suspect,
                         const ht_tensor *const *in, double *loss) {
  ht_tensor out;
  ht_run run = run_of(f, suspect);
  ht_status st = ht_plan_run(f->plan, &run, f->n_in, in, 1, &out);
  if (st.code == HT_OK) {
    *loss = ht_real_at(&out, 0);
    ht_tensor_drop(&out);
  }
  ht_store_rollback(f->stepper->store);
  return st;
}

/* Whether the loss of one example alone is a number. */
static bool is_sound(const ht_failed_step *f, int64_t i) {
  ht_tensor row[MAX_INPUTS];
  const ht_tensor *in[MAX_INPUTS];
  double loss = 0;
  for (int k = 0; k < f->n_in; k++) {
    const ht_tensor *t = f->in[k];
    bool whole = !t->shape.rank || t->shape.dim[0] != f->n;
    row[k] = whole ? ht_tensor_share(t) : ht_tensor_rows(t, i, 1);
    in[k] = &row[k];
  }
  ht_status st = forward(f, false, in, &loss);
  for (int k = 0; k < f->n_in; k++) ht_tensor_drop(&row[k]);
  return st.code != HT_NUMERIC && isfinite(loss);
}

static void name_record(const ht_failed_step *f, int64_t i, ht_text *out) {
  int64_t example = f->index[i];
  if (f->data->line)
    ht_text_printf(out, "line %" PRId64, f->data->line[example]);
  else
    ht_text_printf(out, "example %" PRId64, example + 1);
}

/* How many examples are not `good`, and which, as text. */
static int64_t find_bad(const ht_failed_step *f,
                        bool (*good)(const ht_failed_step *f, int64_t i),
                        ht_text *names) {
  int64_t n = 0;
  for (int64_t i = 0; i < f->n; i++) {
    if (good(f, i)) continue;
    if (n++ == NAMED) ht_text_add(names, " ...");
    if (n > NAMED) continue;
    if (n > 1) ht_text_add(names, ", ");
    name_record(f, i, names);
  }
  return n;
}

static void add_records(const ht_failed_step *f, int64_t n,
                        const ht_text *names, ht_text *out) {
  if (n < f->n)
    ht_text_printf(out, ", for %" PRId64 " of %" PRId64 " records of '%s': %s",
                   n, f->n, f->data->path, names->p);
  else
    ht_text_add(out, ", for every record of the batch");
}

static void name_records(const ht_failed_step *f, ht_text *out) {
  ht_text names = {0};
  int64_t n = find_bad(f, is_sound, &names);
  if (n)
    add_records(f, n, &names, out);
  else
    ht_text_add(out, ", for no record of the batch alone");
  ht_text_free(&names);
}

/* ---- what goes in */

/* Whether all numbers of one example are finite. */
static bool is_finite(const ht_failed_step *f, int64_t i) {
  for (int k = 0; k < f->n_in; k++) {
    const ht_tensor *t = f->in[k];
    bool real = t->dtype == HT_FLOAT || t->dtype == HT_DOUBLE;
    if (!real || !t->shape.rank || t->shape.dim[0] != f->n) continue;
    int64_t size = ht_count(t) / f->n;
    for (int64_t j = i * size; j < (i + 1) * size; j++)
      if (!isfinite(ht_real_at(t, j))) return false;
  }
  return true;
}

/* No rate mends that: a failure of the data, not of the training. */
static ht_status blame_data(const ht_failed_step *f, const char *what) {
  ht_text names = {0}, more = {0};
  ht_status st = HT_SUCCESS;
  int64_t n = find_bad(f, is_finite, &names);
  if (n) {
    add_records(f, n, &names, &more);
    st = ht_fail(HT_CORRUPT, "%s: what the step is given is NaN or infinite%s",
                 what, more.failed ? "" : more.p);
  }
  ht_text_free(&names);
  ht_text_free(&more);
  return st;
}

ht_status ht_blame(const ht_failed_step *f, ht_status st) {
  char what[HT_MESSAGE_MAX];
  double loss;
  ht_text more = {0};
  if (st.code != HT_NUMERIC || f->n_in > MAX_INPUTS) return st;
  ht_status_copy(st, what);
  HT_TRY(blame_data(f, what));
  ht_status found = forward(f, true, f->in, &loss);
  if (found.code == HT_NUMERIC) ht_text_printf(&more, ": %s", found.msg);
  name_records(f, &more);
  st = ht_fail(HT_NUMERIC, "%s%s", what, more.failed ? "" : more.p);
  ht_text_free(&more);
  return st;
}
