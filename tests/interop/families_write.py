"""Writes modules of the families that are not there yet.

    python tests/interop/families_write.py FOLDER [NAME...]
"""
import os
import shutil
import sys
import traceback

import tensorflow as tf

import families_images  # noqa: F401
import families_modules  # noqa: F401
import families_published  # noqa: F401
import families_rnn  # noqa: F401
import families_text  # noqa: F401
import families_v1  # noqa: F401
import families_wider  # noqa: F401
from families_registry import FAMILIES

# The module last: where it is, those beside it are.
ENDS = (".double", ".twin.double", ".twin", "")


def write(name, path):
    if os.path.isdir(path):
        return
    tf.keras.backend.clear_session()
    for end in ENDS:
        shutil.rmtree(path + ".part" + end, ignore_errors=True)
    FAMILIES[name].write(path + ".part")
    for end in ENDS:
        if os.path.isdir(path + ".part" + end):
            os.rename(path + ".part" + end, path + end)


def main(folder, *names):
    tf.get_logger().setLevel("CRITICAL")
    for name in names or FAMILIES:
        try:
            write(name, os.path.join(folder, name))
        except Exception:  # the others can still be compared
            print("families: %s cannot be written" % name, file=sys.stderr)
            traceback.print_exc()


if __name__ == "__main__":
    main(*sys.argv[1:])
