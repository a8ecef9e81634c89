"""Families of tasks beyond classification: detection, pose, generation,
retrieval, policies, as published modules hold them."""
import collections

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

from families_registry import family, lines_file, save, spec, variable
from families_v1 import SIGNATURE, export, matrix, normal, v1

L = tf.keras.layers


def pixels(name, spec_, rng):
    if spec_.dtype == tf.uint8:
        n = spec_.shape[0] or 3
        return rng.randint(0, 256, (n, 40, 48, 3)).astype(np.uint8)
    if spec_.dtype == tf.int32 and spec_.shape.rank == 4:
        return rng.randint(0, 256, (1, 40, 40, 3)).astype(np.int32)


def conv(seed, *shape):
    return variable(seed, *shape, scale=0.2)


# ---- detection


def anchors(rows, columns):
    y, x = tf.meshgrid(tf.range(rows), tf.range(columns), indexing="ij")
    centre = (tf.cast(tf.stack([y, x], -1), tf.float32) + 0.5) / tf.cast(
        [rows, columns], tf.float32)
    return tf.reshape(tf.concat([centre, tf.fill([rows, columns, 2], 0.3)],
                                -1), [-1, 4])


def boxes_of(codes, anchor):
    """Corners of what a detector says of its anchors."""
    y, x, h, w = tf.unstack(codes, axis=-1)
    cy, cx, ah, aw = tf.unstack(anchor, axis=-1)
    y, x = y * ah / 10 + cy, x * aw / 10 + cx
    h, w = tf.exp(h / 5) * ah / 2, tf.exp(w / 5) * aw / 2
    return tf.clip_by_value(tf.stack([y - h, x - w, y + h, x + w], -1), 0, 1)


@family(quick=True, feed=pixels, train=None)
def ssd_detector(path):
    """A map over images, resized; boxes without overlaps, padded."""
    class Detector(tf.Module):
        def __init__(self):
            super().__init__()
            self.convs = [conv(1, 3, 3, 3, 8), conv(2, 3, 3, 8, 16)]
            self.heads = [conv(3, 3, 3, 16, 4), conv(4, 3, 3, 16, 5)]

        @tf.function(input_signature=[spec([1, None, None, 3], tf.uint8,
                                           "input_tensor")])
        def __call__(self, input_tensor):
            def prepare(image):
                image = tf.image.resize(tf.cast(image, tf.float32), [32, 32])
                return image / 127.5 - 1.0, tf.constant([32, 32, 3])
            x, shapes = tf.map_fn(prepare, input_tensor, fn_output_signature=(
                tf.float32, tf.int32))
            for w in self.convs:
                x = tf.nn.relu6(tf.nn.conv2d(x, w, 2, "SAME"))
            codes, logits = [tf.nn.conv2d(x, w, 1, "SAME") for w in self.heads]
            anchor = anchors(tf.shape(x)[1], tf.shape(x)[2])
            boxes = boxes_of(tf.reshape(codes, [1, -1, 4]), anchor)
            scores = tf.sigmoid(tf.reshape(logits, [1, -1, 5]))
            b, s, c, n = tf.image.combined_non_max_suppression(
                boxes[:, :, None], scores[..., 1:], 5, 10, 0.5, 0.1,
                clip_boxes=False)
            return {"detection_boxes": b, "detection_scores": s,
                    "detection_classes": c + 1.0,
                    "num_detections": tf.cast(n, tf.float32),
                    "raw_detection_boxes": boxes,
                    "raw_detection_scores": scores,
                    "shapes": shapes}

    m = Detector()
    save(m, path, {"serving_default": m.__call__})


@family(feed=pixels, output="features")
def two_stage_detector(path):
    """Proposals, chosen by a loop over images, cut out and classified."""
    class Detector(tf.Module):
        def __init__(self):
            super().__init__()
            self.body, self.codes = conv(1, 3, 3, 3, 8), conv(2, 1, 1, 8, 4)
            self.objects = conv(3, 1, 1, 8, 1)
            self.dense = variable(4, 4 * 4 * 8, 6)

        @tf.function(input_signature=[spec([None, 40, 48, 3], tf.uint8,
                                           "images")])
        def __call__(self, images):
            x = tf.cast(images, tf.float32) / 255.0
            x = tf.nn.relu(tf.nn.conv2d(x, self.body, 4, "SAME"))
            n = tf.shape(x)[0]
            boxes = boxes_of(tf.reshape(tf.nn.conv2d(
                x, self.codes, 1, "SAME"), [n, -1, 4]), anchors(10, 12))
            scores = tf.reshape(tf.nn.conv2d(x, self.objects, 1, "SAME"),
                                [n, -1])

            def best(args):
                kept, valid = tf.image.non_max_suppression_padded(
                    *args, 6, iou_threshold=0.6, score_threshold=-1e3,
                    pad_to_max_output_size=True)
                return tf.gather(args[0], kept), valid
            chosen, valid = tf.map_fn(best, (boxes, scores),
                                      fn_output_signature=(tf.float32,
                                                           tf.int32))
            cut = tf.image.crop_and_resize(
                x, tf.reshape(tf.stop_gradient(chosen), [-1, 4]),
                tf.repeat(tf.range(n), 6), [8, 8])
            cut = tf.nn.max_pool2d(cut, 2, 2, "VALID")
            y = tf.reshape(cut, [n, 6, 4 * 4 * 8]) @ self.dense
            return {"features": tf.reduce_mean(y, 1), "boxes": chosen,
                    "valid": valid, "classes": tf.argmax(y, -1)}

    save(Detector(), path)


@family(quick=True, feed=pixels, train=None)
def pose(path):
    """Points of the largest values of maps, refined by rows gathered there."""
    class Pose(tf.Module):
        def __init__(self):
            super().__init__()
            self.convs = [conv(1, 3, 3, 3, 8), conv(2, 3, 3, 8, 8)]
            self.heat, self.offset = conv(3, 1, 1, 8, 5), conv(4, 1, 1, 8, 10)

        @tf.function(input_signature=[spec([1, 40, 40, 3], tf.int32,
                                           "input")])
        def __call__(self, input):
            x = tf.cast(input, tf.float32) / 127.5 - 1.0
            for w in self.convs:
                x = tf.nn.relu6(tf.nn.conv2d(x, w, 2, "SAME"))
            x = tf.image.resize(x, [20, 20])
            heat = tf.sigmoid(tf.nn.conv2d(x, self.heat, 1, "SAME"))
            offset = tf.nn.conv2d(x, self.offset, 1, "SAME")
            flat = tf.reshape(heat, [1, -1, 5])
            best = tf.argmax(flat, 1, output_type=tf.int32)
            y, x = best // 20, tf.math.floormod(best, 20)
            at = tf.stack([tf.zeros_like(y), y, x, tf.range(5)[None]], -1)
            score = tf.gather_nd(heat, at)
            dy, dx = [tf.gather_nd(o, at) for o in tf.split(offset, 2, -1)]
            place = tf.stack([(tf.cast(y, tf.float32) + dy) / 20,
                              (tf.cast(x, tf.float32) + dx) / 20, score], -1)
            return {"output_0": place[:, None]}

    m = Pose()
    save(m, path, {"serving_default": m.__call__})


def scale_inputs(name, spec_, rng):
    if spec_.dtype == tf.float32:
        return {"image": rng.rand(24, 32, 3), "score_threshold": 0.05,
                "image_scales": np.array([0.5, 1.0])}[name].astype(
                    "f") if name in ("image", "image_scales") else (
                        np.float32(0.05))
    return np.int32(20)


@family(feed=scale_inputs, train=None)
def hub1_local_features(path):
    """A loop of version 1 over scales that grows lists, then suppression."""
    def body():
        image = v1.placeholder(tf.float32, [None, None, 3], "image")
        least = v1.placeholder(tf.float32, [], "score_threshold")
        scales = v1.placeholder(tf.float32, [None], "image_scales")
        most = v1.placeholder(tf.int32, [], "max_feature_num")
        w, a = matrix("w", 1, 3, 3, 3, 6), matrix("a", 2, 1, 1, 6, 1)

        def turn(i, boxes, features, scores):
            size = tf.cast(tf.round(scales[i] * tf.cast(
                tf.shape(image)[:2], tf.float32)), tf.int32)
            x = v1.image.resize_bilinear(image[None], size)
            x = tf.nn.relu(tf.nn.conv2d(x, w, 4, "SAME"))
            score = tf.reshape(tf.nn.softplus(tf.nn.conv2d(
                x, a, 1, "SAME")), [-1])
            ys, xs = tf.meshgrid(tf.range(tf.shape(x)[1]),
                                 tf.range(tf.shape(x)[2]), indexing="ij")
            at = tf.reshape(tf.cast(tf.stack([ys, xs], -1), tf.float32),
                            [-1, 2]) * 4 / scales[i]
            kept = tf.reshape(tf.where(score >= least), [-1])
            box = tf.concat([at, at + 8 / scales[i]], 1)
            return (i + 1, tf.concat([boxes, tf.gather(box, kept)], 0),
                    tf.concat([features, tf.gather(tf.reshape(
                        x, [-1, 6]), kept)], 0),
                    tf.concat([scores, tf.gather(score, kept)], 0))
        n = tf.shape(scales)[0]
        start = [0, tf.zeros([0, 4]), tf.zeros([0, 6]), tf.zeros([0])]
        shapes = [tf.TensorShape(s) for s in (
            [], [None, 4], [None, 6], [None])]
        _, boxes, features, scores = v1.while_loop(
            lambda i, *_: i < n, turn, start, shapes, back_prop=False)
        kept = tf.image.non_max_suppression(boxes, scores, most, 0.8)
        hub.add_signature(inputs={
            "image": image, "score_threshold": least, "image_scales": scales,
            "max_feature_num": most}, outputs={
                "locations": tf.gather(boxes, kept)[:, :2],
                "descriptors": tf.nn.l2_normalize(tf.gather(
                    features, kept), 1),
                "scores": tf.gather(scores, kept)[:, None]})

    export(path, body)


@family()
def segmentation(path):
    """Dilated and separable convolutions, a pyramid, sizes as they came."""
    tf.keras.utils.set_random_seed(4)
    x = inputs = L.Input((None, None, 3))
    x = L.Conv2D(8, 3, 2, padding="same", activation="relu")(x)
    low = x
    x = L.SeparableConv2D(12, 3, 2, padding="same", activation="relu")(x)
    parts = [L.Conv2D(6, 3, padding="same", dilation_rate=r)(x)
             for r in (1, 2, 3)]
    pooled = L.GlobalAveragePooling2D(keepdims=True)(x)
    parts.append(tf.image.resize(L.Conv2D(6, 1)(pooled), tf.shape(x)[1:3]))
    x = L.Concatenate()(parts)
    x = tf.image.resize(x, tf.shape(low)[1:3])
    x = L.Conv2D(4, 3, padding="same")(L.Concatenate()([x, low]))
    x = L.Conv2DTranspose(4, 3, 2, padding="same")(x)
    labels = tf.argmax(x, -1)
    tf.keras.Model(inputs, {
        "default": L.GlobalMaxPooling2D()(x), "labels": labels,
        "colours": tf.cast(labels * 60, tf.uint8)}).save(path)


# ---- generation


def latent(name, spec_, rng):
    if name == "y":
        return np.eye(4, dtype="f")[rng.randint(0, 4, 3)]
    if name == "truncation":
        return np.float32(0.6)


def spectral(w, name):
    """Divided by its largest singular value, by one turn of a power."""
    flat = tf.reshape(w, [-1, w.shape[-1]])
    u = v1.get_variable(name + "/u", [1, w.shape[-1]], trainable=False,
                        initializer=normal(9))
    v = tf.nn.l2_normalize(tf.matmul(u, flat, transpose_b=True))
    new = tf.nn.l2_normalize(tf.matmul(v, flat))
    sigma = tf.squeeze(tf.matmul(tf.matmul(v, flat), new, transpose_b=True))
    return w / sigma


@family(quick=True, feed=latent, train=SIGNATURE)
def hub1_generator(path):
    """Images of noise and classes: spectral norms, conditional averages."""
    def body(training):
        z = v1.placeholder(tf.float32, [None, 6], "z")
        y = v1.placeholder(tf.float32, [None, 4], "y")
        cut = v1.placeholder(tf.float32, [], "truncation")
        h = tf.matmul(y, matrix("embed", 1, 4, 5))
        x = tf.concat([z * cut, h], 1)
        x = tf.reshape(tf.matmul(x, spectral(matrix("d", 2, 11, 32), "d")),
                       [-1, 2, 2, 8])
        for i in range(2):
            mean = v1.get_variable("mean%d" % i, [8], trainable=False,
                                   initializer=v1.zeros_initializer())
            var = v1.get_variable("var%d" % i, [8], trainable=False,
                                  initializer=v1.ones_initializer())
            gamma, beta = [tf.matmul(h, matrix("%s%d" % (k, i), 3 + i, 5, 8))[
                :, None, None] for k in ("gamma", "beta")]
            if training:
                m, s = tf.nn.moments(x, [0, 1, 2])
                for a, b in ((mean, m), (var, s)):
                    v1.add_to_collection("update_ops",
                                         a.assign(0.9 * a + 0.1 * b))
            else:
                m, s = mean, var
            x = tf.nn.relu(tf.nn.batch_normalization(x, m, s, beta, 1 + gamma,
                                                     1e-4))
            x = v1.image.resize_nearest_neighbor(x, [4 << i, 4 << i])
            x = tf.nn.conv2d(x, spectral(matrix("c%d" % i, 5 + i, 3, 3, 8, 8),
                                         "c%d" % i), 1, "SAME")
        image = tf.tanh(tf.nn.conv2d(x, matrix("out", 8, 1, 1, 8, 3), 1,
                                     "SAME"))
        hub.add_signature(inputs={"z": z, "y": y, "truncation": cut},
                          outputs=image)

    export(path, body, [(set(), {"training": False}),
                        ({"train"}, {"training": True})], {"train"})


@family()
def super_resolution(path):
    """Dense blocks with leaky units, then pixels out of channels."""
    class Net(tf.Module):
        def __init__(self):
            super().__init__()
            self.first = conv(1, 3, 3, 3, 8)
            self.block = [conv(2 + i, 3, 3, 8 * (i + 1), 8) for i in range(3)]
            self.up = [conv(6, 3, 3, 8, 32), conv(7, 2, 2, 8, 8)]
            self.last = conv(8, 3, 3, 8, 3)

        @tf.function(input_signature=[spec([None, None, None, 3], name="x")])
        def __call__(self, x):
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
            x = tf.nn.conv2d(x, self.first, 1, "VALID")
            parts = [x]
            for w in self.block:
                parts.append(tf.nn.leaky_relu(tf.nn.conv2d(
                    tf.concat(parts, -1), w, 1, "SAME"), 0.2))
            x += 0.2 * parts[-1]
            x = tf.nn.depth_to_space(tf.nn.conv2d(x, self.up[0], 1, "SAME"), 2)
            x *= tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1,
                                              keepdims=True) + 1e-8)
            n, h, w, _ = tf.unstack(tf.shape(x))
            x = tf.nn.conv2d_transpose(x, self.up[1], [n, 2 * h, 2 * w, 8], 2)
            x = tf.nn.space_to_depth(tf.nn.conv2d(x, self.last, 1, "SAME"), 2)
            return tf.clip_by_value(x, -3.0, 3.0)

    save(Net(), path)


def prompts(name, spec_, rng):
    if spec_.dtype == tf.int32 and spec_.shape.rank == 2:
        return rng.randint(1, 12, (3, 4)).astype(np.int32)
    if spec_.dtype == tf.int32:
        return np.int32(3)


@family(quick=True, feed=prompts, train="call logits")
def text_generator(path):
    """A loop that attends to all before and goes on with the likeliest."""
    class Net(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = variable(1, 12, 8, scale=0.5)
            self.places = variable(2, 16, 8, scale=0.3)
            self.qkv = variable(3, 8, 24)
            self.out = variable(4, 8, 8)

        def states(self, ids):
            n = tf.shape(ids)[1]
            x = tf.gather(self.table, ids) + self.places[:n]
            q, k, v = tf.split(tf.einsum("btd,de->bte", x, self.qkv), 3, -1)
            scores = tf.matmul(q, k, transpose_b=True) / 8.0 ** 0.5
            mask = tf.linalg.band_part(tf.ones([n, n]), -1, 0)
            scores = tf.where(mask > 0, scores, -1e9)
            return x + tf.nn.softmax(scores) @ v @ self.out

        @tf.function(input_signature=[spec([None, None], tf.int32, "ids")])
        def logits(self, ids):
            return tf.matmul(self.states(ids)[:, -1], self.table,
                             transpose_b=True)

        @tf.function(input_signature=[spec([None, None], tf.int32, "ids"),
                                      spec([], tf.int32, "length")])
        def generate(self, ids, length):
            done = tf.zeros([tf.shape(ids)[0]], tf.bool)
            score = tf.zeros([tf.shape(ids)[0]])
            for _ in tf.range(length):
                tf.autograph.experimental.set_loop_options(
                    shape_invariants=[(ids, tf.TensorShape([None, None]))])
                p = tf.nn.log_softmax(self.logits(ids))
                value, place = tf.math.top_k(p, 2)
                new = tf.where(done, 0, place[:, 0])
                score += tf.where(done, 0.0, value[:, 0])
                done |= tf.equal(new, 3)
                ids = tf.concat([ids, new[:, None]], 1)
                if tf.reduce_all(done):
                    break
            return {"ids": ids, "score": score}

        @tf.function(input_signature=[spec([None, None], tf.int32, "ids"),
                                      spec([], tf.int32, "length")])
        def beams(self, ids, length):
            """The two best of all ways to go on."""
            n = tf.shape(ids)[0]
            seq = tf.repeat(ids, 2, 0)
            score = tf.tile([0.0, -1e9], [n])
            i = 0
            while i < length:
                tf.autograph.experimental.set_loop_options(
                    shape_invariants=[(seq, tf.TensorShape([None, None]))])
                p = score[:, None] + tf.nn.log_softmax(self.logits(seq))
                score, flat = tf.math.top_k(tf.reshape(p, [n, -1]), 2)
                parent = flat // 12 + 2 * tf.range(n)[:, None]
                seq = tf.gather(seq, tf.reshape(parent, [-1]))
                seq = tf.concat([seq, tf.reshape(flat % 12, [-1, 1])], 1)
                score = tf.reshape(score, [-1])
                i += 1
            return {"ids": tf.reshape(seq, [n, 2, -1]), "score": score}

    save(Net(), path)


# ---- tables, retrieval, policies


def queries(name, spec_, rng):
    if spec_.dtype == tf.string:
        return rng.choice(["u1", "u2", "u9"], 3).astype(object)


@family(feed=queries, train=None)
def retrieval(path):
    """A tower of queries and an index whose names are a variable."""
    class Index(tf.Module):
        def __init__(self):
            super().__init__()
            self.lookup = L.StringLookup(vocabulary=["u1", "u2", "u3"])
            self.table = variable(1, 4, 6, scale=0.5)
            self.items = variable(2, 9, 6, trainable=False)
            self.names = tf.Variable(["i%d" % i for i in range(9)],
                                     trainable=False)

        @tf.function(input_signature=[spec([None], tf.string, "queries")])
        def __call__(self, queries):
            q = tf.gather(self.table, self.lookup(queries))
            values, at = tf.math.top_k(
                tf.matmul(q, self.items, transpose_b=True), 4)
            return {"scores": values, "names": tf.gather(self.names, at)}

    m = Index()
    save(m, path, {"serving_default": m.__call__})


Step = collections.namedtuple("Step", "step_type reward observation")
Action = collections.namedtuple("Action", "action state info")


@family(train=None)
def policy(path):
    """Named tuples in and out, states of a policy, integers of 64 bits."""
    class Policy(tf.Module):
        def __init__(self):
            super().__init__()
            self.w, self.u = variable(1, 4, 8), variable(2, 8, 3)
            self.steps = tf.Variable(0, dtype=tf.int64, trainable=False)

        @tf.function
        def action(self, time_step, policy_state=()):
            x = tf.nn.relu(time_step.observation["position"] @ self.w)
            logits = x @ self.u
            best = tf.argmax(logits, -1)
            best = tf.where(tf.equal(time_step.step_type, 0),
                            tf.zeros_like(best), best)
            return Action(best, policy_state, {
                "log_probability": tf.reduce_max(
                    tf.nn.log_softmax(logits), -1)})

        @tf.function(input_signature=[])
        def get_train_step(self):
            return self.steps.read_value()

        @tf.function(input_signature=[spec([], tf.int32, "batch_size")])
        def get_initial_state(self, batch_size):
            return {"c": tf.zeros([batch_size, 2])}

    m = Policy()
    m.action.get_concrete_function(Step(
        spec([None], tf.int32, "step_type"), spec([None], name="reward"),
        {"position": spec([None, 4], name="position")}))
    save(m, path)


@family(quick=True)
def video(path):
    """Convolutions over time, with gates and pools of all kinds."""
    tf.keras.utils.set_random_seed(8)
    x = inputs = L.Input((6, 12, 12, 3))
    x = L.Conv3D(6, (3, 5, 5), (1, 2, 2), "same", use_bias=False)(x)
    x = L.ReLU()(L.BatchNormalization(momentum=0.8)(x))
    # Without overlaps: where values are equal, a second pool's gradient goes to
    # all of them in TensorFlow's own kernel, to the first in oneDNN's.
    x = L.MaxPool3D((1, 2, 2))(x)
    branches = [L.Conv3D(4, 1)(x), L.Conv3D(4, (1, 3, 3), padding="same")(
        L.Conv3D(3, 1, activation="relu")(x)), L.Conv3D(2, 1)(
            L.MaxPool3D(3, 1, "same")(x))]
    x = L.Concatenate()(branches)
    gate = L.Dense(10, "sigmoid")(tf.reduce_mean(x, [1, 2, 3],
                                                 keepdims=True))
    x = L.AvgPool3D((2, 3, 3), 1)(x * gate)
    tf.keras.Model(inputs, L.Dense(5)(tf.reduce_mean(x, [1, 2, 3]))).save(path)


def tokens(name, spec_, rng):
    if spec_.dtype == tf.int32 and spec_.shape.rank == 2:
        top = {"input_ids": 12, "mlm_positions": 4}.get(name, 2)
        return rng.randint(0, top, (3, 4)).astype(np.int32)


@family(quick=True, feed=tokens, train="signature tokens",
        output="pooled_output")
def hub1_bert(path):
    """Two signatures over one encoder, which drops out in training only."""
    def norm(x, name):
        gamma = v1.get_variable(name + "/gamma", [8],
                                initializer=v1.ones_initializer())
        beta = v1.get_variable(name + "/beta", [8],
                               initializer=v1.zeros_initializer())
        mean, var = tf.nn.moments(x, [-1], keepdims=True)
        return tf.nn.batch_normalization(x, mean, var, beta, gamma, 1e-12)

    def encode(ids, mask, types, training):
        table = matrix("word_embeddings", 1, 12, 8)
        rows = v1.gather(table, tf.reshape(ids, [-1]))
        x = tf.reshape(rows, tf.concat([tf.shape(ids), [8]], 0))
        x += tf.reshape(tf.matmul(tf.one_hot(tf.reshape(types, [-1]), 2),
                                  matrix("types", 2, 2, 8)), tf.shape(x))
        x += tf.slice(matrix("places", 3, 16, 8), [0, 0],
                      [tf.shape(ids)[1], -1])
        x = norm(x, "embeddings")
        if training:
            x = v1.nn.dropout(x, rate=0.1)
        q, k, v = [tf.transpose(tf.reshape(
            v1.layers.dense(x, 8, name=n, kernel_initializer=normal(4)),
            [tf.shape(x)[0], -1, 2, 4]), [0, 2, 1, 3])
            for n in ("query", "key", "value")]
        scores = tf.matmul(q, k, transpose_b=True) * 0.5
        scores += (1.0 - tf.cast(mask, tf.float32))[:, None, None] * -1e4
        y = tf.matmul(tf.nn.softmax(scores), v)
        y = tf.reshape(tf.transpose(y, [0, 2, 1, 3]), tf.shape(x))
        y = v1.layers.dense(y, 8, name="dense", kernel_initializer=normal(5))
        x = norm(x + y, "output")
        pooled = v1.layers.dense(tf.squeeze(x[:, 0:1], 1), 8, tf.tanh,
                                 name="pooler", kernel_initializer=normal(6))
        return x, pooled, table

    def body(training):
        names = ("input_ids", "input_mask", "segment_ids", "mlm_positions")
        ids, mask, types, at = [v1.placeholder(tf.int32, [None, None], n)
                                for n in names]
        x, pooled, table = encode(ids, mask, types, training)
        inputs = dict(zip(names, (ids, mask, types)))
        outputs = {"sequence_output": x, "pooled_output": pooled}
        hub.add_signature("tokens", inputs=inputs, outputs=outputs)
        flat = at + tf.range(tf.shape(at)[0])[:, None] * tf.shape(ids)[1]
        rows = tf.gather(tf.reshape(x, [-1, 8]), tf.reshape(flat, [-1]))
        logits = tf.matmul(rows, table, transpose_b=True) + v1.get_variable(
            "bias", [12], initializer=v1.zeros_initializer())
        hub.add_signature("mlm", inputs=dict(inputs, mlm_positions=at),
                          outputs=dict(outputs, mlm_logits=logits))

    export(path, body, [(set(), {"training": False}),
                        ({"train"}, {"training": True})], {"train"})


# ---- text


def lines(name, spec_, rng):
    if spec_.dtype == tf.string:
        return np.array(["low lower  lowest!", "new newest", ""], object)


@family(quick=True, feed=lines)
def byte_pairs(path):
    """Merges of pairs in a loop until there is none, by a table."""
    merges = ["l o", "lo w", "e r", "n e", "ne w", "e s", "es t", "low e"]
    pieces = list("lowernsti! ") + ["lo", "low", "er", "ne", "new", "es",
                                    "est", "lowe"]

    class Tokenizer(tf.Module):
        def __init__(self):
            super().__init__()
            self.ranks = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(
                    merges, tf.range(len(merges))), 99)
            self.ids = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(
                    lines_file(pieces), tf.string,
                    tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
                    tf.lookup.TextFileIndex.LINE_NUMBER), 0)
            self.table = variable(1, len(pieces), 6, scale=0.5)

        def merge(self, word):
            """One word, its characters joined until nothing is known."""
            parts = tf.strings.unicode_split(word, "UTF-8")
            going = tf.size(parts) > 1
            while going:
                tf.autograph.experimental.set_loop_options(
                    shape_invariants=[(parts, tf.TensorShape([None]))])
                pairs = tf.strings.join([parts[:-1], parts[1:]], " ")
                ranks = self.ranks.lookup(pairs)
                best = tf.argmin(ranks, output_type=tf.int32)
                if tf.gather(ranks, best) >= 99:
                    going = False
                else:
                    joined = tf.strings.join([parts[best], parts[best + 1]])
                    parts = tf.concat([parts[:best], joined[None],
                                       parts[best + 2:]], 0)
                    going = tf.size(parts) > 1
            return tf.strings.reduce_join(parts, separator="\t")

        @tf.function(input_signature=[spec([None], tf.string, "text")])
        def __call__(self, text):
            words = tf.strings.split(tf.strings.regex_replace(
                text, r"(\pL+|\pP)", r"\1 "))
            flat = tf.map_fn(self.merge, words.flat_values)
            parts = tf.strings.split(flat, "\t")
            ids = self.ids.lookup(parts.flat_values)
            rows = tf.gather(self.table, ids)
            at = tf.gather(words.value_rowids(), parts.value_rowids())
            return tf.math.unsorted_segment_sum(
                rows, at, tf.shape(text)[0])

    save(Tokenizer(), path)


def features(name, spec_, rng):
    choices = {"colour": ["red", "green", "mauve", ""]}
    if spec_.dtype == tf.string:
        return rng.choice(choices["colour"], (3, 1)).astype(object)
    if spec_.dtype == tf.int64:
        return rng.randint(0, 99, (3, 1))
    return rng.normal(0, 2, (3, 1)).astype("f")


@family(feed=features, train=None)
def transform_graph(path):
    """Columns made into numbers: buckets, vocabularies, scaled, crossed."""
    class Transform(tf.Module):
        def __init__(self):
            super().__init__()
            self.vocabulary = tf.lookup.StaticVocabularyTable(
                tf.lookup.TextFileInitializer(
                    lines_file(["red", "green"]), tf.string,
                    tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
                    tf.lookup.TextFileIndex.LINE_NUMBER), 3)

        @tf.function(input_signature=[{
            "colour": spec([None, 1], tf.string, "colour"),
            "size": spec([None, 1], tf.float32, "size"),
            "rooms": spec([None, 1], tf.int64, "rooms")}])
        def __call__(self, inputs):
            colour, size = inputs["colour"], inputs["size"]
            sparse = tf.sparse.from_dense(colour)
            filled = tf.sparse.to_dense(tf.sparse.reset_shape(
                sparse, [tf.shape(size, tf.int64)[0], 1]), "none")
            bucket = tf.raw_ops.Bucketize(input=size,
                                          boundaries=[-1.0, 0.0, 1.0])
            crossed = tf.strings.to_hash_bucket_fast(tf.strings.join(
                [filled, tf.strings.as_string(inputs["rooms"] // 10)], "_x_"),
                7)
            mean, var = tf.constant(0.3), tf.constant(2.0)
            z = (tf.where(tf.math.is_nan(size), mean, size) - mean) / (
                tf.sqrt(var))
            scaled = tf.clip_by_value((size + 4.0) / 8.0, 0.0, 1.0)
            return {"colour": self.vocabulary.lookup(filled),
                    "bucket": bucket, "crossed": crossed, "z": z,
                    "scaled": scaled, "length": tf.strings.length(filled),
                    "hot": tf.one_hot(tf.squeeze(bucket, 1), 4)}

    m = Transform()
    save(m, path, {"serving_default": m.__call__})


def payloads(name, spec_, rng):
    if spec_.dtype == tf.string:
        return np.array([tf.io.encode_jpeg(rng.randint(
            0, 256, (16 + i, 20, 3)).astype(np.uint8), quality=95).numpy()
            for i in range(3)], object)


@family(feed=payloads, output="scores")
def files_of_images(path):
    """Files in, decoded one by one, as models for serving take them."""
    class Net(tf.Module):
        def __init__(self):
            super().__init__()
            self.w, self.dense = conv(1, 3, 3, 3, 8), variable(2, 8, 5)

        @tf.function(input_signature=[spec([None], tf.string, "image_bytes")])
        def __call__(self, image_bytes):
            def decode(data):
                x = tf.io.decode_jpeg(data, 3, dct_method="INTEGER_ACCURATE")
                x = tf.image.convert_image_dtype(x, tf.float32)
                return tf.image.resize(x, [16, 16])
            x = tf.map_fn(decode, image_bytes, fn_output_signature=spec(
                [16, 16, 3]), parallel_iterations=8)
            x = tf.nn.relu(tf.nn.conv2d(x, self.w, 2, "SAME"))
            y = tf.nn.softmax(tf.reduce_mean(x, [1, 2]) @ self.dense)
            return {"scores": y, "key": tf.strings.as_string(
                tf.argmax(y, -1)), "top": tf.math.top_k(y, 2).indices}

    m = Net()
    save(m, path, {"serving_default": m.__call__})


@family(quick=True)
def speech(path):
    """Samples to states: grouped convolutions, group norms, attention."""
    tf.keras.utils.set_random_seed(9)
    x = inputs = L.Input((160,))
    x = L.Reshape((160, 1))(x)
    x = L.Conv1D(8, 10, 5, use_bias=False)(x)
    x = L.GroupNormalization(8)(x)
    x = tf.nn.gelu(x)
    x = tf.nn.gelu(L.Conv1D(8, 3, 2)(x), approximate=True)
    x += tf.nn.gelu(L.Conv1D(8, 4, padding="same", groups=2)(x))
    y = L.LayerNormalization()(x)
    x += L.MultiHeadAttention(2, 4)(y, y)
    x = L.Dense(8, tf.nn.silu)(L.LayerNormalization()(x))
    y = tf.nn.glu(x) if hasattr(tf.nn, "glu") else (
        x[..., :4] * tf.sigmoid(x[..., 4:]))
    tf.keras.Model(inputs, {"default": L.GlobalAveragePooling1D()(y),
                            "states": x}).save(path)
