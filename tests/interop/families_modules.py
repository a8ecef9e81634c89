"""Families of tf.Modules: nests, ragged and sparse values, dtypes, audio."""
import numpy as np
import tensorflow as tf

from families_registry import family, save, spec, variable

L = tf.keras.layers


@family(quick=True, train="call encode", output="0")
def nests(path):
    """Named methods; dicts, lists and tuples in and out; no `__call__`."""
    class Nests(tf.Module):
        def __init__(self):
            super().__init__()
            self.w, self.u = variable(1, 4, 3), variable(2, 3, 4)

        @tf.function(input_signature=[[spec([None, 4]), {
            "a": spec([None, 4]), "b": (spec([None, 3]), spec([None, 3]))}]])
        def encode(self, parts):
            x, more = parts
            y = (x + more["a"]) @ self.w
            return [y * more["b"][0], {"deep": [y - more["b"][1]]}]

        @tf.function(input_signature=[spec([None, 3], name="code")])
        def decode(self, code):
            return tf.nn.softplus(code @ self.u)

        @tf.function(input_signature=[])
        def size(self):
            return tf.constant(3)

    save(Nests(), path)


def composite(name, spec_, rng):
    found = {"ids_component_0": [3, 1, 4, 1, 5],
             "ids_component_1": [0, 2, 2, 5],
             "x_indices": [[0, 1], [0, 11], [2, 4]], "x_dense_shape": [3, 12]}
    if name in found:
        return np.array(found[name], spec_.dtype.as_numpy_dtype)
    if name == "x_values":
        return np.array([0.5, -1.0, 2.0], "f")


@family(feed=composite, train=None)
def ragged(path):
    """Ragged and sparse values as arguments and as results."""
    class Ragged(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = variable(3, 12, 4, scale=0.5)

        @tf.function(input_signature=[
            tf.RaggedTensorSpec([None, None], tf.int64)])
        def pool(self, ids):
            rows = tf.gather(self.table, ids)
            return {"mean": tf.reduce_mean(rows, 1),
                    "max": tf.reduce_max(rows.to_tensor(-9.0), 1),
                    "rows": rows}

        @tf.function(input_signature=[
            tf.SparseTensorSpec([None, 12], tf.float32)])
        def project(self, x):
            return {"dense": tf.sparse.sparse_dense_matmul(x, self.table),
                    "scaled": x * self.table[:, 0]}

    save(Ragged(), path)


@family(quick=True)
def siamese(path):
    """One encoder over two inputs: gradients of shared weights add up."""
    tf.keras.utils.set_random_seed(1)
    encoder = tf.keras.Sequential([
        L.Dense(8, "relu", input_shape=(6,)), L.Dense(5)])
    a, b = L.Input((6,), name="a"), L.Input((6,), name="b")
    x, y = encoder(a), encoder(b)
    near = L.Dot(1, normalize=True)([x, y])
    far = L.Lambda(lambda p: tf.abs(p[0] - p[1]))([x, y])
    out = L.Concatenate()([near, far, L.Multiply()([x, y]),
                           L.Maximum()([x, y])])
    tf.keras.Model([a, b], out).save(path)


@family(quick=True)
def custom_gradients(path):
    """Straight-through rounding, reversal and a clipped activation."""
    @tf.custom_gradient
    def rounded(x):
        return tf.round(x * 4) / 4, lambda dy: dy

    @tf.custom_gradient
    def reversed_(x):
        return tf.identity(x), lambda dy: -0.5 * dy

    @tf.custom_gradient
    def scaled(x, w):
        def backward(dy):
            return dy * w, tf.reduce_sum(dy * x, 0) * 2.0
        return x * w, backward

    class Custom(tf.Module):
        def __init__(self):
            super().__init__()
            self.w, self.u = variable(5, 6, 5), variable(6, 5)

        @tf.function(input_signature=[spec([None, 6], name="x")])
        def __call__(self, x):
            y = tf.nn.swish(rounded(x @ self.w))  # swish has one of its own
            return scaled(reversed_(y), self.u)

    m = Custom()
    save(m, path, m.__call__)


def mixed(path, policy):
    tf.keras.utils.set_random_seed(2)
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        net = tf.keras.Sequential([
            L.Input((8, 8, 3)), L.Conv2D(8, 3, activation="relu"),
            L.BatchNormalization(), L.MaxPooling2D(), L.Flatten(),
            L.Dense(12, "tanh"), L.Dense(5, dtype="float32")])
        net.save(path)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")


# Bounds of four units in the last place: TensorFlow's own paths differ so.
@family(quick=True, bound=2.0 ** -8)
def mixed_float16(path):
    mixed(path, "mixed_float16")


@family(bound=2.0 ** -5)
def mixed_bfloat16(path):
    mixed(path, "mixed_bfloat16")


@family(quick=True, output="single")
def float64(path):
    tf.keras.utils.set_random_seed(3)
    x = L.Input((6,), dtype=tf.float64)
    y = L.Dense(7, "tanh", dtype=tf.float64)(x)
    y = L.BatchNormalization(dtype=tf.float64)(y)
    y = L.Dense(4, "softmax", dtype=tf.float64)(y)
    single = L.Lambda(lambda t: tf.cast(t, tf.float32), name="single")(y)
    tf.keras.Model(x, {"double": y, "single": single}).save(path)


@family(quick=True, output="1")
def yamnet(path):
    """A waveform to log-mel frames, then depthwise convolutions."""
    class Audio(tf.Module):
        def __init__(self):
            super().__init__()
            self.mel = tf.signal.linear_to_mel_weight_matrix(12, 33, 8000)
            self.first = variable(1, 3, 3, 1, 4, scale=0.3)
            self.depth = variable(2, 3, 3, 4, 1, scale=0.3)
            self.point = variable(3, 1, 1, 4, 8, scale=0.5)
            self.last = variable(4, 8, 5)

        @tf.function(input_signature=[spec([None, None], name="waveform")])
        def __call__(self, waveform):
            short = tf.maximum(0, 200 - tf.shape(waveform)[1])
            waveform = tf.pad(waveform, [[0, 0], [0, short]])
            spectrum = tf.abs(tf.signal.stft(waveform, 50, 20, 64))
            mel = tf.math.log(spectrum @ self.mel + 0.01)
            x = tf.nn.conv2d(mel[..., None], self.first, 2, "SAME")
            x = tf.nn.relu(tf.nn.depthwise_conv2d(x, self.depth, [1] * 4,
                                                  "SAME"))
            x = tf.reduce_mean(tf.nn.conv2d(x, self.point, 1, "SAME"), [1, 2])
            return tf.sigmoid(x @ self.last), x, mel

    save(Audio(), path)


@family(rates=(0.01, 0.001))
def control_flow(path):
    """While, If, Case and map inside a call, with gradients through all."""
    class Flow(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = [variable(i, 5, 5) for i in range(3)]

        @tf.function(input_signature=[spec([None, 5], name="x"),
                                      spec([], tf.int32, "n")])
        def __call__(self, x, n):
            w = [tf.convert_to_tensor(v) for v in self.w]
            for _ in tf.range(n):
                if tf.reduce_sum(x) > 1.0:
                    x = tf.tanh(x @ w[0])
                else:
                    x = x + tf.sin(x)
            x = tf.switch_case(n % 3, [lambda i=i: x @ w[i]
                                       for i in range(3)])
            y = tf.map_fn(lambda row: tf.cumsum(tf.tanh(row)) / 3.0, x)
            z = tf.scan(lambda a, row: tf.tanh(a + row), y, tf.zeros(5))
            return tf.vectorized_map(lambda row: tf.tanh(row) * tf.norm(z), z + y)

    save(Flow(), path)


@family(quick=True, output="0")
def features_and_logits(path):
    """A subclassed model: two outputs, and a loss that it adds itself."""
    class Net(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = L.Dense(8, "relu"), L.Dense(3)
            self.drop = L.Dropout(0.5)

        def call(self, x, training=False):
            y = self.drop(self.a(x), training=training)
            self.add_loss(0.01 * tf.reduce_mean(tf.square(y)))
            return y, self.b(y)

    tf.keras.utils.set_random_seed(8)
    net = Net()
    net(tf.zeros((2, 6)))
    net.save(path)
