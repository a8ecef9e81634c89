"""Writes modules whose tables are filled from their checkpoints.

    python make_tables.py

tests/models/tables_v2 is a TF2 SavedModel, tables_v1 one of a session. Prints
what TensorFlow answers, which stands in tests/test_load.c.
"""
import tensorflow as tf

from cases import fresh, v1

WORDS = ["red", "blue", "mauve", ""]
lookup = tf.lookup.experimental


def pairs(keys, values, dtype):
    return tf.constant(keys), tf.constant(values, dtype)


class Tables(tf.Module):
    def __init__(self):
        super().__init__()
        self.ids = lookup.MutableHashTable(tf.string, tf.int64, 0)
        self.ids.insert(*pairs(["red", "blue"], [2, 1], tf.int64))
        self.weights = lookup.DenseHashTable(tf.string, tf.float32, 0.5, "",
                                             "-", initial_num_buckets=8)
        self.weights.insert(*pairs(["blue", "mauve"], [4, 8], tf.float32))
        self.rows = lookup.MutableHashTable(tf.string, tf.float32, [0., 1.])
        self.rows.insert(*pairs(["mauve"], [[5, 6]], tf.float32))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, words):
        # An empty key cannot be asked for.
        filled = tf.where(words == "", "none", words)
        return tf.concat([tf.cast(self.ids.lookup(words), tf.float32)[:, None],
                          self.weights.lookup(filled)[:, None],
                          self.rows.lookup(words)], 1)


def make_v2():
    m, path = Tables(), fresh("tables_v2")
    tf.saved_model.save(m, path, m.__call__.get_concrete_function())
    print(tf.saved_model.load(path)(tf.constant(WORDS)).numpy())


def make_v1():
    path = fresh("tables_v1")
    with v1.Graph().as_default(), v1.Session() as session:
        words = v1.placeholder(tf.string, [None], "words")
        table = lookup.MutableHashTable(tf.string, tf.int64, 0, name="ids")
        one = v1.get_variable("one", initializer=1.0)
        y = tf.cast(table.lookup(words), tf.float32) * one
        fill = table.insert(*pairs(["red", "blue"], [2, 1], tf.int64))
        session.run([v1.global_variables_initializer(), fill])
        v1.saved_model.simple_save(session, path, {"words": words}, {"y": y})
    with v1.Graph().as_default(), v1.Session() as session:
        v1.saved_model.load(session, ["serve"], path)
        print(session.run(y.name, {words.name: WORDS}))


make_v2()
make_v1()
