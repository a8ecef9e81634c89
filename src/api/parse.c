/* parse.c - values written as text. */
#include <stdlib.h>
#include <string.h>

#include "api/array.h"
#include "api/module.h"
#include "api/parse_image.h"
#include "base/text.h"

static int64_t count_items(const char *text) {
  int64_t n = 1;
  for (; *text; text++) n += *text == ',';
  return n;
}

static ht_status store(ht_tensor *t, int64_t i, const char *text) {
  int64_t whole;
  double real;
  if (t->dtype == HT_BOOL) {
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "True") == 0;
    bool no = strcmp(text, "false") == 0 || strcmp(text, "False") == 0;
    if (!yes && !no)
      return ht_fail(HT_USAGE, "neither true nor false: '%s'", text);
    ht_bool(t)[i] = yes;
  } else if (t->dtype == HT_FLOAT || t->dtype == HT_DOUBLE) {
    if (!ht_parse_double(text, &real))
      return ht_fail(HT_USAGE, "not a number: '%s'", text);
    if (t->dtype == HT_FLOAT)
      ht_f(t)[i] = (float)real;
    else
      HT_DATA(double, t)[i] = real;
  } else {
    bool wide = t->dtype == HT_INT64;
    if (!ht_parse_int(text, &whole) || (!wide && whole != (int32_t)whole))
      return ht_fail(HT_USAGE, "not a number of type %s: '%s'",
                     ht_dtype_name(t->dtype), text);
    if (wide)
      ht_i64(t)[i] = whole;
    else
      ht_i32(t)[i] = (int32_t)whole;
  }
  return HT_SUCCESS;
}

/* A list fits the declared shape as a vector, a column or a row. */
static void shape_list(const ht_port *port, int64_t n, ht_shape *shape) {
  int rank = port->shape.rank;
  *shape = rank == 0 || (rank < 0 && n == 1) ? HT_SCALAR : ht_shape_1(n);
  if (rank < 2 || rank > HT_MAX_RANK) return;
  ht_shape row = port->shape;
  row.dim[0] = 1;
  for (int i = 1; i < rank - 1; i++)
    if (row.dim[i] < 0) row.dim[i] = 1;
  if (row.dim[rank - 1] < 0) row.dim[rank - 1] = n;
  *shape = row;
  int64_t count = ht_shape_count(&row);
  if (count > 0 && n % count == 0) shape->dim[0] = n / count;
}

static ht_status parse_numbers(const ht_port *port, const char *text,
                               ht_tensor *t, ht_arena *arena) {
  int64_t n = count_items(text), i = 0;
  ht_shape shape;
  shape_list(port, n, &shape);
  if (ht_shape_count(&shape) != n) {
    char wanted[HT_SHAPE_TEXT];
    return ht_fail(HT_USAGE, "input '%s' is %s, not %lld values", port->name,
                   ht_shape_text(&port->shape, wanted), (long long)n);
  }
  HT_TRY(ht_tensor_new(NULL, port->dtype, &shape, t));
  char *copy = ht_arena_string(arena, text);
  if (!copy) return ht_fail(HT_NO_MEMORY, "no memory for a value");
  for (char *p = copy, *cut; i < n; i++, p = cut + 1) {
    cut = p + strcspn(p, ",");
    *cut = 0;
    HT_TRY(ht_within(store(t, i, p), "input '%s'", port->name));
  }
  return HT_SUCCESS;
}

static ht_status parse_string(const ht_port *port, const char *text,
                              ht_tensor *t) {
  ht_shape shape = HT_SCALAR;
  shape.rank = port->shape.rank > 0 ? port->shape.rank : 0;
  for (int i = 0; i < shape.rank; i++) shape.dim[i] = 1;
  if (port->shape.rank < 0) shape = ht_shape_1(1);
  HT_TRY(ht_tensor_new(NULL, HT_STRING, &shape, t));
  return ht_string_set(t, 0, text, strlen(text));
}

ht_status ht_function_parse(ht_function *f, const char *input, const char *text,
                            ht_array **out) {
  const ht_port *port;
  *out = NULL;
  HT_TRY(ht_callable_input(f->callable, input, &port));
  ht_tensor t = {0};
  ht_arena arena = {0};
  ht_status st;
  ht_dtype d = port->dtype;
  if (ht_is_image_file(port, text))
    st = ht_parse_image(port, f->module->model, text, &t);
  else if (d == HT_STRING)
    st = parse_string(port, text, &t);
  else if (d == HT_FLOAT || d == HT_DOUBLE || d == HT_INT32 || d == HT_INT64 ||
           d == HT_BOOL)
    st = parse_numbers(port, text, &t, &arena);
  else
    st = ht_fail(HT_USAGE, "input '%s' of type %s cannot be given as text",
                 port->name, ht_dtype_name(d));
  ht_arena_free(&arena);
  if (st.code == HT_OK) return ht_array_wrap(&t, out);
  ht_tensor_drop(&t);
  return st;
}
