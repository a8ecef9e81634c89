/* images.c - see images.h. A batch is a job; workers and whoever waits for
 * it take images of it one after the other. */
#include "data/images.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/map.h"
#include "base/parallel.h"
#include "kernels/fingerprint.h"

enum { FILE_MAX = 256 << 20, KEPT_MAX = 512 << 20 };

typedef struct job {
  int64_t epoch, n, next, done;
  int64_t *index;
  ht_tensor out;
  char **message; /* of the broken ones */
} job;

struct ht_images {
  const ht_column *column;
  ht_images_options o;
  ht_arena arena;
  bool *broken; /* per example */
  int64_t n_broken;
  /* Decoded and resized, per example, from its second reading on: what is read
   * once takes no memory. */
  float **kept;
  bool *asked;
  size_t kept_bytes;
  pthread_mutex_t lock;
  pthread_cond_t work, done;
  pthread_t *thread;
  int n_threads;
  bool quit;
  job *job; /* NULL: none is expected or read */
};

/* ---- one image */

static bool is_pixels(const ht_images *im) {
  return im->column->value.dtype == HT_UINT8;
}

/* Files of images have zeros, names of files do not. */
static bool is_file(ht_string s) {
  return ht_image_kind_of(s.p, s.n) != HT_NO_IMAGE && memchr(s.p, 0, s.n);
}

/* What stands in a cell: the file's own bytes, or where it is. */
static ht_status content_of(const ht_images *im, int64_t example,
                            ht_arena *arena, const void **data, size_t *n) {
  ht_string s = ht_str(&im->column->value)[example];
  char *read;
  *data = s.p;
  *n = s.n;
  if (is_file(s)) return HT_SUCCESS;
  char *path = ht_arena_bytes(arena, s.p, s.n);
  if (path && im->o.base) path = ht_path_join(arena, im->o.base, path);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!s.n || strlen(path) < s.n || s.n > 4096)
    return ht_fail(HT_CORRUPT, "it is neither an image nor a path");
  HT_TRY(ht_file_read(path, FILE_MAX, arena, &read, n));
  *data = read;
  return HT_SUCCESS;
}

static ht_status pixels_of(const ht_images *im, int64_t example,
                           ht_image *out) {
  const ht_shape *s = &im->column->value.shape;
  *out = (ht_image){s->dim[1], s->dim[2], im->o.spec.channels, 8, NULL};
  HT_TRY(ht_image_room(out));
  size_t size = (size_t)(out->height * out->width) * (size_t)out->channels;
  memcpy(out->pixels,
         (const uint8_t *)im->column->value.data + (size_t)example * size,
         size);
  return HT_SUCCESS;
}

static ht_status decode(const ht_images *im, int64_t example, ht_image *out) {
  ht_arena arena = {0};
  const void *data;
  size_t n;
  if (is_pixels(im)) return pixels_of(im, example, out);
  ht_status st = content_of(im, example, &arena, &data, &n);
  if (st.code == HT_OK) st = ht_image_decode(&im->o.spec, data, n, out);
  ht_arena_free(&arena);
  return st;
}

/* Room of one thread. */
typedef struct bench {
  ht_image_taps taps;
  float *fitted, *changed;
} bench;

static void clear_bench(bench *b) {
  ht_image_taps_free(&b->taps);
  free(b->fitted);
  free(b->changed);
}

/* An image at its size and range: its own memory where it is kept, else the
 * thread's. */
static float *kept_image(ht_images *im, int64_t example) {
  pthread_mutex_lock(&im->lock);
  float *kept = im->kept[example];
  pthread_mutex_unlock(&im->lock);
  return kept;
}

/* Pixels of the data set need no decoding. */
static void keep(ht_images *im, int64_t example, const float *fitted,
                 size_t bytes) {
  float *p = NULL;
  pthread_mutex_lock(&im->lock);
  bool room = im->asked[example] && !im->kept[example] && !is_pixels(im) &&
              bytes <= KEPT_MAX - im->kept_bytes;
  im->asked[example] = true;
  if (room) p = malloc(bytes);
  if (p) {
    memcpy(p, fitted, bytes);
    im->kept[example] = p;
    im->kept_bytes += bytes;
  }
  pthread_mutex_unlock(&im->lock);
}

static ht_status fit(ht_images *im, int64_t example, bench *b, float **out) {
  const ht_image_spec *s = &im->o.spec;
  size_t bytes = (size_t)(s->height * s->width * s->channels) * sizeof(float);
  ht_image image = {0};
  if ((*out = kept_image(im, example))) return HT_SUCCESS;
  if (!b->fitted) b->fitted = malloc(bytes);
  if (!b->fitted) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  ht_status st = decode(im, example, &image);
  if (st.code == HT_OK) st = ht_image_fit(s, &image, &b->taps, b->fitted);
  if (st.code == HT_OK) keep(im, example, b->fitted, bytes);
  free(image.pixels);
  *out = b->fitted;
  return st;
}

static ht_status make_image(ht_images *im, int64_t epoch, int64_t example,
                            bench *b, void *to) {
  const ht_image_spec *s = &im->o.spec;
  int64_t size = s->height * s->width * s->channels;
  bool change = s->augment.any && epoch >= 0, wide = s->dtype == HT_FLOAT;
  ht_augment_shape shape = {s->height, s->width, s->channels, s->low, s->high};
  float *fitted;
  HT_TRY(fit(im, example, b, &fitted));
  if (!b->changed) b->changed = malloc((size_t)size * sizeof(float));
  if (!b->changed) return ht_fail(HT_NO_MEMORY, "no memory for an image");
  float *changed = !change ? fitted : wide ? to : b->changed;
  if (change)
    ht_augment_apply(&s->augment, &shape, epoch, example, fitted, changed);
  if (!wide)
    ht_image_round(changed, size, to);
  else if (!change)
    memcpy(to, fitted, (size_t)size * sizeof(float));
  return HT_SUCCESS;
}

static void do_image(ht_images *im, job *j, int64_t i, bench *b) {
  char text[HT_MESSAGE_MAX];
  size_t size = ht_tensor_bytes(&j->out) / (size_t)j->n;
  char *to = (char *)j->out.data + (size_t)i * size;
  ht_status st = make_image(im, j->epoch, j->index[i], b, to);
  if (st.code == HT_OK) return;
  memset(to, 0, size);
  ht_status_copy(st, text);
  j->message[i] = strdup(text);
  if (!j->message[i]) j->message[i] = strdup("no memory");
}

/* ---- threads; all below is called with the lock held */

static void do_next(ht_images *im, job *j, bench *b) {
  int64_t i = j->next++;
  pthread_mutex_unlock(&im->lock);
  do_image(im, j, i, b);
  pthread_mutex_lock(&im->lock);
  if (++j->done == j->n) pthread_cond_broadcast(&im->done);
}

static void *worker(void *arg) {
  ht_images *im = arg;
  bench b = {0};
  pthread_mutex_lock(&im->lock);
  while (!im->quit)
    if (im->job && im->job->next < im->job->n)
      do_next(im, im->job, &b);
    else
      pthread_cond_wait(&im->work, &im->lock);
  pthread_mutex_unlock(&im->lock);
  clear_bench(&b);
  return NULL;
}

static void hire(ht_images *im) {
  int wanted = ht_threads() - 1;
  if (im->thread || wanted < 1) return;
  im->thread = calloc((size_t)wanted, sizeof *im->thread);
  while (im->thread && im->n_threads < wanted) {
    if (pthread_create(&im->thread[im->n_threads], NULL, worker, im)) return;
    im->n_threads++;
  }
}

static void free_job(job *j) {
  if (!j) return;
  for (int64_t i = 0; j->message && i < j->n; i++) free(j->message[i]);
  free(j->message);
  free(j->index);
  ht_tensor_drop(&j->out);
  free(j);
}

/* Nobody works at the job afterwards. */
static job *take_job(ht_images *im, bool whole) {
  bench b = {0};
  job *j = im->job;
  if (!j) return NULL;
  if (!whole) {
    j->done += j->n - j->next;
    j->next = j->n;
  }
  while (j->next < j->n) do_next(im, j, &b);
  while (j->done < j->n) pthread_cond_wait(&im->done, &im->lock);
  im->job = NULL;
  clear_bench(&b);
  return j;
}

static ht_status fill_job(const ht_images *im, const int64_t *index, job *j) {
  const ht_image_spec *s = &im->o.spec;
  ht_shape shape = {4, {j->n, s->height, s->width, s->channels}};
  HT_TRY(ht_tensor_new(NULL, s->dtype, &shape, &j->out));
  j->index = calloc((size_t)j->n, sizeof *j->index);
  j->message = calloc((size_t)j->n, sizeof *j->message);
  if (!j->index || !j->message)
    return ht_fail(HT_NO_MEMORY, "no memory for a batch");
  memcpy(j->index, index, (size_t)j->n * sizeof *index);
  return HT_SUCCESS;
}

static ht_status post_job(ht_images *im, int64_t epoch, const int64_t *index,
                          int64_t n) {
  job *j = calloc(1, sizeof *j);
  if (!j) return ht_fail(HT_NO_MEMORY, "no memory for a batch");
  *j = (job){.epoch = epoch, .n = n};
  ht_status st = fill_job(im, index, j);
  if (st.code != HT_OK) {
    free_job(j);
    return st;
  }
  hire(im);
  im->job = j;
  pthread_cond_broadcast(&im->work);
  return HT_SUCCESS;
}

static bool same_job(const job *j, int64_t epoch, const int64_t *index,
                     int64_t n) {
  return j && j->epoch == epoch && j->n == n &&
         memcmp(j->index, index, (size_t)n * sizeof *index) == 0;
}

static ht_status get_job(ht_images *im, int64_t epoch, const int64_t *index,
                         int64_t n, job **out) {
  if (!same_job(im->job, epoch, index, n)) {
    free_job(take_job(im, false));
    HT_TRY(post_job(im, epoch, index, n));
  }
  *out = take_job(im, true);
  return HT_SUCCESS;
}

/* ---- broken images */

char *ht_images_path(const ht_images *im, int64_t example) {
  ht_string s = {0};
  if (!is_pixels(im)) s = ht_str(&im->column->value)[example];
  bool path = s.n && s.n < 800 && !is_file(s) && ht_utf8_valid(s.p, s.n, NULL);
  return path ? strndup(s.p, s.n) : NULL;
}

static void name_example(const ht_images *im, int64_t example,
                         char text[HT_MESSAGE_MAX]) {
  char *path = ht_images_path(im, example);
  if (path)
    snprintf(text, HT_MESSAGE_MAX, "image '%s'", path);
  else
    snprintf(text, HT_MESSAGE_MAX, "image %" PRId64 " of '%s'", example,
             im->o.path);
  free(path);
}

static ht_status note_broken(ht_images *im, int64_t example,
                             const char *message) {
  char name[HT_MESSAGE_MAX], text[2 * HT_MESSAGE_MAX];
  if (im->broken[example]) return HT_SUCCESS;
  im->broken[example] = true;
  name_example(im, example, name);
  if (++im->n_broken > im->o.skip)
    return im->o.skip ? ht_fail(HT_CORRUPT,
                                "more than %" PRId64
                                " images cannot be read, the last is %s: %s",
                                im->o.skip, name, message)
                      : ht_fail(HT_CORRUPT, "%s: %s", name, message);
  snprintf(text, sizeof text, "%s is skipped, %" PRId64 " so far: %s", name,
           im->n_broken, message);
  if (im->o.notice) im->o.notice(im->o.arg, text);
  return HT_SUCCESS;
}

static ht_status hand_over(ht_images *im, job *j, bool *good, ht_tensor *out) {
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < j->n && st.code == HT_OK; i++) {
    good[i] = !j->message[i];
    if (!good[i]) st = note_broken(im, j->index[i], j->message[i]);
  }
  if (st.code != HT_OK) return st;
  *out = j->out;
  j->out = (ht_tensor){0};
  return HT_SUCCESS;
}

/* ---- the interface */

static ht_status check_pixels(const ht_column *c, const ht_image_spec *spec) {
  const ht_shape *s = &c->value.shape;
  int64_t channels = s->rank == 4 ? s->dim[3] : 1;
  if (c->value.dtype == HT_STRING || channels == spec->channels)
    return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "column '%s' has images of %" PRId64
                 " channels, the model takes %d",
                 c->name, channels, spec->channels);
}

ht_status ht_images_open(const ht_column *column,
                         const ht_images_options *options, ht_images **out) {
  *out = NULL;
  HT_TRY(check_pixels(column, &options->spec));
  ht_images *im = calloc(1, sizeof *im);
  if (!im) return ht_fail(HT_NO_MEMORY, "no memory for images");
  im->column = column;
  im->o = *options;
  im->broken = calloc((size_t)column->n + 1, sizeof *im->broken);
  im->kept = calloc((size_t)column->n + 1, sizeof *im->kept);
  im->asked = calloc((size_t)column->n + 1, sizeof *im->asked);
  pthread_mutex_init(&im->lock, NULL);
  pthread_cond_init(&im->work, NULL);
  pthread_cond_init(&im->done, NULL);
  if (!im->broken || !im->kept || !im->asked) {
    ht_images_free(im);
    return ht_fail(HT_NO_MEMORY, "no memory for images");
  }
  *out = im;
  return HT_SUCCESS;
}

void ht_images_free(ht_images *im) {
  if (!im) return;
  pthread_mutex_lock(&im->lock);
  free_job(take_job(im, false));
  im->quit = true;
  pthread_cond_broadcast(&im->work);
  pthread_mutex_unlock(&im->lock);
  for (int i = 0; i < im->n_threads; i++) pthread_join(im->thread[i], NULL);
  pthread_cond_destroy(&im->work);
  pthread_cond_destroy(&im->done);
  pthread_mutex_destroy(&im->lock);
  for (int64_t i = 0; im->kept && i < im->column->n; i++) free(im->kept[i]);
  free(im->kept);
  free(im->asked);
  free(im->thread);
  free(im->broken);
  free(im);
}

ht_status ht_images_expect(ht_images *im, int64_t epoch, const int64_t *index,
                           int64_t n) {
  if (n < 1) return HT_SUCCESS;
  pthread_mutex_lock(&im->lock);
  free_job(take_job(im, false));
  ht_status st = post_job(im, epoch, index, n);
  pthread_mutex_unlock(&im->lock);
  return st;
}

ht_status ht_images_read(ht_images *im, int64_t epoch, const int64_t *index,
                         int64_t n, bool *good, ht_tensor *out) {
  job *j = NULL;
  *out = (ht_tensor){0};
  pthread_mutex_lock(&im->lock);
  ht_status st = get_job(im, epoch, index, n, &j);
  pthread_mutex_unlock(&im->lock);
  if (st.code == HT_OK) st = hand_over(im, j, good, out);
  free_job(j);
  return st;
}

bool ht_images_broken(const ht_images *im, int64_t example) {
  return im->broken[example];
}

int64_t ht_images_n_broken(const ht_images *im) { return im->n_broken; }

const ht_image_spec *ht_images_spec(const ht_images *im) { return &im->o.spec; }

const ht_column *ht_images_column(const ht_images *im) { return im->column; }

/* ---- digests */

typedef struct digests {
  const ht_images *im;
  uint64_t *out;
} digests;

static void digest_range(size_t from, size_t to, void *arg) {
  const digests *d = arg;
  for (size_t i = from; i < to; i++) {
    ht_arena arena = {0};
    const void *data = NULL;
    size_t n = 0;
    if (is_pixels(d->im)) {
      n = ht_tensor_bytes(&d->im->column->value) / (size_t)d->im->column->n;
      data = (const char *)d->im->column->value.data + i * n;
    } else if (content_of(d->im, (int64_t)i, &arena, &data, &n).code != HT_OK) {
      ht_string s = ht_str(&d->im->column->value)[i];
      data = s.p;
      n = s.n;
    }
    d->out[2 * i] = ht_fingerprint64(data, n);
    d->out[2 * i + 1] = ht_hash(data, n);
    ht_arena_free(&arena);
  }
}

ht_status ht_images_digest(ht_images *im, uint64_t *digest) {
  digests d = {im, digest};
  ht_parallel((size_t)im->column->n, 8, digest_range, &d);
  return HT_SUCCESS;
}
