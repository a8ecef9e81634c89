/* events.h - RUN/events: what TensorBoard shows of a training. */
#ifndef HT_TRAIN_EVENTS_H
#define HT_TRAIN_EVENTS_H

#include "optim/optimizer.h"
#include "train/train.h"

typedef struct ht_events ht_events;

/* A new file in the folder, which is made; one that is resumed gets a file
 * of its own beside the others, as TensorBoard expects. */
ht_status ht_events_open(const char *folder, ht_events **out) HT_MUST_CHECK;
void ht_events_close(ht_events *events); /* NULL is fine */

/* Scalars: loss and learning rate of a step; loss and metrics of an epoch and
 * of the test. */
ht_status ht_events_write(ht_events *events, const ht_event *e) HT_MUST_CHECK;
/* A text, shown as Markdown. */
ht_status ht_events_text(ht_events *events, const char *tag,
                         const char *text) HT_MUST_CHECK;
/* Histograms of the weights that train, as they are at this step. */
ht_status ht_events_weights(ht_events *events, const ht_optimizer *o,
                            int64_t step) HT_MUST_CHECK;

#endif
