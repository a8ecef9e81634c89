/* interface.c - see interface.h. */
#include "ops/interface.h"

#include <string.h>

enum { MAX_NAME = 64 };

/* One argument of an interface string: "x:T", "x:N*T", "x:list:T". */
typedef struct {
  char name[MAX_NAME];
  char number[MAX_NAME]; /* attribute that counts; "": none */
  char type[MAX_NAME];   /* dtype, type attribute, or type list attribute */
  bool list;             /* type is a list attribute */
} arg;

static bool copy_word(char to[MAX_NAME], const char *from, size_t n) {
  if (n == 0 || n >= MAX_NAME) return false;
  memcpy(to, from, n);
  to[n] = 0;
  return true;
}

/* The next argument of the string; false at its end. */
static bool next_arg(const char **at, arg *a) {
  const char *p = *at + strspn(*at, " ");
  size_t n = strcspn(p, " "), name = strcspn(p, ": ");
  *at = p + n;
  *a = (arg){0};
  if (!n || p[name] != ':' || !copy_word(a->name, p, name)) return false;
  p += name + 1;
  n -= name + 1;
  if (strncmp(p, "Ref(", 4) == 0 && n > 5) p += 4, n -= 5;
  a->list = strncmp(p, "list:", 5) == 0;
  if (a->list) p += 5, n -= 5;
  const char *star = memchr(p, '*', n);
  if (star) {
    size_t count = (size_t)(star - p);
    if (!copy_word(a->number, p, count)) return false;
    p += count + 1;
    n -= count + 1;
  }
  return copy_word(a->type, p, n);
}

/* Whether the row has an attribute of that name (then it is no dtype). */
static bool is_attr(const ht_op *op, const char *name) {
  ht_attr_spec spec;
  for (const char *at = op->attrs; ht_attr_spec_next(&at, &spec);)
    if (strlen(name) == spec.n_name && !memcmp(name, spec.name, spec.n_name))
      return true;
  return false;
}

static ht_dtype fixed_type(const ht_op *op, const arg *a) {
  return is_attr(op, a->type) ? HT_INVALID : ht_dtype_find(a->type);
}

/* How many tensors the argument stands for; -1: not known. */
static int64_t arg_count(const ht_attrs *attrs, const arg *a) {
  if (!a->number[0] && !a->list) return 1;
  const ht_attr *attr = ht_attr_find(attrs, a->list ? a->type : a->number);
  if (!attr || attr->kind == HT_ATTR_PLACEHOLDER) return -1;
  if (a->list) return attr->list ? attr->n : -1;
  return attr->kind == HT_ATTR_INT && !attr->list ? attr->value->i : -1;
}

static ht_dtype arg_type(const ht_op *op, const ht_attrs *attrs, const arg *a,
                         int64_t k) {
  const ht_attr *attr = ht_attr_find(attrs, a->type);
  if (!attr) return fixed_type(op, a);
  bool fits = attr->kind == HT_ATTR_TYPE && attr->list == a->list;
  return fits && k < attr->n ? attr->value[a->list ? k : 0].type : HT_INVALID;
}

static ht_status flatten(const ht_op *op, const char *args,
                         const ht_attrs *attrs, int max, ht_dtype *dtype,
                         int *n) {
  arg a;
  int64_t total = 0;
  while (next_arg(&args, &a)) {
    int64_t count = arg_count(attrs, &a);
    if (count < 0 || count > HT_MAX_ARGS - total)
      return ht_fail(HT_CORRUPT, "op '%s' does not say how many '%s' it has",
                     op->name, a.name);
    for (int64_t k = 0; k < count && dtype && total + k < max; k++)
      dtype[total + k] = arg_type(op, attrs, &a, k);
    total += count;
  }
  *n = (int)total;
  return HT_SUCCESS;
}

ht_status ht_op_outputs(const ht_op *op, const ht_attrs *attrs, int max,
                        ht_dtype *dtype, int *n) {
  return flatten(op, op->outputs, attrs, max, dtype, n);
}

ht_status ht_op_inputs(const ht_op *op, const ht_attrs *attrs, int max,
                       ht_dtype *dtype, int *n) {
  return flatten(op, op->inputs, attrs, max, dtype, n);
}

bool ht_op_output_named(const ht_op *op, const ht_attrs *attrs,
                        const char *name, int *first, int *n) {
  arg a;
  int64_t total = 0;
  for (const char *at = op->outputs; next_arg(&at, &a);) {
    int64_t count = arg_count(attrs, &a);
    if (count < 0 || count > HT_MAX_ARGS - total) return false;
    if (strcmp(a.name, name) == 0) {
      *first = (int)total;
      *n = (int)count;
      return true;
    }
    total += count;
  }
  return false;
}

/* ---- inference */

typedef struct {
  const ht_op *op;
  ht_attrs *attrs;
  int capacity;
  ht_arena *arena;
} inference;

static ht_status contradiction(const inference *f, const char *name) {
  return ht_fail(HT_USAGE,
                 "the inputs of op '%s' contradict its attribute '%s'",
                 f->op->name, name);
}

static ht_status add(inference *f, const char *name, ht_attr_kind kind,
                     ht_attr **made) {
  ht_attr a = {.name = ht_arena_string(f->arena, name), .kind = kind, .n = 1};
  HT_NEW(a.value, f->arena, 1);
  if (!a.name) return ht_fail(HT_NO_MEMORY, "no memory for attributes");
  HT_TRY(ht_attrs_add(f->attrs, &f->capacity, f->arena, &a));
  *made = &f->attrs->attr[f->attrs->n - 1];
  return HT_SUCCESS;
}

static ht_status infer_number(inference *f, const char *name, int64_t n) {
  ht_attr *made;
  const ht_attr *a = ht_attr_find(f->attrs, name);
  if (a) {
    bool agrees = a->kind == HT_ATTR_INT && !a->list && a->value->i == n;
    return agrees ? HT_SUCCESS : contradiction(f, name);
  }
  HT_TRY(add(f, name, HT_ATTR_INT, &made));
  made->value->i = n;
  return HT_SUCCESS;
}

static ht_status infer_type(inference *f, const arg *a, ht_dtype t) {
  ht_attr *made;
  if (t == HT_INVALID) return HT_SUCCESS;
  ht_dtype fixed = fixed_type(f->op, a);
  const ht_attr *attr = ht_attr_find(f->attrs, a->type);
  bool handle = t == HT_RESOURCE && (f->op->flags & HT_OP_HANDLES);
  if (handle) return HT_SUCCESS; /* Ref(string) was the type of old ones */
  if (fixed && fixed != t)
    return ht_fail(HT_USAGE, "op '%s' wants %s as input '%s', found %s",
                   f->op->name, ht_dtype_name(fixed), a->name,
                   ht_dtype_name(t));
  if (fixed || !is_attr(f->op, a->type)) return HT_SUCCESS;
  if (attr) {
    bool agrees =
        attr->kind == HT_ATTR_TYPE && !attr->list && attr->value->type == t;
    return agrees ? HT_SUCCESS : contradiction(f, a->type);
  }
  HT_TRY(add(f, a->type, HT_ATTR_TYPE, &made));
  made->value->type = t;
  return HT_SUCCESS;
}

static ht_status infer_type_list(inference *f, const arg *a, const ht_dtype *t,
                                 int n) {
  ht_attr *made;
  const ht_attr *attr = ht_attr_find(f->attrs, a->type);
  if (attr) {
    bool agrees = attr->list && attr->n == n && /* an empty list has no kind */
                  (!n || attr->kind == HT_ATTR_TYPE);
    for (int i = 0; agrees && i < n; i++)
      agrees = t[i] == HT_INVALID || attr->value[i].type == t[i];
    return agrees ? HT_SUCCESS : contradiction(f, a->type);
  }
  for (int i = 0; i < n; i++)
    if (t[i] == HT_INVALID) return HT_SUCCESS;
  HT_TRY(add(f, a->type, HT_ATTR_TYPE, &made));
  made->list = true;
  made->n = n;
  HT_NEW(made->value, f->arena, n);
  for (int i = 0; i < n; i++) made->value[i].type = t[i];
  return HT_SUCCESS;
}

static const char *count_name(const arg *a) {
  return a->list ? a->type : a->number;
}

/*
 * The one length that the row leaves open, from the number of inputs: *each
 * for every argument of that length (-1: none is open).
 */
static ht_status open_length(const inference *f, int n_in, int64_t *each) {
  arg a;
  char open[MAX_NAME] = "";
  int64_t known = 0, times = 0;
  for (const char *at = f->op->inputs; next_arg(&at, &a);) {
    int64_t count = arg_count(f->attrs, &a);
    if (count >= 0) {
      known += count < HT_MAX_ARGS ? count : HT_MAX_ARGS;
      continue;
    }
    if (open[0] && strcmp(open, count_name(&a)) != 0)
      return ht_fail(HT_USAGE, "op '%s' wants attribute '%s'", f->op->name,
                     count_name(&a));
    copy_word(open, count_name(&a), strlen(count_name(&a)));
    times++;
  }
  int64_t rest = n_in - known;
  *each = times ? rest / times : -1;
  if (rest < 0 || (times ? rest % times != 0 : rest != 0))
    return ht_fail(HT_USAGE, "op '%s' does not take %d inputs", f->op->name,
                   n_in);
  return HT_SUCCESS;
}

static ht_status infer_arg(inference *f, const arg *a, const ht_dtype *t,
                           int n) {
  if (a->list) return infer_type_list(f, a, t, n);
  if (a->number[0]) HT_TRY(infer_number(f, a->number, n));
  for (int i = 0; i < n; i++) HT_TRY(infer_type(f, a, t[i]));
  return HT_SUCCESS;
}

ht_status ht_attrs_infer_types(const ht_op *op, int n_in,
                               const ht_dtype *in_dtype, const ht_attrs *given,
                               ht_arena *arena, ht_attrs *out) {
  arg a;
  int64_t each = -1;
  int first = 0;
  *out = (ht_attrs){0};
  inference f = {op, out, 0, arena};
  for (int i = 0; i < given->n; i++)
    HT_TRY(ht_attrs_add(out, &f.capacity, arena, &given->attr[i]));
  HT_TRY(open_length(&f, n_in, &each));
  for (const char *at = op->inputs; next_arg(&at, &a);) {
    int64_t count = arg_count(out, &a);
    if (count < 0) count = each;
    HT_TRY(infer_arg(&f, &a, in_dtype + first, (int)count));
    first += (int)count;
  }
  return HT_SUCCESS;
}

ht_status ht_attrs_bind(const ht_op *op, const char *text, int n_in,
                        const ht_dtype *in_dtype, ht_arena *arena,
                        ht_attrs *out) {
  ht_attrs given, inferred;
  HT_TRY(ht_attrs_parse(text, arena, &given));
  HT_TRY(ht_attrs_infer_types(op, n_in, in_dtype, &given, arena, &inferred));
  HT_TRY(ht_attrs_complete(op, &inferred, arena, out));
  return ht_attrs_check(op, out);
}
