/* op_hash.c - strings to buckets. */
#include "base/parallel.h"
#include "kernels/fingerprint.h"
#include "ops/op.h"

typedef uint64_t hash_fn(const void *how, ht_string s);

typedef struct hashing {
  const ht_string *s;
  int64_t *out;
  uint64_t buckets;
  hash_fn *fn;
  const void *how;
} hashing;

static void hash_range(size_t from, size_t to, void *arg) {
  const hashing *h = arg;
  for (size_t i = from; i < to; i++)
    h->out[i] = (int64_t)(h->fn(h->how, h->s[i]) % h->buckets);
}

enum { GRAIN = 4096 };

static ht_status hash_all(ht_call *c, hash_fn *fn, const void *how) {
  int64_t buckets = ht_attr_int(c->attrs, "num_buckets");
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  if (buckets < 1)
    return ht_fail(HT_USAGE, "op '%s': num_buckets must be at least 1",
                   c->op->name);
  HT_TRY(ht_out(c, 0, HT_INT64, &c->in[0]->shape));
  hashing h = {ht_str(c->in[0]), ht_i64(&c->out[0]), (uint64_t)buckets, fn,
               how};
  ht_parallel((size_t)ht_count(c->in[0]), GRAIN, hash_range, &h);
  return HT_SUCCESS;
}

static uint64_t farm(const void *how, ht_string s) {
  (void)how;
  return ht_fingerprint64(s.p, s.n);
}

static uint64_t murmur(const void *how, ht_string s) {
  (void)how;
  return ht_murmur64(s.p, s.n);
}

static uint64_t sip(const void *how, ht_string s) {
  return ht_siphash(how, s.p, s.n);
}

static ht_status fast(ht_call *c) { return hash_all(c, farm, NULL); }
static ht_status legacy(ht_call *c) { return hash_all(c, murmur, NULL); }

static ht_status strong(ht_call *c) {
  if (ht_attr_length(c->attrs, "key") != 2)
    return ht_fail(HT_USAGE, "op '%s': the key must have two elements",
                   c->op->name);
  uint64_t key[2];
  for (int i = 0; i < 2; i++)
    key[i] = (uint64_t)ht_attr_int_at(c->attrs, "key", i);
  return hash_all(c, sip, key);
}

#define WORDS                                                         \
  "s[8]{'','a','abc','abcdefg','hello world','seventeen letters',"    \
  "'thirty-three letters, or some more',"                             \
  "'a sentence of more than sixty-four bytes, so that the loop runs " \
  "once, and of more than twice sixty-four bytes, so that it runs twice'}"

const ht_op ht_ops_hash[] = {
    {
        .name = "StringToHashBucket",
        .inputs = "string_tensor:string",
        .outputs = "output:int64",
        .attrs = "num_buckets:int",
        .doc = "Buckets by the hash of TensorFlow's first releases.",
        .samples = WORDS " num_buckets=1000003",
        .forward = legacy,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "StringToHashBucketFast",
        .inputs = "input:string",
        .outputs = "output:int64",
        .attrs = "num_buckets:int",
        .doc = "Buckets by FarmHash's Fingerprint64.",
        .samples = WORDS " num_buckets=1000000007;"
                         "s[2,2]{'a','b','c','d'} num_buckets=1;"
                         "s[0] num_buckets=5",
        .forward = fast,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "StringToHashBucketStrong",
        .inputs = "input:string",
        .outputs = "output:int64",
        .attrs = "num_buckets:int key:list(int)",
        .doc = "Buckets by SipHash with a key.",
        .samples = WORDS " num_buckets=1000000007 key=[98765,132]",
        .forward = strong,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {0},
};
