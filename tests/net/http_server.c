/*
 * http_server.c - a small web server on the loopback address that misbehaves
 * as it is told: for tests of downloads.
 *
 *     http_server WORK
 *
 * Serves files of WORK/files, writes WORK/ports ("http=N https=M"),
 * WORK/ca.pem (its certificate, for localhost and www.kaggle.com) and a line
 * of WORK/log for each request: "PATH STATUS RANGE". Ends when its standard
 * input does. A path says what happens:
 *
 *     /ok/F            the file; ranges, with If-Range
 *     /plain/F         the file without its length
 *     /smart/F         the file where tf-hub-format=compressed asks for it,
 *                      else a page
 *     /redirect/N/F    N redirections, then /ok/F
 *     /code/C/F        status C with a page
 *     /flaky/C/N/F     status C N times, then the file
 *     /cut/N/F         breaks off in the middle N times; goes on by ranges
 *     /changed/F       breaks off, then it is another file
 *     /other/F         answers a range with another one
 *     /more/F          says a larger length than it sends
 *     /less/F          says half of the length
 *     /stall/F         stops in the middle
 *     /slow/MS/F       MS milliseconds between pieces of 64 KiB
 *     /unsafe/F        redirects to http
 *     /models/...      status 403
 *     /api/...         wants the password of user "me", "secret", then
 *                      redirects to /stranger/F with F from WORK/kaggle
 *     /stranger/F      the file, but only to whom shows no password
 *     /storage/...     the file list.json, list2.json for its second page
 *     /bucket/F        the file bucket/F
 *     /tell/F          status 303 and the text "gs://F" where
 *                      tf-hub-format=uncompressed asks for it
 *
 * As a proxy it takes whole addresses, and CONNECT, to itself.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_SSL
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
static SSL_CTX *tls;
#endif

static const char *work;
static int port_http, port_https;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

typedef struct connection {
  int fd;
  bool secure;
#ifdef HAVE_SSL
  SSL *ssl; /* NULL: plain */
#endif
} connection;

typedef struct request {
  char path[1024], query[1024];
  long long from; /* of Range; -1: none */
  char if_range[256], authorization[256];
} request;

/* ---- bytes */

static ssize_t get(connection *c, char *p, size_t n) {
#ifdef HAVE_SSL
  if (c->ssl) return SSL_read(c->ssl, p, (int)n);
#endif
  return read(c->fd, p, n);
}

static bool put(connection *c, const char *p, size_t n) {
  while (n) {
    ssize_t k;
#ifdef HAVE_SSL
    k = c->ssl ? SSL_write(c->ssl, p, (int)n) : write(c->fd, p, n);
#else
    k = write(c->fd, p, n);
#endif
    if (k <= 0) return false;
    p += k;
    n -= (size_t)k;
  }
  return true;
}

static void say(connection *c, const char *format, ...) {
  char text[4096];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  put(c, text, (size_t)n);
}

/* ---- answers */

static void note(const request *r, int status) {
  char path[1200];
  snprintf(path, sizeof path, "%s/log", work);
  pthread_mutex_lock(&mutex);
  FILE *f = fopen(path, "a");
  if (f) {
    fprintf(f, "%s%s%s %d %lld\n", r->path, *r->query ? "?" : "", r->query,
            status, r->from);
    fclose(f);
  }
  pthread_mutex_unlock(&mutex);
}

/* How many requests for this path came before. */
static int count(const char *path) {
  static struct {
    char path[1024];
    int n;
  } seen[256];
  int i = 0, n = 0;
  pthread_mutex_lock(&mutex);
  while (i < 255 && *seen[i].path && strcmp(seen[i].path, path) != 0) i++;
  if (!*seen[i].path) snprintf(seen[i].path, 1024, "%s", path);
  n = seen[i].n++;
  pthread_mutex_unlock(&mutex);
  return n;
}

static void page(connection *c, const request *r, int status,
                 const char *more) {
  static const char text[] = "<html><body>Sorry.</body></html>\n";
  note(r, status);
  say(c,
      "HTTP/1.1 %d Told\r\nContent-Type: text/html; charset=utf-8\r\n"
      "Content-Length: %zu\r\nConnection: close\r\n%s\r\n%s",
      status, strlen(text), more, text);
}

static void redirect(connection *c, const request *r, const char *format, ...) {
  char to[2048], header[2200];
  va_list args;
  va_start(args, format);
  vsnprintf(to, sizeof to, format, args);
  va_end(args);
  snprintf(header, sizeof header, "Location: %s\r\n", to);
  page(c, r, 302, header);
}

/* How a file is sent. */
typedef struct manner {
  const char *etag;
  double part;       /* of the bytes, then the end */
  double length;     /* what Content-Length says, of the truth; 0: nothing */
  int shift;         /* of an answered range */
  int stall_seconds; /* at the end */
  int pause_ms;      /* between pieces */
  bool whole;        /* ranges are not known */
} manner;

static char *load(const char *name, size_t *n) {
  char path[2300];
  snprintf(path, sizeof path, "%s/files/%s", work, name);
  FILE *f = fopen(path, "rb");
  if (!f || strstr(name, "..")) return NULL;
  fseek(f, 0, SEEK_END);
  *n = (size_t)ftell(f);
  rewind(f);
  char *data = malloc(*n + 1);
  if (fread(data, 1, *n, f) != *n) *n = 0;
  fclose(f);
  return data;
}

static void send_pieces(connection *c, const char *p, size_t n, int pause_ms) {
  for (size_t piece; n; p += piece, n -= piece) {
    piece = n < 65536 ? n : 65536;
    if (!put(c, p, piece)) return;
    if (pause_ms) usleep((useconds_t)pause_ms * 1000);
  }
}

static void file(connection *c, const request *r, const char *name, manner m) {
  size_t n, from = 0;
  char *data = load(name, &n);
  if (!data) {
    page(c, r, 404, "");
    return;
  }
  bool same = !*r->if_range || strcmp(r->if_range, m.etag) == 0;
  bool range = r->from >= 0 && same && !m.whole;
  if (range && (size_t)r->from >= n) {
    char header[128];
    snprintf(header, sizeof header, "Content-Range: bytes */%zu\r\n", n);
    page(c, r, 416, header);
    free(data);
    return;
  }
  if (range) from = (size_t)r->from;
  note(r, range ? 206 : 200);
  say(c, "HTTP/1.1 %s\r\nContent-Type: application/gzip\r\nETag: %s\r\n",
      range ? "206 Partial Content" : "200 OK", m.etag);
  if (range)
    say(c, "Content-Range: bytes %zu-%zu/%zu\r\n", from + (size_t)m.shift,
        n - 1, n);
  if (m.length > 0)
    say(c, "Content-Length: %zu\r\n", (size_t)((double)(n - from) * m.length));
  say(c, "Connection: close\r\n\r\n");
  size_t part = (size_t)((double)(n - from) * m.part);
  send_pieces(c, data + from, part, m.pause_ms);
  if (m.stall_seconds) sleep((unsigned)m.stall_seconds);
  free(data);
}

static void kaggle(connection *c, const request *r) {
  char path[1200], name[256] = "";
  /* "me:secret" */
  if (strcmp(r->authorization, "Basic bWU6c2VjcmV0") != 0 &&
      strcmp(r->authorization, "Bearer token") != 0) {
    page(c, r, 401, "");
    return;
  }
  snprintf(path, sizeof path, "%s/kaggle", work);
  FILE *f = fopen(path, "r");
  if (f && fscanf(f, "%255s", name) != 1) *name = 0;
  if (f) fclose(f);
  redirect(c, r, "https://localhost:%d/stranger/%s", port_https, name);
}

/* "/verb/number/rest" */
static bool is(const char *path, const char *verb, int *number,
               const char **rest) {
  size_t n = strlen(verb);
  if (path[0] != '/' || strncmp(path + 1, verb, n) != 0 || path[n + 1] != '/')
    return false;
  *rest = path + n + 2;
  if (!number) return true;
  char *end;
  *number = (int)strtol(*rest, &end, 10);
  *rest = end + (*end == '/');
  return true;
}

static void answer(connection *c, const request *r) {
  static const manner usual = {.etag = "\"one\"", .part = 1, .length = 1};
  const char *f = "";
  int i = 0;
  manner m = usual;
  if (is(r->path, "ok", NULL, &f)) {
    file(c, r, f, m);
  } else if (is(r->path, "plain", NULL, &f)) {
    m.length = 0;
    file(c, r, f, m);
  } else if (is(r->path, "smart", NULL, &f)) {
    if (strstr(r->query, "tf-hub-format=compressed"))
      file(c, r, f, m);
    else
      page(c, r, 200, "");
  } else if (is(r->path, "redirect", &i, &f)) {
    if (i > 0)
      redirect(c, r, "/redirect/%d/%s", i - 1, f);
    else
      file(c, r, f, m);
  } else if (is(r->path, "code", &i, &f)) {
    page(c, r, i, "");
  } else if (is(r->path, "flaky", &i, &f)) {
    int times = (int)strtol(f, (char **)&f, 10);
    if (count(r->path) < times)
      page(c, r, i, "");
    else
      file(c, r, f + 1, m);
  } else if (is(r->path, "cut", &i, &f)) {
    m.part = count(r->path) < i ? 0.5 : 1;
    file(c, r, f, m);
  } else if (is(r->path, "changed", NULL, &f)) {
    bool first = count(r->path) == 0;
    m.part = first ? 0.5 : 1;
    m.etag = first ? "\"zero\"" : "\"one\"";
    file(c, r, first ? "before" : f, m);
  } else if (is(r->path, "other", NULL, &f)) {
    m.part = count(r->path) == 0 ? 0.5 : 1;
    m.shift = 1;
    file(c, r, f, m);
  } else if (is(r->path, "more", NULL, &f)) {
    m.length = 2;
    m.whole = true;
    file(c, r, f, m);
  } else if (is(r->path, "less", NULL, &f)) {
    m.length = 0.5;
    file(c, r, f, m);
  } else if (is(r->path, "stall", NULL, &f)) {
    m.part = 0.5;
    m.stall_seconds = 20;
    file(c, r, f, m);
  } else if (is(r->path, "slow", &i, &f)) {
    m.pause_ms = i;
    file(c, r, f, m);
  } else if (is(r->path, "unsafe", NULL, &f)) {
    redirect(c, r, "http://localhost:%d/ok/%s", port_http, f);
  } else if (is(r->path, "models", NULL, &f)) {
    page(c, r, 403, "");
  } else if (is(r->path, "api", NULL, &f)) {
    kaggle(c, r);
  } else if (is(r->path, "storage", NULL, &f)) {
    file(c, r, strstr(r->query, "pageToken=") ? "list2.json" : "list.json", m);
  } else if (is(r->path, "tell", NULL, &f)) {
    bool asked = strstr(r->query, "tf-hub-format=uncompressed");
    note(r, asked ? 303 : 404);
    say(c,
        "HTTP/1.1 %d Told\r\nContent-Length: %zu\r\n"
        "Connection: close\r\n\r\ngs://%s",
        asked ? 303 : 404, strlen(f) + 5, f);
  } else if (is(r->path, "bucket", NULL, &f)) {
    file(c, r, r->path + 1, m);
  } else if (is(r->path, "stranger", NULL, &f)) {
    if (*r->authorization)
      page(c, r, 400, "");
    else
      file(c, r, f, m);
  } else {
    page(c, r, 404, "");
  }
}

/* ---- requests */

static bool read_head(connection *c, char head[8192]) {
  size_t n = 0;
  while (n < 8191) {
    if (get(c, head + n, 1) != 1) return false;
    head[++n] = 0;
    if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0) return true;
  }
  return false;
}

static void header(const char *head, const char *name, char value[256]) {
  *value = 0;
  for (const char *p = strstr(head, "\r\n"); p; p = strstr(p + 2, "\r\n"))
    if (strncasecmp(p + 2, name, strlen(name)) == 0)
      sscanf(p + 2 + strlen(name), ": %255[^\r]", value);
}

static void parse(const char *head, request *r) {
  char url[2048] = "", range[256];
  sscanf(head, "%*s %2047s", url);
  const char *path = url;
  if (strncmp(url, "http://", 7) == 0) { /* asked as a proxy */
    path = strchr(url + 7, '/');
    if (!path) path = "/";
  }
  size_t n = strcspn(path, "?");
  snprintf(r->path, sizeof r->path, "%.*s", (int)n, path);
  snprintf(r->query, sizeof r->query, "%s", path[n] ? path + n + 1 : "");
  header(head, "Range", range);
  r->from = strncmp(range, "bytes=", 6) == 0 ? atoll(range + 6) : -1;
  header(head, "If-Range", r->if_range);
  header(head, "Authorization", r->authorization);
}

static bool start_tls(connection *c) {
#ifdef HAVE_SSL
  c->ssl = SSL_new(tls);
  SSL_set_fd(c->ssl, c->fd);
  return SSL_accept(c->ssl) == 1;
#else
  (void)c;
  return false;
#endif
}

static void *serve(void *arg) {
  connection *c = arg;
  char head[8192] = "";
  request r = {0};
  bool good = (!c->secure || start_tls(c)) && read_head(c, head);
  if (good && strncmp(head, "CONNECT ", 8) == 0) {
    say(c, "HTTP/1.1 200 Connected\r\n\r\n");
    good = start_tls(c) && read_head(c, head);
  }
  if (good) {
    parse(head, &r);
    answer(c, &r);
  }
#ifdef HAVE_SSL
  if (c->ssl) SSL_shutdown(c->ssl);
  SSL_free(c->ssl);
#endif
  shutdown(c->fd, SHUT_RDWR);
  close(c->fd);
  free(c);
  return NULL;
}

/* ---- the server */

static int listen_on(int *port) {
  struct sockaddr_in a = {.sin_family = AF_INET};
  socklen_t n = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
      listen(fd, 64) != 0 || getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
    perror("http_server");
    exit(1);
  }
  *port = ntohs(a.sin_port);
  return fd;
}

typedef struct listener {
  int fd;
  bool secure;
} listener;

static void *accept_all(void *arg) {
  const listener *l = arg;
  for (;;) {
    pthread_t thread;
    int fd = accept(l->fd, NULL, NULL);
    if (fd < 0) continue;
    connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    c->secure = l->secure;
    if (pthread_create(&thread, NULL, serve, c) == 0) pthread_detach(thread);
  }
  return NULL;
}

#ifdef HAVE_SSL
static void add_names(X509 *cert) {
  X509_EXTENSION *names =
      X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                          (char *)"DNS:localhost,DNS:www.kaggle.com");
  X509_add_ext(cert, names, -1);
  X509_EXTENSION_free(names);
}

static void make_tls(void) {
  char path[1200];
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600);
  X509_set_pubkey(cert, key);
  X509_NAME *name = X509_get_subject_name(cert);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(cert, name);
  add_names(cert);
  X509_sign(cert, key, EVP_sha256());
  tls = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(tls, cert);
  SSL_CTX_use_PrivateKey(tls, key);
  snprintf(path, sizeof path, "%s/ca.pem", work);
  FILE *f = fopen(path, "w");
  if (f) PEM_write_X509(f, cert);
  if (f) fclose(f);
}
#endif

int main(int argc, char **argv) {
  static listener plain, secure;
  char path[1200], byte;
  pthread_t thread;
  if (argc != 2) return 2;
  work = argv[1];
  signal(SIGPIPE, SIG_IGN);
  plain.fd = listen_on(&port_http);
  pthread_create(&thread, NULL, accept_all, &plain);
#ifdef HAVE_SSL
  make_tls();
  secure = (listener){listen_on(&port_https), true};
  pthread_create(&thread, NULL, accept_all, &secure);
#endif
  snprintf(path, sizeof path, "%s/ports.new", work);
  FILE *f = fopen(path, "w");
  if (!f) return 1;
  fprintf(f, "http=%d https=%d\n", port_http, port_https);
  fclose(f);
  char final[1200];
  snprintf(final, sizeof final, "%s/ports", work);
  rename(path, final);
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  return 0;
}
