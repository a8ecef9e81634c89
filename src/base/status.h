/* status.h - how failures travel: a code and a message, returned by value. */
#ifndef HT_BASE_STATUS_H
#define HT_BASE_STATUS_H

#include <stdarg.h>

#include "hubtune.h"

#define HT_MUST_CHECK __attribute__((warn_unused_result))
#define HT_PRINTF(f, a) __attribute__((format(printf, f, a)))

#define HT_SUCCESS ((ht_status){HT_OK, NULL})

/* Hands a failure on to the caller. */
#define HT_TRY(expr)                     \
  do {                                   \
    ht_status try_ = (expr);             \
    if (try_.code != HT_OK) return try_; \
  } while (0)

/*
 * A failure with a message: lower case, what is wrong first, the subject in
 * single quotes, no full stop. Never allocates: failing works without memory.
 */
ht_status ht_fail(ht_code code, const char *format, ...) HT_PRINTF(2, 3);

/* Puts context before the message of a failure: "context: message". */
ht_status ht_within(ht_status st, const char *format, ...) HT_PRINTF(2, 3);

/* A failure about a file, with errno's text: "what 'path': text". */
ht_status ht_fail_errno(const char *what, const char *path);

/* Copies a failure's message, which the next failure would overwrite. */
#define HT_MESSAGE_MAX 1024
void ht_status_copy(ht_status st, char text[HT_MESSAGE_MAX]);

#endif
