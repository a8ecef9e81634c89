/* source_arrays.c - .npz: its arrays are the columns; .npy: one column named
 * as the file. */
#include <string.h>

#include "data/arrays.h"
#include "data/source.h"

static ht_status add(void *arg, const char *name, ht_npy *a) {
  ht_reading *r = arg;
  ht_tensor t;
  if (!ht_reading_wants(r, name)) return HT_SUCCESS;
  HT_TRY(ht_npy_tensor(a, name, &t));
  return ht_reading_add(r, name, &t, NULL);
}

ht_status ht_read_npz(ht_reading *r) { return ht_npz_read(r->path, add, r); }

ht_status ht_read_npy(ht_reading *r) {
  ht_tensor t;
  HT_TRY(ht_npy_load(r->path, &t));
  char *name = ht_arena_string(&r->out->arena, ht_path_base(r->path));
  if (!name) {
    ht_tensor_drop(&t);
    return ht_fail(HT_NO_MEMORY, "no memory for a name");
  }
  name[strlen(name) - strlen(ht_path_extension(name))] = 0;
  return ht_reading_add(r, name, &t, NULL);
}
