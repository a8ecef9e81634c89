/* feed_images.h - which inputs take images, and of which size and range. */
#ifndef HT_TRAIN_FEED_IMAGES_H
#define HT_TRAIN_FEED_IMAGES_H

#include "train/feed.h"

/* Whether a port takes images: numbers [n, height, width, channels]. */
bool ht_port_takes_images(const ht_port *port);
/* Whether what that column holds goes to such a port as images: texts (paths
 * or files) and bytes of pixels. */
bool ht_column_is_images(const ht_column *column);

/* What the port takes of an image. The size is the signature's, that asked
 * for, or that of the module's image info. */
ht_status ht_image_spec_make(const ht_port *port, const ht_image_choice *choice,
                             ht_image_spec *out) HT_MUST_CHECK;

/* A column of images for a port. */
ht_status ht_feed_images_open(const ht_port *port, const ht_column *column,
                              const char *path, const ht_image_choice *choice,
                              ht_arena *arena, ht_images **out) HT_MUST_CHECK;

#endif
