/*
 * op_audio.c - sound: spectrograms, mel-frequency cepstral coefficients and
 * WAV files written (core/kernels/spectrogram.cc, mfcc*.cc and
 * core/lib/wav/wav_io.cc of TensorFlow state windows, bands and rounding).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "kernels/fft.h"
#include "kernels/real.h"
#include "ops/op.h"

/* ---- AudioSpectrogram: squared magnitudes under a periodic Hann window */

typedef struct spectrogram {
  int64_t channels, window, stride, length, frames, bins;
  bool squared;
  const float *x; /* [samples, channels] */
  const ht_fft *fft;
  float *out; /* [channels, frames, bins] */
} spectrogram;

/* One frame; room: of the transform and behind it `length` values. */
static void frame(const spectrogram *s, int64_t at, double _Complex *room) {
  int64_t channel = at / s->frames, first = at % s->frames * s->stride;
  double _Complex *v = room + ht_fft_room(s->fft);
  for (int64_t i = 0; i < s->length; i++) {
    double hann = 0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)s->window);
    double x = i < s->window
                   ? (double)s->x[(first + i) * s->channels + channel] * hann
                   : 0;
    v[i] = CMPLX(x, 0);
  }
  ht_fft_run(s->fft, false, v, room);
  float *out = s->out + at * s->bins;
  for (int64_t i = 0; i < s->bins; i++) {
    double re = creal(v[i]), im = cimag(v[i]);
    float power = (float)(re * re + im * im);
    out[i] = s->squared ? power : sqrtf(power);
  }
}

static ht_status run_frames(const spectrogram *s) {
  size_t n = ht_fft_room(s->fft) + (size_t)s->length;
  double _Complex *room = malloc(n * sizeof *room);
  if (!room) return ht_fail(HT_NO_MEMORY, "no memory for a spectrogram");
  for (int64_t i = 0; i < s->channels * s->frames; i++) frame(s, i, room);
  free(room);
  return HT_SUCCESS;
}

static ht_status spectrogram_forward(ht_call *c) {
  spectrogram s = {0};
  ht_fft *fft;
  HT_TRY(ht_need_dtype(c, 0, HT_FLOAT));
  HT_TRY(ht_need_rank(c, 0, 2));
  s.window = ht_attr_int(c->attrs, "window_size");
  s.stride = ht_attr_int(c->attrs, "stride");
  s.squared = ht_attr_bool(c->attrs, "magnitude_squared");
  if (s.window < 2 || s.stride < 1 || s.window > 1 << 24)
    return ht_fail(HT_USAGE,
                   "op '%s' wants a window of 2 samples or more "
                   "and a stride above 0",
                   c->op->name);
  int64_t samples = c->in[0]->shape.dim[0];
  s.channels = c->in[0]->shape.dim[1];
  for (s.length = 1; s.length < s.window;) s.length *= 2;
  s.frames = samples < s.window ? 0 : 1 + (samples - s.window) / s.stride;
  s.bins = 1 + s.length / 2;
  s.x = ht_f(c->in[0]);
  ht_shape shape = {3, {s.channels, s.frames, s.bins}};
  HT_TRY(ht_out(c, 0, HT_FLOAT, &shape));
  HT_TRY(ht_fft_new(s.length, &fft));
  s.fft = fft;
  s.out = ht_f(&c->out[0]);
  ht_status st = run_frames(&s);
  ht_fft_free(fft);
  return st;
}

/* ---- Mfcc: magnitudes under triangles of the mel scale, their logarithms,
 * and the first terms of a cosine transform */

typedef struct mel {
  int64_t bins, bands, terms;
  int64_t first, last; /* bins that count */
  double *centre;      /* [bands + 1], in mel */
  int64_t *band;       /* of bin: the triangle whose right side it is on */
  double *weight;      /* of bin: its share there; the rest goes to the next */
  double *cosine;      /* [terms, bands] */
  double *sum;         /* [bands] */
} mel;

static double mel_of(double hertz) { return 1127.0 * log1p(hertz / 700.0); }

static void mel_free(mel *m) {
  free(m->centre);
  free(m->band);
  free(m->weight);
  free(m->cosine);
  free(m->sum);
}

static ht_status mel_room(mel *m) {
  m->centre = calloc((size_t)m->bands + 1, sizeof *m->centre);
  m->band = calloc((size_t)m->bins, sizeof *m->band);
  m->weight = calloc((size_t)m->bins, sizeof *m->weight);
  m->cosine = calloc((size_t)(m->terms * m->bands), sizeof *m->cosine);
  m->sum = calloc((size_t)m->bands, sizeof *m->sum);
  if (m->centre && m->band && m->weight && m->cosine && m->sum)
    return HT_SUCCESS;
  return ht_fail(HT_NO_MEMORY, "no memory for bands of frequencies");
}

static void mel_fill(mel *m, double rate, double low, double high) {
  double bottom = mel_of(low);
  double step = (mel_of(high) - bottom) / (double)(m->bands + 1);
  double hertz = 0.5 * rate / (double)(m->bins - 1);
  for (int64_t i = 0; i <= m->bands; i++)
    m->centre[i] = bottom + step * (double)(i + 1);
  m->first = (int64_t)(1.5 + low / hertz); /* never the constant part */
  m->last = (int64_t)(high / hertz);
  int64_t k = 0;
  for (int64_t i = m->first; i <= m->last && i < m->bins; i++) {
    double at = mel_of((double)i * hertz);
    while (k < m->bands && m->centre[k] < at) k++;
    double left = k ? m->centre[k - 1] : bottom;
    m->band[i] = k - 1;
    m->weight[i] = (m->centre[k] - at) / (m->centre[k] - left);
  }
  for (int64_t i = 0; i < m->terms; i++)
    for (int64_t j = 0; j < m->bands; j++)
      m->cosine[i * m->bands + j] =
          sqrt(2.0 / (double)m->bands) *
          cos((double)i * (M_PI / (double)m->bands) * ((double)j + 0.5));
}

/* The terms of one frame; zeros where bands lie above the spectrogram. */
static void mel_frame(const mel *m, const float *x, float *out) {
  bool inside = m->last < m->bins;
  memset(m->sum, 0, (size_t)m->bands * sizeof *m->sum);
  for (int64_t i = m->first; inside && i <= m->last; i++) {
    double v = sqrt((double)x[i]), part = v * m->weight[i];
    if (m->band[i] >= 0) m->sum[m->band[i]] += part;
    if (m->band[i] + 1 < m->bands) m->sum[m->band[i] + 1] += v - part;
  }
  for (int64_t j = 0; j < m->bands; j++)
    m->sum[j] = log(m->sum[j] < 1e-12 ? 1e-12 : m->sum[j]);
  for (int64_t i = 0; i < m->terms; i++) {
    double sum = 0;
    for (int64_t j = 0; inside && j < m->bands; j++)
      sum += m->cosine[i * m->bands + j] * m->sum[j];
    out[i] = (float)sum;
  }
}

static ht_status mel_check(const ht_call *c, const mel *m, double rate,
                           double low, double high) {
  if (m->bands < 1 || m->bands > 1 << 12 || m->terms < 1 || m->terms > m->bands)
    return ht_fail(HT_USAGE, "op '%s' wants at least as many bands as terms",
                   c->op->name);
  if (!(rate > 0) || m->bins < 2 || !(low >= 0) || !(high > low) || high > 1e9)
    return ht_fail(HT_USAGE,
                   "op '%s' wants a sample rate above 0, 2 "
                   "frequencies and a lower limit below the upper",
                   c->op->name);
  return HT_SUCCESS;
}

static ht_status mfcc_forward(ht_call *c) {
  mel m = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_FLOAT));
  HT_TRY(ht_need_rank(c, 0, 3));
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  HT_TRY(ht_need_scalar(c, 1));
  ht_shape s = c->in[0]->shape;
  double rate = ht_i32(c->in[1])[0];
  double low = ht_attr_float(c->attrs, "lower_frequency_limit");
  double high = ht_attr_float(c->attrs, "upper_frequency_limit");
  m.bins = s.dim[2];
  m.bands = ht_attr_int(c->attrs, "filterbank_channel_count");
  m.terms = ht_attr_int(c->attrs, "dct_coefficient_count");
  HT_TRY(mel_check(c, &m, rate, low, high));
  s.dim[2] = m.terms;
  HT_TRY(ht_out(c, 0, HT_FLOAT, &s));
  ht_status st = mel_room(&m);
  if (st.code == HT_OK) {
    mel_fill(&m, rate, low, high);
    for (int64_t i = 0; i < s.dim[0] * s.dim[1]; i++)
      mel_frame(&m, ht_f(c->in[0]) + i * m.bins,
                ht_f(&c->out[0]) + i * m.terms);
  }
  mel_free(&m);
  return st;
}

/* ---- EncodeWav: a RIFF file of 16-bit PCM */

static void put(uint8_t *p, uint32_t v, int bytes) {
  for (int i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> 8 * i);
}

static void wav_header(uint8_t *p, uint32_t channels, uint32_t rate,
                       uint32_t bytes) {
  memcpy(p, "RIFF", 4);
  put(p + 4, 36 + bytes, 4);
  memcpy(p + 8, "WAVEfmt ", 8);
  put(p + 16, 16, 4);
  put(p + 20, 1, 2); /* PCM */
  put(p + 22, channels, 2);
  put(p + 24, rate, 4);
  put(p + 28, rate * channels * 2, 4);
  put(p + 32, channels * 2, 2);
  put(p + 34, 16, 2);
  memcpy(p + 36, "data", 4);
  put(p + 40, bytes, 4);
}

static ht_status encode_wav(ht_call *c) {
  ht_shape scalar = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_FLOAT));
  HT_TRY(ht_need_rank(c, 0, 2));
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  HT_TRY(ht_need_scalar(c, 1));
  int64_t n = ht_count(c->in[0]), channels = c->in[0]->shape.dim[1];
  int32_t rate = ht_i32(c->in[1])[0];
  if (rate <= 0 || channels < 1 || channels > UINT16_MAX || n < 1 ||
      n > INT32_MAX / 4)
    return ht_fail(HT_USAGE, "op '%s' wants samples and a rate above 0",
                   c->op->name);
  HT_TRY(ht_out(c, 0, HT_STRING, &scalar));
  uint8_t *p = (uint8_t *)ht_string_room(&c->out[0], 44 + (size_t)n * 2);
  if (!p) return ht_fail(HT_NO_MEMORY, "no memory for a sound");
  wav_header(p, (uint32_t)channels, (uint32_t)rate, (uint32_t)n * 2);
  for (int64_t i = 0; i < n; i++) {
    float v = roundf(ht_f(c->in[0])[i] * 32768);
    v = v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v;
    put(p + 44 + 2 * i, (uint32_t)(int32_t)v, 2);
  }
  ht_str(&c->out[0])[0] = (ht_string){(const char *)p, 44 + (size_t)n * 2};
  return HT_SUCCESS;
}

const ht_op ht_ops_audio[] = {
    {
        .name = "AudioSpectrogram",
        .inputs = "input:float",
        .outputs = "spectrogram:float",
        .attrs = "window_size:int stride:int magnitude_squared:bool=false",
        .doc = "Magnitudes of frequencies over time, [channel, time, bin].",
        .samples =
            "f[64,1](-1,1) window_size=16 stride=8; "
            "f[90,2](-1,1) window_size=20 stride=7 magnitude_squared=true; "
            "f[9,1](-1,1) window_size=10 stride=3; "
            "f[40,1](-1,1) window_size=2 stride=13; f[0,2] window_size=4 "
            "stride=1",
        .forward = spectrogram_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "Mfcc",
        .inputs = "spectrogram:float sample_rate:int32",
        .outputs = "output:float",
        .attrs = "upper_frequency_limit:float=4000 "
                 "lower_frequency_limit:float=20 "
                 "filterbank_channel_count:int=40 dct_coefficient_count:int=13",
        .doc = "Mel-frequency cepstral coefficients of a spectrogram.",
        .samples = "f[1,3,257](0,50) i[]{16000}; "
                   "f[2,2,129](0,9) i[]{8000} filterbank_channel_count=20 "
                   "dct_coefficient_count=20 lower_frequency_limit=100 "
                   "upper_frequency_limit=3800; "
                   "f[1,2,33](0,9) i[]{2000} filterbank_channel_count=5 "
                   "dct_coefficient_count=4; f[1,0,257] i[]{16000}",
        .forward = mfcc_forward,
        .gradient = ht_no_gradient,
    },
    {
        .name = "EncodeWav",
        .inputs = "audio:float sample_rate:int32",
        .outputs = "contents:string",
        .attrs = "",
        .doc = "Samples in [-1, 1) as a WAV file of 16 bits.",
        .samples = "f[7,2](-1,1) i[]{44100}; "
                   "f[4,1]{1.5,-1.5,0.00002,-0.99999} i[]{8000}",
        .forward = encode_wav,
        .gradient = ht_no_gradient,
    },
    {0},
};
