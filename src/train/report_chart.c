/* report_chart.c - charts of a report as SVG, see report.h. */
#include <math.h>
#include <string.h>

#include "train/report.h"

enum {
  WIDTH = 640,
  HEIGHT = 260,
  LEFT = 64,
  RIGHT = 12,
  TOP = 28,
  BOTTOM = 46
};
enum { MOST_POINTS = 240 };

/* What of the data the drawing area shows. */
typedef struct frame {
  double x0, x1, y0, y1;
} frame;

static double at_x(const frame *f, double x) {
  return LEFT + (x - f->x0) / (f->x1 - f->x0) * (WIDTH - LEFT - RIGHT);
}

static double at_y(const frame *f, double y) {
  return HEIGHT - BOTTOM -
         (y - f->y0) / (f->y1 - f->y0) * (HEIGHT - TOP - BOTTOM);
}

void ht_html_text(ht_text *page, const char *s, int64_t n) {
  size_t size = n < 0 ? strlen(s) : (size_t)n, bad;
  if (!ht_utf8_valid(s, size, &bad)) {
    ht_html_text(page, s, (int64_t)bad);
    ht_text_add(page, "\xef\xbf\xbd");
    ht_html_text(page, s + bad + 1, (int64_t)(size - bad - 1));
    return;
  }
  for (size_t i = 0; i < size; i++) {
    const char *as = s[i] == '<'   ? "&lt;"
                     : s[i] == '>' ? "&gt;"
                     : s[i] == '&' ? "&amp;"
                     : s[i] == '"' ? "&quot;"
                                   : NULL;
    if (as)
      ht_text_add(page, as);
    else
      ht_text_bytes(page, s + i, 1);
  }
}

/* ---- axes */

/* 1, 2 or 5 times a power of ten, so that about n of them fill the span. */
static double nice_step(double span, int n) {
  double raw = span / n, power = pow(10, floor(log10(raw)));
  double part = raw / power;
  return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

static void widen(frame *f) {
  if (!(f->x1 > f->x0)) f->x0 -= 0.5, f->x1 += 0.5;
  if (!(f->y1 > f->y0)) {
    double by = f->y1 != 0 ? fabs(f->y1) * 0.1 : 0.5;
    f->y0 -= by, f->y1 += by;
  }
}

static void y_axis(ht_text *page, const frame *f) {
  double step = nice_step(f->y1 - f->y0, 5);
  for (double y = ceil(f->y0 / step) * step; y <= f->y1 + step * 1e-6;
       y += step)
    ht_text_printf(page,
                   "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" "
                   "y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
                   "text-anchor=\"end\">%.4g</text>",
                   LEFT, WIDTH - RIGHT, at_y(f, y), at_y(f, y), LEFT - 6,
                   at_y(f, y) + 4, fabs(y) < step * 1e-6 ? 0 : y);
}

static void x_axis(ht_text *page, const frame *f, const char *title) {
  double step = nice_step(f->x1 - f->x0, 6);
  for (double x = ceil(f->x0 / step) * step; x <= f->x1 + step * 1e-6;
       x += step)
    ht_text_printf(page,
                   "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.6g"
                   "</text>",
                   at_x(f, x), HEIGHT - BOTTOM + 18,
                   fabs(x) < step * 1e-6 ? 0 : x);
  ht_text_printf(page,
                 "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>",
                 (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, title);
}

static void open_chart(ht_text *page, const char *label) {
  ht_text_printf(page, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
                 WIDTH, HEIGHT);
  ht_html_text(page, label, -1);
  ht_text_add(page, "\">");
}

/* Returns where the next one begins, by the width of the letters on a phone,
 * where they are largest. */
static int legend(ht_text *page, int k, int x, const char *name) {
  ht_text_printf(page,
                 "<rect class=\"f%d\" x=\"%d\" y=\"8\" width=\"12\" "
                 "height=\"8\"/><text x=\"%d\" y=\"16\">",
                 k, x, x + 18);
  ht_html_text(page, name, -1);
  ht_text_add(page, "</text>");
  return x + 34 + 11 * (int)strlen(name);
}

/* ---- lines */

static void cover(frame *f, const ht_series *s) {
  for (int i = 0; i < s->n; i++) {
    f->x0 = fmin(f->x0, s->x[i]), f->x1 = fmax(f->x1, s->x[i]);
    f->y0 = fmin(f->y0, s->y[i]), f->y1 = fmax(f->y1, s->y[i]);
  }
}

/* Many points are drawn as the means of their neighbours. */
static void line(ht_text *page, const frame *f, const ht_series *s, int k) {
  int each = (s->n + MOST_POINTS - 1) / MOST_POINTS;
  ht_text_printf(page,
                 "<polyline class=\"s%d\" fill=\"none\" stroke-width=\"%s\" "
                 "points=\"",
                 k, k ? "2" : "1.2");
  for (int i = 0; i < s->n; i += each) {
    double x = 0, y = 0;
    int n = s->n - i < each ? s->n - i : each;
    for (int j = i; j < i + n; j++) x += s->x[j] / n, y += s->y[j] / n;
    ht_text_printf(page, "%.1f,%.1f ", at_x(f, x), at_y(f, y));
  }
  ht_text_add(page, "\"/>");
  for (int i = 0; i < s->n && s->n <= 12; i++)
    ht_text_printf(page,
                   "<circle class=\"f%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>", k,
                   at_x(f, s->x[i]), at_y(f, s->y[i]));
}

void ht_chart_lines(ht_text *page, const char *title, const char *x_title,
                    const ht_series *const *series, int n) {
  frame f = {INFINITY, -INFINITY, INFINITY, -INFINITY};
  for (int k = 0; k < n; k++) cover(&f, series[k]);
  widen(&f);
  open_chart(page, title);
  y_axis(page, &f);
  x_axis(page, &f, x_title);
  for (int k = 0, x = LEFT; k < n; k++) {
    if (!series[k]->n) continue;
    line(page, &f, series[k], k);
    x = legend(page, k, x, series[k]->name);
  }
  ht_text_add(page, "</svg>\n");
}

/* ---- reliability */

static void bins(ht_text *page, const frame *f, const ht_calibration *c,
                 int k) {
  ht_text_printf(page,
                 "<polyline class=\"s%d\" fill=\"none\" stroke-width=\"2\" "
                 "points=\"",
                 k);
  for (int i = 0; i < HT_BINS; i++)
    if (c->bin[i].n)
      ht_text_printf(page, "%.1f,%.1f ", at_x(f, c->bin[i].confidence),
                     at_y(f, c->bin[i].accuracy));
  ht_text_add(page, "\"/>");
  for (int i = 0; i < HT_BINS; i++)
    if (c->bin[i].n)
      ht_text_printf(page,
                     "<circle class=\"f%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\">"
                     "<title>%lld examples: confidence %.3f, accuracy %.3f"
                     "</title></circle>",
                     k, at_x(f, c->bin[i].confidence),
                     at_y(f, c->bin[i].accuracy), (long long)c->bin[i].n,
                     c->bin[i].confidence, c->bin[i].accuracy);
}

void ht_chart_reliability(ht_text *page, const ht_calibration *before,
                          const ht_calibration *after) {
  frame f = {0, 1, 0, 1};
  open_chart(page, "accuracy by confidence");
  y_axis(page, &f);
  x_axis(page, &f, "confidence");
  ht_text_printf(page,
                 "<line class=\"axis\" stroke-width=\"2\" x1=\"%.1f\" "
                 "y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                 at_x(&f, 0), at_y(&f, 0), at_x(&f, 1), at_y(&f, 1));
  bins(page, &f, before, 0);
  bins(page, &f, after, 1);
  legend(page, 1, legend(page, 0, LEFT, "as trained"), "after scaling");
  ht_text_add(page, "</svg>\n");
}
