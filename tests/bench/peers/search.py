#!/usr/bin/env python3
"""Times faiss on the vectors that our search was timed on, on one thread: flat, and HNSW. `make bench-gallery` calls it.

Takes the file that `eval --only vectors --vectors FILE` writes: floats, 128 a face, the last 1,000 being probes. faiss is
installed by pip into a virtual environment below target/. One JSON object a line; times in milliseconds, one probe at a time.
HNSW is searched more and more widely until it finds .97 of the ten nearest, and is built on all processors.

Example: tests/bench/peers/search.py --vectors target/search.f32 --faces 10000,100000
"""
import argparse, json, os, pathlib, statistics, sys, time

import home

PACKAGES = ["faiss-cpu==1.15.1", "numpy==2.4.6"]
LENGTH, PROBES, ASKED = 128, 1000, 200


def ask(index, probes):
    times, found = [], []
    for probe in probes:
        start = time.perf_counter()
        _, ids = index.search(probe[None], 10)
        times.append((time.perf_counter() - start) * 1e3)
        found.append(ids[0])
    return found, {"min_ms": round(min(times), 3), "median_ms": round(statistics.median(times), 3)}


def resident_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1e3 for line in status if line.startswith("VmRSS"))


def report(**row):
    print(json.dumps(row), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=pathlib.Path, required=True)
    parser.add_argument("--faces", default="10000,100000,1000000")
    parser.add_argument("--links", type=int, default=16, help="M of HNSW (default 16)")
    parser.add_argument("--installed", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.vectors.exists():
        sys.exit(f"search.py: there is no {options.vectors}: `target/release/eval --only vectors --vectors FILE` writes it")
    if not options.installed:
        python = home.python("search-peers", PACKAGES)
        os.execv(python, [str(python), __file__, *sys.argv[1:], "--installed"])
    import faiss, numpy

    every = numpy.fromfile(options.vectors, dtype=numpy.float32).reshape(-1, LENGTH)
    probes = every[-PROBES :: PROBES // ASKED]
    for count in map(int, options.faces.split(",")):
        if count > len(every) - PROBES:
            sys.exit(f"search.py: {options.vectors} holds {len(every) - PROBES} faces, not {count}")
        faces = every[:count]
        faiss.omp_set_num_threads(1)
        before = resident_mb()
        flat = faiss.IndexFlatL2(LENGTH)
        flat.add(faces)
        memory = resident_mb() - before
        wanted, times = ask(flat, probes)
        report(peer=f"faiss {faiss.__version__} flat", faces=count, memory_mb=round(memory, 1), **times)
        del flat
        before = resident_mb()
        graph = faiss.IndexHNSWFlat(LENGTH, options.links)
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        start = time.perf_counter()
        graph.add(faces)
        build = time.perf_counter() - start
        faiss.omp_set_num_threads(1)
        memory = resident_mb() - before
        for width in (16, 32, 64, 128, 256, 512, 1024):
            graph.hnsw.efSearch = width
            found, times = ask(graph, probes)
            recall = sum(len(set(f) & set(w)) for f, w in zip(found, wanted)) / (10 * len(wanted))
            if recall >= 0.97 or width == 1024:
                name = f"faiss {faiss.__version__} HNSW{options.links}, efSearch {width}"
                report(peer=name, faces=count, recall_at_10=round(recall, 4), memory_mb=round(memory, 1), build_s=round(build, 1), **times)
                break
        del graph


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
