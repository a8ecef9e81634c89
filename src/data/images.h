/*
 * images.h - a column of images as batches of numbers, decoded and resized
 * on threads of their own, also ahead of being asked for. They are for one
 * thread to use, but for paths and digests.
 */
#ifndef HT_DATA_IMAGES_H
#define HT_DATA_IMAGES_H

#include "data/dataset.h"
#include "data/image_load.h"

/* Of texts: paths (relative to `base`) or the bytes of files; or uint8
 * [n, height, width] or [n, height, width, channels]. */
typedef struct ht_images_options {
  ht_image_spec spec;
  const char *base; /* NULL: where the program runs */
  const char *path; /* of the data set, to name examples */
  int64_t skip;     /* so many images may be broken */
  void (*notice)(void *arg, const char *text); /* told of each; may be NULL */
  void *arg;
} ht_images_options;

typedef struct ht_images ht_images;
enum { HT_UNCHANGED = -1 }; /* as an epoch: without augmentation */

/* The column must outlive it. */
ht_status ht_images_open(const ht_column *column,
                         const ht_images_options *options,
                         ht_images **out) HT_MUST_CHECK;
void ht_images_free(ht_images *images); /* NULL is fine */

/* Begins with a batch that will be asked for next. */
ht_status ht_images_expect(ht_images *images, int64_t epoch,
                           const int64_t *index, int64_t n) HT_MUST_CHECK;

/*
 * Examples index[0..n-1] as [n, height, width, channels]. A broken image is
 * named to `notice`, its numbers are 0 and good[i] is false; beyond `skip` of
 * them it is a failure.
 */
ht_status ht_images_read(ht_images *images, int64_t epoch, const int64_t *index,
                         int64_t n, bool *good, ht_tensor *out) HT_MUST_CHECK;

/* The path that an example's cell holds; NULL where it is no path. The
 * caller frees it. */
char *ht_images_path(const ht_images *images, int64_t example);
/* Whether that example was found broken. */
bool ht_images_broken(const ht_images *images, int64_t example);
int64_t ht_images_n_broken(const ht_images *images);
const ht_image_spec *ht_images_spec(const ht_images *images);
const ht_column *ht_images_column(const ht_images *images);

/* A 128-bit digest of each example's content: of the file, not of its name;
 * digest[2 i], [2 i + 1]. What cannot be read has one of its name. */
ht_status ht_images_digest(ht_images *images, uint64_t *digest) HT_MUST_CHECK;

#endif
