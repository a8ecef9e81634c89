/* sink.c - the kinds of sinks, and the two that are text; see sink.h. */
#include "data/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "data/sink_kind.h"

/* ---- text */

static ht_status open_text(ht_sink *s) {
  if (strcmp(s->path, "-") == 0) {
    s->file = stdout;
    return HT_SUCCESS;
  }
  const char *path = s->temporary ? s->temporary : s->path;
  s->file = fopen(path, "we");
  return s->file ? HT_SUCCESS : ht_fail_errno("cannot write", s->path);
}

static void drop_text(ht_sink *s) {
  if (s->file && s->file != stdout) fclose(s->file);
  s->file = NULL;
}

static ht_status finish_text(ht_sink *s) {
  bool good = fflush(s->file) == 0 && !ferror(s->file);
  if (good && s->temporary) good = fsync(fileno(s->file)) == 0;
  return good ? HT_SUCCESS : ht_fail_errno("cannot write", s->path);
}

/* Numbers that read back as they are. */
static void put_number(FILE *f, const ht_tensor *t, int64_t i, bool json) {
  if (!ht_dtype_floating(t->dtype)) {
    fprintf(f, "%" PRId64, ht_int_at(t, i));
    return;
  }
  double x = ht_real_at(t, i);
  if (json && !isfinite(x)) /* JSON has no word for it */
    fputs("null", f);
  else
    fprintf(f, t->dtype == HT_DOUBLE ? "%.17g" : "%.9g", x);
}

/* ---- .csv: an element, a cell (RFC 4180) */

static void put_cell(FILE *f, const ht_string *s) {
  bool quoted = false;
  for (size_t i = 0; i < s->n; i++) quoted |= strchr(",\"\r\n", s->p[i]) != 0;
  if (quoted) fputc('"', f);
  for (size_t i = 0; i < s->n; i++) {
    if (s->p[i] == '"') fputc('"', f);
    fputc(s->p[i], f);
  }
  if (quoted) fputc('"', f);
}

static void put_header(ht_sink *s) {
  char number[32] = "";
  bool first = true;
  for (int c = 0; c < s->n_columns; c++) {
    int64_t width = ht_shape_count(&s->row[c]);
    for (int64_t i = 0; i < width; i++, first = false) {
      if (width > 1) snprintf(number, sizeof number, "_%" PRId64, i);
      char *name = ht_arena_printf(&s->arena, "%s%s", s->name[c], number);
      ht_string cell = {name ? name : "", name ? strlen(name) : 0};
      if (!first) fputc(',', s->file);
      put_cell(s->file, &cell);
    }
  }
  fputc('\n', s->file);
}

static ht_status add_csv(ht_sink *s, const ht_tensor *const *value) {
  if (s->at == 0) put_header(s);
  int64_t rows = value[0]->shape.dim[0];
  for (int64_t r = 0; r < rows; r++) {
    bool first = true;
    for (int c = 0; c < s->n_columns; c++) {
      int64_t width = ht_shape_count(&s->row[c]);
      for (int64_t i = r * width; i < (r + 1) * width; i++, first = false) {
        if (!first) fputc(',', s->file);
        if (value[c]->dtype == HT_STRING)
          put_cell(s->file, &ht_str(value[c])[i]);
        else
          put_number(s->file, value[c], i, false);
      }
    }
    fputc('\n', s->file);
  }
  return HT_SUCCESS;
}

static const ht_sink_kind csv = {".csv", open_text, add_csv, finish_text,
                                 drop_text};

/* ---- .jsonl: an example, an object; what has no axes is no list */

static void put_text(FILE *f, const char *p, size_t n) {
  fputc('"', f);
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)p[i];
    if (c == '"' || c == '\\')
      fprintf(f, "\\%c", c);
    else if (c < 32 || c == 127)
      fprintf(f, "\\u%04x", c);
    else
      fputc(c, f);
  }
  fputc('"', f);
}

/* Elements from *i on, as lists within lists. */
static void put_lists(FILE *f, const ht_tensor *t, int axis, int64_t *i) {
  if (axis == t->shape.rank) {
    if (t->dtype == HT_STRING)
      put_text(f, ht_str(t)[*i].p, ht_str(t)[*i].n);
    else if (t->dtype == HT_BOOL)
      fputs(ht_bool(t)[*i] ? "true" : "false", f);
    else
      put_number(f, t, *i, true);
    ++*i;
    return;
  }
  fputc('[', f);
  for (int64_t k = 0; k < t->shape.dim[axis]; k++) {
    if (k) fputs(", ", f);
    put_lists(f, t, axis + 1, i);
  }
  fputc(']', f);
}

static ht_status add_jsonl(ht_sink *s, const ht_tensor *const *value) {
  int64_t rows = value[0]->shape.dim[0];
  for (int64_t r = 0; r < rows; r++) {
    fputc('{', s->file);
    for (int c = 0; c < s->n_columns; c++) {
      int64_t i = r * (ht_count(value[c]) / rows);
      if (c) fputs(", ", s->file);
      put_text(s->file, s->name[c], strlen(s->name[c]));
      fputs(": ", s->file);
      put_lists(s->file, value[c], 1, &i);
    }
    fputs("}\n", s->file);
  }
  return HT_SUCCESS;
}

static const ht_sink_kind jsonl = {".jsonl", open_text, add_jsonl, finish_text,
                                   drop_text};

/* ---- any */

static const ht_sink_kind *const kinds[] = {&ht_sink_hdf5, &ht_sink_npz, &csv,
                                            &jsonl};

static ht_status find_kind(const char *path, const ht_sink_kind **out) {
  const char *extension = ht_path_extension(path);
  if (strcmp(path, "-") == 0) extension = ".jsonl";
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcasecmp(kinds[i]->extension, extension) == 0) {
      *out = kinds[i];
      return HT_SUCCESS;
    }
  return ht_fail(HT_USAGE, "'%s' is to end in .h5, .npz, .csv or .jsonl", path);
}

/* What is no plain file (a pipe, a device) is written in place. */
static ht_status find_place(ht_sink *s) {
  struct stat st;
  if (strcmp(s->path, "-") == 0) return HT_SUCCESS;
  if (stat(s->path, &st) == 0 && !S_ISREG(st.st_mode)) return HT_SUCCESS;
  s->temporary =
      ht_arena_printf(&s->arena, "%s.tmp-%ld", s->path, (long)getpid());
  return s->temporary ? HT_SUCCESS
                      : ht_fail(HT_NO_MEMORY, "no memory for a path");
}

static ht_status open_sink(ht_sink *s) {
  HT_NEW(s->row, &s->arena, s->n_columns + 1);
  HT_TRY(find_place(s));
  return s->kind->open(s);
}

ht_status ht_sink_open(const char *path, int64_t n, int n_columns,
                       const char *const *name, ht_sink **out) {
  const ht_sink_kind *kind = NULL;
  *out = NULL;
  HT_TRY(find_kind(path, &kind));
  ht_sink *s = calloc(1, sizeof *s);
  if (!s) return ht_fail(HT_NO_MEMORY, "no memory for '%s'", path);
  s->kind = kind;
  s->path = path;
  s->n = n;
  s->n_columns = n_columns;
  s->name = name;
  ht_status st = open_sink(s);
  if (st.code == HT_OK)
    *out = s;
  else
    ht_sink_drop(s);
  return st;
}

static ht_shape row_of(const ht_tensor *t) {
  return ht_shape_of(t->shape.rank - 1, t->shape.dim + 1);
}

/* Rows of one column are alike, but in .jsonl, which knows no columns. */
static ht_status check(ht_sink *s, const ht_tensor *const *value) {
  char first[HT_SHAPE_TEXT], later[HT_SHAPE_TEXT];
  for (int c = 0; c < s->n_columns; c++) {
    ht_shape row = row_of(value[c]);
    if (s->at == 0) s->row[c] = row;
    if (s->kind == &jsonl || ht_shape_equal(&row, &s->row[c])) continue;
    return ht_fail(HT_USAGE,
                   "'%s': rows of '%s' are %s and %s: only .jsonl takes both",
                   s->path, s->name[c], ht_shape_text(&s->row[c], first),
                   ht_shape_text(&row, later));
  }
  return HT_SUCCESS;
}

ht_status ht_sink_add(ht_sink *s, const ht_tensor *const *value) {
  HT_TRY(check(s, value));
  HT_TRY(s->kind->add(s, value));
  s->at += value[0]->shape.dim[0];
  if (s->file && ferror(s->file)) return ht_fail_errno("cannot write", s->path);
  return HT_SUCCESS;
}

ht_status ht_sink_commit(ht_sink *s) {
  HT_TRY(s->kind->finish(s));
  if (!s->temporary) return HT_SUCCESS;
  if (rename(s->temporary, s->path) != 0)
    return ht_fail_errno("cannot write", s->path);
  s->temporary = NULL;
  return HT_SUCCESS;
}

void ht_sink_drop(ht_sink *s) {
  if (!s) return;
  s->kind->drop(s);
  if (s->temporary) unlink(s->temporary);
  ht_arena_free(&s->arena);
  free(s);
}
