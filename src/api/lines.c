/* lines.c - see lines.h. */
#include "api/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "train/feed_images.h"
#include "train/prepare.h"

enum { BATCH = 64, CHUNK = 1 << 16 };
static const size_t longest = (size_t)1 << 28;

typedef struct reader {
  ht_trained *t;
  ht_scores_fn *tell;
  void *arg;
  ht_text text; /* what was read and is not answered yet */
  size_t at;    /* where the next line begins */
  size_t start[BATCH], length[BATCH]; /* of lines in `text`, which may move */
  int n;                              /* lines of the batch */
  int64_t number;                     /* of the last line */
  bool end, stop;
  bool of_images; /* lines are paths */
} reader;

static ht_status check_input(reader *r) {
  const ht_composed *c = &r->t->composed;
  r->of_images = ht_port_takes_images(c->input[0]);
  if (c->n_inputs == 1 && (c->input[0]->dtype == HT_STRING || r->of_images))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE,
                 "the model takes no lines of text but '%s': name a file of "
                 "examples",
                 c->input[0]->name);
}

static bool waits(void) {
  struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
  return poll(&p, 1, 0) == 0;
}

static ht_status read_more(reader *r) {
  char chunk[CHUNK];
  ssize_t n;
  do n = read(STDIN_FILENO, chunk, sizeof chunk);
  while (n < 0 && errno == EINTR);
  if (n < 0) return ht_fail_errno("cannot read", "standard input");
  r->end = n == 0;
  ht_text_bytes(&r->text, chunk, (size_t)n);
  if (r->text.n - r->at > longest)
    return ht_fail(HT_CORRUPT, "line %" PRId64 " of standard input is too long",
                   r->number + 1);
  return ht_text_check(&r->text);
}

/* The next whole line joins the batch; false where there is none yet. */
static bool take_line(reader *r) {
  size_t left = r->text.n - r->at;
  char *p = left ? r->text.p + r->at : NULL;
  char *end = p ? memchr(p, '\n', left) : NULL;
  if (!p || (!end && !r->end)) return false;
  size_t n = end ? (size_t)(end - p) : left;
  r->start[r->n] = r->at;
  r->at += n + (end != NULL);
  r->length[r->n++] = n && p[n - 1] == '\r' ? n - 1 : n;
  r->number++;
  return true;
}

static ht_status make_input(const reader *r, ht_tensor *in) {
  ht_shape shape = ht_shape_1(r->n);
  HT_TRY(ht_tensor_new(NULL, HT_STRING, &shape, in));
  for (int i = 0; i < r->n; i++) {
    const char *p = r->text.p + r->start[i];
    size_t n = r->length[i];
    if (!ht_utf8_valid(p, n, NULL))
      return ht_fail(HT_CORRUPT,
                     "line %" PRId64 " of standard input is not UTF-8",
                     r->number - r->n + 1 + i);
    HT_TRY(ht_string_set(in, i, p, n));
  }
  if (!r->of_images && r->t->composed.input[0]->shape.rank == 2)
    in->shape = ht_shape_2(r->n, 1);
  return HT_SUCCESS;
}

static void forget_batch(reader *r) {
  memmove(r->text.p, r->text.p + r->at, r->text.n - r->at);
  r->text.n -= r->at;
  r->at = 0;
  r->n = 0;
}

/* Pixels instead of the paths to them. */
static ht_status load_images(const reader *r, ht_tensor *in, bool *good) {
  ht_trained *t = r->t;
  ht_arena arena = {0};
  ht_image_choice choice;
  ht_images *images = NULL;
  ht_tensor pixels = {0};
  int64_t index[BATCH];
  ht_column paths = {.name = "image", .value = *in, .n = r->n};
  for (int i = 0; i < r->n; i++) index[i] = i;
  (void)ht_prepare_mapping(&t->options, t->model, &choice);
  choice.skip = INT64_MAX;
  choice.notice = t->notice;
  choice.arg = t->notice_arg;
  ht_status st = ht_feed_images_open(t->composed.input[0], &paths, "-", &choice,
                                     &arena, &images);
  if (st.code == HT_OK)
    st = ht_images_read(images, HT_UNCHANGED, index, r->n, good, &pixels);
  ht_images_free(images);
  ht_arena_free(&arena);
  ht_tensor_drop(in);
  *in = pixels;
  return st;
}

static ht_status answer(reader *r) {
  ht_tensor in = {0}, scores = {0};
  const ht_tensor *pointer = &in;
  bool good[BATCH];
  memset(good, true, sizeof good);
  ht_status st = make_input(r, &in);
  if (st.code == HT_OK && r->of_images) st = load_images(r, &in, good);
  if (st.code == HT_OK) st = ht_trained_predict(r->t, &pointer, &scores);
  int width = st.code == HT_OK ? (int)(ht_count(&scores) / r->n) : 0;
  for (int i = 0; st.code == HT_OK && i < r->n && !r->stop; i++)
    r->stop = !r->tell(r->arg, good[i] ? ht_f(&scores) + i * width : NULL,
                       good[i] ? width : 0);
  ht_tensor_drop(&in);
  ht_tensor_drop(&scores);
  forget_batch(r);
  return st;
}

static ht_status answer_all(reader *r) {
  HT_TRY(check_input(r));
  while (!r->stop) {
    bool more = r->n < BATCH && take_line(r);
    if (more) continue;
    if (r->n && (r->n == BATCH || r->end || waits()))
      HT_TRY(answer(r));
    else if (r->end)
      return HT_SUCCESS;
    else
      HT_TRY(read_more(r));
  }
  return ht_fail(HT_STOPPED, "stopped");
}

ht_status ht_answer_lines(ht_trained *t, ht_scores_fn *tell, void *arg) {
  reader r = {.t = t, .tell = tell, .arg = arg};
  ht_status st = answer_all(&r);
  ht_text_free(&r.text);
  return st;
}
