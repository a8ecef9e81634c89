/* bucket_list.c - the list of a bucket's files, as its server gives it. */
#include <json-c/json.h>
#include <string.h>

#include "hub/bucket.h"

static ht_status no_memory(void) {
  return ht_fail(HT_NO_MEMORY, "no memory for the files of a bucket");
}

/* Names come from outside: none may leave the folder or be no text. */
static bool is_path(const char *p) {
  for (size_t n; *p; p += n + (p[n] == '/')) {
    n = strcspn(p, "/");
    if (!n || (n == 1 && *p == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
      return false;
    for (size_t i = 0; i < n; i++)
      if ((unsigned char)p[i] < ' ' || p[i] == 127 || p[i] == '\\')
        return false;
    if (p[n] == '/' && !p[n + 1]) return false;
  }
  return true;
}

static ht_status add(ht_bucket_list *list, const char *name, int64_t size) {
  size_t before = strlen(list->folder), n = strlen(name);
  if (strncmp(name, list->folder, before) != 0) return HT_SUCCESS;
  if (n == before || name[n - 1] == '/') return HT_SUCCESS; /* a folder */
  if (!is_path(name + before) || size < 0)
    return ht_fail(HT_CORRUPT, "'%s' holds '%s', which is no path",
                   list->handle, name + before);
  if (list->n >= list->most)
    return ht_fail(HT_IO, "'%s' has more than %d files", list->handle,
                   list->most);
  HT_GROW(list->object, list->n, list->capacity, list->arena);
  ht_bucket_object *o = &list->object[list->n++];
  *o = (ht_bucket_object){ht_arena_string(list->arena, name + before), size};
  return o->name ? HT_SUCCESS : no_memory();
}

/* A size is a number in decimal digits, written as a string. */
static ht_status add_items(ht_bucket_list *list, json_object *items) {
  size_t n = items ? json_object_array_length(items) : 0;
  for (size_t i = 0; i < n; i++) {
    json_object *item = json_object_array_get_idx(items, i);
    json_object *name = json_object_object_get(item, "name");
    json_object *size = json_object_object_get(item, "size");
    if (!json_object_is_type(name, json_type_string) || !size)
      return ht_fail(HT_CORRUPT, "the list of '%s' lacks a name or a size",
                     list->handle);
    HT_TRY(
        add(list, json_object_get_string(name), json_object_get_int64(size)));
  }
  return HT_SUCCESS;
}

static ht_status take_page(ht_bucket_list *list, json_object *page,
                           const char **next) {
  json_object *items, *token;
  if (!json_object_is_type(page, json_type_object))
    return ht_fail(HT_CORRUPT, "the list of '%s' is no JSON object",
                   list->handle);
  items = json_object_object_get(page, "items");
  token = json_object_object_get(page, "nextPageToken");
  if (items && !json_object_is_type(items, json_type_array))
    return ht_fail(HT_CORRUPT, "the list of '%s' holds no files", list->handle);
  HT_TRY(add_items(list, items));
  if (!token) return HT_SUCCESS;
  if (++list->pages > list->most)
    return ht_fail(HT_IO, "the list of '%s' has more than %d pages",
                   list->handle, list->most);
  *next = ht_arena_string(list->arena, json_object_get_string(token));
  return *next ? HT_SUCCESS : no_memory();
}

ht_status ht_bucket_list_page(ht_bucket_list *list, const char *text,
                              const char **next) {
  json_object *page = json_tokener_parse(text);
  *next = NULL;
  ht_status st = take_page(list, page, next);
  json_object_put(page);
  return st;
}
