/* export_bytes.h - files of images decoded in the graph that is exported. */
#ifndef HT_TRAIN_EXPORT_BYTES_H
#define HT_TRAIN_EXPORT_BYTES_H

#include "data/image_load.h"
#include "train/compose.h"

/*
 * From strings [n], each the bytes of a JPEG, PNG, GIF or BMP, to images
 * [n, height, width, channels] as the spec says; `dtype` is what the model
 * takes.
 */
ht_status ht_build_decoding(ht_builder *b, const ht_image_spec *spec,
                            ht_ref bytes, ht_ref *images) HT_MUST_CHECK;

#endif
