"""Random values for the inputs of modules, the same at every run."""
import os

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

BATCH = 3
SENTENCES = ["a good movie", "the plot was not very good", "Awful!  long, dull",
             "", "funny music and great actor", "zebra quux the", "boring"]


def number_sizes(spec, rng):
    if spec.shape.rank is None:
        return (BATCH,)
    return tuple((BATCH if i == 0 else 4) if n is None else n
                 for i, n in enumerate(spec.shape))


def values(spec, rng, name=""):
    shape = number_sizes(spec, rng)
    if spec.dtype == tf.string:
        return rng.choice(SENTENCES, shape).astype(object)
    if spec.dtype == tf.bool:
        return rng.rand(*shape) > 0.5
    if spec.dtype.is_integer:
        top = 3 if not shape else 5
        return rng.randint(1, top, shape).astype(spec.dtype.as_numpy_dtype)
    return np.asarray(rng.normal(0, 1, shape)).astype(
        spec.dtype.as_numpy_dtype)


def example(features):
    def feature(v):
        if isinstance(v, (bytes, str)):
            v = v if isinstance(v, bytes) else v.encode()
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v]))
        if isinstance(v, int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[v]))
        return tf.train.Feature(float_list=tf.train.FloatList(value=[v]))
    return tf.train.Example(features=tf.train.Features(feature={
        k: feature(v) for k, v in features.items()})).SerializeToString(
            deterministic=True)


PARSES = {}


def parses_examples(path):
    """Whether some graph of a module reads serialised tf.Examples."""
    file = os.path.join(path, "saved_model.pb")
    key = file, os.stat(file).st_mtime_ns
    if key not in PARSES:
        proto = saved_model_pb2.SavedModel()
        with open(file, "rb") as f:
            proto.ParseFromString(f.read())
        graphs = [m.graph_def for m in proto.meta_graphs]
        PARSES[key] = any(
            n.op.startswith("Parse") and "Example" in n.op for g in graphs
            for nodes in [g.node] + [f.node_def for f in g.library.function]
            for n in nodes)
    return PARSES[key]


def taxi_examples(rng):
    """Some of the features that chicago_taxi's graph parses."""
    return np.array([example({
        "company": str(rng.choice(["Taxi Affiliation Services", "Other"])),
        "payment_type": str(rng.choice(["Cash", "Credit Card", "Barter"])),
        "trip_miles": float(rng.uniform(0, 20)),
        "fare": float(rng.uniform(3, 60)),
        "trip_seconds": int(rng.randint(60, 4000)),
        "pickup_latitude": 41.8 + 0.1 * float(rng.rand()),
        "pickup_longitude": -87.6 - 0.1 * float(rng.rand()),
        "dropoff_latitude": 41.8 + 0.1 * float(rng.rand()),
        "dropoff_longitude": -87.6 - 0.1 * float(rng.rand()),
        "pickup_community_area": int(rng.randint(1, 77)),
        "trip_start_hour": int(rng.randint(0, 24)),
        "trip_start_day": int(rng.randint(1, 8)),
        "trip_start_month": int(rng.randint(1, 13)),
        "trip_start_timestamp": int(rng.randint(10 ** 9)),
    }) for _ in range(BATCH)], object)


def images(rng):
    """Files of images, of sizes of their own."""
    return np.array([tf.io.encode_png(rng.randint(
        0, 256, (9 + i, 14, 3)).astype(np.uint8)).numpy()
        for i in range(BATCH)], object)


CHOICES = {
    "mother_race": ["White", "Black", "Chinese", "Other"],
    "mother_married": ["True", "False"], "is_male": ["True", "False", "?"],
    "cigarette_use": ["True", "False", "None"],
    "alcohol_use": ["True", "False", "None"]}
RANGES = {"mother_age": (15, 45), "plurality": (1, 4),
          "gestation_weeks": (30, 42)}


SPECIAL = None  # name, spec, rng -> value, or None: as below


def for_call(call, seed=0):
    rng = np.random.RandomState(seed)
    found = {}
    for name, spec in sorted(call.inputs.items()):
        special = SPECIAL and SPECIAL(name.split("/")[-1], spec, rng)
        if special is not None:
            found[name] = special
        elif (name in ("examples", "inputs") and spec.dtype == tf.string and
              parses_examples(call.path)):
            found[name] = taxi_examples(rng)
        elif name == "image_bytes":
            found[name] = images(rng)
        elif name in CHOICES:
            found[name] = rng.choice(CHOICES[name], BATCH).astype(object)
        elif name in RANGES:
            found[name] = rng.uniform(*RANGES[name], BATCH).astype("f")
        elif name.startswith("tensor_dict$"):  # densities are positive
            found[name] = np.abs(values(spec, rng)) + np.float32(0.1)
        else:
            found[name] = values(spec, rng)
    return found


def cotangents(outputs, seed=1):
    rng = np.random.RandomState(seed)
    return {k: np.asarray(rng.normal(0, 1, np.shape(v))).astype(v.dtype)
            for k, v in sorted(outputs.items()) if v.dtype.kind == "f"}
