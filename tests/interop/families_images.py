"""Families of images: Keras applications, style transfer, BiT, ViT."""
from unittest import mock

import tensorflow as tf
from keras.src.applications import convnext

from families_registry import calibrated, family, save, spec, variable

L = tf.keras.layers


# Four pixels and eight images are left where batch norm averages last.
SOUND = {"batch": 8, "rates": (1e-5, 1e-5)}


def application(path, make, size=64, export=False, **options):
    shape = (size, size, 3)

    def made():
        tf.keras.backend.clear_session()  # names of inputs begin anew
        tf.keras.utils.set_random_seed(11)
        return make(include_top=False, weights=None, input_shape=shape,
                    pooling="avg", **options)

    net = calibrated(made(), shape)
    (net.export if export else net.save)(path)
    tf.keras.backend.set_floatx("float64")
    exact = made()
    tf.keras.backend.set_floatx("float32")
    exact.set_weights([w.astype("d") for w in net.get_weights()])
    (exact.export if export else exact.save)(path + ".double")


A = tf.keras.applications


@family(**SOUND)
def mobilenet_v1(path):
    application(path, A.MobileNet, alpha=0.25)


@family(**SOUND)
def mobilenet_v2(path):
    application(path, A.MobileNetV2, alpha=0.35)


@family(**SOUND)
def mobilenet_v3(path):
    application(path, A.MobileNetV3Small)


# Of steps of 1e-5, the third has left the slope it was taken by.
@family(batch=8, rates=(1e-7, 1e-5))
def resnet50(path):
    application(path, A.ResNet50)


@family(**SOUND)
def resnet50_v2(path):
    application(path, A.ResNet50V2)


@family(**SOUND)
def inception_v3(path):
    application(path, A.InceptionV3, 107)


@family(**SOUND)
def efficientnet_b0(path):
    application(path, A.EfficientNetB0)


@family(train="signature serving_default", **SOUND)
def efficientnet_v2_b0(path):
    """Written by `Model.export`: an object with `serve` alone."""
    application(path, A.EfficientNetV2B0, export=True)


@family(**SOUND)
def nasnet_mobile(path):
    application(path, A.NASNetMobile)


@family(**SOUND)
def densenet121(path):
    application(path, A.DenseNet121)


@family(**SOUND)
def xception(path):
    application(path, A.Xception, 71)


def ungrouped(filters, kernel_size, groups=1, **more):
    """The same function as a convolution of as many groups as channels."""
    if groups == 1:
        return L.Conv2D(filters, kernel_size, **more)
    return L.DepthwiseConv2D(kernel_size, **more)


def weights_for(net, weights):
    """Of a grouped convolution as of one by depth, and the other way."""
    return [w if w.shape == v.shape else w.swapaxes(2, 3)
            for w, v in zip(weights, net.weights)]


@family(**SOUND)
def convnext_tiny(path):
    """TensorFlow differentiates its grouped convolutions by compiling, for
    hours: the twin beside it has convolutions by depth in their place."""
    def made():
        tf.keras.backend.clear_session()
        return A.ConvNeXtTiny(include_top=False, weights=None,
                              input_shape=(64, 64, 3), pooling="avg")

    tf.keras.utils.set_random_seed(11)
    net = made()
    weights = net.get_weights()
    for v, w in zip(net.weights, weights):
        if "layer_scale" in v.name:  # as after a training: not 1e-6
            w[...] = 0.2
    for kind, end in (("float32", ""), ("float64", ".double")):
        tf.keras.backend.set_floatx(kind)
        for twin in (False, True):
            with mock.patch.object(convnext.layers, "Conv2D",
                                   ungrouped if twin else L.Conv2D):
                net = made()
            net.set_weights([w.astype(kind) for w in weights_for(net,
                                                                 weights)])
            net.save(path + (".twin" if twin else "") + end)
    tf.keras.backend.set_floatx("float32")


@family(quick=True, train=None)
def image_augmentation(path):
    tf.keras.utils.set_random_seed(3)
    net = tf.keras.Sequential([
        L.Input((20, 24, 3)), L.Rescaling(1 / 127.5, -1.0),
        L.RandomFlip(), L.RandomRotation(0.1), L.RandomZoom(0.2, 0.2),
        L.RandomTranslation(0.1, 0.1, "constant"), L.RandomContrast(0.3),
        L.RandomBrightness(0.2, (-1.0, 1.0)), L.RandomCrop(16, 16),
        L.Resizing(12, 10), L.CenterCrop(8, 8), L.Conv2D(4, 3),
        L.GaussianNoise(0.1), L.GlobalMaxPooling2D()])
    net.save(path)


@family(quick=True)
def resizing(path):
    """Every way of resizing that Keras knows, and padding and up-sampling."""
    tf.keras.utils.set_random_seed(4)
    x = L.Input((9, 7, 3))
    ways = [L.Resizing(5, 6, interpolation=i)(x) for i in (
        "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5",
        "gaussian", "mitchellcubic")]
    y = L.Concatenate()(ways)
    y = L.Conv2DTranspose(4, 3, 2, "same", activation="elu")(y)
    y = L.UpSampling2D(2, interpolation="bilinear")(L.ZeroPadding2D(1)(y))
    y = L.SeparableConv2D(5, 3, activation="gelu")(L.Cropping2D(1)(y))
    y = L.PReLU()(L.AveragePooling2D(3, 2, "same")(y))
    tf.keras.Model(x, L.Flatten()(y)).save(path)


class Style(tf.Module):
    """An image and a style vector, as the stylization modules take them."""

    def __init__(self):
        super().__init__()
        self.down = variable(1, 3, 3, 3, 8, scale=0.2, name="down")
        self.up = variable(2, 3, 3, 8, 3, scale=0.2, name="up")
        self.scale = variable(3, 5, 8, name="scale")
        self.shift = variable(4, 5, 8, name="shift")

    def normed(self, x, style):
        mean, var = tf.nn.moments(x, [1, 2], keepdims=True)
        scale = (1 + style @ self.scale)[:, None, None]
        shift = (style @ self.shift)[:, None, None]
        return tf.nn.batch_normalization(x, mean, var, shift, scale, 1e-5)

    @tf.function(input_signature=[spec([None, None, None, 3], name="image"),
                                  spec([None, 5], name="style")])
    def __call__(self, image, style):
        edges = [[0, 0], [1, 1], [1, 1], [0, 0]]
        x = tf.pad(image, edges, "REFLECT")
        x = tf.nn.relu(self.normed(tf.nn.conv2d(x, self.down, 2, "VALID"),
                                   style))
        size = 2 * tf.shape(x)[1:3]
        x = tf.compat.v1.image.resize_nearest_neighbor(x, size)
        x = tf.nn.conv2d(tf.pad(x, edges, "SYMMETRIC"), self.up, 1, "VALID")
        return {"stylized": tf.sigmoid(x), "pooled": tf.reduce_mean(
            x, [1, 2])}


@family(quick=True, output="pooled")
def style_transfer(path):
    m = Style()
    save(m, path, m.__call__)


class BigTransfer(tf.Module):
    """Standardised convolutions and group normalisation."""

    def __init__(self):
        super().__init__()
        self.kernels = [variable(i, 3, 3, n, m, scale=0.3) for i, (n, m) in
                        enumerate(((3, 8), (8, 16), (16, 16)))]
        self.gammas = [tf.Variable(tf.ones(n)) for n in (8, 16)]
        self.betas = [tf.Variable(tf.zeros(n)) for n in (8, 16)]

    def conv(self, x, i, stride):
        w = self.kernels[i]
        mean, var = tf.nn.moments(w, [0, 1, 2], keepdims=True)
        w = (w - mean) / tf.sqrt(var + 1e-10)
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return tf.nn.conv2d(x, w, stride, "VALID")

    def group_norm(self, x, i, groups=4):
        s = tf.shape(x)
        y = tf.reshape(x, [s[0], s[1], s[2], groups, x.shape[-1] // groups])
        mean, var = tf.nn.moments(y, [1, 2, 4], keepdims=True)
        y = tf.reshape((y - mean) * tf.math.rsqrt(var + 1e-5), s)
        return tf.nn.relu(y * self.gammas[i] + self.betas[i])

    @tf.function(input_signature=[spec([None, None, None, 3], name="images")])
    def __call__(self, images):
        x = self.conv(images, 0, 2)
        x = tf.nn.max_pool2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3,
                             2, "VALID")
        x = self.conv(self.group_norm(x, 0), 1, 1)
        x = x + self.conv(self.group_norm(x, 1), 2, 1)
        return tf.reduce_mean(x, [1, 2])


def image_feed(name, spec_, rng):
    if spec_.shape.rank == 4 and spec_.shape[1] is None:
        return rng.normal(0, 1, (3, 16, 16, 3)).astype("f")


@family(feed=image_feed)
def big_transfer(path):
    m = BigTransfer()
    save(m, path, m.__call__)


@family()
def keras_norms(path):
    """Group, unit and layer normalisation as layers."""
    tf.keras.utils.set_random_seed(6)
    net = tf.keras.Sequential([
        L.Input((8, 8, 3)), L.Conv2D(8, 3),
        L.GroupNormalization(4), L.ReLU(), L.Conv2D(6, 3, dilation_rate=2,
                                                    padding="same"),
        L.LayerNormalization([1, 2, 3]), L.UnitNormalization(),
        L.LocallyConnected2D(3, 3), L.GlobalAveragePooling2D()])
    net.save(path)


class ClassToken(L.Layer):
    def build(self, shape):
        self.token = self.add_weight("token", (1, 1, shape[-1]))
        self.places = self.add_weight("places", (1, shape[1] + 1, shape[-1]),
                                      initializer="random_normal")

    def call(self, x):
        token = tf.broadcast_to(self.token, [tf.shape(x)[0], 1, x.shape[-1]])
        return tf.concat([token, x], 1) + self.places


@family(quick=True)
def vit(path):
    """Patches, a class token, attention and gelu."""
    tf.keras.utils.set_random_seed(7)
    x = L.Input((24, 24, 3))
    y = L.Reshape((9, 24))(L.Conv2D(24, 8, 8)(x))
    y = ClassToken()(y)
    for _ in range(2):
        z = L.LayerNormalization(epsilon=1e-6)(y)
        y = y + L.MultiHeadAttention(4, 6, dropout=0.1)(z, z)
        z = L.LayerNormalization(epsilon=1e-6)(y)
        z = L.Dense(48, tf.keras.activations.gelu)(z)
        y = y + L.Dense(24)(L.Dropout(0.1)(z))
    y = L.LayerNormalization(epsilon=1e-6)(y)[:, 0]
    tf.keras.Model(x, L.Dense(8, "tanh")(y)).save(path)
