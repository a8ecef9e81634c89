/* card.h - the model card: what a model is, what it was made of and how good
 * it is, as a page that goes with it. */
#ifndef HT_TRAIN_CARD_H
#define HT_TRAIN_CARD_H

#include "train/report.h"

#define HT_CARD_NAME "model_card.md"

/* Writes RUN/model_card.md (Markdown), which exports take along; the parts
 * are those of Mitchell et al. 2019, Model Cards for Model Reporting, that a
 * program can know. */
ht_status ht_card_write(const ht_report *r) HT_MUST_CHECK;

#endif
