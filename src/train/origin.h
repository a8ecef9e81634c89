/* origin.h - what a run was made of: modules and data, by their digests. */
#ifndef HT_TRAIN_ORIGIN_H
#define HT_TRAIN_ORIGIN_H

#include "base/digest.h"
#include "train/train.h"

typedef struct ht_origin {
  const char *what;               /* "module", "training data" */
  const char *name;               /* as it was asked for */
  const char *path;               /* local */
  char sha256[HT_SHA256_HEX + 1]; /* ht_sha256_path; "" where it is gone */
} ht_origin;

/* Modules, preprocessors and data, in this order. */
ht_status ht_origins(const ht_trained *t, ht_arena *arena, ht_origin **out,
                     int *n) HT_MUST_CHECK;

/* The modules' licence files (LICENSE, COPYING and the like at the top of the
 * folder, or in its assets.extra), with the names under which a model made of
 * them keeps them. */
typedef struct ht_licence {
  const char *name, *path;
} ht_licence;
ht_status ht_licences(const ht_trained *t, ht_arena *arena, ht_licence **out,
                      int *n) HT_MUST_CHECK;

#endif
