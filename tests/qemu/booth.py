"""Scenes of a booth at work: cameras, panels, fingers, and what goes wrong with them."""

import time

from board import BIDEN, BUILD, COLLINS, FIGURES, HINT, NOTICE, OBAMA, TITLE, Board, film
from machine import Failure, Picture, UsbCamera, until


def usb_camera_to_drm():
    """MJPEG camera, panel by DRM: names on the panel, touch, unplugged, frozen, killed, ended."""
    with UsbCamera(film("obama.jpg", "biden.jpg", "collins.jpg")) as camera, Board(camera=camera) as board:
        camera.do("show 0")
        board.modules("virtio_gpu", "xhci_pci", "uvcvideo", "evdev", "virtio_input")
        console = board.console()
        board.run(board="/host/qemu.toml")
        board.wait_for_name(OBAMA)
        FIGURES["emulated boot to the first name on the panel"] = f"{time.monotonic() - board.started:.0f} s of the emulator"
        board.panel().write(BUILD / "booth.png")
        camera.do("show 1")
        board.wait_for_name(BIDEN)
        board.wait("how to see the engineers' view", lambda: board.shows_as("to-engineer", HINT))

        board.tap(0.3, 0.4)
        board.wait("the engineers' view after a tap", lambda: board.shows_as("to-visitor", HINT, board.modes() == ["engineer"]))
        board.panel().write(BUILD / "engineer.png")
        board.key("spc")
        board.wait("the visitors' view after a key", lambda: board.modes() == ["engineer", "visitor"] and board.shows(BIDEN))

        camera.do("unplug")
        board.wait("a word about the unplugged camera", lambda: "plug it in again" in board.said())
        board.wait("the same on the panel", lambda: not board.shows(BIDEN))
        board.panel().write(BUILD / "unplugged.png")
        camera.do("plug")
        board.wait_for_name(BIDEN)

        freeze(board, camera, BIDEN)
        camera.do("thaw")
        board.wait_for_name(BIDEN)

        board.stop("run", "KILL")
        board.run(board="/host/qemu.toml")
        board.wait_for_name(BIDEN)
        if code := board.stop("run"):
            raise Failure(f"SIGTERM ended the booth with {code}")
        if not board.lines()[-1].get("summary"):
            raise Failure("no summary after SIGTERM")
        until(60, "the console after the end", lambda: board.panel().pixels == console.pixels)


def freeze(board, camera, shown):
    """The camera sends nothing more. Measured: when the log says so, and when the panel no longer shows who was there."""
    said = board.said()
    camera.do("freeze")
    frozen = time.monotonic()
    # The machine's shell is not asked on the way: it would cost what is measured.
    until(60, "a word about the frozen camera", lambda: len(board.said()) > len(said), every=0.005)
    noticed = time.monotonic() - frozen
    until(60, "the frozen camera on the panel", lambda: not board.shows(shown), every=0.005)
    FIGURES["a frozen camera is noticed, said on the panel after"] = f"{noticed:.2f} s, {time.monotonic() - frozen:.2f} s (bar: 1)"
    if "has delivered nothing" not in (now := board.said()[len(said) :]):
        raise Failure(f"a frozen camera is called: {now}")


def usb_camera_to_framebuffer():
    """Raw YUYV camera, panel by /dev/fb0, of a card without page flips; a touchscreen with slots, plugged in late."""
    with UsbCamera(film("collins.yuyv"), fps=5) as camera, Board(camera=camera, panel="bochs") as board:
        board.modules("bochs", "xhci_pci", "uvcvideo", "evdev", "uinput")
        console = board.console()
        board.run("--screen", "fbdev")
        board.wait_for_name(COLLINS)
        touchscreen = Touchscreen(board)
        board.wait("touch, and no other mode yet", lambda: not board.modes())
        # The second finger does not count; the first is a tap when it leaves.
        touchscreen.do("down 0 400 240", "down 1 100 100", "up 1")
        if board.modes():
            raise Failure("the second finger was a tap")
        touchscreen.do("up 0")
        board.wait("the engineers' view after a finger", lambda: board.modes() == ["engineer"])
        touchscreen.do("down 3 10 10", "move 3 400 240", "up 3")
        touchscreen.do("down 0 100 100", "up 0")
        board.wait("no other view after a wipe, and one after a tap", lambda: board.modes() == ["engineer", "visitor"])
        touchscreen.unplug()
        board.wait_for_name(COLLINS)
        board.stop("run")
        until(60, "the console after the end", lambda: board.panel().pixels == console.pixels)


class Touchscreen:
    """The board's `finger`: a touchscreen with slots of 800 x 480."""

    def __init__(self, board):
        self.board, self.asked = board, 0
        board.sh("mkfifo /tmp/fingers; { sleep 100000 >/tmp/fingers & echo $! >/tmp/fingers.pid; }")
        board.start("finger 800 480 </tmp/fingers", "finger")
        until(60, "the touchscreen", lambda: "plugged in" in self.log())
        # The booth looks for new devices once a second, when it has drawn.
        held = f"ls -l /proc/$(cat /tmp/run.pid)/fd | grep -q $(basename $(ls -d /sys/devices/virtual/input/input*/event*)) && echo yes"
        until(60, "the booth listening to the touchscreen", lambda: "yes" in board.sh(held, codes=()))

    def log(self):
        return (self.board.share / "finger.out").read_text()

    def do(self, *orders):
        """Each is a report of its own, sent on the spot."""
        for order in orders:
            self.asked += 1
            self.board.sh(f"echo {order} >/tmp/fingers")
            until(60, order, lambda: len(self.log().splitlines()) > self.asked)

    def unplug(self):
        self.board.sh("kill $(cat /tmp/fingers.pid)")


def sixteen_bits_a_pixel():
    """A panel of 16 bits a pixel by /dev/fb0: the name in its colours."""
    with UsbCamera(film("obama.jpg")) as camera, Board(camera=camera, panel="cirrus") as board:
        board.modules("cirrus", "xhci_pci", "uvcvideo")
        sizes = board.sh("cd /sys/class/graphics/fb0; cat bits_per_pixel virtual_size stride").split()
        if sizes[0] != "16":
            raise Failure(f"the emulator's panel has {sizes[0]} bits a pixel")
        width, height = map(int, sizes[1].split(","))
        board.run("--screen", "fbdev")
        board.wait_for_log(OBAMA)

        # The emulator's own picture of this card is none: the kernel's memory is read instead.
        def panel():
            board.sh("cat /dev/fb0 >/host/fb0")
            return Picture.of_565((board.share / "fb0").read_bytes(), width, height, int(sizes[2]))

        name = (736, 213, 160, 25)
        board.wait(f"{OBAMA} in 16 bits", lambda: board.shows_as("sixteen-bits", name, panel=panel), every=1)
        panel().write(BUILD / "sixteen-bits.png")
        board.stop("run")


def frame_grabber_to_drm():
    """The kernel's virtual frame grabber at 60 pictures a second, fed through its own HDMI output."""
    with Board() as board:
        board.modules("virtio_gpu")
        grabber = "n_devs=1 node_types=0x101 num_inputs=1 input_types=0x3 num_outputs=1 output_types=0x1 multiplanar=1"
        board.sh(f"modprobe vivid {grabber} ccs_cap_mode=0 ccs_out_mode=0")
        until(60, "the frame grabber", lambda: "yes" in board.sh("test -e /dev/video0 -a -e /dev/video1 && echo yes", codes=()))
        board.start("hdmi /dev/video1 /dev/video0 640 480 YU12 /host/film/obama.yu12", "hdmi")
        until(60, "a picture on the cable", lambda: "playing" in (board.share / "hdmi.out").read_text())
        board.run()
        board.wait_for_name(OBAMA)
        board.stop("run")


def no_camera_is_waited_for():
    """Started without a camera: the panel asks for one, and the booth goes on when it is plugged in."""
    with UsbCamera(film("obama.jpg")) as camera, Board(camera=camera) as board:
        camera.do("unplug")
        board.modules("virtio_gpu", "xhci_pci")
        board.sh("modprobe uvcvideo")
        board.run()
        board.wait("a word about the camera", lambda: "plug in a camera" in board.said())
        board.wait("the same on the panel", lambda: board.shows_as("no-camera", NOTICE, "plug in a camera" in board.said()))
        board.panel().write(BUILD / "no-camera.png")
        camera.do("plug")
        board.wait_for_name(OBAMA)
        if code := board.stop("run"):
            raise Failure(f"SIGTERM ended the booth with {code}")


def failed_starts_are_explained():
    """A board file with a mistake, one that is no board file, missing models: words on the panel, and the end with 2."""
    with Board() as board:
        board.modules("virtio_gpu", "evdev", "virtio_input")
        console = board.console()
        good = (board.share / "qemu.toml").read_text()
        starts = [
            (good.replace("fps = 10", "fsp = 10"), "fsp"),
            ("nothing of this is TOML", "board.toml is not valid"),
            (good.replace("/host/models", "/host/elsewhere"), "/host/elsewhere"),
        ]
        for number, (text, word) in enumerate(starts):
            board.run(board=board.board(text))
            # Nothing is in the log before the end: who reads the panel has no other way.
            board.wait(f"an explanation about {word}", lambda: board.shows_as("cannot-start", TITLE))
            board.panel().write(BUILD / f"failed-start-{number}.png")
            board.key("spc")
            code = int(board.sh("wait $(cat /tmp/run.pid); echo code $?", 120).rsplit("code ", 1)[1])
            if code != 2 or word not in board.said():
                raise Failure(f"ended with {code} and said: {board.said()}")
            until(60, "the console after it", lambda: board.panel().pixels == console.pixels)


def glass_to_glass():
    """Numbered pictures: how many the camera has sent on when one is found on the panel."""
    numbers = film(*(f"number-{n:02}.jpg" for n in range(64)))
    # As slow as the emulator: what is counted is who holds pictures back, not how quick the host is.
    with UsbCamera(numbers, fps=2) as camera, Board(camera=camera) as board:
        board.modules("virtio_gpu", "xhci_pci", "uvcvideo")
        board.run()
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


def memory_does_not_grow():
    """The process after 1,000 frames against after 100."""
    # On a small panel, for most of what the emulator does is to draw.
    with UsbCamera(film("obama.jpg", "biden.jpg"), fps=10) as camera, Board(camera=camera, size=(320, 240)) as board:
        board.modules("virtio_gpu", "xhci_pci", "uvcvideo")
        board.run()
        board.wait_for_log(OBAMA)
        frames = lambda: max((line["frame"] for line in board.lines() if "frame" in line), default=0)
        board.wait("100 frames", lambda: frames() >= 100, 600, every=1)
        early = board.memory_kb()
        board.wait("1,000 frames", lambda: frames() >= 1000, 1800, every=2)
        late = board.memory_kb()
        FIGURES["memory after 100 and after 1,000 frames"] = f"{early / 1e3:.1f} MB, {late / 1e3:.1f} MB"
        if late > early * 1.02:
            raise Failure(f"memory grows from {early} to {late} kB")


def upright_panel():
    """The picture turned by 90 degrees, and fingers with it."""
    with UsbCamera(film("obama.jpg")) as camera, Board(camera=camera) as board:
        board.modules("virtio_gpu", "xhci_pci", "uvcvideo", "evdev", "virtio_input")
        board.run(board=board.board(rotate=90, timeout_ms=3000))
        board.wait_for_log(OBAMA)
        # The hint stands at the lower right of the picture: on the panel at the lower left, turned.
        upright_hint = (4, 300, 20, 176)
        board.wait("the hint, turned", lambda: board.shows_as("upright-hint", upright_hint))
        board.panel().write(BUILD / "upright.png")
        board.tap(0.5, 0.5)
        board.wait("the engineers' view after a tap", lambda: board.modes() == ["engineer"])
        board.wait("the same on the panel", lambda: not board.shows_as("upright-hint", upright_hint))
        board.stop("run")
