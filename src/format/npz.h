/* npz.h - named arrays in a zip archive, as numpy's savez writes them. */
#ifndef HT_FORMAT_NPZ_H
#define HT_FORMAT_NPZ_H

#include "base/arena.h"
#include "format/npy.h"

/* Called for each array; may take it over by zeroing *a. */
typedef ht_status ht_npz_fn(void *arg, const char *name, ht_npy *a);

/* Reads the arrays in the order of the archive. Members that are no .npy
 * are refused. */
ht_status ht_npz_read(const char *path, ht_npz_fn *fn, void *arg) HT_MUST_CHECK;

/* Writes arrays one by one; nothing appears before the commit. */
typedef struct ht_npz_writer ht_npz_writer;
ht_status ht_npz_writer_open(const char *path, bool compress,
                             ht_npz_writer **out) HT_MUST_CHECK;
ht_status ht_npz_put(ht_npz_writer *w, const char *name,
                     const ht_npy *a) HT_MUST_CHECK;
ht_status ht_npz_writer_commit(ht_npz_writer *w) HT_MUST_CHECK;
void ht_npz_writer_drop(ht_npz_writer *w); /* NULL is fine */

#endif
