/* op_regex.c - replacing and matching by regular expression. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/regex.h"
#include "ops/pattern.h"

static ht_status compile(ht_pattern *p, const char *text, size_t n) {
  if (p->re && p->n == n && (n == 0 || memcmp(p->text, text, n) == 0))
    return HT_SUCCESS;
  ht_regex_free(p->re);
  p->re = NULL;
  char *copy = realloc(p->text, n ? n : 1);
  if (!copy) return ht_fail(HT_NO_MEMORY, "no memory for a pattern");
  p->text = copy;
  p->n = n;
  if (n) memcpy(copy, text, n);
  HT_TRY(ht_regex_new(copy, n, &p->re));
  ht_regex_classify(p->re, copy, n, &p->class);
  return HT_SUCCESS;
}

ht_status ht_pattern_lock(ht_pattern *p, const char *text, size_t n) {
  pthread_mutex_lock(&p->lock);
  ht_status st = compile(p, text, n);
  if (st.code != HT_OK) pthread_mutex_unlock(&p->lock);
  return st;
}

void ht_pattern_unlock(ht_pattern *p) { pthread_mutex_unlock(&p->lock); }

void ht_pattern_init(ht_pattern *p) {
  *p = (ht_pattern){0};
  pthread_mutex_init(&p->lock, NULL);
}

void ht_pattern_free(ht_pattern *p) {
  ht_regex_free(p->re);
  free(p->text);
  pthread_mutex_destroy(&p->lock);
}

static ht_status pattern_new(ht_pattern **out) {
  *out = calloc(1, sizeof **out);
  if (!*out) return ht_fail(HT_NO_MEMORY, "no memory for a pattern");
  ht_pattern_init(*out);
  return HT_SUCCESS;
}

static void pattern_drop(void *prepared) {
  ht_pattern_free(prepared);
  free(prepared);
}

static ht_status prepare_static(const ht_attrs *attrs, void **prepared) {
  ht_pattern *p;
  ht_string text = ht_attr_string(attrs, "pattern");
  HT_TRY(pattern_new(&p));
  ht_status st = compile(p, text.p ? text.p : "", text.n);
  if (st.code == HT_OK)
    *prepared = p;
  else
    pattern_drop(p);
  return st;
}

static ht_status prepare_dynamic(const ht_attrs *attrs, void **prepared) {
  (void)attrs;
  ht_pattern *p;
  HT_TRY(pattern_new(&p));
  *prepared = p;
  return HT_SUCCESS;
}

/* ---- replacing */

enum { NOT_ASCII = -1, UNCHANGED, REPLACED };

/* Where the first member of the class stands, n if nowhere; *ascii tells
 * whether all n bytes are ASCII. */
static size_t first_member(const ht_regex_class *class, ht_string s,
                           bool *ascii) {
  size_t first = s.n;
  unsigned char high = 0;
  for (size_t i = s.n; i-- > 0;) {
    unsigned char c = (unsigned char)s.p[i];
    high |= c;
    if (class->member[c & 127]) first = i;
  }
  *ascii = high < 128;
  return first;
}

static int replace_class(const ht_regex_class *class, ht_string s,
                         const ht_rewrite *with, ht_text *out) {
  bool ascii;
  size_t i = first_member(class, s, &ascii);
  if (!ascii) return NOT_ASCII;
  if (i == s.n) return UNCHANGED;
  ht_text_bytes(out, s.p, i);
  for (size_t kept = i; i < s.n;) {
    size_t from = i++;
    while (class->run && i < s.n && class->member[(int)s.p[i]]) i++;
    ht_text_bytes(out, s.p + kept, from - kept);
    ht_text_bytes(out, with->p, with->n);
    kept = i;
    while (with->global && i < s.n && !class->member[(int)s.p[i]]) i++;
    if (!with->global) i = s.n;
    if (i == s.n) ht_text_bytes(out, s.p + kept, i - kept);
  }
  return REPLACED;
}

static ht_status replace_one(const ht_pattern *p, ht_string s,
                             const ht_rewrite *with, ht_text *scratch,
                             ht_tensor *out, int64_t i) {
  ht_text_reset(scratch);
  bool plain = p->class.simple && !memchr(with->p, '\\', with->n);
  int done = plain ? replace_class(&p->class, s, with, scratch) : NOT_ASCII;
  if (done == NOT_ASCII)
    done =
        ht_regex_replace(p->re, s.p, s.n, with, scratch) ? REPLACED : UNCHANGED;
  ht_str(out)[i] = s;
  if (done == UNCHANGED) return HT_SUCCESS;
  HT_TRY(ht_text_check(scratch));
  return ht_string_set(out, i, scratch->p ? scratch->p : "", scratch->n);
}

static ht_status replace_all(ht_call *c, const ht_pattern *p, ht_string with) {
  ht_rewrite rewrite = {with.p ? with.p : "", with.n,
                        ht_attr_bool(c->attrs, "replace_global")};
  ht_text scratch = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_out_like(c, 0, 0));
  HT_TRY(ht_string_keep(&c->out[0], c->in[0]));
  ht_status st = HT_SUCCESS;
  for (int64_t i = 0; i < ht_count(c->in[0]) && st.code == HT_OK; i++)
    st = replace_one(p, ht_str(c->in[0])[i], &rewrite, &scratch, &c->out[0], i);
  ht_text_free(&scratch);
  return st;
}

static ht_status static_replace(ht_call *c) {
  return replace_all(c, c->prepared, ht_attr_string(c->attrs, "rewrite"));
}

static ht_status need_strings(ht_call *c, int n) {
  for (int i = 1; i < n; i++) {
    HT_TRY(ht_need_dtype(c, i, HT_STRING));
    HT_TRY(ht_need_rank(c, i, 0));
  }
  return HT_SUCCESS;
}

static ht_status replace(ht_call *c) {
  HT_TRY(need_strings(c, 3));
  ht_string pattern = ht_str(c->in[1])[0];
  HT_TRY(ht_pattern_lock(c->prepared, pattern.p, pattern.n));
  ht_status st = replace_all(c, c->prepared, ht_str(c->in[2])[0]);
  ht_pattern_unlock(c->prepared);
  return st;
}

/* ---- matching */

static ht_status match_all(ht_call *c, const ht_pattern *p) {
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_out(c, 0, HT_BOOL, &c->in[0]->shape));
  for (int64_t i = 0; i < ht_count(c->in[0]); i++) {
    ht_string s = ht_str(c->in[0])[i];
    ht_bool(&c->out[0])[i] = ht_regex_full_match(p->re, s.p, s.n);
  }
  return HT_SUCCESS;
}

static ht_status static_match(ht_call *c) { return match_all(c, c->prepared); }

static ht_status match(ht_call *c) {
  HT_TRY(need_strings(c, 2));
  ht_string pattern = ht_str(c->in[1])[0];
  HT_TRY(ht_pattern_lock(c->prepared, pattern.p, pattern.n));
  ht_status st = match_all(c, c->prepared);
  ht_pattern_unlock(c->prepared);
  return st;
}

const ht_op ht_ops_regex[] = {
    {
        .name = "RegexFullMatch",
        .inputs = "input:string pattern:string",
        .outputs = "output:bool",
        .attrs = "",
        .doc = "Whether the pattern matches the whole string.",
        .samples = "s[3]{'abc','ab','\\xc3\\xa9bc'} s[]{'.bc'};"
                   "s[]{''} s[]{'a*'}; s[2,0] s[]{'x'}",
        .prepare = prepare_dynamic,
        .unprepare = pattern_drop,
        .forward = match,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "RegexReplace",
        .inputs = "input:string pattern:string rewrite:string",
        .outputs = "output:string",
        .attrs = "replace_global:bool=true",
        .doc = "Strings with what matches replaced.",
        .samples =
            "s[3]{'a.b,c','','x'} s[]{'[.,]'} s[]{' '};"
            "s[2]{'baac','\\xc3\\xa9a'} s[]{'a*'} s[]{'x'};"
            "s[2]{'John Smith','no'} s[]{'(\\\\w+) (\\\\w+)'} "
            "s[]{'\\\\2 \\\\1'};"
            "s[2]{'a1b2','22'} s[]{'\\\\d'} s[]{'<>'} replace_global=false",
        .prepare = prepare_dynamic,
        .unprepare = pattern_drop,
        .forward = replace,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "StaticRegexFullMatch",
        .inputs = "input:string",
        .outputs = "output:bool",
        .attrs = "pattern:string",
        .doc = "Whether the pattern matches the whole string.",
        .samples = "s[2]{'s3://x','/tmp/x'} pattern='^s3://.*';"
                   "s[]{'AbC'} pattern='(?i)abc'",
        .prepare = prepare_static,
        .unprepare = pattern_drop,
        .forward = static_match,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {
        .name = "StaticRegexReplace",
        .inputs = "input:string",
        .outputs = "output:string",
        .attrs = "pattern:string rewrite:string replace_global:bool=true",
        .doc = "Strings with what matches replaced.",
        .samples =
            "s[4]{'Hi, you!','','...','caf\\xc3\\xa9\\xe2\\x80\\x94 x.'} "
            "pattern='\\\\pP' rewrite='';"
            "s[3]{' a \\t b\\n','x','\\xc2\\xa0 y'} "
            "pattern='[\\\\s\\\\p{Zs}]+' rewrite=' ';"
            "s[2]{'a\\x01b','\\xe2\\x80\\x8bc'} "
            "pattern='\\\\p{Cc}|\\\\p{Cf}' rewrite=' ';"
            "s[2]{'a.b.c','..'} pattern='[.]' rewrite='' "
            "replace_global=false;"
            "s[2]{'aXbX','\\xff.X'} pattern='[^a-z]' rewrite='(\\\\0)';"
            "s[0] pattern='a' rewrite='b'",
        .prepare = prepare_static,
        .unprepare = pattern_drop,
        .forward = static_replace,
        .gradient = ht_no_gradient,
        .flags = HT_OP_ROWS,
    },
    {0},
};
