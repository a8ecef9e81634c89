"""Text modules that hubtune makes, in TensorFlow: the same vectors of the same
texts, in both formats, and gradients in hub.Module.

    new_text.py HUBTUNE
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

TEXTS = ["was not, good 42", "", "  caf\u00e9!\t99 \u0663", "na\u00efve <b>",
         "a b c d e f g", "\u4f60\u597d, world", "unheard of words", "$5+$6"]
KINDS = {
    "words": [],
    "signs apart": ["--punctuation", "split", "--mask-digits"],
    "runs": ["--ngrams", "3", "--lowercase", "--oov", "5"],
    "spaces": ["--split", "space", "--punctuation", "strip"],
    "as exported for TF2": ["--split", "each-space", "--dtype", "double",
                            "--punctuation", "strip", "--trainable"],
    "parts": ["--subwords", "3-5", "--oov", "0", "--combiner", "mean"],
    "runs and parts": ["--ngrams", "2", "--subwords", "2-4", "--punctuation",
                       "strip", "--combiner", "sum"],
}


def hubtune(*words):
    done = subprocess.run([sys.argv[1], *map(str, words)], text=True,
                          capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def ours(module, lines):
    rows = hubtune("embed", module, lines, "--outputs", "-").splitlines()
    return np.array([list(json.loads(row).values())[0] for row in rows])


def version_1(module):
    """Vectors by hub.Module, and whether they have a gradient."""
    with tf.Graph().as_default():
        applied = hub.Module(str(module), trainable=True)
        vectors = applied(tf.constant(TEXTS))
        gradient = tf.gradients(vectors, applied.variables)[0]
        with tf.compat.v1.Session() as session:
            session.run([tf.compat.v1.global_variables_initializer(),
                         tf.compat.v1.tables_initializer()])
            return session.run(vectors), gradient is not None


def exporter(vectors, texts):
    """As examples/text_embeddings_v2/export_v2.py says (see hub-library.md,
    7.3): punctuation goes, each space splits, one bucket of zeros."""
    words = list(vectors)
    table = tf.lookup.StaticVocabularyTable(tf.lookup.KeyValueTensorInitializer(
        words, list(range(len(words))), tf.string, tf.int64), 1)
    matrix = tf.constant(list(vectors.values()) + [[0, 0, 0]], tf.float64)
    tokens = tf.strings.split(
        tf.strings.regex_replace(texts, r"\pP", ""), " ").to_sparse()
    ids = tf.SparseTensor(tokens.indices, table.lookup(tokens.values),
                          tokens.dense_shape)
    return tf.nn.safe_embedding_lookup_sparse(
        matrix, ids, combiner="sqrtn").numpy()


def compare_exporters(work):
    vectors = {"cat": [1.11, 2.56, 3.45], "dog": [1, 2, 3],
               "mouse": [.5, .1, .6]}
    file, out = work / "vectors.txt", work / "as_exported"
    file.write_text("".join(f"{w} {' '.join(map(str, v))}\n"
                            for w, v in vectors.items()))
    hubtune("new", "text-embedding", out, "--embeddings", file, "--split",
            "each-space", "--dtype", "double", "--punctuation", "strip", "-q")
    texts = ["cat cat", "lizard. dog", "cat? dog", "", " cat  dog ", "cat\tdog"]
    found = hub.load(str(out))(tf.constant(texts)).numpy()
    worst = np.abs(found - exporter(vectors, texts)).max()
    print(f"  tensorflow_hub's exporter for TF2: {worst:.1e}")
    return found.dtype == np.float64 and worst < 1e-6


def compare(work, kind, options):
    made = {}
    for form in ("savedmodel", "hub1"):
        made[form] = work / f"{kind}.{form}"
        hubtune("new", "text-embedding", made[form], "--from-text",
                work / "train.csv", "--text", "text", "--dim", 4, "--stddev",
                1, "--format", form, "-q", *options)
    mine = {k: ours(v, work / "texts.jsonl") for k, v in made.items()}
    layer = hub.KerasLayer(str(made["savedmodel"]), trainable=True)
    theirs = layer(tf.constant(TEXTS)).numpy()
    old, trains = version_1(made["hub1"])
    worst = max(np.abs(mine["savedmodel"] - theirs).max(),
                np.abs(mine["hub1"] - old).max())
    print(f"  {kind}: {worst:.1e}")
    return worst < 1e-5 and trains and len(layer.trainable_weights) == 1


def main():
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        with open(work / "train.csv", "w", newline="", encoding="utf-8") as f:
            csv.writer(f).writerows([["text", "label"]] +
                                    [[t, "x"] for t in TEXTS[:6] if t])
        (work / "texts.jsonl").write_text(
            "".join(json.dumps({"text": t}) + "\n" for t in TEXTS))
        good = [compare(work, k, o) for k, o in KINDS.items()]
        good.append(compare_exporters(work))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
