"""An emulated board: boots it, types into its shell, looks at its panel, taps on it, and pulls its plugs."""

import json
import os
import pathlib
import shlex
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

HERE = pathlib.Path(__file__).parent


# The seconds that $SECONDS_LEFT grants, from now on.
DEADLINE = time.monotonic() + float(os.environ.get("SECONDS_LEFT") or "inf")


class Failure(Exception):
    """Something that was expected did not come."""


class OutOfTime(Exception):
    """It may yet come, and nobody may wait any longer."""


def patience(end):
    """Seconds until `end`, a time of time.monotonic()."""
    if time.monotonic() > DEADLINE:
        raise OutOfTime
    return end - time.monotonic()


class Machine:
    """A `virt` machine of qemu with Debian's kernel. `share` is a folder of the host, /host inside.

    panel: "virtio-gpu" (DRM), "bochs" (a frame buffer), "cirrus" (one of 16 bits a pixel) or None. disk: an image or a `Disk`,
    /dev/vda inside. camera: an `UsbCamera`. ssh: a port of this host that leads to the machine's. words: more for the kernel's
    command line.
    """

    def __init__(self, place, share, panel="virtio-gpu", size=(800, 480), disk=None, camera=None, ssh=None, cpu="cortex-a72", words=""):
        self.sockets = tempfile.TemporaryDirectory(prefix="board.")
        self.log, self.unread, self.share = [], b"", pathlib.Path(share)
        listeners = {name: listener(f"{self.sockets.name}/{name}") for name in ("serial", "qmp")}
        width, height = size
        command = ["qemu-system-aarch64", "-M", "virt", "-accel", "tcg,thread=multi", "-cpu", cpu, "-smp", "2", "-m", "1024"]
        command += ["-display", "none", "-no-reboot", "-nodefaults"]
        command += ["-chardev", f"socket,id=s0,path={self.sockets.name}/serial", "-serial", "chardev:s0"]
        command += ["-chardev", f"socket,id=q0,path={self.sockets.name}/qmp", "-mon", "chardev=q0,mode=control"]
        command += ["-kernel", str(place / "kernel"), "-initrd", str(place / "initramfs.cpio")]
        command += ["-append", f"console=ttyAMA0 panic=-1 oops=panic quiet loglevel=3 vt.global_cursor_default=0 {words}"]
        command += ["-fsdev", f"local,id=fs0,path={share},security_model=none", "-device", "virtio-9p-pci,fsdev=fs0,mount_tag=host"]
        command += {
            "virtio-gpu": ["-device", f"virtio-gpu-pci,xres={width},yres={height}"],
            "bochs": ["-device", f"bochs-display,xres={width},yres={height},romfile="],
            "cirrus": ["-device", "cirrus-vga,romfile="],
            None: [],
        }[panel]
        command += ["-device", "virtio-tablet-pci", "-device", "virtio-keyboard-pci", "-device", "qemu-xhci,id=xhci"]
        if isinstance(disk, Disk):
            command += disk.plugged_in()
        elif disk:
            command += ["-drive", f"file={disk},format=raw,if=virtio,cache=writeback"]
        if ssh:
            # Nothing else leads in, and nothing out.
            command += ["-netdev", f"user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{ssh}-:22", "-device", "virtio-net-pci,netdev=n0,romfile="]
        if camera:
            command += ["-chardev", f"socket,id=cam,path={camera.socket}", "-device", "usb-redir,chardev=cam"]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.serial, qmp = (accept(listeners[name], self.process) for name in ("serial", "qmp"))
        self.qmp = qmp.makefile("rw", encoding="utf8")
        self.qmp.readline()
        self.ask("qmp_capabilities")
        self.wait_for("@@ready", 240)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut()

    def cut(self):
        """The plug is pulled: what the machine has not made its disk keep is lost."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.serial.close()
        self.sockets.cleanup()

    # The serial line.

    def wait_for(self, text, seconds):
        """Reads lines until one holds `text`; the lines before it."""
        lines, end = [], time.monotonic() + seconds
        while True:
            while b"\n" not in self.unread:
                self.serial.settimeout(max(0.001, min(patience(end), 1)))
                try:
                    more = self.serial.recv(65536)
                except TimeoutError:
                    more = None
                # What the machine said last is read before it counts as ended.
                if more == b"":
                    raise Failure(f"the machine ended; last: {self.log[-15:]}")
                if more is None and patience(end) <= 0:
                    raise Failure(f"the machine said nothing of {text!r} for {seconds} s; last: {self.log[-15:]}")
                self.unread += more or b""
            line, self.unread = self.unread.split(b"\n", 1)
            line = line.decode("utf8", "replace").rstrip("\r")
            self.log.append(line)
            if text in line:
                return lines, line
            lines.append(line)

    def sh(self, command, seconds=60, codes=(0,)):
        """Types a command; its output. An exit code that is not among `codes` is a failure."""
        try:
            self.serial.sendall(f"{{ {command}\n}} </dev/null 2>&1; echo \"@@done $?\"\n".encode())
        except BrokenPipeError:
            pass  # The machine has ended; its last words tell why.
        lines, last = self.wait_for("@@done ", seconds)
        before, code = last.split("@@done ")
        output = "\n".join(lines + [before] * bool(before))
        if codes and int(code) not in codes:
            raise Failure(f"`{command}` ended with {code}: {output[-2000:]}")
        return output

    def start(self, command, name):
        """Starts a command beside the shell; its standard output goes to NAME.out on the host, the rest to NAME.err."""
        self.sh(f": >/host/{name}.out; : >/host/{name}.err; {command} >>/host/{name}.out 2>/host/{name}.err & echo $! >/tmp/{name}.pid")

    def pid(self, name):
        # The shell may have something to say before it, about what has ended.
        return int(self.sh(f"cat /tmp/{name}.pid").split()[-1])

    def stop(self, name, signal="TERM", seconds=60):
        """Sends a signal to what `start` started and waits for its end; its exit code."""
        return int(self.sh(f"kill -{signal} {self.pid(name)}; wait {self.pid(name)}; echo code $?", seconds).rsplit("code ", 1)[1])

    # The monitor.

    def ask(self, command, **arguments):
        self.qmp.write(json.dumps({"execute": command, **({"arguments": arguments} if arguments else {})}) + "\n")
        self.qmp.flush()
        while True:
            line = self.qmp.readline()
            if not line:
                raise Failure("the emulator's monitor is gone")
            answer = json.loads(line)
            if "error" in answer:
                raise Failure(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def panel(self):
        """What the panel shows."""
        file = f"{self.sockets.name}/panel.ppm"
        self.ask("screendump", filename=file)
        return Picture.read(file)

    def tap(self, x, y):
        """Touches the panel; 0 to 1 from left to right and from top to bottom."""
        where = [{"type": "abs", "data": {"axis": a, "value": int(v * 32767)}} for a, v in (("x", x), ("y", y))]
        for down in (True, False):
            finger = {"type": "btn", "data": {"down": down, "button": "left"}}
            self.ask("input-send-event", events=[*where, finger])
            time.sleep(0.1)

    def key(self, name):
        for down in (True, False):
            event = {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": name}}}
            self.ask("input-send-event", events=[event])
            time.sleep(0.1)


class Picture:
    """RGB pixels, row by row."""

    def __init__(self, width, height, pixels):
        self.width, self.height, self.pixels = width, height, pixels

    @classmethod
    def read(cls, ppm):
        data = pathlib.Path(ppm).read_bytes()
        _, width, height, _ = data.split(None, 4)[:4]
        width, height = int(width), int(height)
        return cls(width, height, data[-width * height * 3 :])

    @classmethod
    def of_565(cls, data, width, height, stride):
        """Rows of `stride` bytes, pixels of 16 bits: five of red, six of green, five of blue."""
        pixels = bytearray()
        for y in range(height):
            for (pixel,) in struct.iter_unpack("<H", data[y * stride :][: width * 2]):
                red, green, blue = pixel >> 11, pixel >> 5 & 63, pixel & 31
                pixels += bytes((red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2))
        return cls(width, height, bytes(pixels))

    def write(self, png):
        rows = b"".join(b"\0" + self.pixels[y * self.width * 3 :][: self.width * 3] for y in range(self.height))
        chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        png = pathlib.Path(png)
        png.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

    def at(self, x, y):
        return tuple(self.pixels[(y * self.width + x) * 3 :][:3])

    def cut(self, x, y, width, height):
        rows = [self.pixels[((y + row) * self.width + x) * 3 :][: width * 3] for row in range(height)]
        return Picture(width, height, b"".join(rows))


class Disk:
    """An empty ext4 disk that forgets, when its machine is cut off, what it was not told to keep.

    A write that no flush has followed may be in the disk's own memory only. The emulator keeps a log of writes and flushes
    (QEMU's blklogwrites, in the format of the kernel's dm-log-writes); what the last flush covers is all that comes back.
    """

    SECTOR = 512

    def __init__(self, folder, size):
        self.kept, self.used, self.log = (pathlib.Path(folder) / name for name in ("kept.img", "used.img", "log"))
        with open(self.kept, "wb") as file:
            file.truncate(size)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", self.kept], check=True)

    def plugged_in(self):
        subprocess.run(["cp", "--sparse=always", self.kept, self.used], check=True)
        self.log.write_bytes(b"")
        raw = lambda path: f"driver=file,filename={path}"
        nodes = [f"{raw(self.used)},node-name=used", f"{raw(self.log)},node-name=log"]
        nodes += [f"driver=blklogwrites,file=used,log=log,log-sector-size={self.SECTOR},node-name=disk"]
        return [word for node in nodes for word in ("-blockdev", node)] + ["-device", "virtio-blk-pci,drive=disk"]

    def lose_what_was_not_kept(self):
        """Bytes that were written and are lost. The machine must have ended."""
        magic, _, entries, sector = struct.unpack_from("<QQQI", log := self.log.read_bytes())
        if magic != 0x6A736677736872 or sector != self.SECTOR:
            raise Failure("the log of the disk's writes cannot be read")
        at, written, waiting = sector, 0, []
        flush, discard = 1, 4
        with open(self.kept, "r+b") as kept:
            for _ in range(entries):
                where, sectors, flags, _ = struct.unpack_from("<QQQQ", log, at)
                at += sector
                waiting.append((where, bytes(sectors * sector) if flags & discard else log[at : at + sectors * sector]))
                at += 0 if flags & discard else sectors * sector
                if flags & flush:
                    for place, data in waiting:
                        kept.seek(place * sector)
                        kept.write(data)
                    waiting.clear()
        return max(0, len(log) - at) + sum(len(data) for _, data in waiting)


class UsbCamera:
    """A USB Video Class camera that shows files in the order given, each as one frame; see usb_camera.py."""

    def __init__(self, files, fps=10, size=(640, 480)):
        self.folder = tempfile.TemporaryDirectory(prefix="camera.")
        self.socket, self.control = f"{self.folder.name}/usb", f"{self.folder.name}/control"
        command = [sys.executable, str(HERE / "usb_camera.py"), self.socket, self.control, str(fps), *map(str, size), *map(str, files)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if "listening" not in self.process.stdout.readline():
            raise Failure("the USB camera does not start")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def do(self, command):
        """plug, unplug, freeze, thaw, show N, show all, number; the answer."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self.control)
            line.sendall(command.encode() + b"\n")
            return line.recv(100).decode().strip()


def listener(path):
    made = socket.socket(socket.AF_UNIX)
    made.bind(path)
    made.listen(1)
    made.settimeout(1)
    return made


def accept(listening, process):
    for _ in range(30):
        try:
            return listening.accept()[0]
        except TimeoutError:
            if process.poll() is not None:
                break
    raise Failure("the emulator does not start")


def until(seconds, what, test, every=0.25):
    """Asks until the answer is something, and gives it. `what` names it, or a function that then does."""
    end = time.monotonic() + seconds
    while True:
        answer = test()
        if answer:
            return answer
        if patience(end) < 0:
            raise Failure(f"{what() if callable(what) else what}: not within {seconds} s")
        time.sleep(every)


def quoted(*words):
    return " ".join(map(shlex.quote, map(str, words)))


def folder_of_build():
    return pathlib.Path(os.environ.get("LOOKALIKE_QEMU", HERE / "../../target/qemu")).resolve()
