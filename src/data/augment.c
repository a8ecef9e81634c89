/* augment.c - see augment.h. */
#include "data/augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* ---- "flip,crop:0.1,color" */

typedef struct kind {
  const char *name;
  size_t offset; /* of the amount in ht_augment; 0: there is none */
  double usual, most;
} kind;

static const kind kinds[] = {
    {"flip", 0, 0, 0},
    {"crop", offsetof(ht_augment, crop), 0.2, 0.9},
    {"zoom", offsetof(ht_augment, zoom), 0.2, 0.9},
    {"rotation", offsetof(ht_augment, rotation), 20, 180},
    {"color", offsetof(ht_augment, color), 0.2, 1},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static ht_status parse_one(const char *word, size_t n, ht_augment *out) {
  size_t name = strcspn(word, ":,");
  for (int i = 0; i < N_KINDS; i++) {
    const kind *k = &kinds[i];
    if (strlen(k->name) != name || strncmp(k->name, word, name)) continue;
    if (!k->offset && name == n) out->flip = true;
    if (!k->offset && name == n) return HT_SUCCESS;
    char *end = NULL;
    double amount = name == n ? k->usual : strtod(word + name + 1, &end);
    if ((end && end != word + n) || !(amount > 0 && amount <= k->most)) break;
    *(double *)((char *)out + k->offset) = amount;
    return HT_SUCCESS;
  }
  return ht_fail(HT_USAGE,
                 "'--augment' wants flip, crop, zoom, rotation and color, each "
                 "perhaps with ':AMOUNT', not '%.*s'",
                 (int)n, word);
}

ht_status ht_augment_parse(const char *text, uint64_t seed, ht_augment *out) {
  *out = (ht_augment){.any = text != NULL, .seed = seed};
  for (const char *p = text; p;) {
    size_t n = strcspn(p, ",");
    HT_TRY(parse_one(p, n, out));
    p = p[n] ? p + n + 1 : NULL;
  }
  return HT_SUCCESS;
}

/* ---- what is drawn */

typedef struct draw {
  double
      a[6]; /* where (y, x) of the result comes from: y' = a0 y + a1 x + a2 */
  double brightness, contrast, saturation;
} draw;

typedef struct dice {
  ht_philox g;
  uint32_t word[4];
  int left;
} dice;

/* Uniform in [low, high). */
static double between(dice *d, double low, double high) {
  if (!d->left) {
    ht_philox_next(&d->g, d->word);
    d->left = 4;
  }
  return low + (high - low) * (double)ht_uniform_float(d->word[--d->left]);
}

/* Every number is drawn, wanted or not, so that none moves another. */
static draw roll(const ht_augment *a, const ht_augment_shape *s, int64_t epoch,
                 int64_t example) {
  dice d = {.g = ht_philox_make(
                a->seed ^ (0x9e3779b97f4a7c15u * ((uint64_t)epoch + 1)),
                (uint64_t)example)};
  bool mirror = between(&d, 0, 1) < 0.5 && a->flip;
  double window = 1 - between(&d, 0, a->crop);
  double down = between(&d, -1, 1), right = between(&d, -1, 1);
  double zoom = between(&d, 1 - a->zoom, 1 + a->zoom);
  double angle =
      between(&d, -a->rotation, a->rotation) * 3.14159265358979 / 180;
  double scale = window * zoom, cy = (double)(s->height - 1) / 2,
         cx = (double)(s->width - 1) / 2;
  double c = cos(angle) * scale, n = sin(angle) * scale, f = mirror ? -1 : 1;
  double y = cy + down * (1 - window) * cy, x = cx + right * (1 - window) * cx;
  draw out = {.a = {c, n * f, y - c * cy - n * f * cx, -n, c * f,
                    x + n * cy - c * f * cx}};
  out.brightness = between(&d, 1 - a->color, 1 + a->color);
  out.contrast = between(&d, 1 - a->color, 1 + a->color);
  out.saturation = between(&d, 1 - a->color, 1 + a->color);
  return out;
}

/* ---- places: bilinear, edges repeated */

static int64_t inside(int64_t i, int64_t n) {
  return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static void sample(const ht_augment_shape *s, const float *image, double y,
                   double x, float *out) {
  int64_t n = s->channels, low_y = (int64_t)floor(y), low_x = (int64_t)floor(x);
  float wy = (float)(y - (double)low_y), wx = (float)(x - (double)low_x);
  const float *top = image + inside(low_y, s->height) * s->width * n;
  const float *bottom = image + inside(low_y + 1, s->height) * s->width * n;
  int64_t left = inside(low_x, s->width) * n;
  int64_t right = inside(low_x + 1, s->width) * n;
  for (int64_t c = 0; c < n; c++) {
    float t = top[left + c] + wx * (top[right + c] - top[left + c]);
    float b = bottom[left + c] + wx * (bottom[right + c] - bottom[left + c]);
    out[c] = t + wy * (b - t);
  }
}

static void move(const ht_augment_shape *s, const double a[6],
                 const float *image, float *out) {
  for (int64_t i = 0; i < s->height; i++)
    for (int64_t j = 0; j < s->width; j++, out += s->channels) {
      double y = (double)i, x = (double)j;
      sample(s, image, a[0] * y + a[1] * x + a[2], a[3] * y + a[4] * x + a[5],
             out);
    }
}

/* ---- colours, as shares of low .. high */

static float grey_of(const float *p) {
  return 0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2];
}

static float mean_grey(const float *p, int64_t n, int64_t channels) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++, p += channels)
    sum += (double)(channels < 3 ? p[0] : grey_of(p));
  return (float)(sum / (double)n);
}

static float within(float v, float low, float high) {
  return v < low ? low : v > high ? high : v;
}

/* Away from grey, away from the mean, away from black. */
static void recolor(const ht_augment_shape *s, const draw *d, float *p) {
  int64_t n = s->height * s->width;
  int colors = s->channels < 3 ? 1 : 3;
  float mean = mean_grey(p, n, s->channels), low = s->low;
  float b = (float)d->brightness, k = (float)d->contrast;
  for (int64_t i = 0; i < n; i++, p += s->channels) {
    float grey = colors < 3 ? p[0] : grey_of(p);
    for (int c = 0; c < colors; c++) {
      float v = grey + (float)d->saturation * (p[c] - grey);
      v = mean + k * (v - mean);
      p[c] = within(low + b * (v - low), low, s->high);
    }
  }
}

void ht_augment_apply(const ht_augment *a, const ht_augment_shape *s,
                      int64_t epoch, int64_t example, const float *image,
                      float *out) {
  draw d = roll(a, s, epoch, example);
  move(s, d.a, image, out);
  if (a->color > 0) recolor(s, &d, out);
}
