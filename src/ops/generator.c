/* generator.c - see generator.h. */
#include "ops/generator.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

enum { RESERVED = 256 }; /* counters that a stateful op keeps per number */

/* How often a node ran within a step: its generator moves on. */
typedef struct {
  _Atomic uint64_t step, count;
} turns;

ht_status ht_generator_prepare(const ht_attrs *attrs, void **prepared) {
  (void)attrs;
  *prepared = calloc(1, sizeof(turns));
  return *prepared ? HT_SUCCESS
                   : ht_fail(HT_NO_MEMORY, "no memory for a generator");
}

static uint64_t next_turn(const ht_call *c) {
  turns *t = c->prepared;
  if (!t) return c->run->calls++;
  if (t->step != c->run->step) {
    t->step = c->run->step;
    t->count = 0;
  }
  return t->count++;
}

ht_philox ht_generator_of_node(ht_call *c, uint64_t n) {
  uint64_t seed = (uint64_t)ht_attr_int(c->attrs, "seed");
  uint64_t seed2 = (uint64_t)ht_attr_int(c->attrs, "seed2");
  if (seed || seed2) {
    ht_philox g = ht_philox_make(seed, seed2);
    uint64_t turn = next_turn(c);
    g.counter[1] = (uint32_t)c->run->step; /* steps never meet */
    ht_philox_skip(&g, turn * n * RESERVED);
    return g;
  }
  uint64_t key[2] = {c->run->seed, ht_hash(c->node, strlen(c->node))};
  ht_philox g = ht_philox_make(ht_hash(key, sizeof key), c->run->step);
  g.counter[1] = (uint32_t)c->run->calls++;
  return g;
}

/* ---- seeds, keys and counters */

ht_status ht_generator_seeded(ht_call *c, int k, ht_philox *g) {
  if (ht_count(c->in[k]) != 2)
    return ht_fail(HT_USAGE, "op '%s' wants a seed of two integers",
                   c->op->name);
  uint64_t a = (uint64_t)ht_int_at(c->in[k], 0);
  uint64_t b = (uint64_t)ht_int_at(c->in[k], 1);
  uint32_t mix[4];
  ht_philox m = {
      {0x3ec8f720u, 0x02461e29u},
      {(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32)}};
  ht_philox_next(&m, mix);
  *g = (ht_philox){{mix[0], mix[1]}, {0, 0, mix[2], mix[3]}};
  return HT_SUCCESS;
}

ht_status ht_generator_given(ht_call *c, ht_philox *g) {
  HT_TRY(ht_need_dtype(c, 1, HT_UINT64));
  HT_TRY(ht_need_dtype(c, 2, HT_UINT64));
  HT_TRY(ht_need_scalar(c, 3));
  int64_t algorithm = ht_int_at(c->in[3], 0);
  if (ht_count(c->in[1]) != 1 || ht_count(c->in[2]) < 2)
    return ht_fail(HT_USAGE, "op '%s' wants a key of 1 and a counter of 2",
                   c->op->name);
  if (algorithm != 1 && algorithm != 3)
    return ht_fail(HT_UNSUPPORTED, "random algorithm %lld: only Philox",
                   (long long)algorithm);
  uint64_t key = HT_DATA(uint64_t, c->in[1])[0];
  uint64_t low = HT_DATA(uint64_t, c->in[2])[0];
  uint64_t high = HT_DATA(uint64_t, c->in[2])[1];
  *g = (ht_philox){{(uint32_t)key, (uint32_t)(key >> 32)},
                   {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high,
                    (uint32_t)(high >> 32)}};
  return HT_SUCCESS;
}

/* ---- generators that are variables */

ht_status ht_generator_skip(const ht_call *c, int i, uint64_t n,
                            ht_tensor *old) {
  ht_variable *v = NULL;
  ht_tensor next;
  HT_TRY(ht_variable_input(c, i, &v));
  HT_TRY(ht_variable_read(v, old));
  old->trace = 0;
  if (old->dtype != HT_INT64 || ht_count(old) < 3)
    return ht_fail(HT_CORRUPT, "a generator's state must be three int64");
  HT_TRY(ht_tensor_copy(c->run->pool, old, &next));
  uint64_t *s = HT_DATA(uint64_t, &next), by = n * RESERVED;
  s[0] += by;
  s[1] += s[0] < by;
  return ht_variable_assign(v, &next, c->run->training);
}

ht_philox ht_generator_from(const ht_tensor *state) {
  const uint64_t *s = HT_DATA(uint64_t, state);
  return (ht_philox){{(uint32_t)s[2], (uint32_t)(s[2] >> 32)},
                     {(uint32_t)s[0], (uint32_t)(s[0] >> 32), (uint32_t)s[1],
                      (uint32_t)(s[1] >> 32)}};
}
