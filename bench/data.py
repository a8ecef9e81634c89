"""Turns public data sets as published into files that hubtune reads.

  data.py FOLDER OUT [--kind KIND] [--whole] [--dev PART]

FOLDER holds one data set as its authors published it; its kind is told from
the files in it. OUT gets train.csv and test.csv with the columns text and
label (images: train.npz and test.npz with image and label). Where a set has
its own test file, or its own development file, that is what test and dev
hold. Else one example in five is the test set: the pairs in the order of
the files, shuffled by random.Random(0), the first fifth. --whole leaves
such a set in one piece, all. --dev 0.2 moves that part of the training
examples, shuffled by random.Random(1), to dev; choose settings there.
"""
import argparse
import array
import csv
import gzip
import json
import pathlib
import random
import struct
import zipfile


def lines(path, encoding="utf-8"):
    """Lines of a file, without ends; bytes that are no text are replaced."""
    text = path.read_text(encoding=encoding, errors="replace")
    found = text.split("\n")
    return found[:-1] if found[-1] == "" else found


def mr_polarity(folder):
    # Latin-1 as published, but read as UTF-8 with replacement: peers do so,
    # and both must see the same texts.
    return {"all": [(text.strip(), name) for name in ("neg", "pos")
                    for text in lines(folder / f"rt-polarity.{name}")]}


def sms_spam(folder):
    pairs = (line.split("\t", 1) for line in lines(folder / "sms.tsv"))
    return {"all": [(text, label) for label, text in pairs]}


def banking77(folder):
    def rows(name):
        with open(folder / name, newline="", encoding="utf-8") as file:
            return [(r[0], r[1]) for r in list(csv.reader(file))[1:]]
    return {"train": rows("train.csv"), "test": rows("test.csv")}


def clinc150(folder):
    path = sorted(folder.glob("data_*.json"))[0]
    parts = json.loads(path.read_text(encoding="utf-8"))
    sets = {"train": "train", "dev": "val", "test": "test"}
    outside = {f"oos_{k}": f"oos_{v}" for k, v in sets.items()}
    return {k: [tuple(p) for p in parts[v]]
            for k, v in {**sets, **outside}.items() if v in parts}


def goemotions(folder):
    # Several labels are one cell, separated by '|'.
    names = lines(folder / "labels.txt")

    def rows(path):
        cells = (line.split("\t") for line in lines(path))
        return [(c[0], "|".join(names[int(i)] for i in c[1].split(",")))
                for c in cells]
    return {n: rows(folder / f"{n}.tsv") for n in ("train", "dev", "test")}


def wiki_detox(folder):
    def rows(end):
        path = sorted(folder.glob(f"*-{end}.tsv"))[0]
        cells = (line.split("\t", 1) for line in lines(path)[1:])
        return [(c[1].strip(), c[0]) for c in cells if len(c) == 2]
    return {"train": rows("data"), "test": rows("test")}


def idx(path):
    """(dimensions, bytes) of an idx file of bytes, gzip or not."""
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:3] != b"\0\0\x08":
        raise SystemExit(f"data.py: not an idx file of bytes: {path}")
    rank = data[3]
    shape = struct.unpack(f">{rank}I", data[4:4 + 4 * rank])
    return shape, data[4 + 4 * rank:]


def mnist(folder):
    """Pairs of a picture's bytes and its digit, whatever files are there."""
    sets = {}
    for name, start in (("train", "train"), ("test", "t10k")):
        found = sorted(folder.glob(f"{start}-images*"))
        if found:
            shape, pixels = idx(found[0])
            labels = idx(sorted(folder.glob(f"{start}-labels*"))[0])[1]
            size = shape[1] * shape[2]
            sets[name] = [(pixels[i * size:(i + 1) * size], labels[i])
                          for i in range(shape[0])]
    return sets if "train" in sets else {"all": sets["test"]}


KINDS = {"mr_polarity": ("rt-polarity.pos", mr_polarity),
         "sms_spam": ("sms.tsv", sms_spam),
         "clinc150": ("data_*.json", clinc150),
         "goemotions": ("labels.txt", goemotions),
         "wiki_detox": ("*detox*.tsv", wiki_detox),
         "mnist": ("*-images*idx3*", mnist),
         "banking77": ("train.csv", banking77)}


def kind_of(folder):
    for kind, (sign, _) in KINDS.items():
        if any(folder.glob(sign)):
            return kind
    raise SystemExit(f"data.py: no data set that is known: {folder}")


def split(sets, args):
    """The sets with a test part, and a dev part where one is wanted."""
    if "all" in sets and not args.whole:
        pairs = sets.pop("all")
        random.Random(0).shuffle(pairs)
        cut = len(pairs) // 5
        sets.update(train=pairs[cut:], test=pairs[:cut])
    if args.dev and "dev" not in sets and "train" in sets:
        pairs = list(sets["train"])
        random.Random(1).shuffle(pairs)
        cut = int(len(pairs) * args.dev)
        sets.update(train=pairs[cut:], dev=pairs[:cut])
    return sets


def write_texts(path, pairs):
    with open(path.with_suffix(".csv"), "w", newline="",
              encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("text", "label"))
        out.writerows(pairs)


def npy(dtype, shape, data):
    """An array in the .npy format, version 1.0 (NumPy's NEP 1)."""
    head = repr({"descr": dtype, "fortran_order": False, "shape": shape})
    head += " " * (-(len(head) + 11) % 64) + "\n"
    return (b"\x93NUMPY\x01\0" + struct.pack("<H", len(head)) +
            head.encode() + data)


def write_images(path, pairs):
    count = len(pairs)
    scaled = [i / 255 for i in range(256)]
    pixels = array.array("f", (scaled[b] for image, _ in pairs for b in image))
    labels = array.array("q", (label for _, label in pairs))
    with zipfile.ZipFile(path.with_suffix(".npz"), "w") as out:
        out.writestr("image.npy",
                     npy("<f4", (count, 28, 28, 1), pixels.tobytes()))
        out.writestr("label.npy", npy("<i8", (count,), labels.tobytes()))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--dev", type=float, default=0)
    args = parser.parse_args()
    kind = args.kind or kind_of(args.folder)
    write = write_images if kind == "mnist" else write_texts
    args.out.mkdir(parents=True, exist_ok=True)
    for name, pairs in split(KINDS[kind][1](args.folder), args).items():
        write(args.out / name, pairs)
        print(f"{args.out / name}: {len(pairs)} examples")


if __name__ == "__main__":
    main()
