"""Families of texts and tables: front ends, encoders, their preprocessing."""
import struct

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from families_registry import family, lines_file, save, spec, variable

L = tf.keras.layers
WORDS = ("the a movie film was is very not good bad great awful plot actor "
         "funny boring long short music scene").split()
PIECES = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS +
          ["##ing", "##er", "un", "##able", "!", ",", ".", "'"] +
          [c for c in "bcdefghijklmnopqrstuvwxyz"] +
          ["##" + c for c in "abcdefghijklmnopqrstuvwxyz"])
SENTENCES = ["A good movie, unbearable at times!", "the plots weren't good",
             "Awful!  long, dull", "", "r\u00e9sum\u00e9 of \u4e2d\u6587 film",
             "zebra quux the", "BORING\tscenes. It's long"]


def sentences(name, spec_, rng):
    if spec_.dtype == tf.string:
        shape = [3 if n is None else n for n in spec_.shape]
        return rng.choice(SENTENCES, shape).astype(object)


# ---- Keras front ends


@family(quick=True, feed=sentences)
def text_vectorization(path):
    """Raw text to ids by a layer that was adapted, then a network."""
    tf.keras.utils.set_random_seed(1)
    front = L.TextVectorization(60, output_sequence_length=7, ngrams=2)
    front.adapt(SENTENCES)
    net = tf.keras.Sequential([
        L.Input((), dtype=tf.string), front, L.Embedding(60, 8),
        L.GlobalAveragePooling1D(), L.Dense(6, "relu")])
    net.save(path)


@family(feed=sentences)
def text_tfidf(path):
    front = L.TextVectorization(30, output_mode="tf_idf", split="character")
    front.adapt(SENTENCES)
    net = tf.keras.Sequential([
        L.Input((1,), dtype=tf.string), front, L.Dense(6, "relu")])
    net.save(path)


def columns(name, spec_, rng):
    choices = {"colour": ["red", "green", "blue", "mauve"],
               "place": ["here", "there", "nowhere"]}
    if spec_.dtype == tf.string:
        return rng.choice(choices.get(name, choices["colour"]),
                          (3, 1)).astype(object)
    if spec_.dtype.is_integer:
        return rng.randint(0, 5, (3, 1)).astype(spec_.dtype.as_numpy_dtype)
    return (10 * rng.rand(3, 1)).astype("f")


@family(quick=True, feed=columns)
def table_columns(path):
    """A row of a table by named inputs of several types."""
    tf.keras.utils.set_random_seed(2)
    inputs = {"colour": L.Input((1,), dtype=tf.string, name="colour"),
              "place": L.Input((1,), dtype=tf.string, name="place"),
              "rooms": L.Input((1,), dtype=tf.int64, name="rooms"),
              "grade": L.Input((1,), dtype=tf.int32, name="grade"),
              "size": L.Input((1,), name="size"),
              "price": L.Input((1,), name="price")}
    normalise = L.Normalization(axis=None)
    normalise.adapt(np.arange(9.0))
    cut = L.Discretization([1.0, 2.5, 7.0], output_mode="one_hot")
    parts = [
        L.StringLookup(vocabulary=["red", "green", "blue"],
                       output_mode="one_hot")(inputs["colour"]),
        L.CategoryEncoding(8)(L.Hashing(8)(inputs["place"])),
        L.IntegerLookup(vocabulary=[1, 2, 3], num_oov_indices=2,
                        output_mode="multi_hot")(inputs["rooms"]),
        L.Flatten()(L.Embedding(5, 3)(inputs["grade"])),
        normalise(inputs["size"]), cut(inputs["price"]),
        L.HashedCrossing(6, output_mode="one_hot")(
            (inputs["colour"], inputs["place"]))]
    y = L.Dense(8, "relu")(L.Concatenate()(parts))
    tf.keras.Model(inputs, L.Dense(4)(y)).save(path)


@family(feed=columns, train=None)
def lookup_inverse(path):
    """Ids to words, with vocabularies in files, and back."""
    words = L.Input((1,), dtype=tf.string, name="colour")
    file = lines_file(["red", "green", "blue"])
    ids = L.StringLookup(vocabulary=file, mask_token="")(words)
    back = L.StringLookup(vocabulary=file, mask_token="", invert=True)(ids)
    salted = L.Hashing(9, salt=[3, 4])(words)
    count = L.StringLookup(vocabulary=file, output_mode="count")(words)
    tf.keras.Model(words, [ids, back, salted, count]).save(path)


class Learnt(tf.Module):
    """Tables that were filled while a model was trained, as earlier releases
    of Keras keep vocabularies."""

    def __init__(self):
        super().__init__()
        lookup = tf.lookup.experimental
        self.ids = lookup.MutableHashTable(tf.string, tf.int64, 0)
        self.ids.insert(tf.constant(["red", "green", "blue"]),
                        tf.constant([1, 2, 3], tf.int64))
        self.weights = lookup.DenseHashTable(tf.int64, tf.float32, 0.5, -1, -2)
        self.weights.insert(tf.constant([1, 3, 40], tf.int64),
                            tf.constant([0.25, 4.0, 2.0]))
        self.rows = lookup.MutableHashTable(tf.string, tf.float32, [0., 1.])
        self.rows.insert(tf.constant(["blue", "mauve"]), [[3., 4.], [5., 6.]])
        self.embeddings = variable(1, 4, 5)
        self.kernel = variable(2, 7, 5)

    @tf.function(input_signature=[spec([None, 1], tf.string, "colour")])
    def __call__(self, colour):
        words = colour[:, 0]
        ids = self.ids.lookup(words)
        x = tf.gather(self.embeddings, ids) * self.weights.lookup(ids)[:, None]
        return tf.concat([x, self.rows.lookup(words)], 1) @ self.kernel


@family(quick=True, feed=columns)
def tables_in_the_checkpoint(path):
    m = Learnt()
    save(m, path, m.__call__.get_concrete_function())


# ---- encoders


class Bert(tf.Module):
    """The five Einsum equations of the official encoder."""
    HEADS, WIDTH, LENGTH = 2, 8, 6

    def __init__(self, layers=2):
        super().__init__()
        h, w = self.HEADS, self.WIDTH
        d = w // h
        self.words = variable(1, len(PIECES), w, scale=0.3, name="words")
        self.places = variable(2, 16, w, scale=0.3, name="places")
        self.types = variable(3, 2, w, scale=0.3, name="types")
        self.layers = [self.weights(10 * i, h, w, d) for i in range(layers)]
        self.norms = [[tf.Variable(tf.ones(w)), tf.Variable(tf.zeros(w))]
                      for _ in range(2 * layers + 1)]
        self.pool = variable(4, w, w, name="pooler")

    def weights(self, seed, h, w, d):
        names = dict(query=(w, h, d), key=(w, h, d), value=(w, h, d),
                     output=(h, d, w), inner=(w, 2 * w), outer=(2 * w, w))
        return {k: variable(seed + i, *shape, scale=0.4, name=k)
                for i, (k, shape) in enumerate(names.items())}

    def norm(self, x, i):
        gamma, beta = self.norms[i]
        mean, var = tf.nn.moments(x, [-1], keepdims=True)
        return tf.nn.batch_normalization(x, mean, var, beta, gamma, 1e-12)

    def layer(self, x, bias, w, i):
        q, k, v = (tf.einsum("abc,cde->abde", x, w[n])
                   for n in ("query", "key", "value"))
        scores = tf.einsum("aecd,abcd->acbe", k, q) / 2.0 + bias
        y = tf.einsum("acbe,aecd->abcd", tf.nn.softmax(scores), v)
        x = self.norm(x + tf.einsum("abcd,cde->abe", y, w["output"]), 2 * i)
        y = tf.einsum("abc,cd->abd", x, w["inner"])
        y = 0.5 * y * (1 + tf.tanh(0.79788456 * (y + 0.044715 * y ** 3)))
        return self.norm(x + tf.einsum("abc,cd->abd", y, w["outer"]),
                         2 * i + 1)

    @tf.function
    def __call__(self, inputs, training=False):
        ids, mask = inputs["input_word_ids"], inputs["input_mask"]
        x = tf.gather(self.words, ids)
        x += self.places[:tf.shape(ids)[1]]
        x += tf.one_hot(inputs["input_type_ids"], 2) @ self.types
        x = self.norm(x, 2 * len(self.layers))
        bias = (1.0 - tf.cast(mask, tf.float32))[:, None, None] * -1e9
        found = []
        for i, w in enumerate(self.layers):
            x = self.layer(x, bias, w, i)
            found.append(x)
        return {"pooled_output": tf.tanh(x[:, 0] @ self.pool),
                "sequence_output": x, "encoder_outputs": found,
                "default": tf.tanh(x[:, 0] @ self.pool)}


def bert_inputs(name, spec_, rng):
    mask = np.ones((3, 6), np.int32)
    mask[1, 4:] = 0
    found = {"input_mask": mask,
             "input_type_ids": np.repeat([[0, 0, 0, 1, 1, 1]], 3, 0),
             "input_word_ids": rng.randint(0, 20, (3, 6))}
    return found[name].astype(np.int32) if name in found else None


@family(quick=True, feed=bert_inputs, output="default")
def bert_encoder(path):
    m = Bert()
    names = ("input_word_ids", "input_mask", "input_type_ids")
    inputs = {k: spec([None, None], tf.int32, k) for k in names}
    for training in (False, True):
        m.__call__.get_concrete_function(inputs, training=training)
    save(m, path)


@family(feed=bert_inputs, output="default")
def keras_encoder(path):
    """A transformer of Keras's layers, with dropout, called by a dict."""
    tf.keras.utils.set_random_seed(6)
    names = ("input_word_ids", "input_mask", "input_type_ids")
    inputs = {k: L.Input((None,), dtype=tf.int32, name=k) for k in names}
    mask = tf.cast(inputs["input_mask"], tf.bool)[:, None]
    places = tf.range(tf.shape(mask)[-1])[None]
    x = (L.Embedding(len(PIECES), 16)(inputs["input_word_ids"]) +
         L.Embedding(2, 16)(inputs["input_type_ids"]) +
         L.Embedding(32, 16)(places))
    for _ in range(2):
        x = L.LayerNormalization()(L.Dropout(0.1)(x))
        y = L.MultiHeadAttention(2, 8, dropout=0.1)(x, x,
                                                    attention_mask=mask)
        x = L.LayerNormalization()(x + y)
        x += L.Dense(16)(L.Dense(32, tf.keras.activations.gelu)(x))
    tf.keras.Model(inputs, {
        "default": L.Dense(12, "tanh")(x[:, 0]), "sequence_output": x}).save(
            path)


class Preprocess(tf.Module):
    """Sentences to the inputs of a BERT encoder."""

    def __init__(self, tokenizer):
        super().__init__()
        self.tokenizer = tokenizer

    @tf.function(input_signature=[spec([None], tf.string, "text")])
    def __call__(self, text):
        ids = self.tokenizer.tokenize(text)
        if ids.ragged_rank > 1:
            ids = ids.merge_dims(-2, -1)
        ids = tf.cast(ids, tf.int32)
        trimmed = tf_text.RoundRobinTrimmer(8).trim([ids, ids[:, :2]])
        ids, types = tf_text.combine_segments(trimmed, 2, 3)
        words, mask = tf_text.pad_model_inputs(ids, 12)
        return {"input_word_ids": words, "input_mask": mask,
                "input_type_ids": tf_text.pad_model_inputs(types, 12)[0]}


@family(quick=True, feed=sentences, train=None)
def bert_preprocess(path):
    m = Preprocess(tf_text.BertTokenizer(lines_file(PIECES),
                                         lower_case=True))
    save(m, path)


@family(feed=sentences, train=None)
def fast_bert_preprocess(path):
    save(Preprocess(tf_text.FastBertTokenizer(
        PIECES, lower_case_nfd_strip_accents=True)), path)


class BertText(tf.Module):
    """From raw text to the encoder's answer in one module."""

    def __init__(self, tokenizer):
        super().__init__()
        self.preprocess, self.encoder = Preprocess(tokenizer), Bert(1)

    @tf.function(input_signature=[spec([None], tf.string, "text")])
    def __call__(self, text):
        return self.encoder(self.preprocess(text))["pooled_output"]


@family(feed=sentences)
def fast_wordpiece_text(path):
    class Tokenizer(tf.Module):
        def __init__(self):
            super().__init__()
            self.words = tf_text.WhitespaceTokenizer()
            self.pieces = tf_text.FastWordpieceTokenizer(
                PIECES, token_out_type=tf.int32)

        def tokenize(self, text):
            text = tf_text.normalize_utf8(tf_text.case_fold_utf8(text), "NFKC")
            return self.pieces.tokenize(self.words.tokenize(text))

    save(BertText(Tokenizer()), path)


def field(number, wire, payload):
    """Of a protobuf message, numbers below 16."""
    if wire == 2:
        payload = varint(len(payload)) + payload
    return bytes([number << 3 | wire]) + payload


def varint(n):
    found = bytearray()
    while n > 127:
        found.append(n & 127 | 128)
        n >>= 7
    return bytes(found) + bytes([n])


def sentencepiece_model():
    """A unigram model by hand: pieces with scores, identity as its rule."""
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    pieces += [("\u2581" + w, -3.0 - 0.1 * i, 1) for i, w in
               enumerate(WORDS)]
    pieces += [(c, -8.0 - 0.05 * i, 1) for i, c in
               enumerate("\u2581abcdefghijklmnopqrstuvwxyz,.!'")]
    found = b"".join(field(1, 2, field(1, 2, p.encode()) +
                           field(2, 5, struct.pack("<f", score)) +
                           field(3, 0, varint(kind)))
                     for p, score, kind in pieces)
    trainer = field(3, 0, varint(1))  # unigram
    normaliser = field(1, 2, b"identity")
    return found + field(2, 2, trainer) + field(3, 2, normaliser)


@family(feed=sentences, train=None)
def albert_preprocess(path):
    """Pieces of a unigram model between [CLS] and [SEP], cut and padded."""
    class Preprocessor(tf.Module):
        def __init__(self):
            super().__init__()
            self.tokenizer = tf_text.SentencepieceTokenizer(
                sentencepiece_model(), out_type=tf.int32)

        @tf.function(input_signature=[spec([None], tf.string, "sentences")])
        def __call__(self, sentences):
            text = tf_text.normalize_utf8(tf.strings.lower(
                tf.strings.strip(sentences), "utf-8"), "NFKD")
            ids = self.tokenizer.tokenize(text)[:, :10]
            ids, types = tf_text.combine_segments([ids], 1, 2)
            words, mask = tf_text.pad_model_inputs(ids, 12)
            return {"input_word_ids": words, "input_mask": mask,
                    "input_type_ids": tf_text.pad_model_inputs(types, 12)[0]}

    m = Preprocessor()
    save(m, path, {"serving_default": m.__call__})


@family(quick=True, feed=sentences)
def sentencepiece_text(path):
    class Text(tf.Module):
        def __init__(self):
            super().__init__()
            self.tokenizer = tf_text.SentencepieceTokenizer(
                sentencepiece_model(), add_bos=True)
            self.table = variable(5, 64, 6, scale=0.5)

        @tf.function(input_signature=[spec([None], tf.string, "text")])
        def __call__(self, text):
            rows = tf.gather(self.table, self.tokenizer.tokenize(text))
            return tf.reduce_mean(rows, 1)

    save(Text(), path)


@family(quick=True, feed=sentences)
def sentence_encoder(path):
    """A deep averaging network over words and pairs of words."""
    class Encoder(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = tf.lookup.StaticVocabularyTable(
                tf.lookup.TextFileInitializer(
                    lines_file(WORDS), tf.string,
                    tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
                    tf.lookup.TextFileIndex.LINE_NUMBER), 5)
            self.words = variable(1, len(WORDS) + 5, 8, scale=0.4)
            self.pairs = variable(2, 50, 8, scale=0.4)
            self.dense = [variable(i, 8, 8) for i in (3, 4)]

        def average(self, rows, ids):
            found = tf.nn.safe_embedding_lookup_sparse(rows, ids,
                                                       combiner="sqrtn")
            return found

        @tf.function(input_signature=[spec([None], tf.string, "inputs")])
        def __call__(self, inputs):
            text = tf.strings.regex_replace(tf.strings.lower(inputs),
                                            r"[^\w\s]", " $0 ")
            words = tf.strings.split(text)
            pairs = tf.strings.ngrams(words, 2)
            ids = self.table.lookup(words.flat_values)
            hashes = tf.strings.to_hash_bucket_fast(pairs.flat_values, 50)
            x = self.average(self.words, words.with_flat_values(
                ids).to_sparse())
            x += self.average(self.pairs, pairs.with_flat_values(
                hashes).to_sparse())
            for w in self.dense:
                x = tf.tanh(x @ w)
            return tf.nn.l2_normalize(x, -1)

    save(Encoder(), path)


# ---- ragged rows


@family(feed=sentences, train=None)
def ragged_map(path):
    """Functions mapped over ragged rows. Without variables: TensorFlow has no
    gradient of such loops once they are loaded."""
    class Rows(tf.Module):
        @tf.function(input_signature=[spec([None], tf.string, "text")])
        def __call__(self, text):
            ids = tf.strings.to_hash_bucket_fast(tf.strings.split(text), 40)
            backwards = tf.map_fn(
                lambda row: row[::-1], ids,
                fn_output_signature=tf.RaggedTensorSpec(
                    [None], tf.int64, ragged_rank=0))
            roots = tf.map_fn(
                lambda row: tf.sqrt(tf.cast(row, tf.float32)), backwards,
                fn_output_signature=tf.RaggedTensorSpec(
                    [None], tf.float32, ragged_rank=0))
            sums = tf.map_fn(tf.reduce_sum, roots,
                             fn_output_signature=tf.float32)
            return {"ids": backwards.to_tensor(), "sums": sums}

    save(Rows(), path)
