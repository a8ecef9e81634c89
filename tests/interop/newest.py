"""Exports in the readers of today: TensorFlow with tf_keras.

    python tests/interop/newest.py MODULES

Same tables as compare.py; each module is exported here and read with
tf.saved_model.load, hub.KerasLayer and as TF Serving does.
"""
import os
import shutil
import subprocess
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"
import exports
import oracle
import program
import report

EXPORTER = os.environ.get("HUBTUNE_EXPORTER", "tests/interop_export")


def check(r, name, path):
    if oracle.format_of(path) == "hub1":
        return r.skipped(name, "export", "hub.Module is of TF1")
    folder = program.scratch("newest")
    shutil.rmtree(folder, ignore_errors=True)
    exports.CACHE.clear()
    subprocess.run([EXPORTER, path, folder, "savedmodel"], check=True)
    exports.check(r, name, oracle.calls(path), folder)


def main(modules):
    r = report.Report()
    for name in sorted(os.listdir(modules)):
        path = os.path.join(modules, name)
        try:
            check(r, name, path)
        except Exception as e:  # a reader that fails is a result
            r.failed(name, "export", "%s: %s" % (type(e).__name__, e))
    shutil.rmtree(program.SCRATCH, ignore_errors=True)
    return r.show()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
