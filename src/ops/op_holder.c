/*
 * op_holder.c - values that may be there (optionals), and stacks that loops
 * of version 1 push onto. What is held keeps its trace, so nothing here has a
 * gradient of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "ops/list.h"

/* ---- optionals */

typedef struct optional {
  ht_object object; /* class optional_class */
  int n;            /* values; -1: none is there */
  ht_tensor *value;
} optional;

static void release_optional(ht_object *object) {
  optional *o = (optional *)object;
  for (int i = 0; i < o->n; i++) ht_tensor_drop(&o->value[i]);
  free(o->value);
  free(o);
}

static const ht_object_class optional_class = {.name = "optional value",
                                               .release = release_optional};

/* out[0] = an optional of the call's inputs, or of nothing. */
static ht_status new_optional(ht_call *c, bool there) {
  optional *o = calloc(1, sizeof *o);
  if (o) o->value = calloc((size_t)c->n_in + 1, sizeof *o->value);
  if (!o || !o->value) {
    free(o);
    return ht_fail(HT_NO_MEMORY, "no memory for an optional value");
  }
  o->object = (ht_object){&optional_class, 1};
  o->n = there ? c->n_in : -1;
  for (int i = 0; i < o->n; i++) o->value[i] = ht_tensor_share(c->in[i]);
  ht_status st = ht_out(c, 0, HT_VARIANT, &HT_SCALAR);
  if (st.code == HT_OK)
    ht_obj(&c->out[0])[0] = &o->object;
  else
    ht_object_drop(&o->object);
  return st;
}

static ht_status optional_input(const ht_call *c, const optional **out) {
  const ht_tensor *t = c->in[0];
  ht_object *o =
      t->dtype == HT_VARIANT && ht_count(t) == 1 ? ht_obj(t)[0] : NULL;
  if (!o || o->class != &optional_class)
    return ht_fail(HT_USAGE, "op '%s' wants an optional value", c->op->name);
  *out = (const optional *)o;
  return HT_SUCCESS;
}

static ht_status from_value(ht_call *c) { return new_optional(c, true); }
static ht_status none(ht_call *c) { return new_optional(c, false); }

static ht_status has_value(ht_call *c) {
  const optional *o;
  HT_TRY(optional_input(c, &o));
  HT_TRY(ht_out(c, 0, HT_BOOL, &HT_SCALAR));
  ht_bool(&c->out[0])[0] = o->n >= 0;
  return HT_SUCCESS;
}

static ht_status get_value(ht_call *c) {
  const optional *o;
  HT_TRY(optional_input(c, &o));
  const ht_attr *types = ht_attr_find(c->attrs, "output_types");
  if (o->n < 0) return ht_fail(HT_USAGE, "an optional value is not there");
  if (o->n != c->n_out)
    return ht_fail(HT_USAGE, "an optional holds %d values, %d are wanted", o->n,
                   c->n_out);
  for (int i = 0; i < o->n; i++)
    if (o->value[i].dtype != types->value[i].type)
      return ht_fail(HT_USAGE, "an optional holds '%s', wanted '%s'",
                     ht_dtype_name(o->value[i].dtype),
                     ht_dtype_name(types->value[i].type));
  for (int i = 0; i < o->n; i++) c->out[i] = ht_tensor_share(&o->value[i]);
  return HT_SUCCESS;
}

/* ---- stacks */

typedef struct stack {
  ht_object object;  /* class stack_class */
  ht_list *list;     /* elements 0 .. top-1 */
  int64_t top, most; /* most: elements at most, -1: any number */
} stack;

static void release_stack(ht_object *object) {
  stack *s = (stack *)object;
  ht_object_drop(&s->list->object);
  free(s);
}

static const ht_object_class stack_class = {.name = "stack",
                                            .release = release_stack};

static ht_status new_stack(ht_call *c, stack *s) {
  ht_shape any = {.rank = -1};
  s->object = (ht_object){&stack_class, 1};
  s->most = ht_int_at(c->in[0], 0);
  HT_TRY(ht_list_new(ht_attr_type(c->attrs, "elem_type"), &any, 0, &s->list));
  ht_status st = ht_out(c, 0, HT_RESOURCE, &HT_SCALAR);
  if (st.code != HT_OK) ht_object_drop(&s->list->object);
  return st;
}

static ht_status stack_forward(ht_call *c) {
  HT_TRY(ht_need_scalar(c, 0));
  stack *s = calloc(1, sizeof *s);
  if (!s) return ht_fail(HT_NO_MEMORY, "no memory for a stack");
  ht_status st = new_stack(c, s);
  if (st.code == HT_OK)
    ht_obj(&c->out[0])[0] = &s->object;
  else
    free(s);
  return st;
}

static ht_status stack_input(const ht_call *c, stack **out) {
  const ht_tensor *t = c->in[0];
  ht_object *o =
      t->dtype == HT_RESOURCE && ht_count(t) == 1 ? ht_obj(t)[0] : NULL;
  if (!o || o->class != &stack_class)
    return ht_fail(HT_USAGE, "op '%s' wants a stack", c->op->name);
  *out = (stack *)o;
  return HT_SUCCESS;
}

static ht_status push_forward(ht_call *c) {
  stack *s;
  HT_TRY(stack_input(c, &s));
  if (s->most >= 0 && s->top >= s->most)
    return ht_fail(HT_USAGE, "a stack of %lld is full", (long long)s->most);
  if (s->list->dtype && c->in[1]->dtype != s->list->dtype)
    return ht_fail(HT_USAGE, "a stack holds '%s', found '%s'",
                   ht_dtype_name(s->list->dtype),
                   ht_dtype_name(c->in[1]->dtype));
  HT_TRY(ht_list_grow(s->list, s->top + 1));
  s->list->element[s->top++] = ht_tensor_share(c->in[1]);
  c->out[0] = ht_tensor_share(c->in[1]);
  return HT_SUCCESS;
}

static ht_status pop_forward(ht_call *c) {
  stack *s;
  HT_TRY(stack_input(c, &s));
  if (!s->top) return ht_fail(HT_USAGE, "a stack is empty");
  c->out[0] = s->list->element[--s->top];
  s->list->element[s->top] = (ht_tensor){0};
  return HT_SUCCESS;
}

static ht_status close_forward(ht_call *c) {
  stack *s;
  return stack_input(c, &s);
}

#define HOLDER(title, ins, outs, attributes, text, function, test, flag) \
  {                                                                      \
    .name = title, .inputs = ins, .outputs = outs, .attrs = attributes,  \
    .doc = text, .samples = test, .forward = function,                   \
    .gradient = ht_gradient_in_forward, .flags = flag                    \
  }
#define OPTIONAL(title, ins, outs, attributes, text, function) \
  HOLDER(title, ins, outs, attributes, text, function,         \
         "@an_optional_value_is_there_or_not", 0)
#define STACK(title, ins, outs, attributes, text, function) \
  HOLDER(title, ins, outs, attributes, text, function,      \
         "@a_stack_gives_back_the_last", HT_OP_STATEFUL)

const ht_op ht_ops_holder[] = {
    OPTIONAL("OptionalFromValue", "components:list:Toutput_types",
             "optional:variant", "Toutput_types:list(type)",
             "Values that are there.", from_value),
    OPTIONAL("OptionalNone", "", "optional:variant", "",
             "Values that are not there.", none),
    OPTIONAL("OptionalHasValue", "optional:variant", "has_value:bool", "",
             "Whether values are there.", has_value),
    OPTIONAL("OptionalGetValue", "optional:variant",
             "components:list:output_types",
             "output_types:list(type) output_shapes:list(shape)",
             "Values that have to be there.", get_value),
    STACK("StackV2", "max_size:int32", "handle:resource",
          "elem_type:type stack_name:string=''", "A stack of tensors.",
          stack_forward),
    STACK("StackPushV2", "handle:resource elem:T", "output:T",
          "T:type swap_memory:bool=false", "Puts a tensor onto a stack.",
          push_forward),
    STACK("StackPopV2", "handle:resource", "elem:elem_type", "elem_type:type",
          "Takes the last tensor off a stack.", pop_forward),
    STACK("StackCloseV2", "handle:resource", "", "",
          "Ends a stack; it is let go with its last user.", close_forward),
    {0},
};
