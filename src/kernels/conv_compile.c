/* conv_compile.c - oneDNN's primitives for convolutions, see dnnl_job.h. */
#include "config.h"
#include "kernels/conv.h"

#ifdef HAVE_DNNL
#include <stdlib.h>
#include <string.h>

#include "kernels/dnnl_job.h"

ht_conv_room *ht_conv_room_new(void) {
  ht_conv_room *r = calloc(1, sizeof *r);
  if (r) pthread_mutex_init(&r->lock, NULL);
  return r;
}

static void free_compiled(ht_compiled *k) {
  for (int i = 0; i < 3; i++) md_free(&k->data[i]);
  md_free(&k->bias_data);
  if (k->run) dnnl_primitive_destroy(k->run);
  ht_relayout_free(&k->relayout);
  if (k->desc) dnnl_primitive_desc_destroy(k->desc);
  free(k);
}

void ht_conv_room_free(ht_conv_room *r) {
  if (!r) return;
  for (int i = 0; i < r->n; i++) free_compiled(r->kept[i]);
  ht_tensor_drop(&r->packed);
  if (r->engine) dnnl_engine_destroy(r->engine);
  pthread_mutex_destroy(&r->lock);
  free(r);
}

/* ---- compiling */

static bool flat(const ht_window *w) {
  return w->in[0] == 1 && w->out[0] == 1 && w->size[0] == 1 && !w->pad[0];
}

/* Data: channels last. */
static bool describe_data(const ht_conv *c, const int64_t n[3],
                          int64_t channels, md *out) {
  int64_t dim[5] = {c->w.batch, channels, n[0], n[1], n[2]};
  int64_t step[5] = {n[0] * n[1] * n[2] * channels, 1, n[1] * n[2] * channels,
                     n[2] * channels, channels};
  if (!flat(&c->w)) return md_strided(out, 5, dim, step);
  for (int i = 2; i < 4; i++) dim[i] = dim[i + 1], step[i] = step[i + 1];
  return md_strided(out, 4, dim, step);
}

/* The filter [size.., cin/groups, cout], cut into groups; `any` leaves the
 * layout to oneDNN. */
static bool describe_filter(const ht_conv *c, bool any, md *out) {
  int64_t groups = c->depthwise ? c->cin : c->groups;
  int64_t in = c->cin / groups, each = c->cout / groups;
  const int64_t *n = c->w.size;
  int64_t row = in * c->cout;
  int64_t dim[6] = {groups, each, in, n[0], n[1], n[2]};
  int64_t step[6] = {each, 1, c->cout, n[1] * n[2] * row, n[2] * row, row};
  int from = groups == 1, rank = 6;
  if (flat(&c->w)) {
    for (int i = 3; i < 5; i++) dim[i] = dim[i + 1], step[i] = step[i + 1];
    rank = 5;
  }
  rank -= from;
  return any ? md_any(out, rank, dim + from)
             : md_strided(out, rank, dim + from, step + from);
}

static int64_t pad_after(const ht_window *w, int a) {
  int64_t reach = (w->out[a] - 1) * w->stride[a] - w->pad[a] +
                  (w->size[a] - 1) * w->step[a] + 1;
  return reach > w->in[a] ? reach - w->in[a] : 0;
}

static void places(const ht_conv *c, conv_places *p) {
  int from = flat(&c->w) ? 1 : 0;
  for (int a = from; a < 3; a++) {
    p->stride[a - from] = c->w.stride[a];
    p->dilation[a - from] = c->w.step[a] - 1;
    p->before[a - from] = c->w.pad[a];
    p->after[a - from] = pad_after(&c->w, a);
  }
}

/* Reference code; and channels by themselves as groups that it fills up to
 * sixteen. */
static bool is_slow(const ht_compiled *k) {
  const char *name = NULL;
  dnnl_primitive_desc_query(k->desc, dnnl_query_impl_info_str, 0, &name);
  if (!name || strncmp(name, "ref", 3) == 0 || strncmp(name, "gemm", 4) == 0)
    return true;
  return k->c.depthwise && k->c.cin > 1 && !strstr(name, "dw");
}

static dnnl_query_t filter_query(int pass) {
  return pass == HT_CONV_TO_FILTER ? dnnl_query_diff_weights_md
                                   : dnnl_query_weights_md;
}

cmd ht_dnnl_filter(const ht_compiled *k) {
  return dnnl_primitive_desc_query_md(k->desc, filter_query(k->pass), 0);
}

static bool make_relayout(dnnl_engine_t engine, ht_compiled *k) {
  cmd theirs = ht_dnnl_filter(k), ours = MD(k->data[1]);
  if (k->pass == HT_CONV_TO_FILTER)
    return ht_relayout_make(engine, theirs, ours, &k->relayout);
  return ht_relayout_make(engine, ours, theirs, &k->relayout);
}

static bool make_attributes(const ht_compiled *k, dnnl_primitive_attr_t *out) {
  dnnl_post_ops_t ops = NULL;
  if (dnnl_primitive_attr_create(out) != dnnl_success) return false;
  bool good = dnnl_primitive_attr_set_scratchpad_mode(
                  *out, dnnl_scratchpad_mode_user) == dnnl_success &&
              dnnl_post_ops_create(&ops) == dnnl_success;
  if (good && k->activation == HT_RELU)
    good = append_eltwise(ops, dnnl_eltwise_relu, 0, 0);
  if (good && k->activation == HT_RELU6)
    good = append_eltwise(ops, dnnl_eltwise_clip, 0, 6);
  good = good && dnnl_primitive_attr_set_post_ops(*out, ops) == dnnl_success;
  if (ops) dnnl_post_ops_destroy(ops);
  return good;
}

static bool describe(dnnl_engine_t engine, ht_compiled *k, md *any) {
  dnnl_primitive_attr_t attr = NULL;
  conv_places p;
  int64_t out = k->c.cout, one = 1;
  places(&k->c, &p);
  bool good = describe_data(&k->c, k->c.w.in, k->c.cin, &k->data[0]) &&
              describe_filter(&k->c, false, &k->data[1]) &&
              describe_data(&k->c, k->c.w.out, k->c.cout, &k->data[2]) &&
              md_strided(&k->bias_data, 1, &out, &one) &&
              describe_filter(&k->c, true, any) && make_attributes(k, &attr);
  conv_parts parts = {MD(k->data[0]), MD(*any), MD(k->data[2]),
                      k->bias ? MD(k->bias_data) : NULL};
  if (good) good = conv_desc(engine, k->pass, &parts, &p, attr, &k->desc);
  if (attr) dnnl_primitive_attr_destroy(attr);
  return good;
}

static bool compile(dnnl_engine_t engine, ht_compiled *k) {
  md any = {0};
  bool good = describe(engine, k, &any) && !is_slow(k) &&
              dnnl_primitive_create(&k->run, k->desc) == dnnl_success &&
              make_relayout(engine, k);
  md_free(&any);
  return good;
}

static bool matches(const ht_compiled *k, const ht_compiled *wanted) {
  return memcmp(&k->c, &wanted->c, sizeof k->c) == 0 &&
         k->pass == wanted->pass && k->bias == wanted->bias &&
         k->activation == wanted->activation;
}

/* NULL: no memory, or too many. */
static ht_compiled *find_or_compile(ht_conv_room *r,
                                    const ht_compiled *wanted) {
  for (int i = 0; i < r->n; i++)
    if (matches(r->kept[i], wanted)) return r->kept[i];
  if (!r->engine && dnnl_engine_create(&r->engine, dnnl_cpu, 0) != dnnl_success)
    return NULL;
  ht_compiled *k = r->n < MOST ? calloc(1, sizeof *k) : NULL;
  if (!k) return NULL;
  *k = *wanted;
  k->usable = compile(r->engine, k);
  return r->kept[r->n++] = k;
}

/* Compiled for one thread: how work is cut is settled here, not in the call. */
static ht_compiled *compiled_for(ht_conv_room *r, const ht_compiled *wanted) {
  int threads = ht_dnnl_alone();
  pthread_mutex_lock(&r->lock);
  ht_compiled *k = find_or_compile(r, wanted);
  pthread_mutex_unlock(&r->lock);
  ht_dnnl_back(threads);
  return k && k->usable ? k : NULL;
}

/* Images of a call: enough work to be worth one, and pixels enough to read a
 * large filter for; a divisor of the batch, and never so many that threads
 * wait for the last. */
static int64_t images(const ht_conv *c) {
  enum { WORK = 4 << 20, CALLS = 16, LARGE = 1 << 16, FEW = 4, PIXELS = 192 };
  int64_t out = ht_window_pixels(c->w.out), in = ht_window_pixels(c->w.in);
  double taps = (double)ht_window_pixels(c->w.size) *
                (c->depthwise ? 1 : (double)(c->cin / c->groups));
  double each = (double)out * (double)c->cout * taps +
                8 * (double)(in * c->cin + out * c->cout);
  bool large = (double)c->cout * taps > LARGE;
  int64_t n = (int64_t)(WORK / (each + 1));
  int64_t most = c->w.batch / (large ? FEW : CALLS);
  if (large && n * out < PIXELS) n = (PIXELS + out - 1) / out;
  if (n > most) n = most;
  if (n < 1) return 1;
  while (c->w.batch % n) n--;
  return n;
}

/* What oneDNN may be asked for at all. */
static bool fits(const ht_conv_room *room, const ht_conv *c) {
  return room && c->t == HT_FLOAT && c->w.batch && c->cin && c->cout &&
         ht_window_pixels(c->w.in) && ht_window_pixels(c->w.out) &&
         ht_window_pixels(c->w.size);
}

const ht_compiled *ht_dnnl_compile(ht_conv_room *room, const ht_conv *c,
                                   int pass, const ht_epilogue *e) {
  ht_compiled wanted;
  if (!fits(room, c)) return NULL;
  memset(&wanted, 0, sizeof wanted); /* compared by bytes */
  memcpy(&wanted.c, c, sizeof *c);
  wanted.c.w.batch = images(c);
  wanted.pass = pass;
  wanted.bias = e && e->bias;
  if (e) wanted.activation = e->activation;
  return compiled_for(room, &wanted);
}
#else
ht_conv_room *ht_conv_room_new(void) { return NULL; }
void ht_conv_room_free(ht_conv_room *room) { (void)room; }
#endif
