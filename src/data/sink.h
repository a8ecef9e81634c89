/*
 * sink.h - rows of named columns on their way into a file, batch by batch:
 * .h5, .csv and .jsonl are written as they come, .npz is gathered first.
 */
#ifndef HT_DATA_SINK_H
#define HT_DATA_SINK_H

#include "tensor/tensor.h"

typedef struct ht_sink ht_sink;

/* Opens the file that the extension names; "-" is standard output, as .jsonl.
 * n rows will come; names are borrowed. Nothing stands at `path` before the
 * commit. */
ht_status ht_sink_open(const char *path, int64_t n, int n_columns,
                       const char *const *name, ht_sink **out) HT_MUST_CHECK;
/* value[i]: the next rows of column i, axis 0 alike in all. */
ht_status ht_sink_add(ht_sink *s, const ht_tensor *const *value) HT_MUST_CHECK;
ht_status ht_sink_commit(ht_sink *s) HT_MUST_CHECK;
void ht_sink_drop(ht_sink *s); /* NULL is fine; also after the commit */

#endif
