/* download.h - one file over HTTP: resumed, tried again, within limits. */
#ifndef HT_HUB_DOWNLOAD_H
#define HT_HUB_DOWNLOAD_H

#include "base/arena.h"

/* What authenticates; empty: nothing does. It goes to the host of the
 * address alone, never where that redirects to. */
typedef struct ht_login {
  const char *user, *password;
  const char *token; /* a bearer's */
} ht_login;

/* What the server said at the end. */
typedef struct ht_answer {
  long status;
  char *address; /* after redirects, fit to be shown */
  char *type;    /* Content-Type, "" */
  bool resumed;  /* the file began with what stood there before */
  char *bucket;  /* "gs://...", where a status 303 names that, else NULL */
} ht_answer;

/*
 * Downloads into `path`. What a download that was broken off left there is
 * gone on with where the server can tell that the file is still the same;
 * `path`.from remembers how it was called (RFC 9110, section 13.1.5). Failures
 * that may pass are tried again, later and later, options->retries times;
 * then what came so far stays. `until` is the end of all of it, in seconds
 * of the monotonic clock, 0: none.
 */
ht_status ht_download(const char *url, const ht_login *login, const char *path,
                      const ht_fetch_options *options, double until,
                      ht_arena *arena, ht_answer *answer) HT_MUST_CHECK;

/* Removes what was downloaded. */
void ht_download_remove(const char *path);

/* Tells how far it is; fails with HT_STOPPED where it was asked to stop. */
ht_status ht_fetch_tell(const ht_fetch_options *options,
                        const ht_fetch_news *news) HT_MUST_CHECK;

double ht_fetch_clock(void); /* seconds, monotonic */
/* Waits without being deaf: as ht_fetch_tell, now and then. */
ht_status ht_fetch_sleep(const ht_fetch_options *options,
                         const ht_fetch_news *news,
                         double seconds) HT_MUST_CHECK;

#endif
