/* sink_kind.h - what the kinds of sinks share, for sink*.c alone. */
#ifndef HT_DATA_SINK_KIND_H
#define HT_DATA_SINK_KIND_H

#include <stdio.h>

#include "data/sink.h"

/* A kind of file: a row of the table in sink.c. `data` is the kind's own. */
typedef struct ht_sink_kind {
  const char *extension;
  ht_status (*open)(ht_sink *s);
  ht_status (*add)(ht_sink *s, const ht_tensor *const *value);
  ht_status (*finish)(ht_sink *s); /* all is in `temporary` then */
  void (*drop)(ht_sink *s);
} ht_sink_kind;

struct ht_sink {
  const ht_sink_kind *kind;
  const char *path, *const *name;
  char *temporary; /* where it is written; NULL: to `path` itself */
  int n_columns;
  int64_t n, at; /* rows in all, rows that came */
  ht_shape *row; /* of each column once rows came */
  ht_arena arena;
  FILE *file;
  void *data;
};

extern const ht_sink_kind ht_sink_npz, ht_sink_hdf5;

#endif
