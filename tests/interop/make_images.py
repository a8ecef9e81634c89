"""Writes what tests of images need, with a real TensorFlow (and Pillow, for
formats that TensorFlow does not write):

    tests/models/images       a small convolutional module with batch
                              normalisation and a trace for training
    tests/golden/images.txt   files of images as hexadecimal numbers, their
                              pixels and resized values; then the losses of
                              some steps on them, and the head's kernel
    tests/models/arrays/examples.tfrecord

    python make_images.py

Grammar of images.txt, a line each:
    file NAME HEX             what follows is of this file
    pixels H W HEX            uint8 [H, W, 3], as TensorFlow decodes it
    resize METHOD H W VALUES  tf.image.resize of them, divided by 255
    losses FLOATS             of steps of 4 files, in the order of their names
    kernel FLOATS             [6, 3] after them
"""
import io
import os
import shutil
import struct

import numpy as np
from PIL import Image

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(here, "..", "models", "images")
golden = os.path.join(here, "..", "golden", "images.txt")
arrays = os.path.join(here, "..", "models", "arrays")
HEIGHT, WIDTH, CLASSES, BATCH, RATE, MODULE_RATE = 12, 10, 3, 4, 0.1, 0.05


def picture(h, w, kind, seed):
    """Smooth colours, of another main colour for each kind."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    out = np.zeros((h, w, 3))
    for c in range(3):
        a, b, p = rng.uniform(0.1, 0.5, 3)
        out[..., c] = 100 + 60 * np.sin(a * x + b * y + 6 * p)
    out[..., kind] += 80
    return np.clip(out, 0, 255).astype(np.uint8)


def pillow(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def oriented(image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return pillow(image, "JPEG", quality=95, exif=exif)


def files():
    def of(kind, seed, h=20, w=16):
        return Image.fromarray(picture(h, w, kind, seed))
    wide = (np.asarray(of(0, 1).convert("L")).astype(np.uint16) * 257) + 5
    clear = np.dstack([np.asarray(of(1, 2)), np.full((20, 16), 77, np.uint8)])
    return {
        "a1_444.jpg": pillow(of(0, 3), "JPEG", quality=90, subsampling=0),
        "a2_422.jpg": pillow(of(0, 4, 17, 23), "JPEG", subsampling=1),
        "a3_420.jpg": pillow(of(0, 5, 31, 18), "JPEG", subsampling=2),
        "a4_progressive.jpg": pillow(of(0, 6), "JPEG", progressive=True),
        "a5_grey.jpg": pillow(of(0, 7).convert("L"), "JPEG"),
        "a6_print.jpg": pillow(of(0, 8).convert("CMYK"), "JPEG"),
        "b1.png": pillow(of(1, 9), "PNG"),
        "b2_palette.png": pillow(of(1, 10).quantize(12), "PNG"),
        "b3_alpha.png": pillow(Image.fromarray(clear, "RGBA"), "PNG"),
        "b4_grey16.png": pillow(Image.fromarray(wide), "PNG"),
        "b5_bit.png": pillow(of(1, 11).convert("1"), "PNG"),
        "b6_grey.png": pillow(of(1, 12).convert("L"), "PNG"),
        "c1.bmp": pillow(of(2, 13), "BMP"),
        "c2.gif": pillow(of(2, 14).quantize(16), "GIF"),
        "c3_lossless.webp": pillow(of(2, 15), "WEBP", lossless=True),
        "c4_palette.bmp": pillow(of(2, 16).quantize(16), "BMP"),
        "c5_turned.jpg": oriented(of(2, 17), 6),
        "c6_mirrored.jpg": oriented(of(2, 18), 7),
    }


def decode(name, data):
    """TensorFlow's pixels where it decodes the format as it is meant: its BMP
    knows no palettes, and nothing turns JPEGs."""
    if name.endswith((".webp", "_palette.bmp")):
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    if name.endswith(".bmp"):
        return tf.io.decode_bmp(data).numpy()
    if name.endswith(".gif"):
        return tf.io.decode_gif(data)[0].numpy()
    if name.endswith(".png"):
        return tf.io.decode_png(data, channels=3).numpy()
    pixels = tf.io.decode_jpeg(data, channels=3).numpy()
    if "turned" in name:  # orientation 6: a quarter to the right
        pixels = np.rot90(pixels, -1)
    if "mirrored" in name:  # orientation 7: along the other diagonal
        pixels = np.rot90(pixels.transpose(1, 0, 2), 2)
    return np.ascontiguousarray(pixels)


class Module(tf.__internal__.tracking.AutoTrackable):
    """Two convolutions with batch normalisation, and the mean."""

    def __init__(self):
        super().__init__()
        layers = tf.keras.layers
        tf.keras.utils.set_random_seed(5)
        self.net = tf.keras.Sequential([
            tf.keras.Input([HEIGHT, WIDTH, 3]),
            layers.Conv2D(4, 3, strides=2, padding="same", name="first"),
            layers.BatchNormalization(momentum=0.9, name="first_bn"),
            layers.ReLU(),
            layers.Conv2D(6, 3, padding="same", name="last"),
            layers.BatchNormalization(momentum=0.9, name="last_bn"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D()])
        self.variables = self.net.variables
        self.trainable_variables = self.net.trainable_variables
        self.regularization_losses = []

    @tf.function
    def __call__(self, images, training=False):
        return self.net(images, training=training)


def save(module):
    shutil.rmtree(folder, ignore_errors=True)
    shape = tf.TensorSpec([None, HEIGHT, WIDTH, 3], tf.float32, "images")
    for training in (False, True):
        module.__call__.get_concrete_function(shape, training=training)
    serve = tf.function(lambda images: {"default": module(images)})
    tf.saved_model.save(
        module, folder,
        signatures={"serving_default": serve.get_concrete_function(shape)})


def numbers(values):
    return " ".join("%.9g" % v for v in np.asarray(values).ravel())


def train(module, images, labels, out):
    """Plain gradient descent in training mode, as a Keras trainer does it."""
    kernel = tf.Variable(tf.zeros([6, CLASSES]))
    bias = tf.Variable(tf.zeros([CLASSES]))
    losses = []
    for at in range(0, len(images), BATCH):
        x, y = images[at:at + BATCH], labels[at:at + BATCH]
        with tf.GradientTape() as tape:
            logits = module(x, training=True) @ kernel + bias
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        head, net = [kernel, bias], module.trainable_variables
        gradients = tape.gradient(loss, head + list(net))
        for v, g in zip(head, gradients[:2]):
            v.assign_sub(RATE * g)
        for v, g in zip(net, gradients[2:]):
            v.assign_sub(MODULE_RATE * g)
        losses.append(loss.numpy())
    out.write("losses %s\nkernel %s\n" % (numbers(losses), numbers(kernel)))


def records():
    """Three examples: one value, two values, sets, and one that is missing."""
    def feature(**values):
        return tf.train.Feature(**{
            name + "_list": getattr(tf.train, name.capitalize() + "List")(
                value=v) for name, v in values.items()})
    rows = [(b"one", [1.5, 2.5], [7], [b"x", b"y"]),
            (b"\0two", [3.5, 4.5], [-8], []),
            (b"", [5.5, -6.5], [1 << 40], [b"z"])]
    with tf.io.TFRecordWriter(os.path.join(arrays, "examples.tfrecord")) as w:
        for i, (text, pair, number, names) in enumerate(rows):
            all = {"text": feature(bytes=[text]), "pair": feature(float=pair),
                   "number": feature(int64=number),
                   "names": feature(bytes=names)}
            if i != 1:
                all["rare"] = feature(int64=[i])
            w.write(tf.train.Example(features=tf.train.Features(
                feature=all)).SerializeToString())


def main():
    records()
    module = Module()
    save(module)
    images, labels = [], []
    with open(golden, "w") as out:
        out.write("# Made by tests/interop/make_images.py\n")
        for name, data in files().items():
            pixels = decode(name, data)
            h, w = pixels.shape[:2]
            out.write("file %s %s\npixels %d %d %s\n" %
                      (name, data.hex(), h, w, pixels.tobytes().hex()))
            x = pixels.astype(np.float32)
            if name in ("a2_422.jpg", "b1.png"):
                for method in ("bilinear", "area", "bicubic", "nearest"):
                    for size in ((9, 7), (40, 25)):
                        if method != "bilinear" and size[0] > 9:
                            continue
                        y = tf.image.resize(x, size, method=method) / 255
                        out.write("resize %s %d %d %s\n" %
                                  (method, *size, numbers(y)))
            images.append(tf.image.resize(x, (HEIGHT, WIDTH)) / 255)
            labels.append("abc".index(name[0]))
        train(module, tf.stack(images), tf.constant(labels), out)


main()
