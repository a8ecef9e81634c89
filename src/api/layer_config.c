/* layer_config.c - the configuration of a layer as JSON, with the names that
 * hub.KerasLayer gives it (keras_layer.py, get_config). */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/layer.h"
#include "base/text.h"

/* ---- out */

static json_object *words(const char *text) {
  return text ? json_object_new_string(text) : NULL;
}

/* A value that was written as Python writes it. */
static json_object *value_of(const char *text) {
  int64_t i;
  double x;
  size_t n = strlen(text);
  if (strcasecmp(text, "true") == 0) return json_object_new_boolean(true);
  if (strcasecmp(text, "false") == 0) return json_object_new_boolean(false);
  if (strcmp(text, "None") == 0) return NULL;
  if (ht_parse_int(text, &i)) return json_object_new_int64(i);
  if (ht_parse_double(text, &x)) return json_object_new_double_s(x, text);
  if (n >= 2 && text[0] == '\'' && text[n - 1] == '\'')
    return json_object_new_string_len(text + 1, (int)n - 2);
  return json_object_new_string(text);
}

static json_object *arguments_of(const ht_layer *l) {
  json_object *all = json_object_new_object();
  for (int i = 0; i < l->o.n_arguments; i++) {
    char name[256];
    const char *text = l->o.argument[i], *equals = strchr(text, '=');
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    json_object_object_add(all, name, value_of(equals + 1));
  }
  return all;
}

static json_object *shape_of(const ht_output_shape *s) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < s->rank; i++)
    json_object_array_add(
        list, s->dim[i] < 0 ? NULL : json_object_new_int64(s->dim[i]));
  return list;
}

/* One shape, or one for each output by its name. */
static json_object *shapes_of(const ht_layer *l) {
  const ht_output_shape *s = l->o.output_shape;
  if (l->o.n_output_shapes == 1 && !s->output) return shape_of(s);
  json_object *all = json_object_new_object();
  for (int i = 0; i < l->o.n_output_shapes; i++)
    json_object_object_add(all, s[i].output ? s[i].output : "default",
                           shape_of(&s[i]));
  return all;
}

static void put_given(json_object *o, const char *name, const char *text) {
  if (text) json_object_object_add(o, name, words(text));
}

ht_status ht_layer_config(const ht_layer *l, char **json) {
  *json = NULL;
  if (!l->handle)
    return ht_fail(HT_UNSUPPORTED,
                   "a layer of an open module has no config: it has no handle");
  json_object *o = json_object_new_object();
  if (!o) return ht_fail(HT_NO_MEMORY, "no memory for a config");
  json_object_object_add(o, "name",
                         words(l->o.name ? l->o.name : "keras_layer"));
  json_object_object_add(o, "trainable", json_object_new_boolean(l->trainable));
  json_object_object_add(o, "dtype", words("float32"));
  json_object_object_add(o, "handle", words(l->handle));
  put_given(o, "tags", l->o.tags);
  put_given(o, "call", l->o.call);
  if (l->o.n_output_shapes)
    json_object_object_add(o, "output_shape", shapes_of(l));
  if (l->o.n_arguments) json_object_object_add(o, "arguments", arguments_of(l));
  put_given(o, "signature", l->o.signature);
  put_given(o, "output_key", l->o.output_key);
  if (l->o.signature_outputs_as_dict)
    json_object_object_add(o, "signature_outputs_as_dict",
                           json_object_new_boolean(true));
  const char *text = json_object_to_json_string_ext(
      o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
  *json = text ? strdup(text) : NULL;
  json_object_put(o);
  return *json ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for a config");
}

/* ---- in */

typedef struct reading {
  ht_arena arena;
  ht_layer_options o;
  const char *handle;
  ht_output_shape *shape;
} reading;

static ht_status wrong(const char *name, const char *wanted) {
  return ht_fail(HT_USAGE, "'%s' of a layer's config wants %s", name, wanted);
}

static ht_status read_text(const char *name, json_object *v, const char **out) {
  if (v && !json_object_is_type(v, json_type_string))
    return wrong(name, "a text");
  *out = v ? json_object_get_string(v) : NULL;
  return HT_SUCCESS;
}

static ht_status read_bool(const char *name, json_object *v, bool *out) {
  if (v && !json_object_is_type(v, json_type_boolean))
    return wrong(name, "true or false");
  *out = json_object_get_boolean(v);
  return HT_SUCCESS;
}

/* Python prints a list of tags, or none. */
static ht_status read_tags(reading *r, const char *name, json_object *v) {
  ht_text t = {.max = 4096};
  if (!json_object_is_type(v, json_type_array))
    return read_text(name, v, &r->o.tags);
  for (size_t i = 0; i < json_object_array_length(v); i++) {
    json_object *tag = json_object_array_get_idx(v, i);
    if (!json_object_is_type(tag, json_type_string)) {
      ht_text_free(&t);
      return wrong(name, "texts");
    }
    ht_text_printf(&t, "%s%s", i ? "," : "", json_object_get_string(tag));
  }
  r->o.tags = ht_arena_string(&r->arena, t.p ? t.p : "");
  ht_text_free(&t);
  return r->o.tags ? HT_SUCCESS : ht_fail(HT_NO_MEMORY, "no memory for tags");
}

static const char *python_of(json_object *v) {
  if (!v) return "None";
  if (json_object_is_type(v, json_type_boolean))
    return json_object_get_boolean(v) ? "True" : "False";
  return json_object_get_string(v);
}

static ht_status read_arguments(reading *r, const char *name, json_object *v) {
  const char **argument;
  if (!v) return HT_SUCCESS;
  if (!json_object_is_type(v, json_type_object))
    return wrong(name, "an object");
  HT_NEW(argument, &r->arena, json_object_object_length(v) + 1);
  json_object_object_foreach(v, key, value) {
    char *text = ht_arena_printf(&r->arena, "%s=%s", key, python_of(value));
    if (!text) return ht_fail(HT_NO_MEMORY, "no memory for an argument");
    argument[r->o.n_arguments++] = text;
  }
  r->o.argument = argument;
  return HT_SUCCESS;
}

static ht_status read_shape(reading *r, const char *output, json_object *v) {
  int64_t *dim;
  if (!json_object_is_type(v, json_type_array) ||
      json_object_array_length(v) > 8)
    return wrong("output_shape", "lists of numbers");
  int rank = (int)json_object_array_length(v);
  HT_NEW(dim, &r->arena, rank + 1);
  for (int i = 0; i < rank; i++) {
    json_object *d = json_object_array_get_idx(v, (size_t)i);
    if (d && !json_object_is_type(d, json_type_int))
      return wrong("output_shape", "lists of numbers");
    dim[i] = d ? json_object_get_int64(d) : -1;
  }
  r->shape[r->o.n_output_shapes++] = (ht_output_shape){output, rank, dim};
  return HT_SUCCESS;
}

static ht_status read_shapes(reading *r, json_object *v) {
  bool by_name = json_object_is_type(v, json_type_object);
  if (!v) return HT_SUCCESS;
  int n = by_name ? json_object_object_length(v) : 1;
  HT_NEW(r->shape, &r->arena, n + 1);
  r->o.output_shape = r->shape;
  if (!by_name) return read_shape(r, NULL, v);
  json_object_object_foreach(v, key, value) {
    HT_TRY(read_shape(r, key, value));
  }
  return HT_SUCCESS;
}

static ht_status read_one(reading *r, const char *name, json_object *v) {
  ht_layer_options *o = &r->o;
  if (!strcmp(name, "handle")) return read_text(name, v, &r->handle);
  if (!strcmp(name, "name")) return read_text(name, v, &o->name);
  if (!strcmp(name, "call")) return read_text(name, v, &o->call);
  if (!strcmp(name, "signature")) return read_text(name, v, &o->signature);
  if (!strcmp(name, "output_key")) return read_text(name, v, &o->output_key);
  if (!strcmp(name, "trainable")) return read_bool(name, v, &o->trainable);
  if (!strcmp(name, "signature_outputs_as_dict"))
    return read_bool(name, v, &o->signature_outputs_as_dict);
  if (!strcmp(name, "tags")) return read_tags(r, name, v);
  if (!strcmp(name, "arguments")) return read_arguments(r, name, v);
  if (!strcmp(name, "output_shape")) return read_shapes(r, v);
  /* What Keras says of every layer, and has no effect on this one. */
  if (!strcmp(name, "dtype") || !strcmp(name, "batch_input_shape"))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "a layer's config has no '%s'", name);
}

static ht_status read_all(reading *r, json_object *all) {
  json_object_object_foreach(all, name, value) {
    HT_TRY(read_one(r, name, value));
  }
  return r->handle ? HT_SUCCESS
                   : ht_fail(HT_USAGE, "a layer's config has a 'handle'");
}

ht_status ht_layer_from_config(const char *json, ht_layer **out) {
  reading r = {0};
  *out = NULL;
  json_object *all = json_tokener_parse(json);
  ht_status st = json_object_is_type(all, json_type_object)
                     ? read_all(&r, all)
                     : ht_fail(HT_USAGE, "a layer's config is a JSON object");
  if (st.code == HT_OK) st = ht_layer_new(r.handle, &r.o, out);
  json_object_put(all);
  ht_arena_free(&r.arena);
  return st;
}
