"""What it costs to start the program, in milliseconds.

    bench/start.py HUBTUNE [--runs 101]

HUBTUNE is an installed program: in the build folder a script stands before
it. Its answers without the library (--help), and with it (a command's help,
the list of operations), and a program that does nothing are run in turn;
printed are median and least.
"""
import argparse
import statistics
import subprocess
import time


def milliseconds(command):
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return 1e3 * (time.perf_counter() - begin)


parser = argparse.ArgumentParser()
parser.add_argument("hubtune")
parser.add_argument("--runs", type=int, default=101)
options = parser.parse_args()
words = [["--help"], ["--version"], ["train", "--help"], ["ops"]]
commands = [["true"]] + [[options.hubtune] + w for w in words]
times = [[milliseconds(c) for c in commands] for _ in range(options.runs)]
print("%-20s %8s %8s" % ("", "median", "least"))
for command, each in zip(commands, zip(*times)):
    name = " ".join(command[1:]) or command[0]
    print("%-20s %8.2f %8.2f" % (name, statistics.median(each), min(each)))
