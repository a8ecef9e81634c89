/* head_init.h - the weights of a head from an .npz file. */
#ifndef HT_TRAIN_HEAD_INIT_H
#define HT_TRAIN_HEAD_INIT_H

#include "tensor/tensor.h"

/* Reads `kernel` [features, classes] and `bias` [classes], float. */
ht_status ht_head_init_read(const char *path, ht_tensor *kernel,
                            ht_tensor *bias) HT_MUST_CHECK;

#endif
