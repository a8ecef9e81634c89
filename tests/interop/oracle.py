"""A module as TensorFlow sees it: its calls, their outputs and gradients.

All three formats have one face here. `calls(path)` lists the ways to call a
module; a call's `run(feeds)` gives outputs by name, and `gradients(feeds,
cotangents)` d/dv of sum(output * cotangent) by checkpoint key, for every
trainable variable.
"""
import contextlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.core.protobuf import trackable_object_graph_pb2

v1 = tf.compat.v1
v1.experimental.output_all_intermediates(True)  # as hub.Module's loops need
ENDING = "/.ATTRIBUTES/VARIABLE_VALUE"


def meta_graphs(path):
    proto = saved_model_pb2.SavedModel()
    with open(os.path.join(path, "saved_model.pb"), "rb") as f:
        proto.ParseFromString(f.read())
    return proto.meta_graphs


def format_of(path):
    if os.path.exists(os.path.join(path, "tfhub_module.pb")):
        return "hub1"
    two = any(m.HasField("object_graph_def") for m in meta_graphs(path))
    return "sm2" if two else "sm1"


OF_EXAMPLES = ("classify", "regress")


def calls(path):
    """All ways to call it, save those that take tf.Example: serving.py."""
    form = format_of(path)
    found = {"hub1": hub1_calls, "sm1": sm1_calls, "sm2": sm2_calls}[form](
        path)
    found = [c for c in found if c.arguments[0] != "--signature" or
             c.arguments[1] not in OF_EXAMPLES]
    for call in found:
        call.format, call.path = form, path
    return found


def is_float(array):
    return np.asarray(array).dtype.kind == "f"


class Call:
    def __init__(self, name, arguments, inputs):
        self.name = name  # to be read
        self.arguments = arguments  # of `hubtune run`
        self.inputs = inputs  # name -> TensorSpec
        self.more = []  # arguments of `hubtune run` and `train` alike


# ---- TF2


class Call2(Call):
    def __init__(self, name, arguments, inputs, function, variables):
        super().__init__(name, arguments, inputs)
        self.function, self.variables = function, variables

    def run(self, feeds):
        with unchanged(self.variables):
            return {k: t.numpy() for k, t in self.function(feeds).items()}

    def trains(self, variable):
        """What the module lists, if it does; states of Keras are not."""
        listed = getattr(self.root, "trainable_variables", None)
        if listed is None:
            return variable.trainable
        return any(v is variable for v in listed)

    def gradients(self, feeds, cotangents):
        keys = [k for k, v in self.variables.items() if self.trains(v)]
        values = [self.variables[k] for k in keys]
        with unchanged(self.variables), tf.GradientTape() as tape:
            out = self.function(feeds)
            names = [k for k in cotangents if k in out]
            y = [out[k] for k in names]
        found = tape.gradient(y, values, [tf.constant(cotangents[k])
                                          for k in names])
        return {k: dense(g, v) for k, g, v in zip(keys, found, values)}


class Twin(Call2):
    """A call of a module that TensorFlow cannot differentiate in this life:
    gradients are those of its twin, the same function otherwise written."""
    def __init__(self, call, twin):
        self.__dict__.update(twin.__dict__)
        self.call, self.name, self.path = call, call.name, call.path
        self.arguments, self.inputs = call.arguments, call.inputs

    def run(self, feeds):
        return self.call.run(feeds)

    def gradients(self, feeds, cotangents):
        found = super().gradients(feeds, cotangents)
        return {k.replace("depthwise_kernel", "kernel"):
                v.swapaxes(2, 3) if "depthwise_kernel" in k else v
                for k, v in found.items()}


def with_twins(found, twins):
    """Calls of a module with those of its twin, which have their names."""
    by_name = {c.name: c for c in twins}
    return [Twin(c, by_name[c.name]) for c in found]


@contextlib.contextmanager
def unchanged(variables):
    """Calls that assign (batch norm averages) leave nothing behind."""
    before = {k: v.numpy() for k, v in variables.items()}
    yield
    for k, v in variables.items():
        v.assign(before[k])


def dense(gradient, variable):
    if gradient is None:
        return np.zeros(variable.shape, variable.dtype.as_numpy_dtype)
    return tf.convert_to_tensor(gradient).numpy()


def variables_of(path, root):
    """Checkpoint key (without its ending) -> variable."""
    prefix = os.path.join(path, "variables", "variables")
    if not os.path.exists(prefix + ".index"):
        return {}
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(tf.train.load_checkpoint(prefix).get_tensor(
        "_CHECKPOINTABLE_OBJECT_GRAPH"))
    seen, queue, found = {0}, [(0, root)], {}
    while queue:
        number, obj = queue.pop(0)
        for attribute in graph.nodes[number].attributes:
            if isinstance(obj, tf.Variable):
                found[attribute.checkpoint_key[:-len(ENDING)]] = obj
        for child in graph.nodes[number].children:
            to = obj._lookup_dependency(child.local_name)
            if to is not None and child.node_id not in seen:
                seen.add(child.node_id)
                queue.append((child.node_id, to))
    return found


def port_names(nest):
    """Leaves of a nest by their paths: items by number, entries by key."""
    if hasattr(nest, "_asdict"):  # a named tuple: by its fields
        nest = nest._asdict()
    if isinstance(nest, dict):
        parts = sorted(nest.items())
    elif isinstance(nest, (list, tuple)):
        parts = [(str(i), v) for i, v in enumerate(nest)]
    else:
        return [((), nest)]
    return [((k,) + path, leaf) for k, v in parts
            for path, leaf in port_names(v)]


def parts(name, value):
    """A sparse or ragged value, or its spec, by the names of its parts."""
    if isinstance(value, tf.SparseTensor):
        return {name + "_indices": value.indices,
                name + "_values": value.values,
                name + "_dense_shape": value.dense_shape}
    if isinstance(value, tf.SparseTensorSpec):
        rank = value.shape.rank
        return {name + "_indices": tf.TensorSpec([None, rank], tf.int64),
                name + "_values": tf.TensorSpec([None], value.dtype),
                name + "_dense_shape": tf.TensorSpec([rank], tf.int64)}
    if isinstance(value, tf.RaggedTensor):
        found = [value.flat_values, *value.nested_row_splits]
    elif isinstance(value, tf.RaggedTensorSpec):
        found = [tf.TensorSpec([None] + value.shape[value.ragged_rank + 1:],
                               value.dtype)]
        found += [tf.TensorSpec([None], value.row_splits_dtype)
                  ] * value.ragged_rank
    else:
        return {name: value}
    return {"%s_component_%d" % (name, i): v for i, v in enumerate(found)}


def outputs_by_name(value):
    named = {}
    for path, leaf in port_names(value):
        named.update(parts("/".join(path) or "default", leaf))
    return {k: t for k, t in named.items() if t is not None}


def sm2_calls(path):
    root = tf.saved_model.load(path)
    variables = variables_of(path, root)
    found = []
    for name, f in root.signatures.items():
        inputs = {k: v for k, v in f.structured_input_signature[1].items()}
        call = Call2("signature " + name, ["--signature", name], inputs,
                     lambda feeds, f=f: f(**constants(feeds)), variables)
        found.append(call)
    for name in method_names(path):
        found += traces(name, getattr(root, name), variables)
    for call in found:
        call.root = root  # its variables live as long as it does
    return found


def constants(feeds):
    return {k: tf.convert_to_tensor(v) for k, v in feeds.items()}


def method_names(path):
    graph = meta_graphs(path)[0].object_graph_def
    return [c.local_name for c in graph.nodes[0].children
            if graph.nodes[c.node_id].WhichOneof("kind") == "function"
            and (c.local_name == "__call__" or c.local_name[0] != "_")
            and not c.local_name.startswith(("call_and_return", "call_"))]


def traces(name, function, variables):
    found, seen = [], set()
    for f in function.concrete_functions:
        args, kwargs = f.structured_input_signature
        names = function.function_spec.arg_names
        named = {**dict(zip(names, args)), **kwargs}
        plain = {k: v for k, v in named.items() if not port_names(v) or all(
            not isinstance(x, tf.TypeSpec) for _, x in port_names(v))}
        inputs = {k: v for k, v in named.items() if k not in plain}
        shown = " ".join("%s=%r" % kv for kv in sorted(plain.items()))
        key = (shown, [(p, x.shape, x.dtype) for p, x in port_names(inputs)])
        if repr(key) in seen:
            continue
        seen.add(repr(key))
        found.append(trace(name, function, (inputs, plain), shown, variables))
    return found


def trace(name, function, arguments, shown, variables):
    inputs, plain = arguments
    specs = {}
    for k, v in inputs.items():
        for path, leaf in port_names(v):
            specs.update(parts("/".join((k,) + path), leaf))

    def call(feeds):
        built = {k: rebuilt(k, v, feeds) for k, v in inputs.items()}
        return outputs_by_name(function(**built, **plain))

    words = ["--call", name]
    for k, v in plain.items():
        if k == "training":
            words += ["--training"] if v else []
        elif v is not None:
            words += ["--argument", "%s=%s" % (k, v)]
    found = Call2(("%s %s" % (name, shown)).strip(), words, specs, call,
                  variables)
    found.nest = next(iter(inputs.items()), None)
    return found


def rebuilt(name, nest, feeds):
    if isinstance(nest, dict):
        return {k: rebuilt(name + "/" + k, v, feeds) for k, v in nest.items()}
    if hasattr(nest, "_asdict"):
        return type(nest)(**rebuilt(name, nest._asdict(), feeds))
    if isinstance(nest, (list, tuple)):
        return type(nest)([rebuilt("%s/%d" % (name, i), v, feeds)
                           for i, v in enumerate(nest)])
    given = [tf.constant(feeds[k]) for k in parts(name, nest)]
    if isinstance(nest, tf.SparseTensorSpec):
        return tf.SparseTensor(*given)
    if isinstance(nest, tf.RaggedTensorSpec):
        return tf.RaggedTensor.from_nested_row_splits(given[0], given[1:])
    return given[0]


# ---- TF1, both formats: a graph and a session


@contextlib.contextmanager
def version_1():
    """A new graph, whose TensorArrays are differentiated as TF1 did."""
    v1.disable_control_flow_v2()
    try:
        with v1.Graph().as_default():
            yield
    finally:
        v1.enable_control_flow_v2()


class Call1(Call):
    """`build(feeds)` makes, in a new graph, what `run` needs of it."""

    def __init__(self, name, arguments, inputs, build):
        super().__init__(name, arguments, inputs)
        self.build = build

    def run(self, feeds):
        with version_1(), v1.Session() as session:
            outputs, _, feed, start = self.build(session, feeds)
            start()
            return session.run(outputs, feed)

    def gradients(self, feeds, cotangents):
        with version_1(), v1.Session() as session:
            outputs, variables, feed, start = self.build(session, feeds)
            names = [k for k in cotangents if k in outputs]
            y = [outputs[k] for k in names]
            dy = [tf.constant(cotangents[k]) for k in names]
            found = {k: tf.gradients(y, v, dy) for k, v in variables.items()}
            found = {k: [zeros_if_none(g, v)
                         for g, v in zip(found[k], as_list(variables[k]))]
                     for k in found}
            start()  # afterwards: gradients add outputs to loops
            values = session.run(found, feed)
        return {k: np.concatenate(g, cut_axis(variables[k]))
                if len(g) > 1 else g[0] for k, g in values.items()}


def zeros_if_none(gradient, variable):
    if gradient is None:
        return tf.zeros(variable.shape, variable.dtype.base_dtype)
    return tf.convert_to_tensor(gradient)


def as_list(variable):
    return list(variable) if isinstance(variable, (list, tuple)) else [variable]


def cut_axis(pieces):
    info = as_list(pieces)[0]._save_slice_info
    cut = [i for i, (n, all_) in enumerate(
        zip(info.var_shape, info.full_shape)) if n != all_]
    return cut[0] if cut else 0


def tag_sets(path):
    return [sorted(m.meta_info_def.tags) for m in meta_graphs(path)]


def hub1_calls(path):
    spec = hub.load_module_spec(path)
    return [hub1_call(spec, name, tags) for tags in tag_sets(path)
            for name in spec.get_signature_names(tags=set(tags))]


def hub1_call(spec, name, tags):
    info = spec.get_input_info_dict(name, tags=set(tags))
    inputs = {k: tf.TensorSpec(v.get_shape(), v.dtype)
              for k, v in info.items()}

    def build(session, feeds):
        module = hub.Module(spec, trainable=True, tags=set(tags))
        outputs = module(constants(feeds), signature=name, as_dict=True)
        trainable = set(v1.trainable_variables())
        variables = {k: v for k, v in module.variable_map.items()
                     if as_list(v)[0] in trainable}
        return outputs, variables, {}, lambda: session.run(
            [v1.global_variables_initializer(), v1.tables_initializer()])

    return Call1("%s%s" % (name, " {%s}" % ",".join(tags) if tags else ""),
                 ["--signature", name, "--tags", ",".join(tags)], inputs,
                 build)


def sm1_calls(path):
    meta = meta_graphs(path)[0]
    return [sm1_call(path, meta, name) for name in meta.signature_def]


def sm1_call(path, meta, name):
    """Also how TF Serving calls a module: restore, initialise, run."""
    signature = meta.signature_def[name]
    inputs = {k: tf.TensorSpec(v.tensor_shape, tf.as_dtype(v.dtype))
              for k, v in signature.inputs.items()}

    def build(session, feeds):
        v1.saved_model.load(session, list(meta.meta_info_def.tags), path)
        graph = v1.get_default_graph()
        outputs = {k: graph.get_tensor_by_name(v.name)
                   for k, v in signature.outputs.items()}
        feed = {signature.inputs[k].name: v for k, v in feeds.items()}
        return outputs, pieces(v1.trainable_variables()), feed, lambda: None

    return Call1("signature " + name, ["--signature", name], inputs, build)


def serving_calls(path):
    """The signatures of any SavedModel through TF1's loader."""
    meta = meta_graphs(path)[0]
    found = {name: sm1_call(path, meta, name) for name in meta.signature_def
             if not name.startswith("__saved_model")
             and name not in OF_EXAMPLES}
    for call in found.values():
        call.format, call.path = "sm1", path
    return found


def pieces(variables):
    """Variables by checkpoint key; those of one key together."""
    found = {}
    for v in variables:
        info = v._save_slice_info
        key = info.full_name if info else v.op.name
        found.setdefault(key, []).append(v)
    return {k: v if v[0]._save_slice_info else v[0] for k, v in found.items()}
