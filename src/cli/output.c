/* output.c - see output.h. */
#include "cli/output.h"

void json_print(json_object *value) {
  puts(json_object_to_json_string_ext(
      value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
  json_object_put(value);
}

const char *shape_text(int rank, const int64_t *dim, char text[160]) {
  if (rank < 0) return "?";
  int n = snprintf(text, 160, "[");
  for (int i = 0; i < rank && n < 130; i++) {
    const char *comma = i ? ", " : "";
    n += dim[i] < 0 ? snprintf(text + n, 160 - (size_t)n, "%s?", comma)
                    : snprintf(text + n, 160 - (size_t)n, "%s%lld", comma,
                               (long long)dim[i]);
  }
  snprintf(text + n, 160 - (size_t)n, "]");
  return text;
}

const char *size_text(uint64_t bytes, char text[32]) {
  static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
  double x = (double)bytes;
  int u = 0;
  for (; x >= 999.5 && u < 4; u++) x /= 1000;
  snprintf(text, 32, u && x < 99.95 ? "%.1f %s" : "%.0f %s", x, unit[u]);
  return text;
}
