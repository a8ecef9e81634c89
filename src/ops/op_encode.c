/* op_encode.c - pixels to files of images. */
#include <stdlib.h>
#include <string.h>

#include "format/encode.h"
#include "ops/op.h"

/* out[0]: a file for each image of [..., height, width, channels]. */
typedef ht_status encode_fn(const ht_call *c, const ht_image *image, int64_t i,
                            ht_encoded *out);

static ht_status encode_one(ht_call *c, encode_fn *encode, ht_image *image,
                            int64_t i) {
  ht_encoded file;
  HT_TRY(ht_within(encode(c, image, i, &file), "op '%s'", c->op->name));
  ht_status st = ht_string_set(&c->out[0], i, (const char *)file.p, file.n);
  free(file.p);
  return st;
}

static ht_status encode_all(ht_call *c, encode_fn *encode) {
  const ht_tensor *x = c->in[0];
  ht_shape s = x->shape;
  HT_TRY(ht_need_min_rank(c, 0, 3));
  s.rank -= 3;
  const int64_t *of = s.dim + s.rank;
  if (of[0] < 1 || of[1] < 1 || of[2] < 1 || of[2] > 4 || of[0] > 1 << 20 ||
      of[1] > 1 << 20)
    return ht_fail(
        HT_USAGE, "op '%s': an image of %lld x %lld and %lld channels",
        c->op->name, (long long)of[0], (long long)of[1], (long long)of[2]);
  int bytes = (int)ht_dtype_size(x->dtype);
  ht_image image = {of[0], of[1], (int)of[2], 8 * bytes, x->data};
  HT_TRY(ht_out(c, 0, HT_STRING, &s));
  for (int64_t i = 0; i < ht_count(&c->out[0]); i++) {
    HT_TRY(encode_one(c, encode, &image, i));
    image.pixels = (char *)image.pixels + of[0] * of[1] * of[2] * bytes;
  }
  return HT_SUCCESS;
}

/* ---- PNG */

static ht_status png(const ht_call *c, const ht_image *image, int64_t i,
                     ht_encoded *out) {
  (void)i;
  return ht_png_write(image, (int)ht_attr_int(c->attrs, "compression"), out);
}

static ht_status png_forward(ht_call *c) {
  int64_t level = ht_attr_int(c->attrs, "compression");
  ht_dtype t = c->in[0]->dtype;
  if (t != HT_UINT8 && t != HT_UINT16) return ht_no_dtype(c, t);
  if (level < -1 || level > 9)
    return ht_fail(HT_USAGE, "op '%s': compression %lld is not -1 to 9",
                   c->op->name, (long long)level);
  return encode_all(c, png);
}

/* ---- JPEG */

static ht_status check_jpeg(const ht_call *c, const ht_jpeg_settings *s) {
  HT_TRY(ht_need_dtype(c, 0, HT_UINT8));
  int rank = c->in[0]->shape.rank;
  int64_t channels = rank ? c->in[0]->shape.dim[rank - 1] : 0;
  if (channels != 1 && channels != 3)
    return ht_fail(HT_USAGE, "op '%s': JPEG has no %lld channels", c->op->name,
                   (long long)channels);
  if (s->quality < 0 || s->quality > 100)
    return ht_fail(HT_USAGE, "op '%s': quality %d is not 0 to 100", c->op->name,
                   s->quality);
  return HT_SUCCESS;
}

static ht_status jpeg(const ht_call *c, const ht_image *image, int64_t i,
                      ht_encoded *out) {
  (void)i;
  ht_jpeg_settings s = {
      .quality = (int)ht_attr_int(c->attrs, "quality"),
      .progressive = ht_attr_bool(c->attrs, "progressive"),
      .optimized = ht_attr_bool(c->attrs, "optimize_size"),
      .rough_chroma = ht_attr_bool(c->attrs, "chroma_downsampling"),
      .centimetres = ht_attr_is(c->attrs, "density_unit", "cm"),
      .x_density = (int)ht_attr_int(c->attrs, "x_density"),
      .y_density = (int)ht_attr_int(c->attrs, "y_density"),
  };
  bool grey = ht_attr_is(c->attrs, "format", "grayscale");
  bool colour = ht_attr_is(c->attrs, "format", "rgb");
  HT_TRY(check_jpeg(c, &s));
  if ((grey && image->channels != 1) || (colour && image->channels != 3))
    return ht_fail(HT_USAGE, "%d channels are not what the format says",
                   image->channels);
  if (ht_attr_string(c->attrs, "xmp_metadata").n)
    return ht_fail(HT_UNSUPPORTED, "XMP metadata are not written");
  return ht_jpeg_write(image, &s, out);
}

static ht_status jpeg_forward(ht_call *c) {
  HT_TRY(ht_need_rank(c, 0, 3));
  return encode_all(c, jpeg);
}

static ht_status quality(const ht_call *c, const ht_image *image, int64_t i,
                         ht_encoded *out) {
  int64_t n = ht_count(c->in[1]);
  ht_jpeg_settings s = {.quality = ht_i32(c->in[1])[n == 1 ? 0 : i],
                        .rough_chroma = true,
                        .x_density = 300,
                        .y_density = 300};
  HT_TRY(check_jpeg(c, &s));
  return ht_jpeg_write(image, &s, out);
}

static ht_status quality_forward(ht_call *c) {
  HT_TRY(ht_need_dtype(c, 1, HT_INT32));
  HT_TRY(ht_need_rank(c, 0, 3));
  HT_TRY(ht_need_scalar(c, 1));
  return encode_all(c, quality);
}

/* Bytes are the library's of the day; what they decode to is compared. */
#define PHOTO "u[17,19,3](60,200) "

const ht_op ht_ops_encode[] = {
    {.name = "EncodePng",
     .inputs = "image:T",
     .outputs = "contents:string",
     .attrs = "compression:int=-1 T:type=UINT8",
     .doc = "Pixels as PNG files.",
     .samples = "u[5,7,3](0,255) !decoded=8; u[4,3,1](0,255) !decoded=8;"
                "u[4,5,4](0,255) compression=9 !decoded=8; w[3,4,3](0,65535) "
                "!decoded=16; u[6,5,2](0,255) compression=0 !decoded=8;"
                "w[2,3,1](0,65535) !decoded=16",
     .forward = png_forward,
     .gradient = ht_no_gradient},
    {.name = "EncodeJpeg",
     .inputs = "image:uint8",
     .outputs = "contents:string",
     .attrs = "format:string='' quality:int=95 progressive:bool=false "
              "optimize_size:bool=false chroma_downsampling:bool=true "
              "density_unit:string='in' x_density:int=300 y_density:int=300 "
              "xmp_metadata:string=''",
     .doc = "Pixels as a JPEG file.",
     .samples =
         PHOTO "!decoded=8; " PHOTO "quality=40 !decoded=8; " PHOTO
               "chroma_downsampling=false progressive=true !decoded=8;" PHOTO
               "optimize_size=true quality=100 !decoded=8;"
               "u[9,10,1](100,160) format='grayscale' !decoded=8",
     .forward = jpeg_forward,
     .gradient = ht_no_gradient},
    {.name = "EncodeJpegVariableQuality",
     .inputs = "images:uint8 quality:int32",
     .outputs = "contents:string",
     .attrs = "",
     .doc = "Pixels as a JPEG file of a given quality.",
     .samples = PHOTO "i[]{30} !decoded=8; " PHOTO "i[]{95} !decoded=8",
     .forward = quality_forward,
     .gradient = ht_no_gradient},
    {0},
};
