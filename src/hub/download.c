/* download.c - see download.h. */
#include "hub/download.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "config.h"
#include "hub/address.h"

enum { MAX_HOPS = 10, VALIDATOR = 256, BUCKET = 1024, LONGEST_WAIT = 60 };

/* One download with all its tries. */
typedef struct download {
  const char *url, *path, *from; /* from: where the validator is kept */
  const ht_login *login;
  const ht_fetch_options *options;
  double until;
  ht_arena *arena;
  CURL *curl;
  int fd;
  char validator[VALIDATOR]; /* of what the file holds, "": none */
  /* of the present try */
  char etag[VALIDATOR], modified[VALIDATOR];
  char bucket[BUCKET]; /* where a status 303 leads, "": nowhere */
  int64_t begun;       /* bytes that were there before */
  int64_t done, total;
  bool passing;             /* it failed in a way that may pass */
  bool body;                /* the first byte has come */
  double retry_after;       /* seconds, as the server asks; 0: it does not */
  int64_t from_byte, whole; /* of Content-Range; -1: not said */
  ht_code code;             /* of a failure within a callback */
  char failure[HT_MESSAGE_MAX];
  char error[CURL_ERROR_SIZE];
} download;

double ht_fetch_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

ht_status ht_fetch_tell(const ht_fetch_options *options,
                        const ht_fetch_news *news) {
  if (!options->tell || options->tell(options->arg, news)) return HT_SUCCESS;
  return ht_fail(HT_STOPPED,
                 "the download was stopped; the same command goes on "
                 "with it");
}

ht_status ht_fetch_sleep(const ht_fetch_options *options,
                         const ht_fetch_news *news, double seconds) {
  static const double slice = 0.1;
  for (double end = ht_fetch_clock() + seconds, left = seconds; left > 0;
       left = end - ht_fetch_clock()) {
    double s = left < slice ? left : slice;
    HT_TRY(ht_fetch_tell(options, news));
    nanosleep(&(struct timespec){(time_t)s, (long)(1e9 * (s - (time_t)s))},
              NULL);
  }
  return HT_SUCCESS;
}

void ht_download_remove(const char *path) {
  ht_arena arena = {0};
  char *from = ht_arena_printf(&arena, "%s.from", path);
  unlink(path);
  if (from) unlink(from);
  ht_arena_free(&arena);
}

/* ---- what curl calls */

static bool latch(download *d, ht_status st) {
  if (st.code == HT_OK) return true;
  d->code = st.code;
  ht_status_copy(st, d->failure);
  return false;
}

static ht_status too_large(const download *d, int64_t bytes) {
  return ht_fail(HT_IO, "'%s' has %lld bytes, which is over the limit of %lld",
                 ht_address_shown(d->url, d->arena), (long long)bytes,
                 (long long)d->options->max_bytes);
}

/* The value of a header of that name, without blanks around it. */
static bool header_is(const char *line, size_t n, const char *name,
                      char value[VALIDATOR]) {
  size_t length = strlen(name);
  if (n <= length || line[length] != ':' || strncasecmp(line, name, length))
    return false;
  const char *p = line + length + 1, *end = line + n;
  while (p < end && (*p == ' ' || *p == '\t')) p++;
  while (end > p && (unsigned char)end[-1] <= ' ') end--;
  size_t size = (size_t)(end - p);
  if (size >= VALIDATOR) size = 0;
  memcpy(value, p, size);
  value[size] = 0;
  return true;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg) {
  download *d = arg;
  char value[VALIDATOR];
  n *= size;
  if (n > 5 && strncasecmp(line, "HTTP/", 5) == 0) {
    d->etag[0] = d->modified[0] = 0; /* those were of a redirection */
    d->retry_after = 0;
    d->from_byte = d->whole = -1;
  }
  if (header_is(line, n, "ETag", value) && strncmp(value, "W/", 2) != 0)
    memcpy(d->etag, value, VALIDATOR);
  if (header_is(line, n, "Last-Modified", value))
    memcpy(d->modified, value, VALIDATOR);
  if (header_is(line, n, "Retry-After", value))
    d->retry_after = strtod(value, NULL);
  if (header_is(line, n, "Content-Range", value)) {
    const char *slash = strchr(value, '/');
    d->from_byte = strncmp(value, "bytes ", 6) == 0 ? atoll(value + 6) : -1;
    d->whole = slash && slash[1] != '*' ? atoll(slash + 1) : -1;
  }
  return n;
}

static long status_of(const download *d) {
  long status = 0;
  curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

/* In place: half a validator is only one that does not match. */
static ht_status write_validator(const download *d) {
  FILE *f = fopen(d->from, "we");
  if (!f) return ht_fail_errno("cannot write", d->from);
  bool good = fputs(d->validator, f) >= 0;
  good = fclose(f) == 0 && good;
  return good ? HT_SUCCESS : ht_fail_errno("cannot write", d->from);
}

/* The first byte has come: does it go on with what is there? */
static ht_status begin_body(download *d) {
  curl_off_t length = -1;
  d->body = true;
  if (status_of(d) != 206) {
    if (d->begun && (ftruncate(d->fd, 0) != 0 || lseek(d->fd, 0, SEEK_SET) < 0))
      return ht_fail_errno("cannot write", d->path);
    d->begun = 0;
  } else if (d->from_byte != d->begun) {
    return ht_fail(HT_IO, "'%s' answers with another part than asked for",
                   ht_address_shown(d->url, d->arena));
  }
  curl_easy_getinfo(d->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  d->done = d->begun;
  d->total = length > 0 ? d->begun + length : 0;
  if (d->total > d->options->max_bytes) return too_large(d, d->total);
  const char *validator = *d->etag ? d->etag : d->modified;
  if (strcmp(d->validator, validator) == 0) return HT_SUCCESS;
  memcpy(d->validator, validator, VALIDATOR);
  return write_validator(d);
}

static ht_status take(download *d, const char *p, size_t n) {
  if (!d->body) HT_TRY(begin_body(d));
  if (d->done + (int64_t)n > d->options->max_bytes)
    return too_large(d, d->done + (int64_t)n);
  d->done += (int64_t)n;
  while (n) {
    ssize_t put = write(d->fd, p, n);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return ht_fail_errno("cannot write", d->path);
    p += put;
    n -= (size_t)put;
  }
  return HT_SUCCESS;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg) {
  download *d = arg;
  n *= size;
  if (status_of(d) == 303 && strlen(d->bucket) + n < BUCKET)
    strncat(d->bucket, p, n); /* as tensorflow_hub, it takes the text */
  if (status_of(d) / 100 != 2) return n; /* nobody reads pages of errors */
  return latch(d, take(d, p, n)) ? n : 0;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now,
                       curl_off_t up_total, curl_off_t up_now) {
  download *d = arg;
  (void)total, (void)now, (void)up_total, (void)up_now;
  ht_fetch_news news = {HT_FETCH_DOWNLOAD, d->done, d->total, d->url};
  return latch(d, ht_fetch_tell(d->options, &news)) ? 0 : 1;
}

/* ---- one try */

static void set_authorities(const download *d) {
  const ht_fetch_options *o = d->options;
  const char *file = o->ca_file, *folder = getenv("SSL_CERT_DIR");
  if (!file) file = getenv("CURL_CA_BUNDLE");
  if (!file || !*file) file = getenv("SSL_CERT_FILE");
  if (file && *file) curl_easy_setopt(d->curl, CURLOPT_CAINFO, file);
  if (folder && *folder) curl_easy_setopt(d->curl, CURLOPT_CAPATH, folder);
  curl_easy_setopt(d->curl, CURLOPT_SSL_VERIFYPEER, o->insecure ? 0L : 1L);
  curl_easy_setopt(d->curl, CURLOPT_SSL_VERIFYHOST, o->insecure ? 0L : 2L);
}

/* Only these, and never from https back to http. */
static void set_protocols(const download *d) {
  bool safe = strncmp(d->url, "https://", 8) == 0;
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(d->curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(d->curl, CURLOPT_REDIR_PROTOCOLS_STR,
                   safe ? "https" : "http,https");
#else
  long both = CURLPROTO_HTTP | CURLPROTO_HTTPS;
  curl_easy_setopt(d->curl, CURLOPT_PROTOCOLS, both);
  curl_easy_setopt(d->curl, CURLOPT_REDIR_PROTOCOLS,
                   safe ? (long)CURLPROTO_HTTPS : both);
#endif
}

static void set_login(const download *d) {
  const ht_login *l = d->login;
  if (l && l->token) {
    curl_easy_setopt(d->curl, CURLOPT_XOAUTH2_BEARER, l->token);
    curl_easy_setopt(d->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
  } else if (l && l->user) {
    curl_easy_setopt(d->curl, CURLOPT_USERNAME, l->user);
    curl_easy_setopt(d->curl, CURLOPT_PASSWORD, l->password);
    curl_easy_setopt(d->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  }
}

static void set_limits(const download *d) {
  double stall = d->options->stall_seconds;
  curl_easy_setopt(d->curl, CURLOPT_MAXREDIRS, (long)MAX_HOPS);
  curl_easy_setopt(d->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(1000 * stall));
  curl_easy_setopt(d->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(d->curl, CURLOPT_LOW_SPEED_TIME,
                   stall < 1 ? 1L : (long)stall);
  if (d->until <= 0) return;
  double left = d->until - ht_fetch_clock();
  curl_easy_setopt(d->curl, CURLOPT_TIMEOUT_MS,
                   left < 0.001 ? 1L : (long)(1000 * left));
}

static void set_callbacks(download *d) {
  curl_easy_setopt(d->curl, CURLOPT_ERRORBUFFER, d->error);
  curl_easy_setopt(d->curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(d->curl, CURLOPT_HEADERDATA, d);
  curl_easy_setopt(d->curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(d->curl, CURLOPT_WRITEDATA, d);
  curl_easy_setopt(d->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(d->curl, CURLOPT_XFERINFODATA, d);
  curl_easy_setopt(d->curl, CURLOPT_NOPROGRESS, 0L);
}

/* Asks for the rest of what is there, if it is still the same. */
static ht_status set_range(download *d, struct curl_slist **headers) {
  struct stat st;
  if (fstat(d->fd, &st) != 0) return ht_fail_errno("cannot read", d->path);
  d->begun = *d->validator ? st.st_size : 0;
  if (!d->begun && st.st_size && ftruncate(d->fd, 0) != 0)
    return ht_fail_errno("cannot write", d->path);
  if (lseek(d->fd, 0, SEEK_END) < 0)
    return ht_fail_errno("cannot write", d->path);
  if (!d->begun) return HT_SUCCESS;
  char *range = ht_arena_printf(d->arena, "%lld-", (long long)d->begun);
  char *same = ht_arena_printf(d->arena, "If-Range: %s", d->validator);
  if (range && same) *headers = curl_slist_append(*headers, same);
  if (!range || !same || !*headers)
    return ht_fail(HT_NO_MEMORY, "no memory for a request");
  curl_easy_setopt(d->curl, CURLOPT_RANGE, range);
  return HT_SUCCESS;
}

static void setup(download *d) {
  curl_easy_reset(d->curl);
  curl_easy_setopt(d->curl, CURLOPT_URL, d->url);
  curl_easy_setopt(d->curl, CURLOPT_USERAGENT, "hubtune/" PACKAGE_VERSION);
  curl_easy_setopt(d->curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(d->curl, CURLOPT_NOSIGNAL, 1L);
  if (d->options->proxy)
    curl_easy_setopt(d->curl, CURLOPT_PROXY, d->options->proxy);
  set_protocols(d);
  set_authorities(d);
  set_login(d);
  set_limits(d);
  set_callbacks(d);
}

static ht_status attempt(download *d, CURLcode *result) {
  struct curl_slist *headers = NULL;
  d->error[0] = d->failure[0] = d->bucket[0] = 0;
  d->etag[0] = d->modified[0] = 0;
  d->code = HT_OK;
  d->body = false;
  d->done = d->total = 0;
  d->from_byte = d->whole = -1;
  setup(d);
  ht_status st = set_range(d, &headers);
  if (st.code == HT_OK) {
    curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER, headers);
    *result = curl_easy_perform(d->curl);
    curl_easy_setopt(d->curl, CURLOPT_HTTPHEADER, NULL);
  }
  curl_slist_free_all(headers);
  return st;
}

/* ---- what came of it */

static ht_status describe(download *d, ht_answer *a) {
  char *address = NULL, *type = NULL;
  curl_easy_getinfo(d->curl, CURLINFO_EFFECTIVE_URL, &address);
  curl_easy_getinfo(d->curl, CURLINFO_CONTENT_TYPE, &type);
  a->status = status_of(d);
  a->address = ht_address_shown(address ? address : d->url, d->arena);
  a->type = ht_arena_string(d->arena, type ? type : "");
  a->resumed = d->begun > 0;
  bool found = a->status == 303 && strncmp(d->bucket, "gs://", 5) == 0;
  d->bucket[strcspn(d->bucket, "\r\n")] = 0;
  a->bucket = found ? ht_arena_string(d->arena, d->bucket) : NULL;
  if (!a->address || !a->type || (found && !a->bucket))
    return ht_fail(HT_NO_MEMORY, "no memory for an address");
  return HT_SUCCESS;
}

static bool may_pass(CURLcode result, long status) {
  switch (result) {
    case CURLE_OK:
      return status == 408 || status == 425 || status == 429 || status == 500 ||
             status == 502 || status == 503 || status == 504;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return true;
    default: return false;
  }
}

static const char *reason(const download *d, CURLcode result) {
  return *d->error ? d->error : curl_easy_strerror(result);
}

static ht_status judge(const download *d, CURLcode result, const ht_answer *a) {
  if (d->code != HT_OK) return ht_fail(d->code, "%s", d->failure);
  if (d->until > 0 && result == CURLE_OPERATION_TIMEDOUT &&
      ht_fetch_clock() >= d->until - 0.01)
    return ht_fail(HT_IO, "'%s' took longer than %g s", a->address,
                   d->options->max_seconds);
  if (result == CURLE_UNSUPPORTED_PROTOCOL)
    return ht_fail(HT_IO, "'%s' redirects to an address that is not safe: %s",
                   a->address, reason(d, result));
  if (result != CURLE_OK)
    return ht_fail(HT_IO, "cannot download '%s': %s", a->address,
                   reason(d, result));
  if (a->status / 100 != 2)
    return ht_fail(HT_IO, "'%s' answers with status %ld%s%s%s", a->address,
                   a->status, *a->type ? " (" : "", a->type,
                   *a->type ? ")" : "");
  if (!d->body)
    return ht_fail(HT_IO, "'%s' answers with nothing (status %ld)", a->address,
                   a->status);
  return HT_SUCCESS;
}

/* Later and later, but not at once with all the others. */
static double wait_before(const download *d, int tries) {
  double wait = 0.5;
  for (int i = 1; i < tries && wait < LONGEST_WAIT; i++) wait *= 2;
  wait *= 0.75 + 0.5 * (double)(getpid() % 64) / 64;
  if (d->retry_after > wait) wait = d->retry_after;
  return wait < LONGEST_WAIT ? wait : LONGEST_WAIT;
}

static ht_status wait_for_retry(const download *d, int tries, ht_status why) {
  char text[HT_MESSAGE_MAX];
  ht_status_copy(why, text);
  ht_fetch_news news = {HT_FETCH_RETRY, tries, d->options->retries, text};
  double wait = wait_before(d, tries), end = ht_fetch_clock() + wait;
  if (d->until > 0 && end >= d->until) return ht_fail(why.code, "%s", text);
  HT_TRY(ht_fetch_sleep(d->options, &news, wait));
  return HT_SUCCESS;
}

static ht_status try_all(download *d, ht_answer *answer) {
  for (int tries = 1;; tries++) {
    CURLcode result = CURLE_OK;
    HT_TRY(attempt(d, &result));
    HT_TRY(describe(d, answer));
    if (result == CURLE_OK && answer->status == 416 && d->begun) {
      if (d->whole == d->begun) return HT_SUCCESS; /* it was all there */
      *d->validator = 0; /* there is less than we have: from the beginning */
      continue;
    }
    ht_status st = judge(d, result, answer);
    d->passing = d->code == HT_OK && may_pass(result, answer->status);
    if (st.code == HT_OK || !d->passing || tries > d->options->retries)
      return st;
    HT_TRY(wait_for_retry(d, tries, st));
  }
}

/* ---- the file */

static void read_validator(download *d) {
  char *text;
  size_t n;
  *d->validator = 0;
  if (!ht_path_exists(d->from)) return;
  ht_status st = ht_file_read(d->from, VALIDATOR - 1, d->arena, &text, &n);
  if (st.code == HT_OK && strlen(text) == n) memcpy(d->validator, text, n + 1);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void start_curl(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static ht_status with_curl(download *d, ht_answer *answer) {
  pthread_once(&once, start_curl);
  d->curl = curl_easy_init();
  if (!d->curl) return ht_fail(HT_NO_MEMORY, "no memory for a download");
  ht_status st = try_all(d, answer);
  curl_easy_cleanup(d->curl);
  return st;
}

ht_status ht_download(const char *url, const ht_login *login, const char *path,
                      const ht_fetch_options *options, double until,
                      ht_arena *arena, ht_answer *answer) {
  download d = {.url = url, .path = path, .login = login};
  d.options = options;
  d.until = until;
  d.arena = arena;
  d.from = ht_arena_printf(arena, "%s.from", path);
  if (!d.from) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  *answer = (ht_answer){0};
  read_validator(&d);
  d.fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (d.fd < 0) return ht_fail_errno("cannot write", path);
  ht_status st = with_curl(&d, answer);
  if (close(d.fd) != 0 && st.code == HT_OK)
    st = ht_fail_errno("cannot write", path);
  bool more = *d.validator && (d.passing || st.code == HT_STOPPED);
  if (st.code != HT_OK && !more) ht_download_remove(path);
  return st;
}
