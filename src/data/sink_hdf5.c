/* sink_hdf5.c - .h5: a dataset a column, written as its rows come. */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/sink_kind.h"

typedef struct file {
  hid_t id;
  int error; /* errno of the first call that failed; 0: none, or not said */
  hid_t *set, *type; /* per column */
} file;

/* The text of an error of the file system holds "errno = 28". */
static herr_t find_errno(unsigned n, const H5E_error2_t *e, void *error) {
  const char *found = e->desc ? strstr(e->desc, "errno = ") : NULL;
  (void)n;
  if (found) *(int *)error = (int)strtol(found + 8, NULL, 10);
  return found != NULL;
}

/* Whether a call succeeded. The next one forgets why it did not. */
static bool good(file *f, bool success) {
  if (!success && !f->error)
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, find_errno, &f->error);
  return success;
}

static ht_status failed(const ht_sink *s) {
  const file *f = s->data;
  errno = f->error;
  return errno ? ht_fail_errno("cannot write", s->path)
               : ht_fail(HT_IO, "cannot write '%s'", s->path);
}

static ht_status open_hdf5(ht_sink *s) {
  file *f;
  HT_NEW(f, &s->arena, 1);
  HT_NEW(f->set, &s->arena, s->n_columns + 1);
  HT_NEW(f->type, &s->arena, s->n_columns + 1);
  for (int c = 0; c < s->n_columns; c++) f->set[c] = f->type[c] = -1;
  f->id = -1;
  s->data = f;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  if (!s->temporary)
    return ht_fail(HT_USAGE, "'%s' is no plain file, which .h5 needs", s->path);
  f->id = H5Fcreate(s->temporary, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  return good(f, f->id >= 0) ? HT_SUCCESS : failed(s);
}

/* As h5py has them: booleans are an enumeration over a byte. */
static hid_t bool_type(void) {
  hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
  int8_t no = 0, yes = 1;
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  return type;
}

static hid_t string_type(void) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}

static hid_t type_of(ht_dtype dtype) {
  switch (dtype) {
    case HT_FLOAT: return H5Tcopy(H5T_NATIVE_FLOAT);
    case HT_DOUBLE: return H5Tcopy(H5T_NATIVE_DOUBLE);
    case HT_INT8: return H5Tcopy(H5T_NATIVE_INT8);
    case HT_INT16: return H5Tcopy(H5T_NATIVE_INT16);
    case HT_INT32: return H5Tcopy(H5T_NATIVE_INT32);
    case HT_INT64: return H5Tcopy(H5T_NATIVE_INT64);
    case HT_UINT8: return H5Tcopy(H5T_NATIVE_UINT8);
    case HT_UINT16: return H5Tcopy(H5T_NATIVE_UINT16);
    case HT_UINT32: return H5Tcopy(H5T_NATIVE_UINT32);
    case HT_UINT64: return H5Tcopy(H5T_NATIVE_UINT64);
    case HT_BOOL: return bool_type();
    case HT_STRING: return string_type();
    default: return -1;
  }
}

static void sizes(const ht_tensor *t, int64_t rows, hsize_t *dim) {
  for (int i = 0; i < t->shape.rank; i++) dim[i] = (hsize_t)t->shape.dim[i];
  dim[0] = (hsize_t)rows;
}

static ht_status make_set(ht_sink *s, int c, const ht_tensor *t) {
  file *f = s->data;
  hsize_t dim[HT_MAX_RANK];
  sizes(t, s->n, dim);
  f->type[c] = type_of(t->dtype);
  if (f->type[c] < 0)
    return ht_fail(HT_UNSUPPORTED, "'%s': values of type %s are not written",
                   s->path, ht_dtype_name(t->dtype));
  hid_t space = H5Screate_simple(t->shape.rank, dim, NULL);
  hid_t links = H5Pcreate(H5P_LINK_CREATE); /* "a/b" makes the group a */
  H5Pset_create_intermediate_group(links, 1);
  f->set[c] = H5Dcreate2(f->id, s->name[c], f->type[c], space, links,
                         H5P_DEFAULT, H5P_DEFAULT);
  bool made = good(f, f->set[c] >= 0);
  H5Pclose(links);
  H5Sclose(space);
  return made ? HT_SUCCESS : failed(s);
}

/* Ended by NULs, as HDF5 wants strings of variable length. */
static ht_status text_of(const ht_tensor *t, ht_arena *arena, char ***out) {
  int64_t n = ht_count(t);
  HT_NEW(*out, arena, n + 1);
  for (int64_t i = 0; i < n; i++) {
    (*out)[i] = ht_arena_bytes(arena, ht_str(t)[i].p, ht_str(t)[i].n);
    if (!(*out)[i]) return ht_fail(HT_NO_MEMORY, "no memory for strings");
  }
  return HT_SUCCESS;
}

static ht_status write_rows(ht_sink *s, int c, const ht_tensor *t,
                            const void *data) {
  file *f = s->data;
  hsize_t from[HT_MAX_RANK] = {(hsize_t)s->at}, dim[HT_MAX_RANK];
  sizes(t, t->shape.dim[0], dim);
  hid_t whole = H5Dget_space(f->set[c]);
  hid_t part = H5Screate_simple(t->shape.rank, dim, NULL);
  bool written = good(
      f,
      H5Sselect_hyperslab(whole, H5S_SELECT_SET, from, NULL, dim, NULL) >= 0 &&
          H5Dwrite(f->set[c], f->type[c], part, whole, H5P_DEFAULT, data) >= 0);
  H5Sclose(part);
  H5Sclose(whole);
  return written ? HT_SUCCESS : failed(s);
}

static ht_status add_column(ht_sink *s, int c, const ht_tensor *t) {
  file *f = s->data;
  ht_arena arena = {0};
  char **text = NULL;
  if (f->set[c] < 0) HT_TRY(make_set(s, c, t));
  if (!ht_count(t)) return HT_SUCCESS;
  if (t->dtype != HT_STRING) return write_rows(s, c, t, t->data);
  ht_status st = text_of(t, &arena, &text);
  if (st.code == HT_OK) st = write_rows(s, c, t, text);
  ht_arena_free(&arena);
  return st;
}

static ht_status add_hdf5(ht_sink *s, const ht_tensor *const *value) {
  for (int c = 0; c < s->n_columns; c++) HT_TRY(add_column(s, c, value[c]));
  return HT_SUCCESS;
}

/* From here on all is written to nowhere: a file that cannot be closed would
 * crash HDF5 at the end of the program. */
static void divert(const file *f) {
  int *fd = NULL, null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  if (H5Fget_vfd_handle(f->id, H5P_DEFAULT, (void **)&fd) >= 0)
    (void)dup2(null, *fd);
  close(null);
}

static bool close_all(const ht_sink *s) {
  file *f = s->data;
  bool closed = f->id < 0 || good(f, H5Fflush(f->id, H5F_SCOPE_GLOBAL) >= 0);
  if (!closed) divert(f);
  for (int c = 0; c < s->n_columns; c++) {
    if (f->set[c] >= 0) closed &= good(f, H5Dclose(f->set[c]) >= 0);
    if (f->type[c] >= 0) H5Tclose(f->type[c]);
    f->set[c] = f->type[c] = -1;
  }
  if (f->id >= 0) closed &= good(f, H5Fclose(f->id) >= 0);
  f->id = -1;
  return closed;
}

static ht_status finish_hdf5(ht_sink *s) {
  return close_all(s) ? HT_SUCCESS : failed(s);
}

static void drop_hdf5(ht_sink *s) {
  if (s->data) (void)close_all(s);
}

const ht_sink_kind ht_sink_hdf5 = {".h5", open_hdf5, add_hdf5, finish_hdf5,
                                   drop_hdf5};
