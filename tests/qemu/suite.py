#!/usr/bin/env python3
"""suite.py [--bless] [--list] [--times N] [SCENE]...: the shipped program on an emulated board, scene by scene; all without names.

Each scene boots its own machine. run.sh has put the program, the models, the board file and what cameras show into the shared
folder. --bless writes the golden places of the panel that are not there, with all scenes all of them: read the diff. --times N plays each scene so often. Prints a line a
scene, at last the table of figures; with --times how often each passed.
"""

import concurrent.futures
import shutil
import subprocess
import sys
import time
import traceback

import board
import booth
import faults
from machine import DEADLINE, Failure, OutOfTime

# The longest first, that two at a time end together.
SCENES = {
    function.__name__.replace("_", "-"): function
    for function in (
        faults.plug_pulled_while_enrolling,
        faults.package,
        booth.memory_does_not_grow,
        booth.usb_camera_to_drm,
        booth.usb_camera_to_framebuffer,
        booth.frame_grabber_to_drm,
        booth.no_camera_is_waited_for,
        booth.failed_starts_are_explained,
        booth.glass_to_glass,
        booth.sixteen_bits_a_pixel,
        booth.upright_panel,
        faults.disk_full_and_read_only,
    )
}
# With less than that left no scene is begun.
LEAST_S = 60


def play(name):
    """Name, what went wrong if anything did, and the seconds that it took; no seconds where there was no time for it."""
    started = time.monotonic()
    if started + LEAST_S > DEADLINE:
        return name, None, None
    try:
        SCENES[name]()
        return name, None, time.monotonic() - started
    except OutOfTime:
        return name, None, None
    except Exception as error:  # Whatever it is, the other scenes go on.
        text = str(error) if isinstance(error, Failure) else traceback.format_exc()
        return name, text, time.monotonic() - started


def sizes():
    """Of what a board gets."""
    program, package = board.BUILD / "share/lookalike", board.BUILD / "share/lookalike.deb"
    installed = int(subprocess.run(["dpkg-deb", "-f", package, "Installed-Size"], check=True, capture_output=True).stdout) * 1024
    megabytes = lambda size: f"{size / 1e6:.1f} MB"
    sizes = [path.stat().st_size for path in (program, package)]
    return {"program, static": megabytes(sizes[0]), "package, and installed": f"{megabytes(sizes[1])}, {megabytes(installed)}"}


def main(words):
    if "--list" in words:
        for name, function in SCENES.items():
            print(f"{name:32} {function.__doc__}")
        return 0
    times = 1
    if "--times" in words:
        at = words.index("--times")
        times = int(words[at + 1])
        words = words[:at] + words[at + 2 :]
    wanted = [word for word in words if not word.startswith("--")] or list(SCENES)
    if unknown := [name for name in wanted if name not in SCENES]:
        print(f"no scene {' '.join(unknown)}; --list shows them", file=sys.stderr)
        return 2
    if "--bless" in words:
        board.is_blessing = True
        if wanted == list(SCENES):
            shutil.rmtree(board.GOLDEN, ignore_errors=True)
    passed, failed, skipped = ({name: 0 for name in wanted} for _ in range(3))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        playing = [pool.submit(play, name) for _ in range(times) for name in wanted]
        for done in concurrent.futures.as_completed(playing):
            name, error, seconds = done.result()
            if seconds is None:
                print(f"SKIPPED {name}: no time is left; make test-system SCENES={name}", flush=True)
                skipped[name] += 1
                continue
            print(f"{'FAIL' if error else 'ok':4} {name} ({seconds:.0f} s){': ' + error if error else ''}", flush=True)
            (failed if error else passed)[name] += 1
    for what, figure in {**sizes(), **board.FIGURES}.items():
        print(f"{what:52} {figure}")
    if times > 1:
        for name in wanted:
            print(f"{name:32} passed {passed[name]}, failed {failed[name]}")
    rest = "".join(f", {sum(many.values())} {what}" for many, what in ((skipped, "SKIPPED"), (failed, "FAILED")) if any(many.values()))
    print(f"test-system: {sum(passed.values())} of {len(playing)} scenes passed{rest}")
    return 1 if any(failed.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
