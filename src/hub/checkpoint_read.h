/* checkpoint_read.h - tensors out of a TensorBundle. */
#ifndef HT_HUB_CHECKPOINT_READ_H
#define HT_HUB_CHECKPOINT_READ_H

#include "format/bundle.h"
#include "tensor/tensor.h"

/* Opens a bundle and verifies the checksums of all its tensors. */
ht_status ht_checkpoint_open(const char *prefix, ht_bundle **out) HT_MUST_CHECK;

/*
 * The tensor of an entry. Its buffer is the copy-on-write mapping of the
 * data file where the value is one piece at a multiple of its element's
 * size, else a copy; it keeps the bundle alive. Strings point into the
 * mapping.
 */
ht_status ht_checkpoint_tensor(ht_bundle *b, const ht_bundle_entry *e,
                               ht_tensor *out) HT_MUST_CHECK;

/* The tensor of a key; fails where the bundle has none. */
ht_status ht_checkpoint_read(ht_bundle *b, const char *key,
                             ht_tensor *out) HT_MUST_CHECK;

#endif
