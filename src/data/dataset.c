/* dataset.c - the table of source types and what all readers share. */
#include "data/dataset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/source.h"

static const ht_source sources[] = {{".csv", true, ht_read_csv},
                                    {".tsv", true, ht_read_tsv},
                                    {".jsonl", true, ht_read_jsonl},
                                    {".ndjson", true, ht_read_jsonl},
                                    {".txt", true, ht_read_lines},
                                    {".ft", true, ht_read_lines},
                                    {".npz", false, ht_read_npz},
                                    {".npy", false, ht_read_npy},
                                    {".h5", false, ht_read_hdf5},
                                    {".hdf5", false, ht_read_hdf5},
                                    {".jpg", false, ht_read_image},
                                    {".jpeg", false, ht_read_image},
                                    {".png", false, ht_read_image},
                                    {".gif", false, ht_read_image},
                                    {".bmp", false, ht_read_image},
                                    {".webp", false, ht_read_image},
                                    {".tfrecord", false, ht_read_records},
                                    {".tfrecords", false, ht_read_records},
                                    {"folder", false, ht_read_folder}};
enum { N_SOURCES = sizeof sources / sizeof *sources };
#define DEFAULT_MAX ((size_t)16 << 30)

/* ---- columns */

bool ht_reading_wants(const ht_reading *r, const char *name) {
  if (!r->options->wanted) return true;
  for (int i = 0; i < r->options->n_wanted; i++)
    if (strcmp(r->options->wanted[i], name) == 0) return true;
  return false;
}

bool ht_reading_full(const ht_reading *r, int64_t examples) {
  return r->options->max_examples && examples >= r->options->max_examples;
}

static const char *either(const char *name, const char *usual) {
  return name ? name : usual;
}
const char *ht_name_text(const ht_reading *r) {
  return either(r->options->text, "text");
}
const char *ht_name_image(const ht_reading *r) {
  return either(r->options->image, "image");
}
const char *ht_name_label(const ht_reading *r) {
  return either(r->options->label, "label");
}

/* Cuts a column to the examples that may be read. */
static void shorten(const ht_reading *r, ht_tensor *value, int64_t *n) {
  int64_t most = r->options->max_examples;
  if (!most || *n <= most) return;
  ht_tensor rows = ht_tensor_rows(value, 0, most);
  ht_tensor_drop(value);
  *value = rows;
  *n = most;
}

static ht_status add_column(ht_reading *r, const char *name, ht_tensor *value,
                            const int64_t *splits) {
  ht_dataset *d = r->out;
  bool whole = value->shape.rank == 0;
  if (ht_dataset_find(d, name))
    return ht_fail(HT_CORRUPT, "'%s' has two columns '%s'", r->path, name);
  int64_t n = splits ? d->n : whole ? 0 : value->shape.dim[0];
  if (!whole && !splits) shorten(r, value, &n);
  if (!whole && d->n && n != d->n)
    return ht_fail(HT_CORRUPT,
                   "'%s': column '%s' has %" PRId64
                   " examples, others have "
                   "%" PRId64,
                   r->path, name, n, d->n);
  HT_GROW(d->column, d->n_columns, r->capacity, &d->arena);
  char *copy = ht_arena_string(&d->arena, name);
  if (!copy) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", r->path);
  d->column[d->n_columns++] = (ht_column){copy, *value, n, splits, whole};
  *value = (ht_tensor){0};
  if (!whole) d->n = n;
  return HT_SUCCESS;
}

ht_status ht_reading_add(ht_reading *r, const char *name, ht_tensor *value,
                         const int64_t *splits) {
  ht_status st = ht_reading_wants(r, name) ? add_column(r, name, value, splits)
                                           : HT_SUCCESS;
  ht_tensor_drop(value);
  return st;
}

const ht_column *ht_dataset_find(const ht_dataset *data, const char *name) {
  for (int i = 0; i < data->n_columns; i++)
    if (strcmp(data->column[i].name, name) == 0) return &data->column[i];
  return NULL;
}

ht_status ht_dataset_column(const ht_dataset *data, const char *name,
                            const ht_column **out) {
  ht_text names = {.max = 400};
  *out = ht_dataset_find(data, name);
  if (*out) return HT_SUCCESS;
  for (int i = 0; i < data->n_columns; i++)
    ht_text_printf(&names, "%s'%s'", i ? ", " : "", data->column[i].name);
  ht_status st =
      ht_fail(HT_USAGE, "'%s' has no column '%s', only %s%s", data->path, name,
              names.p ? names.p : "none", names.failed ? " ..." : "");
  ht_text_free(&names);
  return st;
}

/* ---- reading */

/* The extension that counts: that asked for, or the path's before .gz. */
static void extension_of(const char *path, char out[16]) {
  const char *base = ht_path_base(path), *end = base + strlen(base);
  if (end - base > 3 && strcasecmp(end - 3, ".gz") == 0) end -= 3;
  const char *dot = end > base ? end - 1 : base;
  while (dot > base && *dot != '.') dot--;
  size_t n = *dot == '.' ? (size_t)(end - dot) : 0;
  if (n > 15) n = 0;
  memcpy(out, dot, n);
  out[n] = 0;
}

static const ht_source *find_source(const char *extension) {
  for (int i = 0; i < N_SOURCES; i++)
    if (strcasecmp(sources[i].extension, extension) == 0) return &sources[i];
  return NULL;
}

/* fastText's files often have names of their own. */
static bool labelled_lines(const char *path) {
  char start[9];
  FILE *f = ht_path_is_folder(path) ? NULL : fopen(path, "rb");
  bool found =
      f && fread(start, 1, 9, f) == 9 && memcmp(start, "__label__", 9) == 0;
  if (f) fclose(f);
  return found;
}

static ht_status choose(const char *path, const ht_read_options *options,
                        const ht_source **out) {
  char extension[16];
  bool input = strcmp(path, "-") == 0;
  extension_of(path, extension);
  if (!input && !ht_path_exists(path))
    return ht_fail(HT_IO, "cannot read '%s': No such file or directory", path);
  const char *name = options->format           ? options->format
                     : input                   ? ".txt"
                     : ht_path_is_folder(path) ? "folder"
                                               : extension;
  *out = find_source(name);
  if (!*out && !options->format && labelled_lines(path))
    *out = find_source(".ft");
  if (!*out)
    return ht_fail(
        HT_USAGE,
        "'%s' is no data that can be read: .csv .tsv "
        ".jsonl .txt .npz .npy .h5 .tfrecord, lines with __label__, or a "
        "folder of class folders",
        path);
  if (input && !(*out)->text)
    return ht_fail(HT_USAGE, "%s data cannot be read from standard input",
                   (*out)->extension);
  return HT_SUCCESS;
}

/* What labelled text without a name is: objects, lines of fastText, else a
 * table. */
static const char *guess_type(const ht_reading *r) {
  const char *p = r->text + strspn(r->text, " \t\r\n");
  return *p == '{'                         ? ".jsonl"
         : strncmp(p, "__label__", 9) == 0 ? ".ft"
                                           : ".csv";
}

static ht_status check_wanted(const ht_reading *r) {
  const ht_column *c;
  for (int i = 0; r->options->wanted && i < r->options->n_wanted; i++)
    HT_TRY(ht_dataset_column(r->out, r->options->wanted[i], &c));
  if (!r->out->n) return ht_fail(HT_CORRUPT, "'%s' has no examples", r->path);
  return HT_SUCCESS;
}

static ht_status read_all(ht_reading *r, const ht_source *source) {
  r->out->path = ht_arena_string(&r->out->arena, r->path);
  if (!r->out->path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (source->text) HT_TRY(ht_reading_load(r));
  if (strcmp(r->path, "-") == 0 && r->options->labelled && !r->options->format)
    source = find_source(guess_type(r));
  r->out->format = source->extension;
  HT_TRY(source->read(r));
  if (r->out->n_bad)
    ht_reading_tell(r, "'%s': bad records skipped: %" PRId64 " of %" PRId64,
                    r->path, r->out->n_bad, r->out->n_bad + r->out->n);
  return check_wanted(r);
}

ht_status ht_dataset_read(const char *path, const ht_read_options *options,
                          ht_dataset *out) {
  static const ht_read_options plain = {0};
  const ht_source *source = NULL;
  *out = (ht_dataset){0};
  if (!options) options = &plain;
  HT_TRY(choose(path, options, &source));
  ht_reading r = {.path = path, .options = options, .out = out};
  r.max = options->max_bytes ? options->max_bytes : DEFAULT_MAX;
  ht_status st = read_all(&r, source);
  ht_tensor_drop(&r.blob);
  if (st.code != HT_OK) ht_dataset_free(out);
  return st;
}

static ht_status keep_text(ht_reading *r, const char *folder, ht_arena *arena,
                           char **path) {
  HT_TRY(ht_reading_load(r));
  *path = ht_arena_printf(arena, "%s/data%s", folder, guess_type(r));
  if (!*path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!r->n) return ht_fail(HT_CORRUPT, "standard input is empty");
  return ht_file_write(*path, r->text, r->n);
}

ht_status ht_dataset_keep_input(const char *folder,
                                const ht_read_options *options, ht_arena *arena,
                                char **path) {
  ht_dataset none = {0};
  ht_reading r = {.path = "-",
                  .options = options,
                  .out = &none,
                  .max = options->max_bytes ? options->max_bytes : DEFAULT_MAX};
  ht_status st = keep_text(&r, folder, arena, path);
  ht_tensor_drop(&r.blob);
  ht_arena_free(&none.arena);
  return st;
}

void ht_dataset_free(ht_dataset *data) {
  for (int i = 0; i < data->n_columns; i++)
    ht_tensor_drop(&data->column[i].value);
  ht_arena_free(&data->arena);
  *data = (ht_dataset){0};
}
