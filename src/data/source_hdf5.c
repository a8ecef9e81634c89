/*
 * source_hdf5.c - .h5: the datasets of a file are the columns, those inside
 * groups by their path. Nothing outside the file is opened: external links
 * and storage and virtual datasets are refused.
 */
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/apart.h"
#include "data/source.h"

/* Deflate makes at most so many bytes of one; more is unwritten space. */
enum { PACKED_MOST = 1032, UNWRITTEN_MAX = 64 << 20 };
/* Seconds that any file may take to read, and bytes that add one. */
enum { TRIAL_SECONDS = 60, SECOND_BYTES = 1 << 20 };

typedef struct {
  ht_reading *r;
  ht_status status;
} walk;

/* A dataset with what its reading needs. */
typedef struct {
  ht_reading *r;
  const char *name;
  hid_t set, type, space;
  ht_shape shape;
  int64_t count;
} dataset;

static ht_status bad(const dataset *d, const char *what) {
  return ht_fail(HT_CORRUPT, "'%s': dataset '%s' %s", d->r->path, d->name,
                 what);
}

static ht_status unsupported(const dataset *d, const char *what) {
  return ht_fail(HT_UNSUPPORTED, "'%s': dataset '%s' %s", d->r->path, d->name,
                 what);
}

/* ---- types */

typedef struct {
  H5T_class_t class;
  size_t size;
  bool is_signed;
  ht_dtype dtype;
} number_row;
static const number_row numbers[] = {
    {H5T_FLOAT, 4, true, HT_FLOAT},     {H5T_FLOAT, 8, true, HT_DOUBLE},
    {H5T_FLOAT, 2, true, HT_HALF},      {H5T_INTEGER, 1, true, HT_INT8},
    {H5T_INTEGER, 2, true, HT_INT16},   {H5T_INTEGER, 4, true, HT_INT32},
    {H5T_INTEGER, 8, true, HT_INT64},   {H5T_INTEGER, 1, false, HT_UINT8},
    {H5T_INTEGER, 2, false, HT_UINT16}, {H5T_INTEGER, 4, false, HT_UINT32},
    {H5T_INTEGER, 8, false, HT_UINT64}};

static ht_dtype number_of(hid_t type) {
  H5T_class_t class = H5Tget_class(type);
  bool is_signed = class != H5T_INTEGER || H5Tget_sign(type) == H5T_SGN_2;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (numbers[i].class == class && numbers[i].size == H5Tget_size(type) &&
        numbers[i].is_signed == is_signed)
      return numbers[i].dtype;
  /* h5py's booleans: an enumeration of FALSE and TRUE over a byte */
  if (class == H5T_ENUM && H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2)
    return HT_BOOL;
  return HT_INVALID;
}

/* The file's type with this machine's byte order. */
static hid_t native(hid_t type) {
  hid_t copy = H5Tcopy(type);
  const uint16_t probe = 1;
  bool little = *(const unsigned char *)&probe == 1;
  if (copy >= 0 && H5Tget_class(copy) != H5T_ENUM)
    H5Tset_order(copy, little ? H5T_ORDER_LE : H5T_ORDER_BE);
  return copy;
}

/* ---- checks before anything is allocated */

static ht_status check_shape(dataset *d) {
  hsize_t dims[H5S_MAX_RANK];
  int rank = H5Sget_simple_extent_ndims(d->space);
  if (rank < 0 || H5Sget_simple_extent_type(d->space) == H5S_NULL)
    return unsupported(d, "is empty");
  if (rank > HT_MAX_RANK) return unsupported(d, "has too many dimensions");
  H5Sget_simple_extent_dims(d->space, dims, NULL);
  d->shape.rank = rank;
  d->count = 1;
  for (int i = 0; i < rank; i++) {
    if (dims[i] > INT64_MAX) return bad(d, "is too large");
    d->shape.dim[i] = (int64_t)dims[i];
    if (__builtin_mul_overflow(d->count, d->shape.dim[i], &d->count))
      return bad(d, "is too large");
  }
  return HT_SUCCESS;
}

static ht_status check_storage(dataset *d, size_t width) {
  hid_t how = H5Dget_create_plist(d->set);
  int external = how < 0 ? -1 : H5Pget_external_count(how);
  H5D_layout_t layout = how < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(how);
  if (how >= 0) H5Pclose(how);
  if (external != 0 || layout == H5D_VIRTUAL || layout == H5D_LAYOUT_ERROR)
    return unsupported(d, "lies outside the file");
  size_t bytes, stored = (size_t)H5Dget_storage_size(d->set);
  if (__builtin_mul_overflow((size_t)d->count, width, &bytes) ||
      bytes > d->r->max)
    return bad(d, "is too large");
  if (bytes > UNWRITTEN_MAX && bytes / PACKED_MOST > stored)
    return bad(d, "is larger than its file can hold");
  return HT_SUCCESS;
}

/* ---- values */

static ht_status read_numbers(dataset *d, ht_dtype dtype) {
  ht_tensor t;
  HT_TRY(check_storage(d, ht_dtype_size(dtype)));
  HT_TRY(ht_tensor_new(NULL, dtype, &d->shape, &t));
  hid_t memory = native(d->type);
  herr_t got = d->count && memory >= 0 ? H5Dread(d->set, memory, H5S_ALL,
                                                 H5S_ALL, H5P_DEFAULT, t.data)
                                       : 0;
  if (memory >= 0) H5Tclose(memory);
  for (int64_t i = 0; dtype == HT_BOOL && i < d->count; i++)
    ((char *)t.data)[i] = ((char *)t.data)[i] != 0;
  if (got >= 0 && memory >= 0) return ht_reading_add(d->r, d->name, &t, NULL);
  ht_tensor_drop(&t);
  return bad(d, "cannot be read");
}

static ht_status copy_fixed(const dataset *d, const char *bytes, size_t width,
                            ht_tensor *t) {
  for (int64_t i = 0; i < d->count; i++) {
    const char *s = bytes + (size_t)i * width;
    size_t n = strnlen(s, width);
    HT_TRY(ht_text_refuse(d->r->path, s, n));
    HT_TRY(ht_string_set(t, i, s, n));
  }
  return HT_SUCCESS;
}

static ht_status copy_variable(const dataset *d, char *const *string,
                               ht_tensor *t) {
  for (int64_t i = 0; i < d->count; i++) {
    const char *s = string[i] ? string[i] : "";
    HT_TRY(ht_text_refuse(d->r->path, s, strlen(s)));
    HT_TRY(ht_string_set(t, i, s, strlen(s)));
  }
  return HT_SUCCESS;
}

static ht_status fill_strings(dataset *d, bool variable, size_t width,
                              ht_tensor *t) {
  void *bytes = calloc((size_t)d->count + 1, width);
  if (!bytes) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", d->name);
  ht_status st = HT_SUCCESS;
  if (H5Dread(d->set, d->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0)
    st = bad(d, "cannot be read");
  else
    st = variable ? copy_variable(d, bytes, t) : copy_fixed(d, bytes, width, t);
  if (variable) H5Dvlen_reclaim(d->type, d->space, H5P_DEFAULT, bytes);
  free(bytes);
  return st;
}

static ht_status read_strings(dataset *d) {
  ht_tensor t;
  bool variable = H5Tis_variable_str(d->type) > 0;
  size_t width = variable ? sizeof(char *) : H5Tget_size(d->type);
  HT_TRY(check_storage(d, width ? width : 1));
  HT_TRY(ht_tensor_new(NULL, HT_STRING, &d->shape, &t));
  ht_status st = d->count ? fill_strings(d, variable, width, &t) : HT_SUCCESS;
  if (st.code == HT_OK) return ht_reading_add(d->r, d->name, &t, NULL);
  ht_tensor_drop(&t);
  return st;
}

static ht_status read_dataset(dataset *d) {
  HT_TRY(check_shape(d));
  if (H5Tget_class(d->type) == H5T_STRING) return read_strings(d);
  ht_dtype dtype = number_of(d->type);
  if (dtype) return read_numbers(d, dtype);
  return unsupported(d, "is neither numbers nor texts");
}

/* ---- the file */

static ht_status open_dataset(ht_reading *r, hid_t file, const char *name) {
  dataset d = {.r = r, .name = name, .set = H5Dopen2(file, name, H5P_DEFAULT)};
  if (d.set < 0) return bad(&d, "cannot be opened");
  d.type = H5Dget_type(d.set);
  d.space = H5Dget_space(d.set);
  ht_status st = d.type >= 0 && d.space >= 0 ? read_dataset(&d)
                                             : bad(&d, "cannot be opened");
  if (d.space >= 0) H5Sclose(d.space);
  if (d.type >= 0) H5Tclose(d.type);
  H5Dclose(d.set);
  return st;
}

static bool is_dataset(hid_t file, const char *name) {
  H5O_info_t info;
  return H5Oget_info_by_name(file, name, &info, H5P_DEFAULT) >= 0 &&
         info.type == H5O_TYPE_DATASET;
}

/* Visits each link once, hard ones alone lead to datasets of this file. */
static herr_t visit(hid_t file, const char *name, const H5L_info_t *link,
                    void *arg) {
  walk *w = arg;
  if (link->type != H5L_TYPE_HARD || !ht_reading_wants(w->r, name)) return 0;
  if (!is_dataset(file, name)) return 0;
  w->status = open_dataset(w->r, file, name);
  return w->status.code == HT_OK ? 0 : -1;
}

static ht_status read_file(ht_reading *r) {
  walk w = {r, HT_SUCCESS};
  hid_t file = H5Fopen(r->path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0)
    return ht_fail(HT_CORRUPT, "'%s' is no HDF5 file, or a damaged one",
                   r->path);
  herr_t got = H5Lvisit(file, H5_INDEX_NAME, H5_ITER_INC, visit, &w);
  if (got < 0 && w.status.code == HT_OK)
    w.status = ht_fail(HT_CORRUPT, "'%s' is a damaged HDF5 file", r->path);
  H5Fclose(file);
  return w.status;
}

/* The library prints its errors unless this thread's handler is taken off
 * while it works. */
static ht_status read_quietly(ht_reading *r) {
  H5E_auto2_t handler;
  void *data;
  H5Eget_auto2(H5E_DEFAULT, &handler, &data);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  ht_status st = read_file(r);
  H5Eset_auto2(H5E_DEFAULT, handler, data);
  return st;
}

static void try_file(void *arg) {
  ht_reading r = *(ht_reading *)arg;
  ht_read_options silent = *r.options;
  silent.notice = NULL;
  r.options = &silent;
  ht_status st = read_quietly(&r);
  (void)st; /* comes again where the file is read in earnest */
}

/* The library runs past its buffers on some damaged files (1.10.8 of Debian
 * 12), so a file is read on trial first. */
ht_status ht_read_hdf5(ht_reading *r) {
  struct stat about;
  int64_t bytes = stat(r->path, &about) == 0 ? about.st_size : 0;
  HT_TRY(ht_within(ht_apart(try_file, r, TRIAL_SECONDS + bytes / SECOND_BYTES),
                   "'%s'", r->path));
  return read_quietly(r);
}
