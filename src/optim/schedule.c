/* schedule.c - see schedule.h. */
#include "optim/schedule.h"

#include <math.h>
#include <string.h>

static double constant(double progress) {
  (void)progress;
  return 1;
}

static double linear(double progress) { return 1 - progress; }

static double cosine(double progress) {
  return 0.5 * (1 + cos(M_PI * progress));
}

static const ht_schedule_kind kinds[] = {
    {"constant", "Stays at its base.", constant},
    {"linear", "Falls linearly to zero at the end.", linear},
    {"cosine", "Falls to zero along half a cosine (Loshchilov 2016).", cosine},
};

const ht_schedule_kind *ht_schedule_all(int *n) {
  *n = (int)(sizeof kinds / sizeof *kinds);
  return kinds;
}

const ht_schedule_kind *ht_schedule_find(const char *name) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
  return NULL;
}

static double planned(const ht_schedule *s, int64_t t) {
  if (t <= s->warmup) return (double)t / (double)s->warmup;
  double left = (double)(s->total - s->warmup);
  double progress = left > 0 ? (double)(t - 1 - s->warmup) / left : 0;
  return s->kind->factor(progress < 1 ? progress : 1);
}

double ht_schedule_factor(const ht_schedule *s, int64_t t) {
  double factor = planned(s, t);
  for (int i = 0; i < s->n_ease; i++)
    if (t > s->ease[i].from) factor *= s->ease[i].factor;
  return factor;
}
