/* progress.c - draws progress on standard error. */
#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"

/* Seconds: between redrawings, of one rate sample, and before a remaining time
 * is worth saying. */
static const double redraw = 0.1, sample = 0.5, settle = 2;

double progress_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_start(progress *p, bool quiet) {
  const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
  *p = (progress){.quiet = quiet, .plain = 10, .started = progress_now()};
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

enum { LINE = 256 };

static void speed(const progress *p, const char *unit, char text[64]) {
  char size[32];
  if (strcmp(unit, PROGRESS_BYTES) == 0)
    snprintf(text, 64, "%s/s", size_text((uint64_t)p->rate, size));
  else
    snprintf(text, 64, "%.0f %s/s", p->rate, unit);
}

static void join(const char *const part[], int n, char line[LINE]) {
  line[0] = 0;
  for (int i = 0; i < n; i++) {
    if (!part[i]) continue;
    if (*line) strncat(line, "  ", LINE - 1 - strlen(line));
    strncat(line, part[i], LINE - 1 - strlen(line));
  }
}

/* In `room` columns; where they are few, what matters least goes first. */
static void compose(const progress *p, const progress_state *s, double t,
                    int room, char line[LINE]) {
  enum { WHAT, LOSS, BEST, SPEED, LEFT, PARTS };
  static const int spare[] = {SPEED, BEST, LOSS};
  char rate[64], time[32], left[48];
  const char *part[PARTS] = {s->what, s->loss, s->best};
  if (p->rate > 0 && s->unit) {
    speed(p, s->unit, rate);
    part[SPEED] = rate;
  }
  if (p->rate > 0 && s->total > s->done && t - p->started > settle) {
    duration((double)(s->total - s->done) / p->rate, time);
    snprintf(left, sizeof left, "%s left", time);
    part[LEFT] = left;
  }
  join(part, PARTS, line);
  for (int i = 0; i < 3 && (int)strlen(line) > room; i++) {
    part[spare[i]] = NULL;
    join(part, PARTS, line);
  }
}

static void bar(const progress *p, const progress_state *s, int wide) {
  int full = (int)((double)wide * (double)s->done / (double)s->total);
  if (full > wide) full = wide;
  fputs(p->color ? "\033[32m" : "[", stderr);
  for (int i = 0; i < wide; i++)
    if (p->color)
      fputs(i < full ? "━" : i == full ? "\033[0m\033[2m━" : "━", stderr);
    else
      fputc(i < full ? '#' : '.', stderr);
  fputs(p->color ? "\033[0m " : "] ", stderr);
}

static void draw(progress *p, const progress_state *s, double t) {
  enum { LEAST = 6, MOST = 20 };
  char line[LINE];
  int room = terminal_columns() - 1;
  compose(p, s, t, room, line);
  int wide = room - (int)strlen(line) - (p->color ? 1 : 3);
  fputs("\r\033[K", stderr);
  if (s->total > 0 && wide >= LEAST) bar(p, s, wide < MOST ? wide : MOST);
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
  if (t - p->said < p->plain) return;
  char line[LINE];
  compose(p, s, t, LINE, line);
  fprintf(stderr, "%s\n", line);
  p->said = t;
}

void progress_clear(progress *p) {
  if (!p->dirty) return;
  fputs("\r\033[K", stderr);
  fflush(stderr);
  p->dirty = false;
}
