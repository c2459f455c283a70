#!/usr/bin/env python3
"""Sets our speed beside the peers' on this machine, in one go, as tables. `make bench` calls it.

Each round runs `lookalike bench` with floats, with bytes, and the peers (ncnn and ONNX Runtime on the same nets), one
thread each, so that all share the machine's moods; a ratio is of figures of one round. The peers are installed into a
virtual environment below target/. Their script and ncnn's weights come from ../shared/peers (or --peers FILE); without
it, ours alone are shown, saying so.

Example: tests/bench/run.py --rounds 3
"""
import argparse, json, os, pathlib, platform, re, statistics, subprocess, sys

from peers import home
from peers.home import ROOT, say

PACKAGES = ["ncnn==1.0.20261020", "onnxruntime==1.32.0", "numpy==2.4.6"]
EMBEDDER = ROOT / "models/out/embedder/dlib-resnet.float32.onnx"
SHAPE = "1x3x150x150"
CASCADE = ["pnet-pyramid", "rnet-16-crops", "onet-1-crop"]


def rows(command):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: `{' '.join(map(str, command))}` failed")
    return done.stdout


def ours(binary, precision, repeat):
    text = rows([binary, "bench", "--json", "--threads", "1", "--precision", precision, "--repeat", str(repeat)])
    return {row["net"]: row for row in map(json.loads, text.splitlines()) if "net" in row}


def peers(python, script, repeat):
    found = json.loads(rows([python, script, "--json", "--threads", "1", "--repeat", str(repeat), f"{EMBEDDER}={SHAPE}"]))
    return {"embedder-ort" if row["peer"] == "onnxruntime" else row["net"]: row for row in found}


def total(rows, names, key):
    return sum(rows[name][key] for name in names)


def machine():
    names = re.findall(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    features = pathlib.Path("/proc/cpuinfo").read_text()
    vectors = [f for f in ("avx512_vnni", "avx2", "asimddp") if re.search(rf"\b{f}\b", features)]
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {', '.join(vectors) or 'no known vectors'}"


def table(head, lines):
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for line in lines:
        print("| " + " | ".join(line) + " |")
    sys.stdout.flush()


def milliseconds(runs, name):
    lowest = min(run[name]["min_ms"] for run in runs)
    middle = statistics.median(run[name]["median_ms"] for run in runs)
    return f"{lowest:.3f} / {middle:.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is timed (default 3)")
    parser.add_argument("--repeat", type=int, default=40, help="counted runs of each measurement (default 40)")
    parser.add_argument("--binary", default=ROOT / "target/release/lookalike", type=pathlib.Path)
    parser.add_argument("--peers", default=ROOT / "../shared/peers/bench.py", type=pathlib.Path, help="the peers' script")
    options = parser.parse_args()
    python = None
    if options.peers.exists():
        python = home.python("bench-peers", PACKAGES)
    else:
        say(f"bench: the peers are skipped: there is no {options.peers}; name their script with --peers FILE")
    floats, bytes_, others = [], [], []
    for index in range(options.rounds):
        say(f"bench: round {index + 1} of {options.rounds}")
        floats.append(ours(options.binary, "float32", options.repeat))
        bytes_.append(ours(options.binary, "int8", options.repeat))
        if python:
            others.append(peers(python, options.peers.resolve(), options.repeat))

    print(f"Machine: {machine()}. {options.rounds} rounds, one thread. Milliseconds: minimum / median.")
    peer_of = {name: name for name in ["pnet-240x320", *CASCADE]} | {"embedder": "embedder-ort"}
    lines = []
    for name in floats[0]:
        there = peer_of.get(name)
        peer = milliseconds(others, there) + (" (ONNX Runtime)" if name == "embedder" else " (ncnn)") if others and there else "-"
        lines.append([name, milliseconds(floats, name), milliseconds(bytes_, name), peer])
    table(["measurement", "ours float32", "ours int8", "peer float32"], lines)

    def ratio(name, bar, aim, above, below):
        cells = []
        for key in ("min_ms", "median_ms"):
            found = [above(i, key) / below(i, key) for i in range(options.rounds)]
            cells.append(" ".join(f"{value:.2f}" for value in found))
        worst = max(above(i, "min_ms") / below(i, "min_ms") for i in range(options.rounds))
        verdict = "aim" if aim and worst <= aim else "bar" if worst <= bar else "missed"
        return [name, *cells, f"{bar}", f"{aim or '-'}", verdict]

    lines = []
    if others:
        ncnn = lambda i, key: total(others[i], CASCADE, key)
        ort = lambda i, key: others[i]["embedder-ort"][key]
        lines += [
            ratio("float cascade / ncnn float", 1.0, 0.8, lambda i, k: total(floats[i], CASCADE, k), ncnn),
            ratio("int8 cascade / ncnn float", 0.6, 0.4, lambda i, k: total(bytes_[i], CASCADE, k), ncnn),
            ratio("int8 embedder / ONNX Runtime float", 0.6, 0.35, lambda i, k: bytes_[i]["embedder"][k], ort),
            ratio("float embedder / ONNX Runtime float", 1.0, 0.8, lambda i, k: floats[i]["embedder"][k], ort),
        ]
    for name, runs in (("float32", floats), ("int8", bytes_)):
        every, tracked = ("walk-video-every-frame", "walk-video-tracked")
        lines.append(ratio(f"{name} video, following / every frame", 0.4, 0.25, lambda i, k: runs[i][tracked][k], lambda i, k: runs[i][every][k]))
    table(["ratio", "of minima, each round", "of medians", "bar", "aim", "minima meet"], lines)

    sizes = []
    for file in sorted((ROOT / "models/out").glob("*/*.float32.onnx")):
        small = file.with_name(file.name.replace("float32", "int8"))
        if small.exists():
            sizes.append((file.name.split(".")[0], file.stat().st_size, small.stat().st_size))
    sizes.append(("all", sum(s[1] for s in sizes), sum(s[2] for s in sizes)))
    table(["model file", "float32, bytes", "int8, bytes", "int8 / float32 (bar .3)"], [[n, f"{a}", f"{b}", f"{b / a:.3f}"] for n, a, b in sizes])

    print("\nShare of this processor's peak that each kind of kernel reaches (`lookalike bench --peak`):\n\n```")
    print(rows([options.binary, "bench", "--peak", "--repeat", str(options.repeat)]).rstrip())
    print("```")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
