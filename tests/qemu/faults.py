"""Scenes of a disk that is pulled, full or read-only, and of the package on a whole Debian."""

import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time

from board import BIDEN, BUILD, FIGURES, OBAMA, Board, film
from machine import HERE, Disk, Failure, UsbCamera, until


def plug_pulled_while_enrolling():
    """The machine cut off 20 times, with all that the disk had not been told to keep: who was acknowledged is there."""
    dice = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="disk.", dir=BUILD) as folder:
        disk = Disk(folder, 64 << 20)
        acknowledged, lost = set(), 0
        for cut in range(20):
            with Board(disk=disk, panel=None) as board:
                known = opened(board)
                if missing := acknowledged - known:
                    raise Failure(f"acknowledged and lost after {cut} cuts: {sorted(missing)}")
                for number in range(40):
                    visitor = board.share / f"visitors/{cut:02}-{number:02}"
                    visitor.mkdir(parents=True)
                    shutil.copy(BUILD / "share/film/obama.jpg", visitor)
                board.start("lookalike enroll --json --board /host/qemu.toml /host/visitors", "enroll")
                log = board.share / "enroll.out"
                until(300, "the first acknowledgement", lambda: '"enrolled":true' in log.read_text(), every=0.05)
                time.sleep(dice.uniform(0, 3))
                board.process.kill()
                board.process.wait()
                said = log.read_text()
                acknowledged |= {json.loads(line)["name"] for line in said.splitlines() if line.endswith("}")}
            lost += disk.lose_what_was_not_kept()
        with Board(disk=disk, panel=None) as board:
            if missing := acknowledged - opened(board):
                raise Failure(f"acknowledged and lost: {sorted(missing)}")
        FIGURES["cut off while enrolling"] = f"20 times, {len(acknowledged)} acknowledged, none lost; {lost / 1e3:.0f} kB of writes undone with the plug"


def opened(board):
    """The names on the disk, which is mounted first."""
    board.modules("virtio_blk", "crc32c_generic", "ext4")
    board.sh("mount -t ext4 /dev/vda /data")
    listed = board.sh("! test -e /data/gallery || lookalike gallery list --json --board /host/qemu.toml", 120)
    return {json.loads(line)["name"] for line in listed.splitlines() if line.startswith("{")}


def disk_full_and_read_only():
    """A full disk and a read-only one are sentences, and cost nothing that was stored."""
    with UsbCamera(film("obama.jpg")) as camera, Board(camera=camera) as board:
        enroll = "lookalike enroll --board /host/qemu.toml --name Newcomer /host/film/biden.jpg"
        board.sh("mkdir /small; mount -t tmpfs -o size=64k small /small; cp /data/gallery /small/; dd if=/dev/zero of=/small/full bs=1k 2>/dev/null", codes=())
        output = board.sh(f"{enroll} --gallery /small/gallery", 300, codes=(1, 2))
        if "make room on the disk" not in output:
            raise Failure(output)
        same = "cmp /small/gallery /data/gallery; ls -A /small"
        if board.sh(same).split() != ["full", "gallery"]:
            raise Failure(board.sh(same))
        board.sh("mkdir /fixed; mount -t tmpfs fixed /fixed; cp /data/gallery /fixed/; mount -o remount,ro /fixed")
        output = board.sh(f"{enroll} --gallery /fixed/gallery", 300, codes=(1, 2))
        if "folder that may be written" not in output and "Read-only" not in output:
            raise Failure(output)
        board.modules("virtio_gpu", "xhci_pci", "uvcvideo")
        board.sh("mount -o remount,ro /; ! touch /written 2>/dev/null")
        board.run("--gallery", "/fixed/gallery")
        board.wait_for_name(OBAMA)
        board.stop("run")


def package():
    """The package on a Debian with systemd: installed, started, killed, stuck, upgraded by `make deploy`, removed, purged."""
    with UsbCamera(film("obama.jpg", "biden.jpg")) as camera, tempfile.TemporaryDirectory(prefix="disk.", dir=BUILD) as folder:
        port = free_port()
        disk = pathlib.Path(folder) / "disk.img"
        subprocess.run(["cp", "--sparse=always", BUILD / "debian.img", disk], check=True)
        with Board(disk=disk, camera=camera, ssh=port, words="booth.debian") as board:
            camera.do("show 0")
            shutil.copy(BUILD / "share/lookalike.deb", board.share)
            board.sh("dpkg --install /host/lookalike.deb", 1500)
            examine(board, camera)
            enroll = "lookalike enroll --name"
            board.sh(f"{enroll} '{OBAMA}' /host/film/obama.jpg && {enroll} '{BIDEN}' /host/film/biden.jpg", 600)
            owner = board.sh("stat -c '%U %a' /var/lib/lookalike /var/lib/lookalike/gallery").split()
            if owner != ["lookalike", "700", "lookalike", "600"]:
                raise Failure(f"the state belongs to {owner}")
            board.sh("systemctl restart lookalike", 300)
            until(300, f"{OBAMA} on the panel", lambda: board.shows(OBAMA), every=1)
            board.panel().write(BUILD / "package.png")
            service = lambda key: board.sh(f"systemctl show --value -p {key} lookalike").strip()
            for what, signal in (("killed", "KILL"), ("stuck", "STOP")):
                pid = service("MainPID")
                board.sh(f"kill -{signal} {pid}")
                until(300, f"another process after one was {what}", lambda: service("MainPID") not in ("0", pid), every=1)
                until(300, f"{OBAMA} again after one was {what}", lambda: board.shows(OBAMA), every=1)
            pid = service("MainPID")
            deploy("rpi4", port, pathlib.Path(folder))
            until(300, "another process after the upgrade", lambda: service("MainPID") not in ("0", pid), every=1)
            if "0.1.1" not in (version := board.sh("dpkg-query --show lookalike")):
                raise Failure(f"after the upgrade there is {version}")
            until(300, f"{OBAMA} after the upgrade", lambda: board.shows(OBAMA), every=1)
            safety = board.sh("systemd-analyze security lookalike | tail -n 1", 300, codes=())
            if found := re.search(r": ([\d.]+) (\w+)", safety):
                FIGURES["systemd-analyze security"] = f"{found[1]} {found[2]}"
            board.sh("dpkg --remove lookalike", 300)
            board.sh("! test -e /usr/bin/lookalike; test -e /var/lib/lookalike/gallery; ! systemctl is-active lookalike")
            board.sh("dpkg --purge lookalike; ! test -e /var/lib/lookalike; ! test -e /etc/lookalike", 300)


def examine(board, camera):
    """`doctor` where the package is new: nothing is missing but people; then the camera is."""
    has_camera = lambda: "yes" in board.sh("test -e /dev/video0 && echo yes", codes=())
    board.sh("systemctl stop lookalike", 300)
    until(60, "the camera", has_camera)
    doctor(board, 0, "nobody in /var/lib/lookalike/gallery yet", "/dev/video0", "/dev/dri/card0", "kernels: neon (")
    camera.do("unplug")
    until(60, "no camera", lambda: not has_camera())
    doctor(board, 1, "no video device: plug a USB camera in", "rpicam-vid is not installed")
    camera.do("plug")


def doctor(board, code, *words):
    said = board.sh("lookalike doctor", 300, codes=(code,))
    if missing := [word for word in words if word not in said]:
        raise Failure(f"doctor does not say {missing}: {said}")


def free_port():
    """Of this host, a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def deploy(board, port, folder):
    """`make deploy` with the next version, by the real ssh and scp, which only learn here where the machine is."""
    settings = f"""Host board
HostName 127.0.0.1
Port {port}
User pi
IdentityFile {BUILD / "pi"}
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
BatchMode yes
"""
    (folder / "settings").write_text(settings)
    for tool in ("ssh", "scp"):
        (folder / tool).write_text(f'#!/bin/sh\nexec {shutil.which(tool)} -F "{folder}/settings" "$@"\n')
        (folder / tool).chmod(0o755)
    told = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "VERSION": "0.1.1"}
    command = ["make", "-s", "-C", HERE.parent.parent, "deploy", f"BOARD={board}", "HOST=pi@board"]
    done = subprocess.run(command, env=told, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0 or "active (running)" not in done.stdout:
        raise Failure(f"make deploy ended with {done.returncode}: {done.stdout[-2000:]}")
