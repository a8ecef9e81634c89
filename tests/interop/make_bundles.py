"""Writes the checkpoints of tests/models/bundles with a real TensorFlow.

    python tests/interop/make_bundles.py [FOLDER]

The files are committed, so that `make check` needs no TensorFlow.
"""
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

raw = tf.raw_ops
folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "models", "bundles")
os.makedirs(folder, exist_ok=True)


def save(name, tensors, slices=None):
    """Tensors are (key, value) pairs, slices texts as SaveV2 takes them."""
    raw.SaveV2(prefix=os.path.join(folder, name),
               tensor_names=[k for k, _ in tensors],
               shape_and_slices=slices or [""] * len(tensors),
               tensors=[v for _, v in tensors])


numbers = np.array([[0, 1, 2], [3, 4, 5]])
dtypes = [tf.float32, tf.float64, tf.int32, tf.uint8, tf.int16, tf.int8,
          tf.complex64, tf.int64, tf.bool, tf.bfloat16, tf.uint16,
          tf.complex128, tf.half, tf.uint32, tf.uint64]
save("types",
     [("byte", np.int8(-7))] +
     [("dtype/" + d.name, tf.cast(numbers, d)) for d in dtypes] +
     [("empty/float", np.zeros([3, 0], np.float32)),
      ("empty/string", np.zeros([0], "S1")),
      ("text/long", np.array(["x" * 300, "", "\u00e9t\u00e9", "a\0b"])),
      ("text/scalar", "serialised")])

x = np.arange(48, dtype=np.float32).reshape(6, 4, 2)
s = np.array([b"a", b"bb", b"ccc", b""])
w = (np.arange(2 * 9000) % 251).astype(np.uint8).reshape(9000, 2)
save("slices",
     [("box", x[:2, 1:3]), ("box", x[:2, :1]), ("box", x[:2, 3:]),
      ("box", x[2:]),
      ("text", s[:1]), ("text", s[1:]),
      ("u\xff", w[:8200, :1]), ("u\xff", w[8200:, :1]), ("u\xff", w[:, 1:]),
      ("z", np.float32(3))],
     ["6 4 2 0,2:1,2:-", "6 4 2 0,2:0,1:-", "6 4 2 0,2:3,1:0,2",
      "6 4 2 2,4:-:-", "4 0,1", "4 1,3",
      "9000 2 0,8200:0,1", "9000 2 8200,800:0,1", "9000 2 -:1,1", ""])

parts = [os.path.join(folder, "part%d" % i) for i in range(2)]
save("part0", [("b", np.float32([1, 2])), ("d", np.array([b"one", b"two"]))])
save("part1", [("a", np.int64([3])), ("c", np.float64([4, 5]))])
raw.MergeV2Checkpoints(checkpoint_prefixes=parts,
                       destination_prefix=os.path.join(folder, "shards"))

items = raw.TensorListFromTensor(tensor=np.float32([[1, 2], [3, 4]]),
                                 element_shape=np.int32([2]))
save("variants", [("list", tf.stack([items, items])),
                  ("n", np.float32([0.5, 2]))])
