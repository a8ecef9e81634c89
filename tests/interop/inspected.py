"""What `hubtune inspect` says, against saved_model_cli's and tf.train's view.

Signatures with their inputs and outputs as saved_model_cli shows them, and the
variables as tf.train.list_variables does.
"""
import json
import os

import tensorflow as tf

import oracle
import program

ENDING = oracle.ENDING


# Damaged modules that were published, and what is wrong with each.
REFUSED = {
    "utf8_mangled": "was converted as if it were text",
    "hub_lfs_pointers": "saved_model.pb' is a Git LFS pointer",
    "variables_lfs_pointer": "variables.data-00000-of-00001' is a Git LFS",
    "chunked/chunked_model": "the chunked form of a SavedModel",
}


def check_refused(r, folder):
    for name, why in REFUSED.items():
        r.guarded("broken", "run", name,
                  lambda: refused(os.path.join(folder, name), why))


def refused(path, why):
    try:
        program.hubtune("inspect", path)
    except program.Failed as e:
        lines = str(e).split(": hubtune: ", 1)[1].splitlines()
        return [] if len(lines) == 1 and why in lines[0] else lines
    return ["it was taken"]


def check(r, name, path):
    for tags in oracle.tag_sets(path):
        words = ["--tags", ",".join(tags)]
        if oracle.format_of(path) == "sm2":
            words = []
        shown = json.loads(program.hubtune("inspect", path, "--json", *words))
        what = "inspect {%s}" % ",".join(tags)
        r.guarded(name, "run", what, lambda: signatures(path, tags, shown))
    r.guarded(name, "run", "inspect variables",
              lambda: variables(path, shown))


def signatures(path, tags, shown):
    meta = [m for m in oracle.meta_graphs(path)
            if sorted(m.meta_info_def.tags) == tags][0]
    wanted = {k: (ports(s.inputs), ports(s.outputs))
              for k, s in meta.signature_def.items()
              if not k.startswith("__saved_model")}
    got = {k: (own_ports(s["inputs"]), own_ports(s["outputs"]))
           for k, s in shown["signatures"].items()}
    return ["signature '%s': %s, wanted %s" % (k, got.get(k), wanted.get(k))
            for k in sorted(set(got) | set(wanted))
            if got.get(k) != wanted.get(k)]


def ports(infos):
    """(name, dtype, shape) of each; None is an unknown size, or rank."""
    found = []
    for name, info in infos.items():
        parts = {name: info}
        if info.WhichOneof("encoding") == "coo_sparse":
            parts = {name + "_indices": None, name + "_values": info,
                     name + "_dense_shape": None}
        for part, tensor in parts.items():
            if tensor is not None and tensor is info and part == name:
                shape = tf.TensorShape(info.tensor_shape)
                found.append((part, tf.as_dtype(info.dtype).name,
                              None if shape.rank is None
                              else tuple(shape.as_list())))
            else:
                found.append((part,))
    return sorted(found, key=repr)


def own_ports(rows):
    found = []
    for name, row in rows.items():
        composite = name.endswith(("_indices", "_values", "_dense_shape"))
        shape = row["shape"]
        found.append((name,) if composite else (
            name, tf.as_dtype(row["dtype"]).name,
            None if shape is None else tuple(
                None if n is None or n < 0 else n for n in shape)))
    return sorted(found, key=repr)


def variables(path, shown):
    prefix = os.path.join(path, "variables", "variables")
    stored = {}
    if os.path.exists(prefix + ".index"):
        reader = tf.train.load_checkpoint(prefix)
        types = reader.get_variable_to_dtype_map()
        stored = {k: (types[k].name, tuple(shape)) for k, shape in
                  tf.train.list_variables(prefix)}
    found = []
    for v in shown["variables"]:
        key = v["key"] if v["key"] in stored else v["key"] + ENDING
        have = (tf.as_dtype(v["dtype"]).name, tuple(v["shape"]))
        if stored.pop(key, None) != have:
            found.append("variable '%s' is %s" % (key, have))
    left = [k for k in stored if k != "_CHECKPOINTABLE_OBJECT_GRAPH"]
    return found + ["variable '%s' is not shown" % k for k in left]
