/* parse_image.h - an image's file as a value of an input. */
#ifndef HT_API_PARSE_IMAGE_H
#define HT_API_PARSE_IMAGE_H

#include "hub/model.h"

/* Whether the port takes images and `text` is the path of one. */
bool ht_is_image_file(const ht_port *port, const char *text);
/* It as the port takes it: [1, height, width, channels], from 0 to 1 or, as
 * bytes, to 255. */
ht_status ht_parse_image(const ht_port *port, const ht_model *model,
                         const char *path, ht_tensor *out) HT_MUST_CHECK;

#endif
