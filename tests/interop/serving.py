"""What TF Serving does with a model: requests at its start, classify, regress.

The messages are made from their field numbers in tensorflow_serving/apis, so
that its package, which wants a TensorFlow of its own, is not needed.
"""
import os

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import differ

v1 = tf.compat.v1
METHOD = "tensorflow/serving/%s"
# Fields: name, number, type (None: string), whether repeated.
MESSAGES = {
    "ModelSpec": [("signature_name", 3, None, False)],
    "ExampleList": [("examples", 1, ".tensorflow.Example", True)],
    "Input": [("example_list", 1, ".s.ExampleList", False)],
    "ExamplesRequest": [("model_spec", 1, ".s.ModelSpec", False),
                        ("input", 2, ".s.Input", False)],
    "ExamplesLog": [("request", 1, ".s.ExamplesRequest", False)],
    "InputsEntry": [("key", 1, None, False),
                    ("value", 2, ".tensorflow.TensorProto", False)],
    "PredictRequest": [("model_spec", 1, ".s.ModelSpec", False),
                       ("inputs", 2, ".s.InputsEntry", True)],
    "PredictLog": [("request", 1, ".s.PredictRequest", False)],
    "PredictionLog": [("classify", 2, ".s.ExamplesLog", False),
                      ("regress", 3, ".s.ExamplesLog", False),
                      ("predict", 6, ".s.PredictLog", False)],
}


def make_log():
    file = descriptor_pb2.FileDescriptorProto(
        name="hubtune_serving.proto", package="s", dependency=[
            "tensorflow/core/example/example.proto",
            "tensorflow/core/framework/tensor.proto"])
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, many in fields:
            message.field.add(name=field, number=number, type_name=kind,
                              type=11 if kind else 9, label=3 if many else 1)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("s.PredictionLog"))


LOG = make_log()


def requests(folder):
    """The warm-up requests: signature, method, feed."""
    path = os.path.join(folder, "assets.extra", "tf_serving_warmup_requests")
    for record in tf.data.TFRecordDataset(path):
        log = LOG.FromString(record.numpy())
        (kind, value), = [(f.name, v) for f, v in log.ListFields()]
        request = value.request
        if kind == "predict":
            feed = {e.key: tf.make_ndarray(e.value) for e in request.inputs}
        else:
            feed = {"inputs": [e.SerializeToString() for e in
                               request.input.example_list.examples]}
        yield request.model_spec.signature_name, METHOD % kind, feed


def run(folder, signature, method, feed):
    """As a server does it: by the SignatureDef, in a session."""
    with v1.Graph().as_default(), v1.Session() as session:
        graph = v1.saved_model.load(session, ["serve"], folder)
        d = graph.signature_def[signature]
        assert d.method_name == method, (d.method_name, method)
        assert sorted(d.inputs) == sorted(feed), (sorted(d.inputs), feed)
        return session.run({k: t.name for k, t in d.outputs.items()},
                           {d.inputs[k].name: v for k, v in feed.items()})


def warms_up(folder):
    """Every signature has a request, and answers it."""
    wanted = set(tf.saved_model.load(folder).signatures)
    found, answered = [], set()
    for signature, method, feed in requests(folder):
        answered.add(signature)
        for name, value in run(folder, signature, method, feed).items():
            if len(value) != 1:
                found.append("%s: %s is %s" % (signature, name, value.shape))
    if answered != wanted:
        found.append("requests for %s of %s" % (answered, wanted))
    return found


def feature(values):
    values = np.ravel(values)
    if values.dtype.kind in "OSU":
        data = [v if isinstance(v, bytes) else v.encode() for v in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=data))
    if values.dtype.kind == "f":
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def examples(feed):
    n = len(next(iter(feed.values())))
    return np.array([tf.train.Example(features=tf.train.Features(feature={
        k: feature(v[i]) for k, v in feed.items()})).SerializeToString()
        for i in range(n)], object)


def photos(n):
    """PNG files of noise."""
    draw = np.random.RandomState(3)
    return np.array([tf.io.encode_png(draw.randint(
        0, 256, (24, 40, 3)).astype(np.uint8)).numpy() for _ in range(n)],
        object)


def same_by_examples(folder, feed):
    """classify or regress gives for examples what serving_default gives; for
    photos, what serving_bytes gives."""
    signatures = tf.saved_model.load(folder).signatures
    kind = "classify" if "classify" in signatures else "regress"
    same = signatures["serving_default"]
    if "serving_bytes" in signatures:
        same = signatures["serving_bytes"]
        (name,) = same.structured_input_signature[1]
        feed = {name: photos(3)}
    wanted = same(**{k: tf.constant(v) for k, v in feed.items()})
    got = run(folder, kind, METHOD % kind, {"inputs": examples(feed)})
    return [d for k, v in wanted.items()
            for d in differ.value(k, got[k], v.numpy(), 1e-6)]
