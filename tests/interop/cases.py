"""Files of tests/golden that tests/cases.h reads."""
import os
import shutil

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402

v1 = tf.compat.v1
here = os.path.dirname(os.path.abspath(__file__))


def fresh(name):
    path = os.path.join(here, "..", "models", name)
    shutil.rmtree(path, ignore_errors=True)
    return path


def line(out, what, name, value):
    value = np.asarray(value)
    kind = {"f": "float", "i": "int32", "b": "bool"}[value.dtype.kind]
    out.write(" ".join([what, name, kind, str(value.ndim)] +
                       ["%d" % d for d in value.shape] +
                       ["%.9g" % v for v in value.reshape(-1)]) + "\n")


def case(out, name, inputs, outputs, grads):
    out.write("case %s\n" % name)
    for k in sorted(inputs):
        line(out, "in", k, inputs[k])
    for k in sorted(outputs):
        line(out, "out", k, outputs[k])
    for k, g in grads:
        if g is not None:
            line(out, "grad", k, g)
    out.write("end\n")


def run(session, out, name, inputs, outputs):
    variables = v1.trainable_variables()
    grads = v1.gradients([t for t in outputs.values() if t.dtype.is_floating],
                         variables)
    grads = [g if g is None else tf.convert_to_tensor(g) for g in grads]
    feed = {t: value for t, value in inputs.values()}
    known = [(v.op.name, g) for v, g in zip(variables, grads) if g is not None]
    values, got = session.run([outputs, [g for _, g in known]], feed)
    case(out, name, {k: np.asarray(v, t.dtype.as_numpy_dtype)
                     for k, (t, v) in inputs.items()}, values,
         [(k, g) for (k, _), g in zip(known, got)])
