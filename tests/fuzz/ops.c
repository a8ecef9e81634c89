/*
 * ops.c - every operation on inputs and attributes that no sane graph has:
 * what stands in tests/golden, with other shapes, extreme values and numbers,
 * forward and back. Each may refuse; none may crash, hang or fill memory. The
 * damage is drawn from the case's number and the same in every run.
 *
 *     ops [-d COPIES] [OP...]
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../application.h"
#include "autograd/tape.h"
#include "base/map.h"
#include "base/parallel.h"

#include "base/random.h"

enum { SECONDS = 20, LARGEST = 1 << 12 };

typedef struct damage {
  ht_philox g;
  uint32_t drawn[4];
  int left;
} damage;

static uint32_t draw(damage *d, uint32_t below) {
  if (!d->left) ht_philox_next(&d->g, d->drawn), d->left = 4;
  return d->drawn[--d->left] % below;
}

/* ---- other shapes, with the old values again and again */

static int64_t odd_dimension(damage *d, int64_t dim) {
  static const int64_t odd[] = {0, 1, 2, 3, 5, 17};
  uint32_t kind = draw(d, 8);
  if (kind == 6) return dim + 1;
  if (kind == 7) return dim > 0 ? dim - 1 : 0;
  return odd[kind];
}

static void odd_shape(damage *d, ht_shape *s) {
  uint32_t kind = draw(d, 4), at = draw(d, (uint32_t)s->rank + 1);
  if (kind == 0 && s->rank < HT_MAX_RANK) {
    memmove(s->dim + at + 1, s->dim + at,
            (size_t)(s->rank++ - (int)at) * sizeof *s->dim);
    s->dim[at] = 1 + draw(d, 3);
  } else if (s->rank == 0) {
    *s = ht_shape_1(odd_dimension(d, 1));
  } else if (kind == 1) {
    at %= (uint32_t)s->rank--;
    memmove(s->dim + at, s->dim + at + 1,
            (size_t)(s->rank - (int)at) * sizeof *s->dim);
  } else {
    at %= (uint32_t)s->rank;
    s->dim[at] = odd_dimension(d, s->dim[at]);
  }
}

static void copy_element(ht_tensor *to, int64_t i, const ht_tensor *from,
                         int64_t k) {
  size_t size = ht_dtype_size(from->dtype);
  ht_status st = HT_SUCCESS;
  if (to->dtype == HT_STRING)
    st = ht_string_set(to, i, ht_str(from)[k].p, ht_str(from)[k].n);
  else
    memcpy((char *)to->data + (size_t)i * size,
           (const char *)from->data + (size_t)k * size, size);
  if (st.code != HT_OK) abort();
}

static void reshape(damage *d, ht_tensor *t) {
  ht_shape s = t->shape;
  ht_tensor other;
  odd_shape(d, &s);
  if (ht_shape_count(&s) > LARGEST) return;
  if (ht_tensor_zeros(NULL, t->dtype, &s, &other).code != HT_OK) abort();
  int64_t n = ht_count(t);
  for (int64_t i = 0; n && i < ht_count(&other); i++)
    copy_element(&other, i, t, i % n);
  ht_tensor_drop(t);
  *t = other;
}

/* ---- extreme values */

static const int64_t extreme[] = {0, -1, 1, 2, -2, 100, INT32_MAX, INT32_MIN,
                                  INT64_MAX, INT64_MIN, 1 << 30, 7};
static const double extreme_real[] = {0, -1, NAN, INFINITY, -INFINITY, 1e30,
                                      -1e30, 1e-40, 3e9, 0.5, 1e300, 2};
static const ht_string extreme_text[] = {{"", 0}, {"\xff\xfe", 2}, {"\0", 1},
                                         {"-", 1}, {"(", 1}, {"9e999", 5}};

static void odd_value(damage *d, ht_tensor *t) {
  int64_t i = ht_count(t) ? (int64_t)draw(d, (uint32_t)ht_count(t)) : -1;
  uint32_t k = draw(d, 12);
  size_t size = ht_dtype_size(t->dtype);
  if (i < 0 || ht_tensor_own(NULL, t).code != HT_OK) return;
  char *at = (char *)t->data + (size_t)i * size;
  float x = (float)extreme_real[k];
  if (t->dtype == HT_FLOAT) memcpy(at, &x, size);
  else if (t->dtype == HT_DOUBLE) memcpy(at, &extreme_real[k], size);
  else if (t->dtype == HT_BOOL) *at = (char)(k & 1);
  else if (t->dtype == HT_STRING) {
    ht_string s = extreme_text[k % 6];
    if (ht_string_set(t, i, s.p, s.n).code != HT_OK) abort();
  } else if (size <= 8 && !ht_dtype_pointers(t->dtype))
    memcpy(at, &extreme[k], size); /* low bytes first */
}

/* ---- other numbers among the attributes */

static const char *odd_attrs(damage *d, const char *attrs, ht_arena *arena) {
  static const char *const odd[] = {"0", "-1", "1", "2", "3", "8", "100",
                                    "2147483647", "-2147483648",
                                    "9223372036854775807"};
  size_t n = strlen(attrs), digits = 0;
  for (size_t i = 0; i < n; i++)
    digits += strchr("0123456789", attrs[i]) != NULL;
  if (!digits) return attrs;
  size_t chosen = draw(d, (uint32_t)digits), at = 0;
  for (;; at++)
    if (strchr("0123456789", attrs[at]) && chosen-- == 0) break;
  size_t end = at + 1;
  if (at && attrs[at - 1] == '-') at--;
  const char *with = odd[draw(d, sizeof odd / sizeof *odd)];
  char *out = ht_alloc(arena, n + 32, 1);
  if (!out) abort();
  snprintf(out, n + 32, "%.*s%s%s", (int)at, attrs, with, attrs + end);
  return out;
}

/* ---- one application */

static ht_status back(application *a, ht_tape *tape) {
  HT_TRY(ht_tape_record(tape, &a->call, NULL, a->call.n_in, a->in_at,
                        a->call.n_out, a->out));
  HT_TRY(ht_tape_backward(tape, &a->run, a->call.n_out, a->out, NULL));
  for (int i = 0; i < a->call.n_in; i++) {
    ht_tensor g = {0};
    if (!a->in[i].trace) continue;
    HT_TRY(ht_tape_gradient_of(tape, &a->in[i], &g));
    if (g.dtype && !ht_shape_equal(&g.shape, &a->in[i].shape)) abort();
    ht_tensor_drop(&g);
  }
  return HT_SUCCESS;
}

static ht_status run(application *a) {
  ht_tape *tape = ht_tape_new();
  if (!tape) abort();
  a->run.tape = tape;
  ht_status st = HT_SUCCESS;
  for (int i = 0; i < a->call.n_in && st.code == HT_OK; i++)
    if (ht_dtype_floating(a->in[i].dtype)) st = ht_tape_watch(tape, &a->in[i]);
  if (st.code == HT_OK) st = ht_op_forward(&a->call);
  if (st.code == HT_OK && ht_tape_wants(a->call.op, a->call.n_in, a->in_at))
    st = back(a, tape);
  ht_tape_free(tape);
  return st;
}

static void make_inputs(const golden_case *c, damage *d, application *a) {
  if (application_inputs(c, a).code != HT_OK) abort();
  for (uint32_t n = 1 + draw(d, 2); n-- && c->n_in;) {
    ht_tensor *t = &a->in[draw(d, (uint32_t)c->n_in)];
    (draw(d, 2) ? reshape : odd_value)(d, t);
  }
}

static void one(const golden_case *c, uint64_t copy) {
  application a = {0};
  damage d = {.g = ht_philox_make(copy, ht_hash(c->sample, strlen(c->sample)))};
  make_inputs(c, &d, &a);
  const char *attrs = c->attrs;
  if (draw(&d, 3) == 0) attrs = odd_attrs(&d, attrs, &a.arena);
  ht_status st = application_bind(c, attrs, &a);
  if (st.code == HT_OK) st = run(&a);
  if (st.code != HT_OK && (!st.msg || !*st.msg)) abort();
  application_close(c, &a);
}

/* ---- all of them, in a process that another follows where it ends */

typedef struct place { /* shared with the child */
  int at;              /* case */
  uint64_t copy;
} place;
static volatile place *reached;

static bool asked_for(const golden_case *c, int n, char **op) {
  for (int i = 0; i < n; i++)
    if (strcmp(op[i], c->op) == 0) return true;
  return n == 0;
}

static void attempt(const golden_cases *cases, uint64_t copies, int n,
                    char **op) {
  for (; reached->at < cases->n; reached->at++) {
    const golden_case *c = &cases->at[reached->at];
    if (!asked_for(c, n, op)) continue;
    for (reached->copy = 0; reached->copy < copies; reached->copy++) {
      alarm(SECONDS);
      one(c, reached->copy);
    }
  }
  exit(0);
}

/* Says what ended the process, and goes on after it. */
static bool holds(const golden_cases *cases, uint64_t copies, int n,
                  char **op) {
  int status;
  fflush(stdout);
  pid_t child = fork();
  if (child < 0) abort();
  if (!child) attempt(cases, copies, n, op);
  if (waitpid(child, &status, 0) != child) abort();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  bool signal = WIFSIGNALED(status);
  if (reached->at == cases->n) { /* a leak */
    printf("status %d at the end\n", WEXITSTATUS(status));
    return false;
  }
  const golden_case *c = &cases->at[reached->at++];
  printf("%s.txt: %s: %s: copy %llu: %s %d\n", c->family, c->op, c->sample,
         (unsigned long long)reached->copy, signal ? "signal" : "status",
         signal ? WTERMSIG(status) : WEXITSTATUS(status));
  return false;
}

static void read_all(ht_arena *arena, golden_cases *cases) {
  static const char *const family[] = {
#define FAMILY(name) #name,
#include "ops/families.def"
#undef FAMILY
  };
  for (size_t i = 0; i < sizeof family / sizeof *family; i++)
    if (golden_read(family[i], arena, cases).code != HT_OK) abort();
  if (golden_read("types", arena, cases).code != HT_OK) abort();
}

int main(int n, char **word) {
  uint64_t copies = 3;
  ht_arena arena = {0};
  golden_cases cases = {0};
  int wrong = 0;
  if (n > 2 && strcmp(word[1], "-d") == 0)
    copies = strtoull(word[2], NULL, 10), word += 2, n -= 2;
  reached = mmap(NULL, sizeof *reached, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (reached == MAP_FAILED) return 2;
  ht_memory_limit((size_t)64 << 20);
  ht_threads_set(1);
  read_all(&arena, &cases);
  while (!holds(&cases, copies, n - 1, word + 1)) {
    wrong++;
    if (reached->at >= cases.n) break;
  }
  printf("%d cases, %llu runs of each with damage: %d ended the process\n",
         cases.n, (unsigned long long)copies, wrong);
  ht_arena_free(&arena);
  return wrong != 0;
}
