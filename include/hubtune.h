/*
 * hubtune.h - the public face of libhubtune: open a TensorFlow Hub module or
 * SavedModel, run it, differentiate it, fine-tune it and write it back.
 *
 * The library prints nothing, never exits and keeps no global state; all that
 * can fail returns an ht_status whose message is fit to print.
 */
#ifndef HUBTUNE_H
#define HUBTUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HT_API __attribute__((visibility("default")))

/* What kind of failure; the message says which. */
typedef enum ht_code {
  HT_OK = 0,
  HT_USAGE,       /* the caller asked for something that makes no sense */
  HT_IO,          /* a file or folder could not be read or written */
  HT_CORRUPT,     /* a file's content is not what its format says */
  HT_UNSUPPORTED, /* valid, but not something hubtune does */
  HT_NO_MEMORY,
  HT_NUMERIC, /* a loss or value that is not finite */
  HT_STOPPED  /* a callback or signal asked to stop */
} ht_code;

/*
 * The result of everything that can fail. `msg` lives until this thread's
 * next failure and is NULL when code is HT_OK.
 */
typedef struct ht_status {
  ht_code code;
  const char *msg;
} ht_status;

/* Element types, with TensorFlow's numbers (core/framework/types.proto). */
typedef enum ht_dtype {
  HT_INVALID = 0,
  HT_FLOAT = 1,
  HT_DOUBLE = 2,
  HT_INT32 = 3,
  HT_UINT8 = 4,
  HT_INT16 = 5,
  HT_INT8 = 6,
  HT_STRING = 7,
  HT_COMPLEX64 = 8,
  HT_INT64 = 9,
  HT_BOOL = 10,
  HT_BFLOAT16 = 14,
  HT_UINT16 = 17,
  HT_COMPLEX128 = 18,
  HT_HALF = 19,
  HT_RESOURCE = 20,
  HT_VARIANT = 21,
  HT_UINT32 = 22,
  HT_UINT64 = 23
} ht_dtype;

#ifdef __cplusplus
}
#endif

#endif
