#!/usr/bin/env python3
"""program.py PROGRAM [OTHER]: whether PROGRAM starts on every board, read from its own headers and symbols.

It must be made for aarch64, need no loader, no shared library, no symbol of a C library newer than the oldest board's and no
kernel newer than its, and hold no window code. OTHER is a program for a desktop: of that one the same must not hold, so that a
check that cannot fail is noticed. Exits with 1 and a line for each thing that is wrong.
"""

import pathlib
import re
import subprocess
import sys

# JetPack 5: glibc 2.31, Linux 5.10. Raspberry Pi OS 11 has the same glibc and a newer kernel.
GLIBC, LINUX = (2, 31), (5, 10)
# What a program says that opens a window, whether linked or loaded while it runs.
WINDOW = [b"libX11", b"XOpenDisplay", b"XCreateWindow", b"libwayland", b"wl_display_connect", b"wl_registry", b"xkb_context"]


def readelf(option, program):
    command = ["aarch64-linux-gnu-readelf", "--wide", option, program]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def version(text):
    return tuple(map(int, text.split(".")))


def wrong(program):
    """What is wrong with it: a kind and a sentence each."""
    machine = re.search(r"Machine:\s+(.*)", readelf("--file-header", program))[1]
    if machine != "AArch64":
        yield "machine", f"made for {machine}"
    if loader := re.search(r"program interpreter: ([^\]]*)", readelf("--program-headers", program)):
        yield "loader", f"needs the loader {loader[1]}"
    if libraries := re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", program)):
        yield "libraries", f"needs {', '.join(libraries)}"
    # Name, and the library's version where there is one; weak ones may be missing.
    symbols = re.findall(r"GLOBAL\s+\S+\s+UND\s+(\S+)", readelf("--dyn-syms", program))
    if symbols:
        yield "symbols", f"leaves {len(symbols)} symbols to others, {symbols[0]} first"
    versions = {version(found) for found in re.findall(r"GLIBC_([\d.]+)", readelf("--version-info", program))}
    if newer := sorted(v for v in versions if v > GLIBC):
        yield "glibc", f"needs glibc {'.'.join(map(str, newer[-1]))}"
    oldest = re.search(r"OS: Linux, ABI: ([\d.]+)", readelf("--notes", program))
    if not oldest:
        yield "kernel", "does not say which kernel it needs"
    elif version(oldest[1]) > LINUX:
        yield "kernel", f"needs Linux {oldest[1]}"
    content = pathlib.Path(program).read_bytes()
    if found := [word.decode() for word in WINDOW if word in content]:
        yield "window", f"has window code: {', '.join(found)}"


def main(program, other=None):
    complaints = list(wrong(program))
    for _, what in complaints:
        print(f"{program}: {what}", file=sys.stderr)
    if other:
        missed = {"machine", "loader", "libraries", "symbols", "window"} - {kind for kind, _ in wrong(other)}
        if missed:
            print(f"{other}: a desktop's program passes for a board's in: {', '.join(sorted(missed))}", file=sys.stderr)
            return 1
    if complaints:
        return 1
    checked = "no loader, no shared library, no symbol of others, no window code"
    print(f"{program}: {checked}" + (f"; {other} is told from it" if other else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
