"""Writes the arrays of tests/models/arrays with numpy.

    python tests/interop/make_arrays.py [FOLDER]
"""
import os
import sys
import zipfile

import numpy as np
from numpy.lib import format as npy

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "models", "arrays")
os.makedirs(folder, exist_ok=True)


def path(name):
    return os.path.join(folder, name)


x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
text = np.array(["", "\u00e9t\u00e9", "\U0001f600 long one"])
np.savez(path("stored.npz"), x=x, n=np.int64(7), text=text,
         bytes=np.array([[b"ab", b"c"]]), b=np.array([True, False]))
np.savez_compressed(path("deflated.npz"), zeros=np.zeros([100, 100]),
                    **{"a/b\u00e9": np.arange(3, dtype=np.uint16)})
np.save(path("fortran.npy"), np.asfortranarray(x))
np.save(path("big.npy"), x.astype(">f4"))
np.save(path("big_text.npy"), text.astype(text.dtype.newbyteorder(">")))
np.save(path("complex_big.npy"), np.array([1 + 2j], ">c8"))
np.save(path("object.npy"), np.array([{}], object), allow_pickle=True)
np.save(path("structured.npy"), np.zeros(2, [("a", "i4")]))
for version in ((2, 0), (3, 0)):
    with open(path("version%d.npy" % version[0]), "wb") as f:
        npy.write_array(f, np.float64([[0.5], [-2]]), version)
with zipfile.ZipFile(path("zip64.npz"), "w") as z:
    with z.open("x.npy", "w", force_zip64=True) as f:
        npy.write_array(f, x)
with zipfile.ZipFile(path("other.npz"), "w") as z:
    z.writestr("readme.txt", "no array")
