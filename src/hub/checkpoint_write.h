/* checkpoint_write.h - tensors into a TensorBundle. */
#ifndef HT_HUB_CHECKPOINT_WRITE_H
#define HT_HUB_CHECKPOINT_WRITE_H

#include "format/bundle.h"
#include "tensor/variable.h"

/*
 * One tensor to write. Its value is `value`; or, when its turn comes and not
 * before, so that not all are in memory at once, the final one of `variable`,
 * or what `make` gives; or, with none of them, the entry `like` of `source` as
 * it stands there. With a value and a partitioned `like`, the value is cut in
 * the same way.
 */
typedef struct ht_checkpoint_item {
  const char *key;
  const ht_tensor *value;
  const ht_variable *variable;
  ht_status (*make)(void *arg, ht_tensor *out);
  void *arg;
  const ht_bundle *source;
  const ht_bundle_entry *like;
} ht_checkpoint_item;

/* Writes `prefix`.index and its one data file, values in the
 * order of the items. Both appear complete or not at all. */
ht_status ht_checkpoint_write(const char *prefix,
                              const ht_checkpoint_item *item,
                              int n) HT_MUST_CHECK;

#endif
