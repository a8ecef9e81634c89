/* address.c - see address.h. */
#include "hub/address.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool begins(const char *s, const char *with) {
  return strncmp(s, with, strlen(with)) == 0;
}

static bool ends(const char *s, const char *with) {
  size_t n = strlen(s), m = strlen(with);
  return n >= m && strcmp(s + n - m, with) == 0;
}

static bool is_in_bucket(const char *handle) { return begins(handle, "gs://"); }

bool ht_address_is_folder(const char *handle) {
  return is_in_bucket(handle) && !ends(handle, ".tar") &&
         !ends(handle, ".tar.gz") && !ends(handle, ".tgz");
}

bool ht_address_is(const char *handle) {
  return begins(handle, "http://") || begins(handle, "https://") ||
         is_in_bucket(handle);
}

const char *ht_address_storage(ht_arena *arena) {
  const char *host = getenv("STORAGE_EMULATOR_HOST");
  if (!host || !*host) return "https://storage.googleapis.com";
  size_t n = strlen(host);
  while (n && host[n - 1] == '/') n--;
  return ht_arena_printf(arena, "%s%.*s", strstr(host, "://") ? "" : "http://",
                         (int)n, host);
}

void ht_address_encode(ht_text *out, const char *s, const char *keep) {
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c < 128 && (isalnum(c) || strchr("_.-~", c) || strchr(keep, c)))
      ht_text_printf(out, "%c", c);
    else
      ht_text_printf(out, "%%%02X", c);
  }
}

/* ---- the query, as Python's parse_qsl and urlencode take it apart and put
 * it together: pairs without a value vanish, a blank becomes '+' */

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)tolower((unsigned char)c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character of a query, decoded; moves on. */
static unsigned char decode(const char **p, const char *end) {
  const char *s = *p;
  int high = end - s > 2 && *s == '%' ? hex_value(s[1]) : -1;
  int low = high >= 0 ? hex_value(s[2]) : -1;
  *p = low >= 0 ? s + 3 : s + 1;
  if (low >= 0) return (unsigned char)(high * 16 + low);
  return *s == '+' ? ' ' : (unsigned char)*s;
}

static void add_encoded(ht_text *out, const char *p, const char *end) {
  while (p < end) {
    unsigned char c = decode(&p, end);
    if (c == ' ')
      ht_text_add(out, "+");
    else if (c && c < 128 && (isalnum(c) || strchr("_.-~", c)))
      ht_text_printf(out, "%c", c);
    else
      ht_text_printf(out, "%%%02X", c);
  }
}

static void add_pair(ht_text *out, const char *p, const char *end) {
  const char *equals = memchr(p, '=', (size_t)(end - p));
  if (!equals || equals + 1 == end) return;
  add_encoded(out, p, equals);
  ht_text_add(out, "=");
  add_encoded(out, equals + 1, end);
  ht_text_add(out, "&");
}

/* "p" up to the query, the query anew with the format asked for, fragment. */
static void add_smart(ht_text *out, const char *handle, const char *format) {
  size_t before = strcspn(handle, "?#");
  const char *query = handle + before;
  size_t n = *query == '?' ? strcspn(query, "#") : 0;
  const char *fragment = query + n;
  ht_text_bytes(out, handle, before);
  ht_text_add(out, "?");
  for (const char *p = query + 1; p < fragment;) {
    size_t pair = strcspn(p, "&#");
    add_pair(out, p, p + pair);
    p += pair + 1;
  }
  ht_text_printf(out, "tf-hub-format=%s", format);
  if (fragment[0] && fragment[1]) ht_text_add(out, fragment);
}

ht_status ht_address_finish(ht_text *text, ht_arena *arena, char **url) {
  ht_status st = ht_text_check(text);
  *url = st.code == HT_OK ? ht_arena_string(arena, text->p) : NULL;
  ht_text_free(text);
  if (st.code == HT_OK && !*url)
    return ht_fail(HT_NO_MEMORY, "no memory for an address");
  return st;
}

ht_status ht_address_request(const char *handle, const char *format,
                             ht_arena *arena, char **url) {
  static const char china[] = "https://hub.tensorflow.google.cn/";
  ht_text text = {0};
  if (begins(handle, china) && strcmp(format, "compressed") == 0) {
    ht_text_printf(&text,
                   "https://gcs.tensorflow.google.cn/tfhub-modules/%s.tar.gz",
                   handle + strlen(china));
  } else if (is_in_bucket(handle)) {
    const char *storage = ht_address_storage(arena);
    if (!storage) return ht_fail(HT_NO_MEMORY, "no memory for an address");
    ht_text_printf(&text, "%s/%s", storage, handle + strlen("gs://"));
  } else {
    add_smart(&text, handle, format);
  }
  return ht_address_finish(&text, arena, url);
}

/* ---- Kaggle */

/* Its five parts, "owner/model/framework/variation/version", and no more. */
static bool is_model_path(const char *p, size_t n) {
  int parts = 0;
  for (const char *end = p + n; p < end; parts++) {
    const char *slash = memchr(p, '/', (size_t)(end - p));
    size_t part = (size_t)((slash ? slash : end) - p);
    if (!part || parts == 5) return false;
    if (parts == 4 && strspn(p, "0123456789") < part) return false;
    p += part + (slash != NULL);
  }
  return parts == 5;
}

ht_status ht_address_kaggle(const char *handle, ht_arena *arena, char **url) {
  static const char *const front[] = {"https://www.kaggle.com/models/",
                                      "https://kaggle.com/models/"};
  *url = NULL;
  for (size_t i = 0; i < sizeof front / sizeof *front; i++) {
    const char *path = handle + strlen(front[i]);
    if (!begins(handle, front[i])) continue;
    size_t n = strcspn(path, "?#");
    while (n && path[n - 1] == '/') n--;
    if (!is_model_path(path, n)) return HT_SUCCESS;
    ht_text text = {0};
    ht_text_printf(&text, "https://www.kaggle.com/api/v1/models/%.*s/download",
                   (int)n, path);
    return ht_address_finish(&text, arena, url);
  }
  return HT_SUCCESS;
}

char *ht_address_shown(const char *url, ht_arena *arena) {
  const char *host = strstr(url, "://");
  host = host ? host + 3 : url;
  size_t authority = strcspn(host, "/?#");
  const char *at = memrchr(host, '@', authority);
  const char *rest = at ? at + 1 : host;
  return ht_arena_printf(arena, "%.*s%.*s", (int)(host - url), url,
                         (int)strcspn(rest, "?#"), rest);
}
