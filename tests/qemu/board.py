"""A machine with the program on it, and what its log and its panel say."""

import json
import os
import pathlib
import re
import shutil
import tempfile
import time

from machine import HERE, Failure, Machine, Picture, folder_of_build, quoted, until

BUILD = folder_of_build()
GOLDEN = HERE / "../golden/panel"
OBAMA, BIDEN, COLLINS = "Barack Obama", "Joe Biden", "Eileen Collins"
# Golden places that are not there are written.
is_blessing = False
# What is measured on the way, for the table at the end.
FIGURES = {}

# Where words stand on a panel of 800 x 480, always on the same ground: left, top, width, height.
NAME = (512, 200, 160, 22)  # The best name in the first card.
HINT = (600, 456, 192, 20)  # How to see the other mode, and which that is.
TITLE = (40, 40, 420, 50)  # Of the page that says why the booth cannot start.
NOTICE = (104, 176, 290, 30)  # On the camera's picture, or in its place.


class Board(Machine):
    """A machine with the program on it and a folder of its own that both sides see."""

    def __init__(self, **more):
        self.folder = tempfile.TemporaryDirectory(prefix="share.", dir=BUILD)
        place = pathlib.Path(self.folder.name)
        for name in ("lookalike", "models", "film"):
            source = BUILD / "share" / name
            # Nobody writes into these.
            if source.is_dir():
                shutil.copytree(source, place / name, copy_function=os.link)
            else:
                os.link(source, place / name)
        for name in ("qemu.toml", "people.gallery"):
            shutil.copy2(BUILD / "share" / name, place / name)
        super().__init__(BUILD, place, **more)
        if "booth.debian" not in more.get("words", ""):
            self.sh("mkdir -p /data; cp /host/lookalike /bin/; cp /host/people.gallery /data/gallery")

    def cut(self):
        super().cut()
        self.folder.cleanup()

    def modules(self, *names):
        for name in names:
            self.sh(f"modprobe {name}")
        if "uvcvideo" in names:
            until(60, "the USB camera", lambda: "yes" in self.sh("test -e /dev/video0 && echo yes", codes=()))

    def console(self):
        """Text on the panel as the kernel's console shows it, and its picture once that stands still."""
        self.sh("echo 'a console with text' >/dev/tty1")

        def still():
            picture = self.panel()
            time.sleep(0.5)
            return picture if len(set(picture.pixels)) > 1 and picture.pixels == self.panel().pixels else None

        return until(60, "text on the console", still)

    def board(self, text=None, **changes):
        """Writes a board file with other values for some keys, or this text; its place inside."""
        text = text or (self.share / "qemu.toml").read_text()
        for key, value in changes.items():
            text, count = re.subn(rf"(?m)^{key} = \S+", f"{key} = {value}", text, count=1)
            assert count, key
        (self.share / "board.toml").write_text(text)
        return "/host/board.toml"

    def run(self, *words, board=None):
        """Starts the booth; its log is `lines()`. By itself it is patient with a camera whose emulator gets no time on this machine."""
        board = board or self.board(timeout_ms=3000)
        self.start(f"lookalike run --json --board {board} {quoted(*words)}", "run")

    def lines(self):
        """What the booth's log says so far."""
        text = (self.share / "run.out").read_text(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def modes(self):
        """The modes that were switched to."""
        return [line["mode"] for line in self.lines() if "mode" in line]

    def said(self):
        return (self.share / "run.err").read_text(errors="replace")

    def last_names(self):
        """The best names in the last recognised frame."""
        walked = [line for line in self.lines() if "faces" in line and "summary" not in line]
        faces = walked[-1]["faces"] if walked else []
        return [f["matches"][0]["name"] for f in faces if f.get("matches") and f["matches"][0]["percent"] > f["nobody_percent"]]

    def wait_for_log(self, name, seconds=300):
        """Until the log names somebody."""
        def is_there():
            self.check_alive()
            return name in self.last_names()

        until(seconds, lambda: f"{name} in the log, which says: {self.said()[-500:]}", is_there)

    def wait_for_name(self, name, seconds=300):
        """Until the log names somebody and the panel shows it."""
        self.wait_for_log(name, seconds)
        self.wait(f"{name} on the panel", lambda: self.shows(name))

    def wait(self, what, test, seconds=120, every=0.25):
        """Until something is so; a booth that has ended is told at once."""
        def is_so():
            answer = test()
            if not answer:
                self.check_alive()
            return answer

        return until(seconds, lambda: f"{what}; the booth says: {self.said()[-500:]}", is_so, every)

    def check_alive(self):
        if "yes" not in self.sh("kill -0 $(cat /tmp/run.pid) 2>/dev/null && echo yes", codes=()):
            raise Failure(f"the booth has ended: {self.said()[-1000:]}")

    def shows(self, name):
        """Whether the best name on the panel is this one, pixel for pixel."""
        is_known = (self.share / "run.out").exists() and name in self.last_names()
        return self.shows_as(name.lower().replace(" ", "-"), NAME, can_bless=is_known)

    def shows_as(self, golden, place, can_bless=True, panel=None):
        """Whether this place of the panel, as `panel` shows it, is pixel for pixel as it was blessed."""
        file = GOLDEN / f"{golden}.ppm"
        if not file.exists():
            if not is_blessing:
                raise Failure(f"there is no {file}: tests/qemu/suite.py --bless")
            if not can_bless:
                return False
            time.sleep(5)
            write_ppm((panel or self.panel)().cut(*place), file)
        return Picture.read(file).pixels == (panel or self.panel)().cut(*place).pixels

    def memory_kb(self):
        status = self.sh("cat /proc/$(cat /tmp/run.pid)/status")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def write_ppm(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"P6\n%d %d\n255\n" % (picture.width, picture.height) + picture.pixels)


def film(*names):
    return [BUILD / "share/film" / name for name in names]
