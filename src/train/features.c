/* features.c - see features.h. */
#include "train/features.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"

static ht_status features_folder(ht_arena *arena, char **out) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (cache && *cache == '/')
    *out = ht_path_join(arena, cache, "hubtune/features");
  else if (home && *home)
    *out = ht_path_join(arena, home, ".cache/hubtune/features");
  else
    return ht_fail(HT_USAGE, "no folder for the cache: set XDG_CACHE_HOME");
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a path");
}

static ht_status key_folder(const char *key, ht_arena *arena, char **out) {
  char *all;
  HT_TRY(features_folder(arena, &all));
  *out = ht_path_join(arena, all, key);
  return *out ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a path");
}

static void value_name(int i, char name[32]) {
  snprintf(name, 32, "value_%d", i);
}

static int64_t row_count(const ht_tensor *t) {
  return ht_count(t) / t->shape.dim[0];
}

/* Continues a checksum. */
static uint64_t join(uint64_t mark, const void *data, size_t n) {
  uint64_t both[2] = {mark, ht_hash(data, n)};
  return ht_hash(both, sizeof both);
}

/* ---- reading */

/* Examples in the order of their digests, to be found by halving. */
typedef struct wanted {
  const ht_features *f;
  int64_t *order;
} wanted;

static int compare(const uint64_t a[2], const uint64_t b[2]) {
  if (a[0] != b[0]) return a[0] < b[0] ? -1 : 1;
  return (a[1] > b[1]) - (a[1] < b[1]);
}

static int by_digest(const void *a, const void *b, void *arg) {
  const uint64_t *digest = arg;
  return compare(digest + 2 * *(const int64_t *)a,
                 digest + 2 * *(const int64_t *)b);
}

static ht_status sort_wanted(wanted *w) {
  w->order = malloc((size_t)(w->f->n + 1) * sizeof *w->order);
  if (!w->order) return ht_fail(HT_NO_MEMORY, "no memory for features");
  for (int64_t i = 0; i < w->f->n; i++) w->order[i] = i;
  qsort_r(w->order, (size_t)w->f->n, sizeof *w->order, by_digest,
          (void *)w->f->digest);
  return HT_SUCCESS;
}

/* The first place whose digest is not below that one. */
static int64_t place_of(const wanted *w, const uint64_t digest[2]) {
  int64_t low = 0, high = w->f->n;
  while (low < high) {
    int64_t middle = (low + high) / 2;
    if (compare(w->f->digest + 2 * w->order[middle], digest) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* A dataset with the rank and row that are expected, all of it in memory. */
static bool read_set(hid_t file, const char *name, hid_t type, size_t size,
                     int64_t row, int64_t *rows, void **out) {
  hsize_t dim[HT_MAX_RANK + 1] = {0}, count = 1;
  *out = NULL;
  hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
  hid_t space = set < 0 ? -1 : H5Dget_space(set);
  int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
  bool good = rank >= 1 && rank <= HT_MAX_RANK &&
              H5Sget_simple_extent_dims(space, dim, NULL) == rank;
  for (int i = 1; good && i < rank; i++) count *= dim[i];
  good = good && count == (hsize_t)row && dim[0] < (hsize_t)1 << 40 &&
         (*rows < 0 || (hsize_t)*rows == dim[0]);
  if (good) *rows = (int64_t)dim[0];
  if (good) *out = malloc((size_t)*rows * (size_t)row * size + 1);
  good = *out && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, *out) >= 0;
  if (space >= 0) H5Sclose(space);
  if (set >= 0) H5Dclose(set);
  return good;
}

/* What a segment holds. */
typedef struct segment {
  int64_t rows;
  uint64_t *digest;
  float **value;
} segment;

static void free_segment(segment *s, int n_values) {
  for (int i = 0; s->value && i < n_values; i++) free(s->value[i]);
  free(s->value);
  free(s->digest);
}

/* HDF5's own checksums do not cover what says how data are to be read. */
static bool is_whole(const ht_features *f, hid_t file, const segment *s) {
  uint64_t *check = NULL, mark = join(0, s->digest, (size_t)s->rows * 16);
  int64_t one = 1;
  for (int i = 0; i < f->n_values; i++)
    mark = join(mark, s->value[i],
                (size_t)(s->rows * row_count(&f->value[i])) * 4);
  bool good =
      read_set(file, "check", H5T_NATIVE_UINT64, 8, 1, &one, (void **)&check) &&
      *check == mark;
  free(check);
  return good;
}

static bool read_segment(const ht_features *f, const char *path, segment *s) {
  char name[32];
  s->rows = -1;
  s->value = calloc((size_t)f->n_values + 1, sizeof *s->value);
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  bool good = file >= 0 && s->value &&
              read_set(file, "digest", H5T_NATIVE_UINT64, 8, 2, &s->rows,
                       (void **)&s->digest);
  for (int i = 0; good && i < f->n_values; i++) {
    value_name(i, name);
    good = read_set(file, name, H5T_NATIVE_FLOAT, 4, row_count(&f->value[i]),
                    &s->rows, (void **)&s->value[i]);
  }
  good = good && is_whole(f, file, s);
  if (file >= 0) H5Fclose(file);
  return good;
}

static void take_row(ht_features *f, const segment *s, int64_t row,
                     int64_t example) {
  for (int i = 0; i < f->n_values; i++) {
    int64_t n = row_count(&f->value[i]);
    memcpy(ht_f(&f->value[i]) + example * n, s->value[i] + row * n,
           (size_t)n * sizeof(float));
  }
  f->found[example] = true;
}

/* Examples of equal content are found together: a row that was taken before
 * is not taken again. */
static void take_segment(ht_features *f, const wanted *w, const segment *s) {
  for (int64_t row = 0; row < s->rows; row++) {
    const uint64_t *digest = s->digest + 2 * row;
    int64_t k = place_of(w, digest);
    if (k < f->n && f->found[w->order[k]]) continue;
    for (; k < f->n && compare(f->digest + 2 * w->order[k], digest) == 0; k++)
      take_row(f, s, row, w->order[k]);
  }
}

static void load_segment(ht_features *f, const wanted *w, const char *path) {
  segment s = {0};
  char text[HT_MESSAGE_MAX];
  if (read_segment(f, path, &s)) {
    take_segment(f, w, &s);
  } else {
    snprintf(text, sizeof text, "'%s' is damaged: it is made again", path);
    if (f->notice) f->notice(f->arg, text);
    (void)remove(path);
  }
  free_segment(&s, f->n_values);
}

static ht_status load_all(ht_features *f, const wanted *w, ht_arena *arena) {
  char *folder, **name;
  int n;
  HT_TRY(key_folder(f->key, arena, &folder));
  if (!ht_path_is_folder(folder)) return HT_SUCCESS;
  HT_TRY(ht_folder_list(folder, arena, &name, &n));
  for (int i = 0; i < n; i++) {
    char *path = ht_path_join(arena, folder, name[i]);
    if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    if (name[i][0] != '.' && strcmp(ht_path_extension(path), ".h5") == 0)
      load_segment(f, w, path);
  }
  return HT_SUCCESS;
}

ht_status ht_features_load(ht_features *f) {
  ht_arena arena = {0};
  wanted w = {.f = f};
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  ht_status st = sort_wanted(&w);
  if (st.code == HT_OK) st = load_all(f, &w, &arena);
  free(w.order);
  ht_arena_free(&arena);
  return st;
}

/* ---- writing */

static bool write_set(hid_t file, const char *name, hid_t type, int rank,
                      const hsize_t *dim, const void *data) {
  hid_t space = H5Screate_simple(rank, dim, NULL);
  hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT,
                         H5P_DEFAULT);
  bool good =
      set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
  if (set >= 0) H5Dclose(set);
  H5Sclose(space);
  return good;
}

/* The new rows of a value, one after the other; malloc'ed. */
static void *pack(const ht_features *f, int64_t from, int64_t to,
                  const void *data, size_t row, int64_t *n) {
  char *out = malloc((size_t)(to - from) * row + 1);
  *n = 0;
  for (int64_t i = from; out && i < to; i++)
    if (!f->found[i])
      memcpy(out + (size_t)(*n)++ * row, (const char *)data + (size_t)i * row,
             row);
  return out;
}

static bool write_value(const ht_features *f, int i, int64_t from, int64_t to,
                        hid_t file, uint64_t *mark) {
  const ht_tensor *t = &f->value[i];
  hsize_t dim[HT_MAX_RANK];
  char name[32];
  int64_t n;
  void *rows = pack(f, from, to, t->data, (size_t)row_count(t) * 4, &n);
  for (int k = 0; k < t->shape.rank; k++) dim[k] = (hsize_t)t->shape.dim[k];
  dim[0] = (hsize_t)n;
  value_name(i, name);
  bool good =
      rows && write_set(file, name, H5T_NATIVE_FLOAT, t->shape.rank, dim, rows);
  if (rows) *mark = join(*mark, rows, (size_t)(n * row_count(t)) * 4);
  free(rows);
  return good;
}

static bool write_segment(const ht_features *f, int64_t from, int64_t to,
                          const char *path, uint64_t *mark) {
  int64_t n;
  uint64_t *digest = pack(f, from, to, f->digest, 16, &n);
  hsize_t dim[2] = {(hsize_t)n, 2};
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  bool good = digest && file >= 0 &&
              write_set(file, "digest", H5T_NATIVE_UINT64, 2, dim, digest);
  *mark = digest ? join(0, digest, (size_t)n * 16) : 0;
  for (int i = 0; good && i < f->n_values; i++)
    good = write_value(f, i, from, to, file, mark);
  const hsize_t one = 1;
  good = good && write_set(file, "check", H5T_NATIVE_UINT64, 1, &one, mark);
  free(digest);
  if (file >= 0) good = H5Fclose(file) >= 0 && good;
  return good;
}

static ht_status store_in(const ht_features *f, int64_t from, int64_t to,
                          const char *folder, ht_arena *arena) {
  uint64_t mark = 0;
  char *about = ht_path_join(arena, folder, "about");
  char *staged = ht_arena_printf(arena, "%s/.%ld.tmp", folder, (long)getpid());
  if (!about || !staged) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_folder_make(folder));
  HT_TRY(ht_file_write(about, f->about, strlen(f->about)));
  bool good = write_segment(f, from, to, staged, &mark);
  char *path = ht_arena_printf(arena, "%s/%016" PRIx64 ".h5", folder, mark);
  if (good && path && rename(staged, path) == 0) return HT_SUCCESS;
  (void)remove(staged);
  return ht_fail(HT_IO, "cannot write features to '%s'", folder);
}

ht_status ht_features_store(const ht_features *f, int64_t from, int64_t to) {
  ht_arena arena = {0};
  char *folder;
  bool any = false;
  for (int64_t i = from; i < to; i++) any |= !f->found[i];
  if (!any) return HT_SUCCESS;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  ht_status st = key_folder(f->key, &arena, &folder);
  if (st.code == HT_OK) st = store_in(f, from, to, folder, &arena);
  ht_arena_free(&arena);
  return st;
}

/* ---- what is kept */

static ht_status describe(const char *folder, ht_arena *arena,
                          ht_cache_fn *tell, void *arg, bool *more) {
  struct stat st;
  char **name, *about = "features";
  uint64_t bytes = 0;
  int64_t newest = 0;
  int n;
  HT_TRY(ht_folder_list(folder, arena, &name, &n));
  for (int i = 0; i < n; i++) {
    char *path = ht_path_join(arena, folder, name[i]);
    size_t size;
    if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    if (strcmp(name[i], "about") == 0)
      HT_TRY(ht_file_read(path, 1 << 16, arena, &about, &size));
    if (stat(path, &st) != 0) continue;
    bytes += (uint64_t)st.st_size;
    if (st.st_mtime > newest) newest = st.st_mtime;
  }
  ht_cache_entry e = {.handle = about,
                      .folder = folder,
                      .bytes = bytes,
                      .seconds = time(NULL) - newest};
  *more = tell(arg, &e);
  return HT_SUCCESS;
}

static ht_status each(ht_arena *arena, ht_cache_fn *tell, void *arg) {
  char *all, **name;
  int n;
  bool more = true;
  HT_TRY(features_folder(arena, &all));
  if (!ht_path_is_folder(all)) return HT_SUCCESS;
  HT_TRY(ht_folder_list(all, arena, &name, &n));
  for (int i = 0; i < n && more; i++) {
    char *folder = ht_path_join(arena, all, name[i]);
    if (!folder) return ht_fail(HT_NO_MEMORY, "no memory for a path");
    if (ht_path_is_folder(folder))
      HT_TRY(describe(folder, arena, tell, arg, &more));
  }
  return HT_SUCCESS;
}

ht_status ht_features_each(ht_cache_fn *tell, void *arg) {
  ht_arena arena = {0};
  ht_status st = each(&arena, tell, arg);
  ht_arena_free(&arena);
  return st;
}

ht_status ht_features_clear(void) {
  ht_arena arena = {0};
  char *all;
  ht_status st = features_folder(&arena, &all);
  if (st.code == HT_OK && ht_path_exists(all)) st = ht_folder_remove(all);
  ht_arena_free(&arena);
  return st;
}
