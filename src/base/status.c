/* status.c - messages live in one buffer per thread, see status.h. */
#include "base/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[HT_MESSAGE_MAX];

/* Names from files may hold anything: a message stays one plain line. */
static void keep(const char text[HT_MESSAGE_MAX]) {
  memcpy(message, text, HT_MESSAGE_MAX);
  for (unsigned char *p = (unsigned char *)message; *p; p++)
    if (*p < ' ' || *p == 127) *p = '?';
}

ht_status ht_fail(ht_code code, const char *format, ...) {
  char text[HT_MESSAGE_MAX]; /* an argument may be the old message */
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  keep(text);
  return (ht_status){code, message};
}

ht_status ht_within(ht_status st, const char *format, ...) {
  if (st.code == HT_OK) return st;
  char context[HT_MESSAGE_MAX / 2], text[HT_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(context, sizeof context, format, args);
  va_end(args);
  snprintf(text, sizeof text, "%s: %.*s", context, HT_MESSAGE_MAX / 2 - 4,
           st.msg);
  keep(text);
  return (ht_status){st.code, message};
}

ht_status ht_fail_errno(const char *what, const char *path) {
  int error = errno;
  ht_code code = error == ENOMEM ? HT_NO_MEMORY : HT_IO;
  return ht_fail(code, "%s '%s': %s", what, path, strerror(error));
}

void ht_status_copy(ht_status st, char text[HT_MESSAGE_MAX]) {
  snprintf(text, HT_MESSAGE_MAX, "%s", st.msg ? st.msg : "");
}
