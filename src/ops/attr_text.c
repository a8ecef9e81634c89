/* attr_text.c - see attr_text.h. */
#include "ops/attr_text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORD = 64 };

typedef struct {
  const char *p, *start;
  ht_arena *arena;
} reader;

static ht_status bad(const reader *r, const char *what) {
  return ht_fail(HT_USAGE, "%s in attributes '%s' at '%.20s'", what, r->start,
                 r->p);
}

static bool accept(reader *r, char c) {
  if (*r->p != c) return false;
  r->p++;
  return true;
}

static size_t word_length(const char *p) {
  size_t n = 0;
  while (p[n] == '_' || (p[n] >= '0' && p[n] <= '9') ||
         (p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z'))
    n++;
  return n;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The byte that the escape after a backslash stands for. */
static char read_escape(reader *r) {
  char c = *r->p++;
  if (c == 'n') return '\n';
  if (c == 't') return '\t';
  if (c == 'r') return '\r';
  if (c != 'x') return c;
  int high = hex_digit(r->p[0]), low = high < 0 ? -1 : hex_digit(r->p[1]);
  if (low < 0) return c;
  r->p += 2;
  return (char)(high * 16 + low);
}

static ht_status read_string(reader *r, ht_attr_value *v) {
  char *s;
  size_t n = 0;
  HT_NEW(s, r->arena, strlen(r->p) + 1);
  while (*r->p && *r->p != '\'') {
    if (accept(r, '\\') && *r->p)
      s[n++] = read_escape(r);
    else
      s[n++] = *r->p++;
  }
  if (!accept(r, '\'')) return bad(r, "a string without end");
  v->s = (ht_string){s, n};
  return HT_SUCCESS;
}

/* After '<': "2,?,3>". */
static ht_status read_shape(reader *r, ht_shape *s) {
  static const char unknown[] = "unknown shape>", scalar[] = "shape>";
  *s = HT_SCALAR;
  if (strncmp(r->p, unknown, sizeof unknown - 1) == 0) {
    s->rank = -1;
    r->p += sizeof unknown - 1;
    return HT_SUCCESS;
  }
  if (strncmp(r->p, scalar, sizeof scalar - 1) == 0) r->p += sizeof scalar - 2;
  while (!accept(r, '>')) {
    if (s->rank == HT_MAX_RANK) return bad(r, "a shape of too many axes");
    if (s->rank && !accept(r, ',')) return bad(r, "no comma in a shape");
    char *end;
    errno = 0;
    int64_t n = *r->p == '?' ? -1 : strtoll(r->p, &end, 10);
    if (*r->p != '?' && (end == r->p || errno || n < -1))
      return bad(r, "no dimension in a shape");
    r->p = *r->p == '?' ? r->p + 1 : end;
    s->dim[s->rank++] = n;
  }
  return HT_SUCCESS;
}

static ht_status read_number(reader *r, ht_attr_kind *kind, ht_attr_value *v) {
  char *end_int, *end;
  errno = 0;
  long long i = strtoll(r->p, &end_int, 10);
  bool fits = errno == 0;
  double f = strtod(r->p, &end);
  if (end == r->p) return bad(r, "no value");
  if (end == end_int && fits) {
    *kind = HT_ATTR_INT;
    v->i = i;
  } else {
    *kind = HT_ATTR_FLOAT;
    v->f = (double)(float)f; /* as attributes are stored */
  }
  r->p = end;
  return HT_SUCCESS;
}

/* true, false, a dtype, inf or nan; *found says whether it was one. */
static void read_word(reader *r, ht_attr_kind *kind, ht_attr_value *v,
                      bool *found) {
  char word[MAX_WORD];
  size_t n = word_length(r->p);
  *found = n > 0 && n < MAX_WORD;
  if (!*found) return;
  memcpy(word, r->p, n);
  word[n] = 0;
  bool yes = strcmp(word, "true") == 0, no = strcmp(word, "false") == 0;
  ht_dtype type = ht_dtype_find(word);
  *found = yes || no || type != HT_INVALID;
  if (!*found) return;
  r->p += n;
  *kind = yes || no ? HT_ATTR_BOOL : HT_ATTR_TYPE;
  if (yes || no)
    v->b = yes;
  else
    v->type = type;
}

static ht_status read_value(reader *r, ht_attr_kind *kind, ht_attr_value *v) {
  bool found;
  if (accept(r, '\'')) {
    *kind = HT_ATTR_STRING;
    return read_string(r, v);
  }
  if (accept(r, '<')) {
    *kind = HT_ATTR_SHAPE;
    return read_shape(r, &v->shape);
  }
  read_word(r, kind, v, &found);
  return found ? HT_SUCCESS : read_number(r, kind, v);
}

/* Makes a list that mixes "1" and "0.5" one of floats. */
static ht_status join_kinds(reader *r, ht_attr *a, ht_attr_kind kind) {
  if (a->n == 0 || a->kind == kind) {
    a->kind = kind;
    return HT_SUCCESS;
  }
  bool ints = a->kind == HT_ATTR_INT && kind == HT_ATTR_FLOAT;
  bool floats = a->kind == HT_ATTR_FLOAT && kind == HT_ATTR_INT;
  if (!ints && !floats) return bad(r, "a list of mixed kinds");
  for (int i = 0; ints && i < a->n; i++)
    a->value[i].f = (double)(float)a->value[i].i;
  if (floats) a->value[a->n].f = (double)a->value[a->n].i;
  a->kind = HT_ATTR_FLOAT;
  return HT_SUCCESS;
}

/* After '['. An empty list has no kind yet. */
static ht_status read_list(reader *r, ht_attr *a) {
  int capacity = 0;
  ht_attr_kind kind = HT_ATTR_STRING;
  a->list = true;
  while (!accept(r, ']')) {
    if (a->n && !accept(r, ',')) return bad(r, "no comma in a list");
    HT_GROW(a->value, a->n, capacity, r->arena);
    HT_TRY(read_value(r, &kind, &a->value[a->n]));
    HT_TRY(join_kinds(r, a, kind));
    a->n++;
  }
  return HT_SUCCESS;
}

static ht_status read_attr_value(reader *r, ht_attr *a) {
  if (accept(r, '[')) return read_list(r, a);
  a->n = 1;
  HT_NEW(a->value, r->arena, 1);
  return read_value(r, &a->kind, a->value);
}

ht_status ht_attrs_add(ht_attrs *attrs, int *capacity, ht_arena *arena,
                       const ht_attr *attr) {
  HT_GROW(attrs->attr, attrs->n, *capacity, arena);
  attrs->attr[attrs->n++] = *attr;
  return HT_SUCCESS;
}

ht_status ht_attrs_parse(const char *text, ht_arena *arena, ht_attrs *out) {
  reader r = {text ? text : "", text ? text : "", arena};
  int capacity = 0;
  *out = (ht_attrs){0};
  for (r.p += strspn(r.p, " "); *r.p; r.p += strspn(r.p, " ")) {
    ht_attr a = {0};
    size_t n = word_length(r.p);
    if (!n || r.p[n] != '=') return bad(&r, "no 'name='");
    a.name = ht_arena_bytes(arena, r.p, n);
    if (!a.name) return ht_fail(HT_NO_MEMORY, "no memory for attributes");
    r.p += n + 1;
    HT_TRY(read_attr_value(&r, &a));
    if (*r.p && *r.p != ' ') return bad(&r, "something after a value");
    HT_TRY(ht_attrs_add(out, &capacity, arena, &a));
  }
  return HT_SUCCESS;
}

/* ---- what a row declares */

static bool kind_of(const char *p, size_t n, ht_attr_kind *kind) {
  static const struct {
    const char *name;
    ht_attr_kind kind;
  } kinds[] = {
      {"string", HT_ATTR_STRING}, {"int", HT_ATTR_INT},
      {"float", HT_ATTR_FLOAT},   {"bool", HT_ATTR_BOOL},
      {"type", HT_ATTR_TYPE},     {"shape", HT_ATTR_SHAPE},
      {"tensor", HT_ATTR_TENSOR}, {"func", HT_ATTR_FUNC},
  };
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strlen(kinds[i].name) == n && memcmp(kinds[i].name, p, n) == 0) {
      *kind = kinds[i].kind;
      return true;
    }
  return false;
}

/* The end of a default: blanks inside quotes and brackets belong to it. */
static const char *value_end(const char *p) {
  bool quoted = false;
  for (int depth = 0; *p && (quoted || depth > 0 || *p != ' '); p++) {
    if (quoted && *p == '\\' && p[1])
      p++;
    else if (*p == '\'')
      quoted = !quoted;
    else if (!quoted)
      depth += (*p == '<' || *p == '[') - (*p == '>' || *p == ']');
  }
  return p;
}

bool ht_attr_spec_next(const char **at, ht_attr_spec *spec) {
  const char *p = *at + strspn(*at, " ");
  *spec = (ht_attr_spec){.name = p, .n_name = word_length(p)};
  p += spec->n_name;
  if (!spec->n_name || *p++ != ':') return false;
  spec->list = strncmp(p, "list(", 5) == 0;
  if (spec->list) p += 5;
  size_t n = word_length(p);
  if (!kind_of(p, n, &spec->kind)) return false;
  p += n;
  if (spec->list && *p++ != ')') return false;
  if (*p == '=') spec->value = ++p;
  *at = spec->value ? value_end(p) : p;
  return true;
}

static const ht_attr *find_spec(const ht_attrs *attrs,
                                const ht_attr_spec *spec) {
  for (int i = 0; i < attrs->n; i++)
    if (strncmp(attrs->attr[i].name, spec->name, spec->n_name) == 0 &&
        !attrs->attr[i].name[spec->n_name])
      return &attrs->attr[i];
  return NULL;
}

/* Gives an attribute the kind that the row declares, where text alone could
 * not tell. */
static ht_status coerce(const ht_attr_spec *spec, ht_arena *arena, ht_attr *a) {
  if (a->list && a->n == 0) a->kind = spec->kind;
  if (a->kind != HT_ATTR_INT || spec->kind != HT_ATTR_FLOAT) return HT_SUCCESS;
  ht_attr_value *value;
  HT_NEW(value, arena, a->n);
  for (int i = 0; i < a->n; i++) value[i].f = (double)(float)a->value[i].i;
  a->value = value;
  a->kind = HT_ATTR_FLOAT;
  return HT_SUCCESS;
}

static ht_status read_default(const ht_attr_spec *spec, ht_arena *arena,
                              ht_attr *a) {
  size_t n = (size_t)(value_end(spec->value) - spec->value);
  const char *text = ht_arena_bytes(arena, spec->value, n);
  a->name = ht_arena_bytes(arena, spec->name, spec->n_name);
  if (!text || !a->name)
    return ht_fail(HT_NO_MEMORY, "no memory for attributes");
  reader r = {text, text, arena};
  HT_TRY(read_attr_value(&r, a));
  return coerce(spec, arena, a);
}

ht_status ht_attrs_complete(const ht_op *op, const ht_attrs *given,
                            ht_arena *arena, ht_attrs *out) {
  ht_attr_spec spec;
  ht_attrs all = {0};
  int capacity = 0;
  for (int i = 0; i < given->n; i++)
    HT_TRY(ht_attrs_add(&all, &capacity, arena, &given->attr[i]));
  for (const char *at = op->attrs; ht_attr_spec_next(&at, &spec);) {
    ht_attr *a = (ht_attr *)find_spec(&all, &spec), made = {0};
    if (a) {
      HT_TRY(coerce(&spec, arena, a));
    } else if (spec.value && spec.kind != HT_ATTR_TENSOR &&
               spec.kind != HT_ATTR_FUNC) {
      HT_TRY(read_default(&spec, arena, &made));
      HT_TRY(ht_attrs_add(&all, &capacity, arena, &made));
    }
  }
  *out = all;
  return HT_SUCCESS;
}

ht_status ht_attrs_check(const ht_op *op, const ht_attrs *attrs) {
  ht_attr_spec spec;
  for (const char *at = op->attrs; ht_attr_spec_next(&at, &spec);) {
    const ht_attr *a = find_spec(attrs, &spec);
    if (!a)
      return ht_fail(HT_USAGE, "op '%s' wants attribute '%.*s'", op->name,
                     (int)spec.n_name, spec.name);
    if (a->kind == HT_ATTR_PLACEHOLDER) continue;
    if (a->kind != spec.kind || a->list != spec.list)
      return ht_fail(HT_USAGE, "attribute '%s' of op '%s' is of another kind",
                     a->name, op->name);
  }
  return HT_SUCCESS;
}
