/* lines.h - answers for lines of standard input while they come. */
#ifndef HT_API_LINES_H
#define HT_API_LINES_H

#include "train/train.h"

/* Lines that are there already are answered together; none waits for lines
 * that are not. */
ht_status ht_answer_lines(ht_trained *t, ht_scores_fn *tell,
                          void *arg) HT_MUST_CHECK;

#endif
