/* output.c - see output.h. */
#include "cli/output.h"

#include <limits.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

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

size_t text_fit(const char *text, int most, int *columns) {
  const char *p = text;
  for (*columns = 0; *p;) {
    utf8proc_int32_t code;
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)p, -1, &code);
    int wide = n < 1 ? 1 : utf8proc_charwidth(code);
    if (*columns + wide > most) break;
    *columns += wide;
    p += n < 1 ? 1 : n;
  }
  return (size_t)(p - text);
}

void put_left(const char *text, int width) {
  int columns;
  (void)text_fit(text, INT_MAX, &columns);
  printf("%s%*s", text, columns < width ? width - columns : 0, "");
}

int terminal_columns(void) {
  struct winsize w;
  if (!isatty(STDERR_FILENO)) return 0;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
    return w.ws_col;
  return 80;
}

void put_wrapped(FILE *out, const char *text, int at, int indent, int width) {
  int column = at;
  while (*text) {
    int gap = (int)strspn(text, " "), n = (int)strcspn(text + gap, " ");
    if (column > indent && column + gap + n > width) {
      fprintf(out, "\n%*s", indent, "");
      column = indent;
      text += gap;
      gap = 0;
    }
    fwrite(text, 1, (size_t)(gap + n), out);
    column += gap + n;
    text += gap + n;
  }
  fputc('\n', out);
}
