#!/usr/bin/env python3
"""initramfs.py ROOT KERNEL OUT [FILE=PATH]...: the emulated board's first file system.

ROOT holds Debian's kernel KERNEL and busybox, unpacked. In it go busybox, the modules that a booth and its tests need, and the
files named, each at PATH. OUT is a cpio archive in the "newc" format (Linux, Documentation/driver-api/early-userspace/
buffer-format.rst).
"""

import pathlib
import sys

MODULES = """virtio_pci virtio_blk virtio_input virtio_net 9pnet_virtio 9p overlay ext4 crc32c_generic evdev uinput xhci_pci usbhid
hid_generic virtio_gpu bochs cirrus vivid uvcvideo""".split()


def plain(name):
    return pathlib.PurePath(name).name.removesuffix(".ko").replace("-", "_")


def needed_modules(root):
    """The modules' files, and of each the files that it depends on."""
    files = {plain(path): path for path in root.rglob("*.ko")}
    order, depends = [], {}

    def add(name):
        if name in depends or name not in files:
            return  # Built in, or taken already.
        text = files[name].read_bytes()
        at = text.find(b"\0depends=") + 9
        depends[name] = [n.replace("-", "_") for n in text[at : text.index(b"\0", at)].decode().split(",") if n and at > 8]
        for other in depends[name]:
            add(other)
        order.append(name)

    for name in MODULES:
        add(name)
    # As modules.dep has it: what is loaded first comes last.
    return [(files[name], [files[n] for n in reversed(order) if n in below(name, depends)]) for name in order]


def below(name, depends):
    """All that a module depends on."""
    found = set(depends.get(name, []))
    return found.union(*(below(other, depends) for other in found))


class Archive:
    def __init__(self):
        self.bytes, self.inode, self.folders = bytearray(), 0, set()

    def add(self, path, content=b"", mode=0o100755):
        parent = str(pathlib.PurePath(path).parent)
        if parent not in (".", *self.folders):
            self.add(parent, mode=0o040755)
        if mode & 0o040000:
            self.folders.add(path)
        self.inode += 1
        name = path.encode() + b"\0"
        numbers = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        self.bytes += b"070701" + "".join(f"{n:08x}" for n in numbers).encode() + name
        self.bytes += bytes(-len(self.bytes) % 4) + content
        self.bytes += bytes(-len(self.bytes) % 4)

    def end(self):
        self.add("TRAILER!!!", mode=0)
        return bytes(self.bytes)


def main(root, kernel, out, *files):
    root, archive = pathlib.Path(root), Archive()
    for folder in ("proc", "sys", "dev"):
        archive.add(folder, mode=0o040755)
    archive.add("bin/busybox", (root / "bin/busybox").read_bytes())
    archive.add("bin/sh", b"busybox", mode=0o120777)
    place = f"lib/modules/{kernel}"
    listing = []
    for file, depends in needed_modules(root / place):
        inside = [str(path.relative_to(root / place)) for path in (file, *depends)]
        archive.add(f"{place}/{inside[0]}", file.read_bytes(), 0o100644)
        listing.append(f"{inside[0]}: {' '.join(inside[1:])}\n")
    archive.add(f"{place}/modules.dep", "".join(listing).encode(), 0o100644)
    for file in files:
        source, path = file.split("=")
        archive.add(path, pathlib.Path(source).read_bytes())
    pathlib.Path(out).write_bytes(archive.end())


if __name__ == "__main__":
    main(*sys.argv[1:])
