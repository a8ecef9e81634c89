/* kaggle.h - a Kaggle user's credentials from where Kaggle's own tools look:
 * KAGGLE_API_TOKEN; KAGGLE_USERNAME and KAGGLE_KEY; kaggle.json in
 * KAGGLE_CONFIG_DIR, ~/.config/kaggle and ~/.kaggle (kaggle-api, kagglehub). */
#ifndef HT_HUB_KAGGLE_H
#define HT_HUB_KAGGLE_H

#include "hub/download.h"

/* Left empty where there are none. */
ht_status ht_kaggle_login(ht_arena *arena, ht_login *out) HT_MUST_CHECK;

#endif
