/* profile.c - times of applications, see profile.h. */
#include "ops/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { MAX_EVENTS = 1 << 20, MAX_IN = 64 };

typedef struct event {
  const ht_op *op;
  const char *node;
  bool back;
  double start, seconds, self, flops, bytes;
} event;

struct ht_profile {
  event *event;
  size_t n, capacity;
  double inner; /* seconds of spans that ended inside the one at hand */
};

ht_profile *ht_profile_new(void) { return calloc(1, sizeof(ht_profile)); }

void ht_profile_free(ht_profile *p) {
  if (p) free(p->event);
  free(p);
}

ht_span ht_profile_begin(ht_profile *p) {
  ht_span s = {ht_now(), p->inner};
  p->inner = 0;
  return s;
}

/* Beyond the limit, or without memory, times are simply not kept. */
static event *add(ht_profile *p, ht_span span) {
  double total = ht_now() - span.start, self = total - p->inner;
  p->inner = span.inner + total;
  if (p->n == p->capacity && p->n < MAX_EVENTS) {
    size_t bigger = p->capacity * 2 + 1024;
    event *e = realloc(p->event, bigger * sizeof *e);
    if (e) p->event = e, p->capacity = bigger;
  }
  if (p->n == p->capacity) return NULL;
  event *e = &p->event[p->n++];
  *e = (event){.start = span.start, .seconds = total, .self = self};
  return e;
}

static double flops(const ht_op *op, const ht_attrs *attrs, const ht_tensor *in,
                    const ht_tensor *out) {
  if (op->flops) return op->flops(attrs, in, out);
  return ht_dtype_floating(out->dtype) ? (double)ht_count(out) : 0;
}

void ht_profile_forward(ht_profile *p, ht_span span, const ht_call *c) {
  event *e = add(p, span);
  ht_tensor in[MAX_IN];
  if (!e) return;
  e->op = c->op;
  e->node = c->node;
  for (int i = 0; i < c->n_in; i++) {
    if (i < MAX_IN) in[i] = *c->in[i];
    e->bytes += (double)ht_tensor_bytes(c->in[i]);
  }
  for (int i = 0; i < c->n_out; i++)
    e->bytes += (double)ht_tensor_bytes(&c->out[i]);
  if (c->n_out && c->n_in <= MAX_IN)
    e->flops = flops(c->op, c->attrs, in, c->out);
}

void ht_profile_backward(ht_profile *p, ht_span span, const ht_back *b) {
  event *e = add(p, span);
  int wanted = 0;
  if (!e) return;
  e->op = b->op;
  e->node = b->node;
  e->back = true;
  for (int i = 0; i < b->n_in; i++) {
    double bytes = (double)ht_tensor_bytes(&b->in[i]);
    e->bytes += bytes * (b->in[i].data ? 1 : 0);
    if (!ht_wants(b, i)) continue;
    e->bytes += bytes;
    /* that of a bias beside products is a sum */
    if (!b->op->flops || b->in[i].shape.rank > 1) wanted++;
  }
  for (int i = 0; i < b->n_out; i++)
    e->bytes += (double)ht_tensor_bytes(&b->dout[i].dense);
  if (b->n_out) e->flops = wanted * flops(b->op, b->attrs, b->in, b->out);
}

/* ---- what is told */

typedef struct kind {
  const ht_op *op;
  bool back;
  long calls;
  double seconds, flops, bytes;
} kind;

static int slower(const void *a, const void *b) {
  const kind *x = a, *y = b;
  return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

static kind *kind_of(kind *k, int *n, const event *e) {
  for (int i = 0; i < *n; i++)
    if (k[i].op == e->op && k[i].back == e->back) return &k[i];
  k[*n] = (kind){.op = e->op, .back = e->back};
  return &k[(*n)++];
}

static void table_line(const char *name, const char *way, const kind *k,
                       double total, ht_text *out) {
  double s = k->seconds > 0 ? k->seconds : 1e-12;
  ht_text_printf(out, "%-30s %-4s %8ld %10.1f %6.1f%% %8.1f %8.1f\n", name, way,
                 k->calls, 1e3 * k->seconds, 100 * k->seconds / total,
                 1e-9 * k->flops / s, 1e-9 * k->bytes / s);
}

void ht_profile_table(const ht_profile *p, ht_text *out) {
  int n_ops, n = 0;
  (void)ht_op_all(&n_ops);
  kind all = {0}, *k = calloc(2 * (size_t)n_ops + 64, sizeof *k);
  for (size_t i = 0; k && i < p->n && n < 2 * n_ops + 63; i++) {
    const event *e = &p->event[i];
    kind *each[2] = {kind_of(k, &n, e), &all};
    for (int j = 0; j < 2; j++) {
      each[j]->calls++;
      each[j]->seconds += e->self;
      each[j]->flops += e->flops;
      each[j]->bytes += e->bytes;
    }
  }
  if (k) qsort(k, (size_t)n, sizeof *k, slower);
  ht_text_printf(out, "%-30s %-4s %8s %10s %7s %8s %8s\n", "op", "", "calls",
                 "ms", "share", "GF/s", "GB/s");
  for (int i = 0; i < n; i++)
    table_line(k[i].op->name, k[i].back ? "back" : "", &k[i], all.seconds, out);
  table_line("all", "", &all, all.seconds > 0 ? all.seconds : 1, out);
  free(k);
}

/* A node's name inside a JSON string. */
static void quoted(const char *s, ht_text *out) {
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\') ht_text_bytes(out, "\\", 1);
    if (c < ' ')
      ht_text_printf(out, "\\u%04x", c);
    else
      ht_text_bytes(out, s, 1);
  }
}

void ht_profile_trace(const ht_profile *p, ht_text *out) {
  ht_text_add(out, "[");
  for (size_t i = 0; i < p->n; i++) {
    const event *e = &p->event[i];
    ht_text_printf(out, "%s\n{\"name\":\"%s%s\",\"cat\":\"%s\",\"ph\":\"X\",",
                   i ? "," : "", e->op->name, e->back ? " back" : "",
                   e->back ? "backward" : "forward");
    ht_text_printf(out, "\"ts\":%.3f,\"dur\":%.3f,\"pid\":1,\"tid\":1,",
                   1e6 * (e->start - p->event[0].start), 1e6 * e->seconds);
    ht_text_add(out, "\"args\":{\"node\":\"");
    quoted(e->node ? e->node : "", out);
    ht_text_printf(out, "\",\"flops\":%.0f,\"bytes\":%.0f}}", e->flops,
                   e->bytes);
  }
  ht_text_add(out, "\n]\n");
}
