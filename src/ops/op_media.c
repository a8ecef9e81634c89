/* op_media.c - encoded images and sounds to numbers. */
#include <stdlib.h>
#include <string.h>

#include "format/image.h"
#include "ops/sparse.h"

/* ---- DecodeJpeg, DecodePng, DecodeGif, DecodeImage: each reads all kinds */

static bool is(const ht_call *c, const char *op) {
  return !strcmp(c->op->name, op);
}

static ht_status want_of(const ht_call *c, ht_dtype t, ht_image_want *w) {
  bool jpeg = ht_attr_find(c->attrs, "ratio") != NULL;
  *w = (ht_image_want){.ratio = 1, .wide = t == HT_UINT16};
  w->channels = is(c, "DecodeGif") ? 3 : (int)ht_attr_int(c->attrs, "channels");
  if (w->channels < 0 || w->channels > 4 || w->channels == 2)
    return ht_fail(HT_USAGE, "op '%s': %d channels", c->op->name, w->channels);
  if (!jpeg) return HT_SUCCESS;
  int64_t ratio = ht_attr_int(c->attrs, "ratio");
  ht_string dct = ht_attr_string(c->attrs, "dct_method");
  w->exact_dct = ht_attr_is(c->attrs, "dct_method", "INTEGER_ACCURATE");
  w->rough_chroma = !ht_attr_bool(c->attrs, "fancy_upscaling");
  w->cut_off = ht_attr_bool(c->attrs, "try_recover_truncated");
  w->ratio = (int)ratio;
  if (ratio != 1 && ratio != 2 && ratio != 4 && ratio != 8)
    return ht_fail(HT_USAGE, "op '%s': ratio %lld is not 1, 2, 4 or 8",
                   c->op->name, (long long)ratio);
  if (dct.n && !w->exact_dct &&
      !ht_attr_is(c->attrs, "dct_method", "INTEGER_FAST"))
    return ht_fail(HT_USAGE, "op '%s': no such dct_method", c->op->name);
  return HT_SUCCESS;
}

/* frames: 0, or how many of them stand one below the other in the image. */
static ht_status image_out(ht_call *c, ht_dtype t, const ht_image *image,
                           int64_t frames) {
  ht_shape shape = {3, {image->height, image->width, image->channels}};
  if (frames)
    shape = (ht_shape){
        4, {frames, image->height / frames, image->width, image->channels}};
  int64_t n = ht_shape_count(&shape);
  HT_TRY(ht_out(c, 0, t, &shape));
  const uint8_t *p = image->pixels;
  if (t == HT_FLOAT)
    for (int64_t i = 0; i < n; i++)
      ht_f(&c->out[0])[i] = (float)p[i] * (1.0f / 255);
  else if (image->bits == 8 && t == HT_UINT16)
    for (int64_t i = 0; i < n; i++)
      HT_DATA(uint16_t, &c->out[0])[i] = (uint16_t)(p[i] << 8);
  else
    memcpy(c->out[0].data, p, ht_tensor_bytes(&c->out[0]));
  return HT_SUCCESS;
}

/* All frames where the op has room for them, and one otherwise. */
static ht_status read_gif(ht_call *c, ht_string s, const ht_image_want *want,
                          ht_image *image, int64_t *frames) {
  bool any = is(c, "DecodeImage"),
       all = !any || ht_attr_bool(c->attrs, "expand_animations");
  if (want->channels != 0 && want->channels != 3)
    return ht_fail(HT_USAGE, "op '%s': %d channels of a GIF", c->op->name,
                   want->channels);
  HT_TRY(ht_within(ht_gif_read(s.p, s.n, all ? INT32_MAX : 1, image, frames),
                   "op '%s'", c->op->name));
  bool room = is(c, "DecodeGif") || (any && all);
  if (!room && all && *frames > 1)
    return ht_fail(HT_USAGE, "op '%s': a GIF of %lld frames", c->op->name,
                   (long long)*frames);
  if (!room) *frames = 0;
  return HT_SUCCESS;
}

static ht_status read_bmp(ht_call *c, ht_string s, const ht_image_want *want,
                          ht_image *image) {
  if (!is(c, "DecodeImage") && !is(c, "DecodeBmp"))
    return ht_fail(HT_USAGE, "op '%s' reads no BMP", c->op->name);
  if (want->channels == 1)
    return ht_fail(HT_USAGE, "op '%s': 1 channel of a BMP", c->op->name);
  ht_image_want plain = *want;
  plain.plain = true;
  return ht_within(ht_image_read(s.p, s.n, &plain, image), "op '%s'",
                   c->op->name);
}

static ht_status read_kind(ht_call *c, ht_string s, const ht_image_want *want,
                           ht_image *image, int64_t *frames) {
  ht_image_kind kind = ht_image_kind_of(s.p, s.n);
  if (is(c, "DecodeBmp") && kind != HT_BMP)
    return ht_fail(HT_CORRUPT, "op '%s': it is no BMP", c->op->name);
  switch (kind) {
    case HT_GIF: return read_gif(c, s, want, image, frames);
    case HT_BMP: return read_bmp(c, s, want, image);
    case HT_JPEG:
    case HT_PNG:
      *frames = is(c, "DecodeGif");
      return ht_within(ht_image_read(s.p, s.n, want, image), "op '%s'",
                       c->op->name);
    default:
      return ht_fail(HT_UNSUPPORTED,
                     "op '%s': image is none of JPEG, PNG, GIF and BMP",
                     c->op->name);
  }
}

static ht_status decode(ht_call *c) {
  ht_image image = {0};
  ht_image_want want;
  int64_t frames = 0;
  ht_dtype t = ht_attr_type(c->attrs, "dtype");
  if (t == HT_INVALID) t = HT_UINT8;
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_scalar(c, 0));
  if (t != HT_UINT8 && t != HT_UINT16 && t != HT_FLOAT)
    return ht_no_dtype(c, t);
  HT_TRY(want_of(c, t, &want));
  ht_status st = read_kind(c, ht_str(c->in[0])[0], &want, &image, &frames);
  if (st.code == HT_OK) st = image_out(c, t, &image, frames);
  free(image.pixels);
  return st;
}

/* ---- a part of a JPEG, and its shape alone */

static ht_status decode_and_crop(ht_call *c) {
  ht_image image;
  ht_image_want want;
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_scalar(c, 0));
  HT_TRY(want_of(c, HT_UINT8, &want));
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  if (c->in[1]->shape.rank != 1 || ht_count(c->in[1]) != 4)
    return ht_fail(HT_USAGE, "op '%s' wants a window of 4 numbers",
                   c->op->name);
  want.window = ht_i32(c->in[1]);
  ht_string s = ht_str(c->in[0])[0];
  if (ht_image_kind_of(s.p, s.n) != HT_JPEG)
    return ht_fail(HT_CORRUPT, "op '%s': it is no JPEG", c->op->name);
  HT_TRY(ht_within(ht_image_read(s.p, s.n, &want, &image), "op '%s'",
                   c->op->name));
  ht_status st = image_out(c, HT_UINT8, &image, 0);
  free(image.pixels);
  return st;
}

/* The frame header's height, width and components (ITU T.81, B.2.2): false
 * where there is none. */
static bool jpeg_frame(ht_string s, int64_t shape[3]) {
  const uint8_t *p = (const uint8_t *)s.p;
  for (size_t i = 2; i + 4 <= s.n && p[i] == 0xff;) {
    uint8_t kind = p[i + 1];
    if (kind == 0xff) {
      i++;
      continue;
    }
    size_t n = (size_t)p[i + 2] << 8 | p[i + 3];
    bool frame = kind >= 0xc0 && kind <= 0xcf && kind != 0xc4 && kind != 0xc8 &&
                 kind != 0xcc;
    if (frame && i + 10 <= s.n) {
      shape[0] = p[i + 5] << 8 | p[i + 6];
      shape[1] = p[i + 7] << 8 | p[i + 8];
      shape[2] = p[i + 9];
      return true;
    }
    i += 2 + n;
  }
  return false;
}

static ht_status jpeg_shape(ht_call *c) {
  int64_t shape[3];
  ht_shape three = ht_shape_1(3);
  ht_dtype t = ht_attr_type(c->attrs, "output_type");
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_scalar(c, 0));
  if (t != HT_INT32 && t != HT_INT64) return ht_no_dtype(c, t);
  ht_string s = ht_str(c->in[0])[0];
  if (ht_image_kind_of(s.p, s.n) != HT_JPEG || !jpeg_frame(s, shape))
    return ht_fail(HT_CORRUPT, "op '%s': it is no JPEG", c->op->name);
  HT_TRY(ht_out(c, 0, t, &three));
  for (int i = 0; i < 3; i++) ht_set_int(&c->out[0], i, shape[i]);
  return HT_SUCCESS;
}

/* ---- DecodeWav: 16-bit PCM in a RIFF file */

typedef struct wav {
  int channels, rate;
  const uint8_t *samples; /* little-endian */
  int64_t n;              /* samples of each channel */
} wav;

static uint32_t little(const uint8_t *p, int bytes) {
  uint32_t v = 0;
  for (int i = 0; i < bytes; i++) v |= (uint32_t)p[i] << 8 * i;
  return v;
}

static ht_status wav_format(const uint8_t *p, size_t n, wav *w) {
  if (n < 16 || little(p, 2) != 1 || little(p + 14, 2) != 16)
    return ht_fail(HT_UNSUPPORTED, "sound is not 16-bit PCM");
  w->channels = (int)little(p + 2, 2);
  w->rate = (int)little(p + 4, 4);
  return w->channels > 0 && w->rate > 0
             ? HT_SUCCESS
             : ht_fail(HT_CORRUPT, "sound has no channels or no rate");
}

static ht_status read_wav(ht_string s, wav *w) {
  const uint8_t *p = (const uint8_t *)s.p;
  if (s.n < 12 || memcmp(p, "RIFF", 4) || memcmp(p + 8, "WAVE", 4))
    return ht_fail(HT_CORRUPT, "sound is no WAV file");
  for (size_t i = 12; s.n - i >= 8;) {
    size_t size = little(p + i + 4, 4), left = s.n - i - 8;
    bool data = !memcmp(p + i, "data", 4);
    if (size > left) return ht_fail(HT_CORRUPT, "WAV file is cut off");
    if (!memcmp(p + i, "fmt ", 4)) HT_TRY(wav_format(p + i + 8, size, w));
    if (data && !w->channels)
      return ht_fail(HT_CORRUPT, "WAV file has data before its format");
    if (data) {
      w->samples = p + i + 8;
      w->n = (int64_t)(size / 2) / w->channels;
      return HT_SUCCESS;
    }
    if (size + (size & 1) > left) break;
    i += 8 + size + (size & 1);
  }
  return ht_fail(HT_CORRUPT, "WAV file has no data");
}

/* Wanted channels beyond the file's repeat its last one, samples are 0. */
static ht_status decode_wav(ht_call *c) {
  wav w = {0};
  HT_TRY(ht_need_dtype(c, 0, HT_STRING));
  HT_TRY(ht_need_scalar(c, 0));
  HT_TRY(ht_within(read_wav(ht_str(c->in[0])[0], &w), "op '%s'", c->op->name));
  int64_t channels = ht_attr_int(c->attrs, "desired_channels");
  int64_t n = ht_attr_int(c->attrs, "desired_samples");
  if (channels < 0) channels = w.channels;
  if (n < 0) n = w.n;
  ht_shape shape = ht_shape_2(n, channels);
  HT_TRY(ht_out_zeros(c, 0, HT_FLOAT, &shape));
  HT_TRY(ht_out(c, 1, HT_INT32, &HT_SCALAR));
  ht_i32(&c->out[1])[0] = w.rate;
  for (int64_t i = 0; i < n && i < w.n; i++)
    for (int64_t k = 0; k < channels; k++) {
      int64_t from = i * w.channels + (k < w.channels ? k : w.channels - 1);
      int16_t v = (int16_t)little(w.samples + 2 * from, 2);
      ht_f(&c->out[0])[i * channels + k] = (float)v / 32768;
    }
  return HT_SUCCESS;
}

#include "ops/op_media_samples.inc"

#define BMP                                                      \
  "s[]{'"                                                        \
  "\\x42\\x4d\\x46\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x36\\x00" \
  "\\x00\\x00\\x28\\x00\\x00\\x00\\x02\\x00\\x00\\x00\\x02\\x00" \
  "\\x00\\x00\\x01\\x00\\x18\\x00\\x00\\x00\\x00\\x00\\x10\\x00" \
  "\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00" \
  "\\x00\\x00\\x00\\x00\\x00\\x00\\x01\\x02\\x03\\x04\\x05\\x06" \
  "\\x00\\x00\\x07\\x08\\x09\\x0a\\x0b\\x0c\\x00\\x00"           \
  "'} "
#define TOP_DOWN                                                 \
  "s[]{'"                                                        \
  "\\x42\\x4d\\x42\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x36\\x00" \
  "\\x00\\x00\\x28\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\xfd\\xff" \
  "\\xff\\xff\\x01\\x00\\x18\\x00\\x00\\x00\\x00\\x00\\x0c\\x00" \
  "\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00" \
  "\\x00\\x00\\x00\\x00\\x00\\x00\\xc8\\x64\\x32\\x00\\x07\\x08" \
  "\\x09\\x00\\xff\\xfe\\xfd\\x00"                               \
  "'} "

const ht_op ht_ops_media[] = {
    {.name = "DecodeBmp",
     .inputs = "contents:string",
     .outputs = "image:uint8",
     .attrs = "channels:int=0",
     .doc = "A BMP file to pixels; of a palette, the numbers of colours.",
     .samples = BMP ";" BMP "channels=3;" BMP "channels=4;" TOP_DOWN ";" BMP32
                    ";" BMP32 "channels=3;" BMP32 "channels=4;" BMP8 ";" BMP8
                    "channels=3;" BMP8 "channels=4",
     .forward = decode,
     .gradient = ht_no_gradient},
    {.name = "DecodeImage",
     .inputs = "contents:string",
     .outputs = "image:dtype",
     .attrs = "channels:int=0 dtype:type=UINT8 expand_animations:bool=true",
     .doc = "A JPEG, PNG, GIF or BMP file to pixels.",
     .samples =
         JPEG ";" PNG ";" JPEG "channels=1;" JPEG "dtype=float;" PNG
              "dtype=float;" PNG "dtype=uint16;" PNG "channels=3;" JPEG
              "dtype=uint16;" FRAMES ";" FRAMES "expand_animations=false;" GIF
              "dtype=float;" GIF "dtype=uint16 channels=3;" BMP32
              "dtype=float;" BMP8 ";" BMP8 "dtype=uint16 channels=3",
     .forward = decode,
     .gradient = ht_no_gradient},
    {.name = "DecodeGif",
     .inputs = "contents:string",
     .outputs = "image:uint8",
     .attrs = "",
     .doc = "A GIF file to pixels of all its frames.",
     .samples = GIF ";" FRAMES ";" SMALL_GIF ";" PNG ";" JPEG,
     .forward = decode,
     .gradient = ht_no_gradient},
    {.name = "DecodeJpeg",
     .inputs = "contents:string",
     .outputs = "image:uint8",
     .attrs = "channels:int=0 ratio:int=1 fancy_upscaling:bool=true "
              "try_recover_truncated:bool=false acceptable_fraction:float=1 "
              "dct_method:string=''",
     .doc = "A JPEG file to pixels.",
     .samples = JPEG
     ";" JPEG "channels=1;" JPEG "ratio=2;" JPEG "fancy_upscaling=false;" JPEG
     "dct_method='INTEGER_ACCURATE';" PNG "channels=3;" GIF "channels=3",
     .forward = decode,
     .gradient = ht_no_gradient},
    {.name = "DecodeAndCropJpeg",
     .inputs = "contents:string crop_window:int32",
     .outputs = "image:uint8",
     .attrs = "channels:int=0 ratio:int=1 fancy_upscaling:bool=true "
              "try_recover_truncated:bool=false acceptable_fraction:float=1 "
              "dct_method:string=''",
     .doc = "A part of a JPEG file to pixels.",
     .samples = JPEG "i[4]{2,3,4,5};" JPEG "i[4]{0,0,9,11} channels=1;" JPEG
                     "i[4]{8,10,1,1} dct_method='INTEGER_ACCURATE';" JPEG
                     "i[4]{1,1,3,3} ratio=2",
     .forward = decode_and_crop,
     .gradient = ht_no_gradient},
    {.name = "ExtractJpegShape",
     .inputs = "contents:string",
     .outputs = "image_shape:output_type",
     .attrs = "output_type:type=int32",
     .doc = "Height, width and channels of a JPEG file.",
     .samples = JPEG ";" JPEG "output_type=int64",
     .forward = jpeg_shape,
     .gradient = ht_no_gradient},
    {.name = "DecodePng",
     .inputs = "contents:string",
     .outputs = "image:dtype",
     .attrs = "channels:int=0 dtype:type=UINT8",
     .doc = "A PNG file to pixels.",
     .samples =
         PNG ";" PNG "channels=1;" PNG "channels=3;" PNG "dtype=uint16;" PNG
             "channels=1 dtype=uint16;" GREY16 ";" GREY16 "dtype=uint16;" GREY16
             "channels=4;" PNG "channels=4",
     .forward = decode,
     .gradient = ht_no_gradient},
    {.name = "DecodeWav",
     .inputs = "contents:string",
     .outputs = "audio:float sample_rate:int32",
     .attrs = "desired_channels:int=-1 desired_samples:int=-1",
     .doc = "A WAV file of 16-bit samples to numbers in [-1, 1).",
     .samples =
         WAV ";" WAV "desired_channels=1;" WAV
             "desired_channels=3 desired_samples=5;" WAV "desired_samples=1",
     .forward = decode_wav,
     .gradient = ht_no_gradient},
    {0},
};
