#!/usr/bin/env python3
"""Sets our evaluator of OpenCV's cascades beside OpenCV's own detectMultiScale: the same boxes, and the time of one thread.

Takes 200 pictures of ../shared/data, decoded by OpenCV and kept as PNG so that both see the same pixels. Ours is `haar-speed`,
theirs the pip wheel, installed into a virtual environment below target/ by this script; the project needs none of it. The time
is that of one thread from colour pixels to boxes, the least of --repeat runs; each round lets both look at all pictures.

Example: tests/bench/peers/haar.py --rounds 3
"""
import argparse, hashlib, json, pathlib, statistics, subprocess, sys, time

import home
from home import ROOT, say

PACKAGES = ["opencv-python-headless==4.14.0.94", "numpy==2.4.6"]
# Folder of ../shared/data, how many of its pictures.
PICTURES = [("wider", 80), ("ytf", 50), ("people", 40), ("nonface", 30)]
SAME = 0.98


def pictures(data):
    """Evenly from each folder, sorted by name."""
    chosen = []
    for folder, count in PICTURES:
        files = sorted(f for f in (data / folder).rglob("*") if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
        chosen += files[:: max(1, len(files) // count)][:count]
    return chosen


def theirs(options):
    """What OpenCV finds in the PNGs, as JSON lines. Runs in the peers' Python."""
    import cv2

    cv2.setNumThreads(1)
    cascade = cv2.CascadeClassifier(options.cascade)
    if cascade.empty():
        sys.exit(f"haar: OpenCV cannot read {options.cascade}")
    for path in options.pictures:
        picture = cv2.imread(path)
        took = []
        for _ in range(options.repeat):
            start = time.perf_counter()
            found = cascade.detectMultiScale(
                picture, scaleFactor=options.factor, minNeighbors=options.neighbours, minSize=(options.min_face, options.min_face)
            )
            took.append(1e3 * (time.perf_counter() - start))
        print(json.dumps({"image": path, "ms": min(took), "boxes": [[int(v) for v in box] for box in found]}))


def decode(folder, files):
    import cv2

    for index, file in enumerate(files):
        cv2.imwrite(f"{folder}/{index:03}.png", cv2.imread(file), [cv2.IMWRITE_PNG_COMPRESSION, 1])


def rows(command):
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"haar: `{pathlib.Path(command[0]).name}` failed")
    return [json.loads(line) for line in done.stdout.splitlines()]


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(w, 0) * max(h, 0)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def same_objects(ours, theirs):
    """As many boxes, and each of ours has its own of theirs that it overlaps by .9."""
    left = list(theirs)
    for box in ours:
        best = max(left, key=lambda other: overlap(box, other), default=None)
        if best is None or overlap(box, best) < 0.9:
            return False
        left.remove(best)
    return not left


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=pathlib.Path, default=ROOT / "../shared/data", help="the evaluation pictures")
    options.add_argument("--ours", type=pathlib.Path, default=ROOT / "target/release/haar-speed")
    options.add_argument("--cascade", default=str(ROOT / "models/out/haar/frontalface_default.xml"), help="any upright cascade")
    options.add_argument("--python", type=pathlib.Path, help="a Python that has cv2, instead of one installed below target/")
    options.add_argument("--min-face", type=int, default=30)
    options.add_argument("--factor", type=float, default=1.1)
    options.add_argument("--neighbours", type=int, default=3)
    options.add_argument("--rounds", type=int, default=3, help="how often both look at all pictures (default 3)")
    options.add_argument("--repeat", type=int, default=3, help="how often at each picture in a round (default 3)")
    options.add_argument("--as", dest="part", choices=["theirs", "decode"], help=argparse.SUPPRESS)
    options.add_argument("pictures", nargs="*", help=argparse.SUPPRESS)
    options = options.parse_args()
    if options.part == "theirs":
        return theirs(options)
    if options.part == "decode":
        return decode(options.pictures[0], options.pictures[1:])
    if not options.data.is_dir():
        return print(f"haar: skipped, there are no pictures in {options.data}: name their folder with --data DIR")
    if not options.ours.exists():
        sys.exit(f"haar: {options.ours} is not built: make tools")
    python = options.python or home.python("haar-peers", PACKAGES)
    files = pictures(options.data)
    folder = ROOT / "target/haar-pictures" / hashlib.sha256("\n".join(map(str, files)).encode()).hexdigest()[:12]
    if not folder.exists():
        say(f"haar: decoding {len(files)} pictures")
        work = folder.with_suffix(".partial")
        work.mkdir(parents=True, exist_ok=True)
        subprocess.run([python, __file__, "--as", "decode", work, *files], check=True)
        work.rename(folder)
    pngs = sorted(map(str, folder.glob("*.png")))
    settings = ["--cascade", options.cascade, "--min-face", options.min_face, "--factor", options.factor]
    settings += ["--neighbours", options.neighbours, "--repeat", options.repeat]
    rounds = []
    for number in range(options.rounds):
        say(f"haar: round {number + 1} of {options.rounds}")
        ours = rows([options.ours, *settings, *pngs])
        rounds.append((ours, rows([python, __file__, "--as", "theirs", *settings, *pngs])))
    ours, peers = rounds[0]
    pairs = list(zip(ours, peers, strict=True))
    same = sum(same_objects(a["boxes"], b["boxes"]) for a, b in pairs)
    equal = sum(sorted(a["boxes"]) == sorted(b["boxes"]) for a, b in pairs)
    for (a, b), file in zip(pairs, files, strict=True):
        if not same_objects(a["boxes"], b["boxes"]):
            say(f"haar: {file.relative_to(options.data)}: ours {a['boxes']}, theirs {b['boxes']}")
    mean = lambda found: statistics.fmean(row["ms"] for row in found)
    times = [(mean(a), mean(b)) for a, b in rounds]
    ratio = statistics.median(a / b for a, b in times)
    print(f"{len(pngs)} pictures, factor {options.factor}, {options.neighbours} neighbours, from {options.min_face} px; {pathlib.Path(options.cascade).name}\n")
    print("| what | ours | OpenCV | bar | |\n|---|---:|---:|---|---|")
    print(f"| boxes | {sum(len(a['boxes']) for a, _ in pairs)} | {sum(len(b['boxes']) for _, b in pairs)} | | |")
    enough = same >= SAME * len(pngs)
    print(f"| pictures with the same objects | {same} | | {SAME:.0%} | {'met' if enough else '**not met**'} |")
    print(f"| pictures with the very same boxes | {equal} | | | |")
    cells = [f"{min(t[i] for t in times):.2f} / {statistics.median(t[i] for t in times):.2f}" for i in (0, 1)]
    print(f"| ms a picture, best / middle round | {cells[0]} | {cells[1]} | | |")
    print(f"| ratio, middle round | {ratio:.2f} | 1 | 1.00 | {'met' if ratio <= 1 else '**not met**'} |")
    sys.exit(0 if enough and ratio <= 1 else 1)


if __name__ == "__main__":
    main()
