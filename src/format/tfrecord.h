/*
 * tfrecord.h - TFRecord: a file of records of bytes. A record is its length
 * (8 bytes, little-endian), the masked CRC-32C of that, the bytes, and their
 * masked CRC-32C (tensorflow/core/lib/io/record_writer.h).
 */
#ifndef HT_FORMAT_TFRECORD_H
#define HT_FORMAT_TFRECORD_H

#include "format/varint.h"

typedef enum ht_tfrecord_state {
  HT_TFRECORD_SOUND,
  HT_TFRECORD_DAMAGED, /* its bytes are; the next record still follows */
  HT_TFRECORD_LOST,    /* its length is: nothing after it can be found */
  HT_TFRECORD_CUT      /* the file ends within it */
} ht_tfrecord_state;

/* The next record of c, which is not at its end. *out is set where the record
 * is sound or damaged. */
ht_tfrecord_state ht_tfrecord_next(ht_cursor *c, ht_cursor *out);

/* Appends a record of n bytes. */
void ht_tfrecord_add(ht_text *file, const void *p, size_t n);

#endif
