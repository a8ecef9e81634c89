/*
 * rows.h - a table whose rows are updated only when they are read or get a
 * gradient, and yet have at every such moment the weights that updating all
 * rows at every step gives (how: lag.h). Slots exist for touched rows only.
 *
 * While it is installed the variable's value is behind; its readers go
 * through ht_variable.rows. Variables are float.
 */
#ifndef HT_OPTIM_ROWS_H
#define HT_OPTIM_ROWS_H

#include "optim/optimizer.h"

typedef struct ht_rows ht_rows;

/* Installs itself on v, all of whose rows stand at step `start` of the lag.
 * Takes over the lag (also on failure). */
ht_status ht_rows_new(const ht_optimizer *o, ht_variable *v, ht_lag *lag,
                      int64_t start, ht_rows **out) HT_MUST_CHECK;
/* Brings every row up to date, in place. */
ht_status ht_rows_settle(ht_rows *rows) HT_MUST_CHECK;
/* Uninstalls; rows that are behind stay so (see ht_rows_settle). */
void ht_rows_free(ht_rows *rows);

/*
 * One step: rows of the gradient (distinct, of shape [n, ...]; none: all of
 * HT_INVALID) are brought up to date and updated; all others miss the step.
 */
ht_status ht_rows_step(ht_rows *rows, const ht_rule *rule,
                       const ht_cotangent *gradient) HT_MUST_CHECK;

/* Brings every row up to date and writes the slots, dense, to m and v
 * (zeros, or the starting value, where a row was never touched). */
ht_status ht_rows_finish(ht_rows *rows, ht_tensor *m,
                         ht_tensor *v) HT_MUST_CHECK;

/* The touched rows exactly as they are, for a checkpoint, in the order in
 * which they were first touched: index and last step, int64 [n], and w, m,
 * v, [n, ...] (m and v HT_INVALID where the optimizer has none). */
typedef struct ht_rows_state {
  int64_t start; /* as given to ht_rows_new */
  ht_tensor index, last, w, m, v;
} ht_rows_state;
ht_status ht_rows_save(const ht_rows *rows, ht_rows_state *out) HT_MUST_CHECK;
/* Puts them back into a table that was just made. */
ht_status ht_rows_load(ht_rows *rows, const ht_rows_state *state) HT_MUST_CHECK;
void ht_rows_state_drop(ht_rows_state *state);

int64_t ht_rows_touched(const ht_rows *rows);
/* Whether untouched rows differ from what they were, too: there is decay. */
bool ht_rows_decay(const ht_rows *rows);

#endif
