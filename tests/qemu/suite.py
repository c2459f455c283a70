#!/usr/bin/env python3
"""suite.py [--bless] [--list] [SCENE]...: the shipped program on an emulated board, scene by scene; all without names.

Each scene boots its own machine. run.sh has put the program, the models, the board file and what cameras show into the shared
folder. --bless rewrites the golden regions of the panel: read the diff. Prints a line a scene, at last the table of figures.
"""

import concurrent.futures
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

from machine import HERE, Failure, Machine, Picture, UsbCamera, folder_of_build, quoted, until

BUILD = folder_of_build()
GOLDEN = HERE / "../golden/panel"
SCENES, FIGURES = {}, {}
# No scene begins later: the seconds that $SECONDS_LEFT grants.
DEADLINE = time.monotonic() + float(os.environ.get("SECONDS_LEFT") or "inf")
OBAMA, BIDEN, COLLINS = "Barack Obama", "Joe Biden", "Eileen Collins"

# On a panel of 800 x 480: where the best name stands in the first card, on its plain ground.
NAME = (512, 200, 160, 22)


def scene(function):
    SCENES[function.__name__.replace("_", "-")] = function
    return function


class Board(Machine):
    """A machine with the program on it and a folder of its own that both sides see."""

    def __init__(self, **more):
        self.folder = tempfile.TemporaryDirectory(prefix="share.", dir=BUILD)
        place = pathlib.Path(self.folder.name)
        for name in ("lookalike", "qemu.toml", "models", "film", "people.gallery"):
            source = BUILD / "share" / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, place / name)
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
            until(30, "the USB camera", lambda: "yes" in self.sh("test -e /dev/video0 && echo yes", codes=()))

    def board(self, **changes):
        """Writes a board file with other values for some keys; its place inside."""
        text = (self.share / "qemu.toml").read_text()
        for key, value in changes.items():
            text, count = re.subn(rf"(?m)^{key} = \S+", f"{key} = {value}", text, count=1)
            assert count, key
        (self.share / "board.toml").write_text(text)
        return "/host/board.toml"

    def run(self, *words, board="/host/qemu.toml"):
        """Starts the booth; its log is `lines()`."""
        self.start(f"lookalike run --json --board {board} {quoted(*words)}", "run")

    def lines(self):
        """What the booth's log says so far."""
        text = (self.share / "run.out").read_text(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def said(self):
        return (self.share / "run.err").read_text(errors="replace")

    def last_names(self):
        """The best names in the last recognised frame."""
        walked = [line for line in self.lines() if "faces" in line and "summary" not in line]
        faces = walked[-1]["faces"] if walked else []
        return [f["matches"][0]["name"] for f in faces if f.get("matches") and f["matches"][0]["percent"] > f["nobody_percent"]]

    def wait_for_name(self, name, seconds=240):
        """Until the log names somebody and the panel shows it."""
        def is_there():
            self.check_alive()
            return name in self.last_names()

        until(seconds, lambda: f"{name} in the log, which says: {self.said()[-500:]}", is_there)
        until(60, f"{name} on the panel", lambda: self.shows(name))

    def check_alive(self):
        if "yes" not in self.sh("kill -0 $(cat /tmp/run.pid) 2>/dev/null && echo yes", codes=()):
            raise Failure(f"the booth has ended: {self.said()[-1000:]}")

    def shows(self, name):
        """Whether the best name on the panel is this one, pixel for pixel."""
        golden = GOLDEN / f"{name.lower().replace(' ', '-')}.ppm"
        if not golden.exists() and (self.share / "run.out").exists() and name in self.last_names():
            time.sleep(5)
            write_ppm(self.panel().cut(*NAME), golden)
        return golden.exists() and Picture.read(golden).pixels == self.panel().cut(*NAME).pixels

    def memory_kb(self):
        status = self.sh("cat /proc/$(cat /tmp/run.pid)/status")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def write_ppm(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"P6\n%d %d\n255\n" % (picture.width, picture.height) + picture.pixels)


def film(*names):
    return [BUILD / "share/film" / name for name in names]


@scene
def usb_camera_to_drm():
    """MJPEG camera, panel by DRM: names on the panel, touch, unplugged, frozen, killed, ended."""
    with UsbCamera(film("obama.jpg", "biden.jpg", "collins.jpg")) as camera, Board(camera=camera) as board:
        camera.do("show 0")
        board.modules("virtio_gpu", "xhci_pci", "uvcvideo", "evdev", "virtio_input")
        board.sh("sleep 1; echo 'a console with text' >/dev/tty1; sleep 1")
        console = board.panel()
        board.run()
        board.wait_for_name(OBAMA)
        FIGURES["emulated boot to the first name on the panel"] = f"{time.monotonic() - board.started:.0f} s of the emulator"
        board.panel().write(BUILD / "booth.png")
        camera.do("show 1")
        board.wait_for_name(BIDEN)

        before = board.panel()
        board.tap(0.3, 0.4)
        until(20, "another mode after a tap", lambda: not board.shows(BIDEN) and board.panel().pixels != before.pixels)
        board.panel().write(BUILD / "engineer.png")
        board.key("spc")
        until(20, "the first mode after a key", lambda: board.shows(BIDEN))

        camera.do("unplug")
        until(10, "a word about the unplugged camera", lambda: "plug it in again" in board.said())
        until(10, "the same on the panel", lambda: not board.shows(BIDEN))
        board.panel().write(BUILD / "unplugged.png")
        camera.do("plug")
        board.wait_for_name(BIDEN)

        said = board.said()
        camera.do("freeze")
        frozen = time.monotonic()
        until(10, "a word about the frozen camera", lambda: len(board.said()) > len(said), every=0.02)
        FIGURES["a frozen camera is noticed after"] = f"{time.monotonic() - frozen:.2f} s (bar: 1)"
        camera.do("thaw")
        board.wait_for_name(BIDEN)

        board.stop("run", "KILL")
        board.run()
        board.wait_for_name(BIDEN)
        if code := board.stop("run"):
            raise Failure(f"SIGTERM ended the booth with {code}")
        if not board.lines()[-1].get("summary"):
            raise Failure("no summary after SIGTERM")
        until(10, "the console after the end", lambda: board.panel().pixels == console.pixels)


@scene
def usb_camera_to_framebuffer():
    """Raw YUYV camera, panel by /dev/fb0, of a card without page flips."""
    with UsbCamera(film("collins.yuyv"), fps=5) as camera, Board(camera=camera, panel="bochs") as board:
        board.modules("bochs", "xhci_pci", "uvcvideo", "evdev", "virtio_input")
        board.sh("sleep 1; echo 'a console with text' >/dev/tty1; sleep 1")
        console = board.panel()
        board.run("--screen", "fbdev")
        board.wait_for_name(COLLINS)
        board.stop("run")
        until(10, "the console after the end", lambda: board.panel().pixels == console.pixels)


@scene
def frame_grabber_to_drm():
    """The kernel's virtual frame grabber at 60 pictures a second, fed through its own HDMI output."""
    with Board() as board:
        board.modules("virtio_gpu")
        grabber = "n_devs=1 node_types=0x101 num_inputs=1 input_types=0x3 num_outputs=1 output_types=0x1 multiplanar=1"
        board.sh(f"modprobe vivid {grabber} ccs_cap_mode=0 ccs_out_mode=0; sleep 1")
        board.start("hdmi /dev/video1 /dev/video0 640 480 YU12 /host/film/obama.yu12", "hdmi")
        time.sleep(2)
        board.run()
        board.wait_for_name(OBAMA)
        board.stop("run")


@scene
def no_camera_is_said_on_the_panel():
    """A start that fails is explained on the panel, and ends with 2."""
    with Board() as board:
        board.modules("virtio_gpu")
        board.sh("sleep 1")
        console = board.panel()
        board.run()
        until(60, "an explanation on the panel", lambda: board.panel().pixels != console.pixels)
        time.sleep(2)
        board.panel().write(BUILD / "no-camera.png")
        if (code := board.stop("run")) != 2:
            raise Failure(f"a start without a camera ended with {code}")
        if "plug in a camera" not in board.said():
            raise Failure(board.said())


@scene
def glass_to_glass():
    """Numbered pictures: how many the camera has sent on when one is found on the panel."""
    numbers = film(*(f"number-{n:02}.jpg" for n in range(64)))
    # As slow as the emulator: what is counted is who holds pictures back, not how quick the host is.
    with UsbCamera(numbers, fps=2) as camera, Board(camera=camera) as board:
        board.modules("virtio_gpu", "xhci_pci", "uvcvideo")
        board.run(board=board.board(timeout_ms=3000))
        board.wait_for_name(OBAMA)
        late = []
        for _ in range(40):
            sent = int(camera.do("number"))
            shown = number_on(board.panel())
            if shown is not None:
                late.append((sent - 1 - shown) % 64)
            time.sleep(0.37)
        if len(late) < 20:
            raise Failure(f"only {len(late)} of 40 pictures had a readable number")
        late.sort()
        FIGURES["glass to glass, frames of a camera of 2 a second"] = f"{late[len(late) // 2]} (median of {len(late)}; least {late[0]}, most {late[-1]})"
        if late[len(late) // 2] > 3:
            raise Failure(f"the picture is {late} frames late")


# Where the camera's picture is on a panel of 800 x 480, mirrored: left, top, width, height.
PICTURE = (10, 10, 482, 362)


def number_on(panel):
    left, top, width, height = PICTURE
    block, bits = width / 640 * 40, []
    for index in range(8):
        pixel = panel.at(int(left + width - (index + 0.5) * block), int(top + height - block / 2))
        if not (max(pixel) < 70 or min(pixel) > 185):
            return None
        bits.append(min(pixel) > 185)
    if bits[:2] != [True, False]:
        return None
    return sum(bit << (5 - i) for i, bit in enumerate(bits[2:]))


@scene
def memory_does_not_grow():
    """The process after 1,000 frames against after 100."""
    with UsbCamera(film("obama.jpg", "biden.jpg"), fps=10) as camera, Board(camera=camera) as board:
        board.modules("virtio_gpu", "xhci_pci", "uvcvideo")
        board.run()
        board.wait_for_name(OBAMA)
        frames = lambda: max((line["frame"] for line in board.lines() if "frame" in line), default=0)
        until(300, "100 frames", lambda: frames() >= 100, every=1)
        early = board.memory_kb()
        until(900, "1,000 frames", lambda: frames() >= 1000, every=2)
        late = board.memory_kb()
        FIGURES["memory after 100 and after 1,000 frames"] = f"{early / 1e3:.1f} MB, {late / 1e3:.1f} MB"
        if late > early * 1.02:
            raise Failure(f"memory grows from {early} to {late} kB")


@scene
def plug_pulled_while_enrolling():
    """The machine cut off 20 times: who was acknowledged is there, and the gallery always opens."""
    dice = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="disk.", dir=BUILD) as folder:
        disk = pathlib.Path(folder) / "disk.img"
        with open(disk, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", disk], check=True)
        acknowledged, cuts = set(), 0
        while cuts < 20:
            with Board(disk=disk, panel=None) as board:
                board.modules("virtio_blk", "crc32c_generic", "ext4")
                board.sh("mount -t ext4 /dev/vda /data")
                known = names_in(board)
                if missing := acknowledged - known:
                    raise Failure(f"acknowledged and lost after {cuts} cuts: {sorted(missing)}")
                for number in range(40):
                    visitor = board.share / f"visitors/{cuts:02}-{number:02}"
                    visitor.mkdir(parents=True)
                    shutil.copy(BUILD / "share/film/obama.jpg", visitor)
                board.start("lookalike enroll --json --board /host/qemu.toml /host/visitors", "enroll")
                log = board.share / "enroll.out"
                until(120, "the first acknowledgement", lambda: '"enrolled":true' in log.read_text(), every=0.05)
                time.sleep(dice.uniform(0, 6))
                board.process.kill()
                said = log.read_text()
                acknowledged |= {json.loads(line)["name"] for line in said.splitlines() if line.endswith("}")}
                cuts += 1
        with Board(disk=disk, panel=None) as board:
            board.modules("virtio_blk", "crc32c_generic", "ext4")
            board.sh("mount -t ext4 /dev/vda /data")
            if missing := acknowledged - names_in(board):
                raise Failure(f"acknowledged and lost: {sorted(missing)}")
        FIGURES["cut off while enrolling"] = f"{cuts} times, {len(acknowledged)} acknowledged, none lost"


def names_in(board):
    listed = board.sh("! test -e /data/gallery || lookalike gallery list --json --board /host/qemu.toml")
    return {json.loads(line)["name"] for line in listed.splitlines() if line.startswith("{")}


@scene
def disk_full_and_read_only():
    """A full disk and a read-only one are sentences, and cost nothing that was stored."""
    with UsbCamera(film("obama.jpg")) as camera, Board(camera=camera) as board:
        enroll = "lookalike enroll --board /host/qemu.toml --name Newcomer /host/film/biden.jpg"
        board.sh("mkdir /small; mount -t tmpfs -o size=64k small /small; cp /data/gallery /small/; dd if=/dev/zero of=/small/full bs=1k 2>/dev/null", codes=())
        output = board.sh(f"{enroll} --gallery /small/gallery", 120, codes=(1, 2))
        if "make room on the disk" not in output:
            raise Failure(output)
        same = "cmp /small/gallery /data/gallery; ls -A /small"
        if board.sh(same).split() != ["full", "gallery"]:
            raise Failure(board.sh(same))
        board.sh("mkdir /fixed; mount -t tmpfs fixed /fixed; cp /data/gallery /fixed/; mount -o remount,ro /fixed")
        output = board.sh(f"{enroll} --gallery /fixed/gallery", 120, codes=(1, 2))
        if "folder that may be written" not in output and "Read-only" not in output:
            raise Failure(output)
        board.modules("virtio_gpu", "xhci_pci", "uvcvideo")
        board.sh("mount -o remount,ro /; ! touch /written 2>/dev/null")
        board.run("--gallery", "/fixed/gallery")
        board.wait_for_name(OBAMA)
        board.stop("run")


@scene
def package():
    """The package on a Debian with systemd: installed, started, killed, stuck, upgraded, removed, purged."""
    with UsbCamera(film("obama.jpg", "biden.jpg")) as camera, tempfile.TemporaryDirectory(prefix="disk.", dir=BUILD) as folder:
        disk = pathlib.Path(folder) / "disk.img"
        subprocess.run(["cp", "--sparse=always", BUILD / "debian.img", disk], check=True)
        with Board(disk=disk, camera=camera, words="booth.debian") as board:
            camera.do("show 0")
            for deb in (BUILD / "share").glob("*.deb"):
                shutil.copy(deb, board.share)
            older, newer = sorted(p.name for p in board.share.glob("*.deb"))
            board.sh(f"dpkg --install /host/{older}", 300)
            enroll = "lookalike enroll --name"
            board.sh(f"{enroll} '{OBAMA}' /host/film/obama.jpg && {enroll} '{BIDEN}' /host/film/biden.jpg", 300)
            owner = board.sh("stat -c '%U %a' /var/lib/lookalike /var/lib/lookalike/gallery").split()
            if owner != ["lookalike", "700", "lookalike", "600"]:
                raise Failure(f"the state belongs to {owner}")
            board.sh("systemctl restart lookalike", 200)
            until(240, f"{OBAMA} on the panel", lambda: board.shows(OBAMA), every=1)
            board.panel().write(BUILD / "package.png")
            service = lambda key: board.sh(f"systemctl show --value -p {key} lookalike").strip()
            for what, signal in (("killed", "KILL"), ("stuck", "STOP")):
                pid = service("MainPID")
                board.sh(f"kill -{signal} {pid}")
                until(120, f"another process after one was {what}", lambda: service("MainPID") not in ("0", pid), every=1)
                until(240, f"{OBAMA} again after one was {what}", lambda: board.shows(OBAMA), every=1)
            pid = service("MainPID")
            board.sh(f"dpkg --install /host/{newer}", 300)
            until(120, "another process after the upgrade", lambda: service("MainPID") not in ("0", pid), every=1)
            until(240, f"{OBAMA} after the upgrade", lambda: board.shows(OBAMA), every=1)
            safety = board.sh("systemd-analyze security lookalike | tail -n 1", 100, codes=())
            if found := re.search(r": ([\d.]+) (\w+)", safety):
                FIGURES["systemd-analyze security"] = f"{found[1]} {found[2]}"
            board.sh("dpkg --remove lookalike", 200)
            board.sh("! test -e /usr/bin/lookalike; test -e /var/lib/lookalike/gallery; ! systemctl is-active lookalike")
            board.sh("dpkg --purge lookalike; ! test -e /var/lib/lookalike; ! test -e /etc/lookalike", 200)


@scene
def upright_panel():
    """The picture turned by 90 degrees, and fingers with it."""
    with UsbCamera(film("obama.jpg")) as camera, Board(camera=camera) as board:
        board.modules("virtio_gpu", "xhci_pci", "uvcvideo", "evdev", "virtio_input")
        board.run(board=board.board(rotate=90))
        until(240, "a name", lambda: OBAMA in board.last_names())
        time.sleep(3)
        board.panel().write(BUILD / "upright.png")
        before = board.panel()
        board.tap(0.5, 0.5)
        until(20, "another mode after a tap", lambda: differs(board.panel(), before) > 0.05)
        board.stop("run")


def differs(one, other):
    """The share of bytes that are not the same."""
    return sum(a != b for a, b in zip(one.pixels, other.pixels)) / len(one.pixels)


def play(name):
    started = time.monotonic()
    if started > DEADLINE:
        return name, None, None
    try:
        SCENES[name]()
        return name, None, time.monotonic() - started
    except Exception as error:  # Whatever it is, the other scenes go on.
        text = str(error) if isinstance(error, Failure) else traceback.format_exc()
        return name, text, time.monotonic() - started


def main(words):
    if "--list" in words:
        for name, function in SCENES.items():
            print(f"{name:32} {function.__doc__}")
        return 0
    wanted = [word for word in words if not word.startswith("--")] or list(SCENES)
    if unknown := [name for name in wanted if name not in SCENES]:
        print(f"no scene {' '.join(unknown)}; --list shows them", file=sys.stderr)
        return 2
    if "--bless" in words:
        shutil.rmtree(GOLDEN, ignore_errors=True)
    failed = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, error, seconds in pool.map(play, wanted):
            if seconds is None:
                print(f"SKIPPED {name}: no time is left; make test-system SCENES={name}", flush=True)
                skipped += 1
                continue
            print(f"{'FAIL' if error else 'ok':4} {name} ({seconds:.0f} s){': ' + error if error else ''}", flush=True)
            failed += bool(error)
    for what, figure in FIGURES.items():
        print(f"{what:52} {figure}")
    passed = len(wanted) - failed - skipped
    rest = (f", {skipped} SKIPPED" if skipped else "") + (f", {failed} FAILED" if failed else "")
    print(f"test-system: {passed} of {len(wanted)} scenes passed{rest}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
