"""How near to a machine's limits each kind of operation of a training came.

    hubtune train ... --profile --out RUN
    bench/roofline.py RUN/trace.json --gflops 544 --gbs 48

The limit of a step is the longer of two times: that of its arithmetic at
--gflops, and that of reading its inputs and writing its outputs once at --gbs.
Figures are those of the machine: a large product that stays in cache, a copy
that does not. Steps of the first --skip calls of a node are left out: they
compile and touch memory for the first time.
"""
import argparse
import collections
import json


def read(path, skip):
    """Kind -> [calls, seconds, flops, bytes of each step]"""
    with open(path) as f:
        events = json.load(f)
    events = events["traceEvents"] if isinstance(events, dict) else events
    seen, kinds = collections.Counter(), collections.defaultdict(list)
    for e in sorted(events, key=lambda e: e.get("ts", 0)):
        a = e.get("args", {})
        if e.get("ph") != "X" or "flops" not in a:
            continue
        node = e["name"], a.get("node")
        seen[node] += 1
        if seen[node] > skip:
            kinds[e["name"]].append(
                (e["dur"] / 1e6, a["flops"], a["bytes"]))
    return kinds


def main():
    o = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    o.add_argument("trace")
    o.add_argument("--gflops", type=float, required=True)
    o.add_argument("--gbs", type=float, required=True)
    o.add_argument("--skip", type=int, default=2)
    o = o.parse_args()
    rows = []
    for kind, steps in read(o.trace, o.skip).items():
        time = sum(s[0] for s in steps)
        limit = sum(max(f / o.gflops, b / o.gbs) for _, f, b in steps) / 1e9
        memory = sum(f / o.gflops < b / o.gbs for _, f, b in steps)
        rows.append((time, limit, len(steps), memory, kind))
    whole = sum(r[0] for r in rows)
    print("| kind | calls | ms | of all | limit ms | of the limit | bound by |\n"
          "|---|---|---|---|---|---|---|")
    for time, limit, n, memory, kind in sorted(rows, reverse=True):
        if time > whole / 200:
            print("| %s | %d | %.1f | %.1f%% | %.1f | %.0f%% | %s |" % (
                kind, n, time * 1e3, 100 * time / whole, limit * 1e3,
                100 * limit / time, "memory" if 2 * memory > n
                else "arithmetic"))
    limit = sum(r[1] for r in rows)
    print("| all | %d | %.1f | 100%% | %.1f | %.0f%% | |" % (
        sum(r[2] for r in rows), whole * 1e3, limit * 1e3,
        100 * limit / whole))


if __name__ == "__main__":
    main()
