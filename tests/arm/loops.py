#!/usr/bin/env python3
"""Finds the loops of the kernels' tiles in compiled code, and says what is in them.

    loops.py check OBJECT...    fails where a tile's loop touches the stack or stores anything: its sums left the registers
    loops.py report OBJECT      Markdown tables of the multiply-adds per cycle that llvm-mca foretells

An object is the kernels' crate for one kind of processor, with line tables, linked so that its sections have addresses.
The environment names LLVM's tools by their version: LLVM=-22 takes llvm-mca-22.
"""
import json
import os
import re
import subprocess
import sys
from collections import defaultdict

# Multiply-adds of one instruction.
MULTIPLIES = [
    (r"[su]dot v\d+\.4s", 16),
    (r"[su]ml[as]l2? v\d+\.8h|[su]mull2? v\d+\.8h", 8),
    (r"fmla v\d+\.4s", 4),
    (r"vpdpbusd .*%zmm", 64),
    (r"vpdpbusd .*%ymm", 32),
    (r"vpdpwssd .*%zmm", 32),
    (r"vpmaddwd .*%ymm", 16),
    (r"vfn?madd\d+ps .*%zmm", 16),
    (r"vfn?madd\d+ps .*%ymm", 8),
]
STACK = re.compile(r"\[(sp|x29)\b|\(%r[sb]p\b")
STORE = re.compile(r"st[a-z0-9]+ |v?mov[a-z0-9]* %[a-z0-9]+, [^%$]*\(")
VECTOR = re.compile(r"v|(st|ld)[a-z0-9]+ [qdsv]\d")
BRANCH = re.compile(r"(?:b|b\.\w+|cbn?z|tbn?z|j\w+) (?:.*, )?(?:0x)?([0-9a-f]+) <")

# Processor, tile, what it multiplies, llvm-mca's name and options for the processor, the most that it can do in a cycle.
CORES = [
    ("Cortex-A72", "byte_tile", "bytes", ["-mcpu=cortex-a72"], 8),
    ("Cortex-A72", "float_tile", "floats", ["-mcpu=cortex-a72"], 4),
    ("Cortex-A76", "dot_tile", "bytes", ["-mcpu=neoverse-n1", "-dispatch=4"], 32),
    ("Cortex-A76", "float_tile", "floats", ["-mcpu=neoverse-n1", "-dispatch=4"], 8),
]


def run(tool, *options, text=None):
    command = [tool + os.environ.get("LLVM", ""), *options]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout


PREFACE = """# What the kernels' inner loops cost on the boards

`make kernel-report` writes this file. It compiles the kernels for aarch64 with {rustc}, takes each tile's busiest
loop from the machine code, and asks llvm-mca {llvm} how many cycles a turn takes. The tables say the multiply-adds per
cycle that follow, and their share of the most that the core can do. A tile is some pixels (across) times some output
channels (down); a convolution is cut into the largest ones that fit, so those in the rows' right halves count.

Foretold, not measured: no board was at hand, and llvm-mca knows neither caches nor branches. It stands in for the cores:

- Cortex-A72: LLVM's model is the Cortex-A57's, whose pipes for vectors are the same but a few cycles longer.
- Cortex-A76: LLVM's model of that name is the Cortex-A57's again, so the Neoverse N1's is taken, which is the same core.
  That model hands on three micro-operations a cycle and counts two for a load of 16 bytes; the core hands on four
  instructions or eight micro-operations. The tables have four micro-operations, and below each is one number for three.

The most that a core can do is from Arm's Software Optimization Guides. Cortex-A72 (UAN 0016A): long multiplies of bytes
(`smull`, `smlal`: 8 a turn) go to one pipe of two, one a cycle; of `fmla` with four floats one a cycle, for each half
takes a pipe. Cortex-A76 (PJDOC-466751330-7215): both pipes take `sdot` (16 products) and `fmla` (4), one each a cycle.

`make test-arm` fails where a loop of the kernels keeps vectors on the stack. On x86-64 the kernels can be measured.
"""


class Loop:
    """Instructions of a loop, whether it holds other loops, and the multiply-adds of one turn."""

    def __init__(self, lines, innermost):
        self.lines = lines
        self.innermost = innermost
        self.products = sum(multiplies(line) for _, line in lines)

    def memory(self):
        """What a loop that keeps its sums in registers has none of."""
        arm = any(line.startswith(("sdot", "smull", "fmla")) for _, line in self.lines)
        # Addresses may lie on the stack: outside of the innermost loop, and on x86-64, which has few registers for them.
        plain = self.innermost and arm
        return [line for _, line in self.lines if (STACK.search(line) or STORE.match(line)) and (plain or VECTOR.match(line))]

    def assembly(self):
        """For llvm-mca, which follows no branch but wants its target written as one."""
        return "\n".join(re.sub(r"(?:0x)?[0-9a-f]+ <.*", ".Lthere", line) if BRANCH.match(line) else line for _, line in self.lines)


def multiplies(line):
    return next((count for pattern, count in MULTIPLIES if re.match(pattern, line)), 0)


def functions(path):
    """Each function's instructions: pairs of address and text."""
    lines = []
    for text in run("llvm-objdump", "-d", "--no-show-raw-insn", path).splitlines():
        if re.match(r"[0-9a-f]+ <", text):
            yield lines
            lines = []
        elif match := re.match(r"\s+([0-9a-f]+):\s+(.*)", text):
            plain = re.split(r"\s+(?://|#) ", re.sub(r"\s+", " ", match.group(2)))[0]
            lines.append((int(match.group(1), 16), plain.strip()))
    yield lines


def loops_of(lines):
    branches = [(int(match.group(1), 16), at) for at, line in lines if (match := BRANCH.match(line))]
    backward = [(to, at) for to, at in branches if lines[0][0] <= to <= at]
    for first, last in backward:
        inner = not any(other != (first, last) and first <= other[0] and other[1] <= last for other in backward)
        yield Loop([pair for pair in lines if first <= pair[0] <= last], inner)


def tile_of(frames):
    for frame in frames:
        if match := re.search(r"(\w+_tile)<(\d+), (\d+)", frame["FunctionName"]):
            return frame["FileName"].rsplit("/")[-1], match.group(1), int(match.group(3)), int(match.group(2))
    return None


def tiles(path):
    """Each tile's loops, the busiest of the innermost first, by file, function and sizes."""
    loops = [loop for lines in functions(path) for loop in loops_of(lines) if loop.products]
    ats = sorted({at for loop in loops for at, line in loop.lines if multiplies(line)})
    named = run("llvm-symbolizer", "--obj=" + path, "--inlines", "--output-style=JSON", text="".join(f"{at:#x}\n" for at in ats))
    owners = {at: tile_of(json.loads(line)["Symbol"]) for at, line in zip(ats, named.splitlines(), strict=True)}
    found = defaultdict(list)
    for loop in loops:
        # A jump back over several tiles is the compiler's sharing of code, not a loop.
        owner = {owners[at] for at, line in loop.lines if multiplies(line)}
        if len(owner) == 1 and None not in owner:
            found[owner.pop()].append(loop)
    if not found:
        sys.exit(f"{path}: no tile's loop is found")
    return {key: sorted(loops, key=lambda loop: (not loop.innermost, -loop.products)) for key, loops in sorted(found.items())}


def check(path):
    faults = 0
    found = tiles(path)
    for (file, tile, blocks, pixels), loops in found.items():
        for loop in loops:
            if bad := loop.memory():
                faults += 1
                print(f"{file} {tile}, {pixels} pixels, {blocks} blocks: {len(bad)} accesses to the stack or stores, as: {bad[0]}")
    count = sum(len(loops) for loops in found.values())
    print(f"loops: {len({key[0] for key in found})} files, {len(found)} tiles, {count} loops, {faults} that use the stack")
    return faults


def cycles(loops, options):
    """Cycles that a turn of each loop takes, as llvm-mca foretells."""
    text = "".join(f"# LLVM-MCA-BEGIN {index}\n{loop.assembly()}\n# LLVM-MCA-END {index}\n" for index, loop in enumerate(loops))
    told = run("llvm-mca", "-mtriple=aarch64", "-mattr=+dotprod", "-iterations=1000", "-json", *options, text=text)
    views = [region["SummaryView"] for region in json.loads(told)["CodeRegions"]]
    return [view["TotalCycles"] / view["Iterations"] for view in views]


def report(path):
    found = tiles(path)
    llvm = re.search(r"version (\S+)", run("llvm-mca", "--version")).group(1)
    print(PREFACE.format(rustc=" ".join(os.environ["RUSTC_VERSION"].split()[:2]), llvm=llvm), end="")
    for core, tile, numbers, options, limit in CORES:
        keys = [key for key in found if key[:2] == ("neon.rs", tile)]
        busiest = [found[key][0] for key in keys]

        def rates(options):
            took = cycles(busiest, options)
            return {key[2:]: loop.products / cycles for key, loop, cycles in zip(keys, busiest, took, strict=True)}

        def cell(rate):
            return f"{rate:.1f} ({rate / limit:.0%})" if rate else ""

        wide, own = rates(options), rates(options[:1])
        most = max(pixels for _, pixels in wide)
        print(f"\n## {core}, {numbers}: `{tile}`, at most {limit} a cycle\n")
        print("| channels | " + " | ".join(f"{pixels} px" for pixels in range(1, most + 1)) + " |")
        print("|---" * (most + 1) + "|")
        for blocks in sorted({blocks for blocks, _ in wide}, reverse=True):
            print(f"| {4 * blocks} | " + " | ".join(cell(wide.get((blocks, pixels))) for pixels in range(1, most + 1)) + " |")
        if wide != own:
            largest = max(own, key=lambda key: (key[0], key[1]))
            print(f"\nWith the model's own width: {4 * largest[0]} channels, {largest[1]} px {cell(own[largest])}.")


if __name__ == "__main__":
    mode, *paths = sys.argv[1:]
    if mode == "report":
        report(*paths)
    sys.exit(sum(check(path) for path in paths) and 1 if mode == "check" else 0)
