/* regex_re2.cc - regex.h over RE2; the only C++ file. */
#include <re2/re2.h>

#include <new>
#include <string>

extern "C" {
#include "kernels/regex.h"
}

struct ht_regex {
  RE2 re;
  ht_regex(const re2::StringPiece &pattern, const RE2::Options &options)
      : re(pattern, options) {}
};

extern "C" ht_status ht_regex_new(const char *pattern, size_t n,
                                  ht_regex **out) {
  RE2::Options options;
  options.set_log_errors(false);
  *out = new (std::nothrow) ht_regex(re2::StringPiece(pattern, n), options);
  if (!*out) return ht_fail(HT_NO_MEMORY, "no memory for a pattern");
  if ((*out)->re.ok()) return ht_status{HT_OK, nullptr};
  ht_status st =
      ht_fail(HT_USAGE, "invalid pattern '%.*s': %s", (int)(n < 80 ? n : 80),
              pattern, (*out)->re.error().c_str());
  ht_regex_free(*out);
  *out = nullptr;
  return st;
}

extern "C" void ht_regex_free(ht_regex *re) { delete re; }

extern "C" bool ht_regex_full_match(const ht_regex *re, const char *s,
                                    size_t n) {
  return RE2::FullMatch(re2::StringPiece(s, n), re->re);
}

extern "C" bool ht_regex_find(const ht_regex *re, const char *s, size_t n,
                              size_t whole[2], size_t group[2]) {
  re2::StringPiece match[2];
  int parts = group ? 2 : 1;
  if (re->re.NumberOfCapturingGroups() < parts - 1 ||
      !re->re.Match(re2::StringPiece(s, n), 0, n, RE2::UNANCHORED, match,
                    parts) ||
      !match[parts - 1].data())
    return false;
  whole[0] = (size_t)(match[0].data() - s);
  whole[1] = whole[0] + match[0].size();
  if (!group) return true;
  group[0] = (size_t)(match[1].data() - s);
  group[1] = group[0] + match[1].size();
  return true;
}

extern "C" bool ht_regex_replace(const ht_regex *re, const char *s, size_t n,
                                 const ht_rewrite *rewrite, ht_text *out) {
  std::string text(s, n);
  re2::StringPiece with(rewrite->p, rewrite->n);
  bool replaced = rewrite->global ? RE2::GlobalReplace(&text, re->re, with) > 0
                                  : RE2::Replace(&text, re->re, with);
  if (replaced) ht_text_bytes(out, text.data(), text.size());
  return replaced;
}
