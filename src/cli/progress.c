/* progress.c - draws progress on standard error. */
#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Seconds: between redrawings, between plain lines, of one rate sample, and
 * before a remaining time is worth saying. */
static const double redraw = 0.1, plain = 10, sample = 0.5, settle = 2;

double progress_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int width(void) {
  struct winsize w;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
    return w.ws_col;
  return 80;
}

void progress_start(progress *p, bool quiet) {
  const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
  *p = (progress){.quiet = quiet, .started = progress_now()};
  p->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
  p->color = p->terminal && !(no_color && *no_color);
  p->mark_time = p->said = p->started;
}

/* The rate of late, so that the remaining time follows what happens now and
 * not how slowly it began. */
static void measure(progress *p, int64_t done, double t) {
  if (!p->begun) { /* what was prepared before is not of the rate */
    p->begun = true;
    p->mark = done;
    p->mark_time = t;
  }
  double elapsed = t - p->mark_time;
  if (done < p->mark) p->mark = done; /* begun anew */
  if (elapsed < sample || done == p->mark) return;
  double fresh = (double)(done - p->mark) / elapsed;
  double keep = p->rate > 0 ? exp(-elapsed / 3) : 0;
  p->rate = keep * p->rate + (1 - keep) * fresh;
  p->mark = done;
  p->mark_time = t;
}

/* "45 s", "3:05", "2:10:00". */
static void duration(double seconds, char text[32]) {
  long s = lround(seconds);
  if (s < 60)
    snprintf(text, 32, "%ld s", s);
  else if (s < 3600)
    snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
  else
    snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

static void compose(const progress *p, const progress_state *s, double t,
                    char line[256]) {
  char part[96], left[32];
  snprintf(line, 256, "%s", s->what);
  if (!isnan(s->loss)) {
    snprintf(part, sizeof part, "  loss %.4f", s->loss);
    strncat(line, part, 255 - strlen(line));
  }
  const char *unit = s->unit ? s->unit : "examples";
  if (p->rate > 0 && *unit) {
    snprintf(part, sizeof part, "  %.0f %s/s", p->rate, unit);
    strncat(line, part, 255 - strlen(line));
  }
  if (p->rate > 0 && s->total > s->done && t - p->started > settle) {
    duration((double)(s->total - s->done) / p->rate, left);
    snprintf(part, sizeof part, "  %s left", left);
    strncat(line, part, 255 - strlen(line));
  }
}

enum { BAR = 20 };

static void bar(const progress *p, const progress_state *s) {
  int full = (int)((double)BAR * (double)s->done / (double)s->total);
  if (full > BAR) full = BAR;
  fputs(p->color ? "\033[32m" : "[", stderr);
  for (int i = 0; i < BAR; i++)
    if (p->color)
      fputs(i < full ? "━" : i == full ? "\033[0m\033[2m━" : "━", stderr);
    else
      fputc(i < full ? '#' : '.', stderr);
  fputs(p->color ? "\033[0m " : "] ", stderr);
}

static void draw(progress *p, const progress_state *s, double t) {
  char line[256];
  int room = width() - 1;
  compose(p, s, t, line);
  fputs("\r\033[K", stderr);
  if (s->total > 0 && room > (int)strlen(line) + BAR + 3) bar(p, s);
  fprintf(stderr, "%.*s", room, line);
  fflush(stderr);
  p->drawn = t;
  p->dirty = true;
}

void progress_show(progress *p, const progress_state *s) {
  if (p->quiet) return;
  double t = progress_now();
  measure(p, s->done, t);
  if (p->terminal) {
    if (t - p->drawn >= redraw) draw(p, s, t);
    return;
  }
  if (t - p->said < plain) return;
  char line[256];
  compose(p, s, t, line);
  fprintf(stderr, "%s\n", line);
  p->said = t;
}

void progress_clear(progress *p) {
  if (!p->dirty) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  p->dirty = false;
}
