"""Writes tests/models/pair: a preprocessor of texts and an encoder for it.

    python tests/interop/make_pair.py

The files are committed; tests/cli/preprocess.sh has the numbers printed here.
"""
import os
import shutil
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

folder = os.path.abspath(os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "models", "pair"))
os.chdir(tempfile.mkdtemp())
with open("words.txt", "w") as f:
    f.write("[PAD]\n[CLS]\ngood\nbad\nfilm\nbook\n")
LENGTH = 5
NAMES = ("input_word_ids", "input_mask", "input_type_ids")


def spec(shape, dtype, name):
    return tf.TensorSpec(shape, dtype, name)


class Preprocess(tf.Module):
    def __init__(self):
        super().__init__()
        self.seen = tf.Variable(7.0, name="seen")  # trainable, and never is
        self.table = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                "words.txt", tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), 2)

    @tf.function(input_signature=[spec([None], tf.string, "text")])
    def __call__(self, text):
        words = tf.strings.split(text)
        ids = tf.ragged.map_flat_values(self.table.lookup, words)
        first = tf.ones_like(text, tf.int64)[:, None]
        ids = tf.concat([first, ids], 1)
        mask = tf.ones_like(ids).to_tensor(shape=[None, LENGTH])
        ids = tf.cast(ids.to_tensor(shape=[None, LENGTH]), tf.int32)
        return {"input_word_ids": ids, "input_mask": tf.cast(mask, tf.int32),
                "input_type_ids": tf.zeros_like(ids)}


class Encoder(tf.Module):
    def __init__(self):
        super().__init__()
        rng = np.random.RandomState(3)
        self.words = tf.Variable(rng.normal(0, 1, (8, 4)).astype("f"),
                                 name="words")
        self.kernel = tf.Variable(rng.normal(0, .5, (4, 3)).astype("f"),
                                  name="kernel")

    @tf.function
    def __call__(self, inputs, training=False):
        x = tf.gather(self.words, inputs["input_word_ids"])
        x += 0.5 * tf.cast(inputs["input_type_ids"], tf.float32)[..., None]
        mask = tf.cast(inputs["input_mask"], tf.float32)[..., None]
        x = tf.reduce_sum(x * mask, 1) / tf.reduce_sum(mask, 1)
        y = tf.tanh(x @ self.kernel)
        return {"default": 2.0 * y if training else y}

    def signature(self, length, dtype, names=NAMES):

        @tf.function(input_signature=[spec([None, length], dtype, n)
                                      for n in names])
        def call(*parts):
            return self(dict(zip(NAMES, [tf.cast(p, tf.int32)
                                         for p in parts])))
        return call


def main():
    shutil.rmtree(folder, ignore_errors=True)
    preprocess, encoder = Preprocess(), Encoder()
    for training in (False, True):
        encoder.__call__.get_concrete_function(
            {n: spec([None, None], tf.int32, n) for n in NAMES},
            training=training)
    tf.saved_model.save(preprocess, folder + "/preprocess")
    tf.saved_model.save(encoder, folder + "/encoder", signatures={
        "short": encoder.signature(3, tf.int32),
        "wide": encoder.signature(None, tf.int64),
        "tokens": encoder.signature(None, tf.int32, (
            "input_ids", "input_mask", "segment_ids")),
        "renamed": encoder.signature(None, tf.int32, NAMES[:2] + ("kinds",))})
    print(encoder(preprocess(tf.constant(["good film"])))["default"].numpy())
    with tf.GradientTape() as tape:
        y = encoder(preprocess(tf.constant(["good film"])), training=True)
    print(tape.gradient(y["default"], encoder.kernel).numpy())


if __name__ == "__main__":
    main()
