"""Families of other shapes: U-Net, transformers, recommenders, taggers with
a CRF, causal convolutions, graphs, quantization-aware training."""
import numpy as np
import tensorflow as tf

from families_registry import family, save, spec, variable

L = tf.keras.layers


@family(quick=True)
def unet(path):
    """Transposed convolutions, skips, and crops."""
    tf.keras.utils.set_random_seed(21)
    x = L.Input((32, 32, 3))
    skips, y = [], x
    for n in (8, 12):
        y = L.Conv2D(n, 3, padding="same", use_bias=False)(y)
        y = L.LeakyReLU(0.1)(L.LayerNormalization()(y))
        skips.append(y)
        y = L.SpatialDropout2D(0.1)(L.MaxPooling2D()(y))
    y = L.Conv2D(16, 3, padding="same", activation="swish")(y)
    for n, skip in zip((12, 8), reversed(skips)):
        y = L.Conv2DTranspose(n, 2 if n == 12 else 3, 2, "same")(y)
        y = L.Concatenate()([y, skip])
        y = L.Conv2D(n, 3, padding="same", activation="selu")(y)
    y = L.Cropping2D(2)(L.Conv2D(4, 1)(y))
    tf.keras.Model(x, L.Softmax(axis=-1)(y)).save(path)


def tokens(name, spec_, rng):
    if spec_.dtype.is_integer and spec_.shape.rank == 2:
        t = rng.randint(0, 30, (3, 7))
        t[0, 4:] = 0
        t[2, 6:] = 0
        return t.astype(spec_.dtype.as_numpy_dtype)


@family(feed=tokens)
def transformer(path):
    """Encoder and decoder, padding and causal masks, relative positions."""
    tf.keras.utils.set_random_seed(22)
    source, target = L.Input((None,), dtype="int32"), L.Input(
        (None,), dtype="int32")
    table = L.Embedding(30, 16, mask_zero=True)

    def placed(t):
        e = table(t) * 4.0
        at = tf.range(tf.shape(t)[1])
        angles = tf.cast(at, tf.float32)[:, None] / tf.pow(
            10000.0, tf.range(8, dtype=tf.float32) / 8)
        return e + tf.concat([tf.sin(angles), tf.cos(angles)], -1)

    def block(x, memory=None, causal=False):
        x = L.LayerNormalization()(x + L.MultiHeadAttention(2, 8)(
            x, x, use_causal_mask=causal))
        if memory is not None:
            x = L.LayerNormalization()(x + L.MultiHeadAttention(
                2, 8, value_dim=6)(x, memory))
        y = L.Dense(32, "gelu")(x)
        return L.LayerNormalization()(x + L.Dense(16)(y))

    memory = block(block(placed(source)))
    y = block(placed(target), memory, True)
    logits = L.Dense(30)(y)
    tf.keras.Model([source, target], tf.reduce_mean(
        tf.nn.log_softmax(logits), 1)).save(path)


def bag_feed(name, spec_, rng):
    if name == "bags":
        return rng.randint(0, 50, (3, 4)).astype("l")


@family(quick=True, feed=bag_feed)
def dlrm(path):
    """Bags of embeddings, hashed and crossed columns, feature crosses."""
    tf.keras.utils.set_random_seed(23)
    dense = L.Input((5,), name="numbers")
    bags = L.Input((4,), dtype="int64", name="bags")
    words = L.Input((2,), dtype="string", name="words")
    kinds = L.Hashing(17, salt=(7, 9))(words)
    crossed = L.HashedCrossing(11)((words[:, 0], words[:, 1]))
    sums = [tf.reduce_sum(L.Embedding(50, 8)(bags), 1),
            tf.reduce_mean(L.Embedding(17, 8)(kinds), 1),
            L.Embedding(11, 8)(crossed)]
    low = L.Dense(8, "relu")(L.Normalization(mean=0.1, variance=2.0)(dense))
    x = tf.stack([low] + sums, 1)
    products = tf.matmul(x, x, transpose_b=True)
    mask = tf.linalg.band_part(tf.ones((4, 4)), -1, 0) - tf.eye(4)
    flat = tf.boolean_mask(products, tf.cast(mask, tf.bool), axis=1)
    x0 = tf.concat([low, tf.reshape(flat, [-1, 6])], -1)
    x1 = x0 * L.Dense(14)(x0) + x0  # a cross of DCN
    buckets = L.Discretization([-1.0, 0.0, 1.0])(dense)
    one_hot = L.CategoryEncoding(4, "multi_hot")(buckets)
    y = L.Dense(2)(tf.concat([x1, one_hot], -1))
    tf.keras.Model([dense, bags, words], tf.sigmoid(y)).save(path)


@family()
def wavenet(path):
    """A causal stack with gates and mixtures of logistics."""
    tf.keras.utils.set_random_seed(24)
    x = L.Input((40, 1))
    y, skips = L.Conv1D(8, 2, padding="causal")(x), []
    for rate in (1, 2, 4, 8):
        a = L.Conv1D(8, 2, padding="causal", dilation_rate=rate,
                     activation="tanh")(y)
        b = L.Conv1D(8, 2, padding="causal", dilation_rate=rate,
                     activation="sigmoid")(y)
        z = L.Conv1D(8, 1)(a * b)
        skips.append(z)
        y = y + z
    y = tf.nn.relu(tf.add_n(skips))
    mean, scale, weight = tf.split(L.Conv1D(6, 1)(y), 3, -1)
    scale = tf.nn.softplus(scale) + 1e-2
    upper = tf.sigmoid((x + 0.1 - mean) / scale)
    lower = tf.sigmoid((x - 0.1 - mean) / scale)
    likely = tf.math.log(tf.maximum(upper - lower, 1e-6))
    y = tf.reduce_logsumexp(likely + tf.nn.log_softmax(weight), -1)
    tf.keras.Model(x, y).save(path)


class Tagger(tf.Module):
    """Words of a sentence, BiLSTM, and a CRF: its partition by a scan, the
    best path by a loop."""

    def __init__(self):
        super().__init__()
        words = ["a", "good", "movie", "the", "plot", "was", "not"]
        self.words = tf.lookup.StaticVocabularyTable(
            tf.lookup.KeyValueTensorInitializer(
                words, tf.range(7, dtype=tf.int64)), 3)
        self.table = variable(1, 10, 8, name="table")
        self.rnn = L.Bidirectional(L.LSTM(6, return_sequences=True))
        self.rnn.build((None, None, 8))
        self.out = variable(2, 12, 4, name="out")
        self.moves = variable(3, 4, 4, name="moves")

    def scores(self, text):
        words = tf.strings.split(tf.strings.regex_replace(
            tf.strings.lower(text), "[^a-z ]", ""))
        ids = self.words.lookup(words.to_tensor("?"))
        lengths = tf.cast(words.row_lengths(), tf.int32)
        x = tf.nn.embedding_lookup(self.table, ids)
        mask = tf.sequence_mask(lengths, tf.shape(ids)[1])
        return tf.einsum("btd,dk->btk", self.rnn(x, mask=mask),
                         self.out), tf.maximum(lengths, 1)

    @tf.function(input_signature=[spec([None], tf.string, "text")])
    def __call__(self, text):
        text = tf.strings.join([text, tf.constant(" a good plot")])
        scores, lengths = self.scores(text)
        steps = tf.transpose(scores, [1, 0, 2])
        alphas = tf.scan(lambda a, s: s + tf.reduce_logsumexp(
            a[:, :, None] + self.moves, 1), steps[1:], steps[0])
        alphas = tf.transpose(tf.concat([steps[:1], alphas], 0), [1, 0, 2])
        at = tf.stack([tf.range(tf.shape(lengths)[0]), lengths - 1], 1)
        return {"partition": tf.reduce_logsumexp(tf.gather_nd(alphas, at), -1,
                                                 keepdims=True),
                "path": self.viterbi(steps)}

    def viterbi(self, steps):
        n = tf.shape(steps)[0]
        back = tf.TensorArray(tf.int32, n, element_shape=[None, 4])
        best = steps[0]
        for i in tf.range(1, n):
            reach = best[:, :, None] + self.moves
            back = back.write(i, tf.argmax(reach, 1, tf.int32))
            best = steps[i] + tf.reduce_max(reach, 1)
        tag = tf.argmax(best, -1, tf.int32)
        path = tf.TensorArray(tf.int32, n, element_shape=[None])
        path = path.write(n - 1, tag)
        i = n - 1
        while i > 0:
            tag = tf.gather(back.read(i), tag, batch_dims=1)
            i -= 1
            path = path.write(i, tag)
        return tf.transpose(path.stack())


@family(output="partition")
def crf_tagger(path):
    m = Tagger()
    save(m, path, m.__call__)


def graph_feed(name, spec_, rng):
    if name in ("senders", "receivers"):
        return rng.randint(0, 6, 9).astype("i")
    if name == "nodes":
        return rng.normal(0, 1, (6, 5)).astype("f")
    if name == "graph_of":
        return np.array([0, 0, 1, 1, 1, 2], "i")


class GraphNet(tf.Module):
    """Messages along edges, attention over neighbours, pooled by graph."""

    def __init__(self):
        super().__init__()
        self.w = [variable(i, *s) for i, s in enumerate(
            ((5, 8), (16, 8), (16, 1), (8, 3)))]

    @tf.function(input_signature=[
        spec([None, 5], name="nodes"), spec([None], tf.int32, "senders"),
        spec([None], tf.int32, "receivers"),
        spec([None], tf.int32, "graph_of")])
    def __call__(self, nodes, senders, receivers, graph_of):
        n = tf.shape(nodes)[0]
        h = tf.nn.elu(nodes @ self.w[0])
        for _ in range(2):
            pair = tf.concat([tf.gather(h, senders), tf.gather(
                h, receivers)], -1)
            e = tf.nn.leaky_relu(pair @ self.w[2])[:, 0]
            top = tf.math.unsorted_segment_max(e, receivers, n)
            e = tf.exp(e - tf.gather(top, receivers))
            total = tf.math.unsorted_segment_sum(e, receivers, n)
            e = tf.math.divide_no_nan(e, tf.gather(total, receivers))
            sent = tf.math.unsorted_segment_sum(
                e[:, None] * (pair @ self.w[1]), receivers, n)
            h = tf.nn.l2_normalize(h + sent, -1)
        degree = tf.math.bincount(receivers, minlength=n, dtype=tf.float32)
        h = h / tf.sqrt(1 + tf.tensor_scatter_nd_update(
            degree, [[0]], [1.0]))[:, None]
        pooled = tf.concat([tf.math.segment_mean(h, graph_of),
                            tf.math.segment_max(h, graph_of)], -1)
        return tf.math.segment_sum(h, graph_of) @ self.w[3] + tf.reduce_mean(
            pooled, -1, keepdims=True)


@family(feed=graph_feed, train=None)
def graph_network(path):
    m = GraphNet()
    save(m, path, m.__call__)


class FakeQuantized(L.Layer):
    def __init__(self, inner, **more):
        super().__init__(**more)
        self.inner = inner

    def build(self, shape):
        self.low, self.high = [self.add_weight(
            name, (), initializer=tf.constant_initializer(value),
            trainable=False) for name, value in (("low", -3.0),
                                                 ("high", 3.0))]
        self.inner.build(shape)

    def call(self, x, training=None):
        w = self.inner.kernel
        axes = list(range(len(w.shape) - 1))
        wq = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            w, tf.reduce_min(w, axes), tf.reduce_max(w, axes), 8, True)
        if len(w.shape) == 4:
            y = tf.nn.conv2d(x, wq, 1, "SAME") + self.inner.bias
        else:
            y = x @ wq + self.inner.bias
        if training:
            low, high = tf.reduce_min(y), tf.reduce_max(y)
            self.low.assign(self.low * 0.9 + low * 0.1)
            self.high.assign(self.high * 0.9 + high * 0.1)
        y = tf.quantization.fake_quant_with_min_max_vars(
            y, self.low, self.high, 8)
        return tf.nn.relu6(tf.quantization.fake_quant_with_min_max_args(
            y, -4.0, 4.0))


@family(quick=True)
def quantization_aware(path):
    tf.keras.utils.set_random_seed(26)
    x = L.Input((8, 8, 3))
    y = FakeQuantized(L.Conv2D(6, 3))(x)
    y = L.GlobalAveragePooling2D()(y)
    y = FakeQuantized(L.Dense(5))(y)
    y = tf.quantization.quantize_and_dequantize_v2(y, -1.0, 6.0)
    tf.keras.Model(x, L.Dense(3)(y)).save(path)


class Windows(L.Layer):
    """Attention in shifted windows with a table of relative places."""

    def __init__(self, shift):
        super().__init__()
        self.shift, self.attend = shift, L.MultiHeadAttention(2, 6)

    def build(self, shape):
        self.c = shape[-1]
        self.table = self.add_weight("table", (49, 2),
                                     initializer="random_normal")
        self.norm = L.LayerNormalization(epsilon=1e-5)
        self.qkv, self.out = L.Dense(3 * self.c), L.Dense(self.c)
        at = np.stack(np.meshgrid(range(4), range(4), indexing="ij")).reshape(
            2, -1)
        gap = at[:, :, None] - at[:, None, :] + 3
        self.places = tf.constant(gap[0] * 7 + gap[1])
        region = np.zeros((1, 8, 8, 1), "f")
        for i, rows in enumerate((slice(0, 4), slice(4, 6), slice(6, 8))):
            for k, cols in enumerate((slice(0, 4), slice(4, 6), slice(6, 8))):
                region[:, rows, cols] = 3 * i + k
        self.region = region

    def parts(self, x, c):
        x = tf.reshape(x, [-1, 2, 4, 2, 4, c])
        return tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]), [-1, 16, c])

    def call(self, x):
        y = tf.roll(self.norm(x), [-self.shift, -self.shift], [1, 2])
        y = self.parts(y, self.c)
        q, k, v = tf.unstack(tf.reshape(self.qkv(y), [
            -1, 16, 3, 2, self.c // 2]), axis=2)
        a = tf.einsum("bqhd,bkhd->bhqk", q, k) / tf.sqrt(self.c / 2.0)
        a += tf.transpose(tf.gather(self.table, self.places), [2, 0, 1])
        if self.shift:
            r = self.parts(tf.constant(self.region), 1)
            mask = tf.where(r == tf.transpose(r, [0, 2, 1]), 0.0, -100.0)
            a = tf.reshape(a, [-1, 4, 2, 16, 16]) + mask[None, :, None]
            a = tf.reshape(a, [-1, 2, 16, 16])
        y = tf.einsum("bhqk,bkhd->bqhd", tf.nn.softmax(a), v)
        y = self.out(tf.reshape(y, [-1, 16, self.c]))
        y = tf.reshape(y, [-1, 2, 2, 4, 4, self.c])
        y = tf.reshape(tf.transpose(y, [0, 1, 3, 2, 4, 5]), [-1, 8, 8, self.c])
        return x + tf.roll(y, [self.shift, self.shift], [1, 2])


@family()
def shifted_windows(path):
    tf.keras.utils.set_random_seed(27)
    x = L.Input((32, 32, 3))
    y = L.Reshape((8, 8, 48))(tf.nn.space_to_depth(x, 4))
    y = L.Dense(12)(y)
    for shift in (0, 2):
        y = Windows(shift)(y)
        y = y + L.Dense(12)(L.Dense(24, "gelu")(L.LayerNormalization()(y)))
    y = tf.image.extract_patches(y, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1],
                                 "VALID")
    y = L.Dense(16, use_bias=False)(L.LayerNormalization()(y))
    tf.keras.Model(x, L.GlobalAveragePooling2D()(y)).save(path)


class Codes(tf.Module):
    """A vector-quantised auto-encoder: straight-through codes, two losses."""

    def __init__(self):
        super().__init__()
        self.w = [variable(1, 4, 4, 3, 8, scale=0.2),
                  variable(2, 4, 4, 3, 8, scale=0.2), variable(3, 8, 16)]

    @tf.function(input_signature=[spec([None, 12, 12, 3], name="images")])
    def __call__(self, images):
        x = tf.nn.conv2d(images, self.w[0], 2, "SAME")
        flat, book = tf.reshape(x, [-1, 8]), self.w[2]
        far = (tf.reduce_sum(flat ** 2, 1, keepdims=True) - 2 * flat @ book +
               tf.reduce_sum(book ** 2, 0))
        codes = tf.argmin(far, 1)
        near = tf.reshape(tf.gather(book, codes, axis=1), [8, -1])
        near = tf.reshape(tf.transpose(near), tf.shape(x))
        loss = (tf.reduce_mean((tf.stop_gradient(near) - x) ** 2, [1, 2, 3]) +
                tf.reduce_mean((near - tf.stop_gradient(x)) ** 2, [1, 2, 3]))
        y = x + tf.stop_gradient(near - x)
        size = tf.shape(images)
        y = tf.nn.conv2d_transpose(y, self.w[1], size, 2, "SAME")
        one_hot = tf.reshape(tf.one_hot(codes, 16), [tf.shape(x)[0], -1, 16])
        p = tf.reduce_mean(one_hot, 1)
        return {"codes": tf.reshape(codes, tf.shape(x)[:3]), "loss":
                loss[:, None], "perplexity": tf.exp(-tf.reduce_sum(
                    p * tf.math.log(p + 1e-10), 1)), "images": y,
                "ssim": tf.image.ssim(tf.sigmoid(y), tf.sigmoid(images), 1.0,
                                      filter_size=5)}


@family(quick=True, output="loss")
def vector_quantised(path):
    m = Codes()
    save(m, path, m.__call__)


class Mixed(tf.Module):
    """Experts chosen by top-k, vectorised maps, least squares, spectra."""

    def __init__(self):
        super().__init__()
        self.gate, self.w = variable(1, 8, 4), variable(2, 4, 8, 6)
        self.spread = variable(3, 6, 6, scale=0.3)

    @tf.function(input_signature=[spec([None, 8], name="x")])
    def __call__(self, x):
        p = tf.nn.softmax(x @ self.gate)
        top, which = tf.math.top_k(p, 2)
        top /= tf.reduce_sum(top, -1, keepdims=True)
        y = tf.einsum("bkio,bi->bko", tf.gather(self.w, which), x)
        y = tf.reduce_sum(y * top[:, :, None], 1)
        cov = tf.matmul(self.spread, self.spread, transpose_b=True)
        chol = tf.linalg.cholesky(cov + 0.5 * tf.eye(6))
        white = tf.transpose(tf.linalg.triangular_solve(chol,
                                                        tf.transpose(y)))
        each = tf.vectorized_map(
            lambda v: tf.reduce_sum(v[0] * tf.tanh(v[1])), (y, white))
        mapped = tf.map_fn(lambda v: tf.math.cumsum(tf.sort(v)), y)
        spectrum = tf.abs(tf.signal.rfft(y))
        fit = tf.linalg.lstsq(tf.stack([tf.ones(6), tf.range(6.0)], 1)[None],
                              y[:, :, None], l2_regularizer=0.1)[..., 0]
        root = tf.linalg.expm(0.1 * self.spread)
        logdet = tf.linalg.logdet(cov + tf.eye(6))
        out = tf.concat([white, each[:, None], mapped, spectrum, fit,
                         y @ root], -1)
        return {"all": out, "load": tf.math.reduce_std(p, 1) + logdet,
                "rank": tf.argsort(p, direction="DESCENDING")}


@family(output="all")
def experts(path):
    m = Mixed()
    save(m, path, m.__call__)


class Waves(tf.Module):
    """Complex matrices factored, solved and taken apart."""

    def __init__(self):
        super().__init__()
        self.real, self.imag = variable(1, 6, 9), variable(2, 6, 9)
        self.scale = variable(3, 3)

    @tf.function(input_signature=[spec([None, 6], name="x")])
    def __call__(self, x):
        m = tf.reshape(tf.complex(x @ self.real, x @ self.imag), [-1, 3, 3])
        eye = tf.eye(3, dtype=tf.complex64)
        gram = tf.matmul(m, m, adjoint_b=True) + eye
        chol = tf.linalg.cholesky(gram)
        b = m * tf.cast(self.scale, tf.complex64)
        left = tf.linalg.triangular_solve(chol, b)
        solved = tf.linalg.solve(m + 3 * eye, b, adjoint=True)
        inverse = tf.linalg.inv(m + 3 * eye)
        q, r = tf.linalg.qr(tf.concat([m, b[:, :, :2]], 2))
        s, u, v = tf.linalg.svd(b)
        projected = tf.matmul(u[:, :, :2], v[:, :, :2], adjoint_b=True)
        e, vectors = tf.linalg.eigh(gram)
        top = tf.matmul(vectors[:, :, 2:], vectors[:, :, 2:], adjoint_b=True)
        fit = tf.linalg.lstsq(tf.concat([m, eye + 0 * m], 1),
                              tf.concat([b, b], 1), l2_regularizer=0.1)
        sign, log = tf.linalg.slogdet(gram)
        parts = [chol, left, solved, inverse, q, r, projected, top, fit,
                 sign[:, None], log[:, None], tf.linalg.det(m)[:, None],
                 tf.sign(m), tf.math.unsorted_segment_prod(
                     tf.transpose(m, [1, 0, 2]), [0, 1, 0], 2)[0]]
        parts = [tf.reshape(p, [tf.shape(x)[0], -1]) for p in parts]
        out = tf.concat(parts, 1)
        return tf.concat([tf.math.real(out), tf.math.imag(out), s,
                          tf.math.real(e)], 1)


@family(quick=True)
def complex_factors(path):
    m = Waves()
    save(m, path, m.__call__)


class Slopes(tf.Module):
    """What comes out are slopes through batch norms, as in penalties."""

    def __init__(self):
        super().__init__()
        self.w, self.more = variable(1, 3, 3, 3, 4), variable(2, 1, 1, 4, 5)
        self.scale = [variable(3, 4) + 1, variable(4, 5) + 1]
        self.scale = [tf.Variable(v) for v in self.scale]
        self.offset = [variable(5, 4), variable(6, 5)]

    @tf.function(input_signature=[spec([None, 6, 6, 3], name="x")])
    def __call__(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.conv2d(x, self.w, 1, "VALID")
            y = tf.compat.v1.nn.fused_batch_norm(
                y, self.scale[0], self.offset[0], epsilon=1e-3)[0]
            y = tf.nn.conv2d(tf.nn.softplus(y), self.more, 1, "VALID")
            y = tf.compat.v1.nn.fused_batch_norm(
                y, self.scale[1], self.offset[1], tf.fill([5], 0.1),
                tf.fill([5], 1.5), is_training=False)[0]
            y = tf.reduce_sum(tf.tanh(y))
        return tf.reduce_mean(tape.gradient(y, x), [1, 2])


@family(quick=True)
def slopes_through_norms(path):
    m = Slopes()
    save(m, path, m.__call__)


class Drawn(tf.Module):
    """Regions of drawn sizes, and pixels repeated in double. TensorFlow has no
    gradient of their mean where the batch is unknown."""

    def __init__(self):
        super().__init__()
        self.w = variable(1, 3, 3, 3, 4)

    @tf.function(input_signature=[spec([None, 11, 13, 3], name="x")])
    def __call__(self, x):
        y = tf.tanh(tf.nn.conv2d(x, self.w, 1, "SAME"))
        high, _, _ = tf.nn.fractional_max_pool(y, [1.0, 1.44, 1.73, 1.0],
                                               True, True, seed=3)
        mean, _, _ = tf.nn.fractional_avg_pool(y, [1.0, 2.3, 1.3, 1.0], seed=4)
        mean = tf.stop_gradient(mean)
        wide = tf.image.resize(tf.cast(y, tf.float64), [7, 20], "nearest")
        wide = tf.cast(wide, tf.float32)
        parts = [tf.reduce_mean(p ** 2, [1, 2]) for p in (high, mean, wide)]
        return tf.concat(parts, 1)


@family(quick=True)
def drawn_regions(path):
    m = Drawn()
    save(m, path, m.__call__)
