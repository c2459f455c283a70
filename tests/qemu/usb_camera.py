#!/usr/bin/env python3
"""usb_camera.py SOCKET CONTROL FPS WIDTH HEIGHT FILE...: a USB camera for an emulated machine.

Speaks usbredir (the protocol of SPICE, `usbredir-protocol.md`, version 0.7 without compression) to qemu's `usb-redir` and is a
USB Video Class 1.0 device with one bulk endpoint (USB-IF, "Device Class Definition for Video Devices", revision 1.0a), so the
machine's own uvcvideo driver binds to it. FILEs named .yuyv hold raw frames, back to back; .jpg one frame each; all of WIDTH x
HEIGHT. The kinds that there are are offered as formats.

CONTROL takes one line a connection and answers it: plug, unplug, freeze (no frame comes any more), thaw, show N (that frame for
ever), show all (one after the other), number (how many frames were sent whole).
"""

import os
import pathlib
import select
import socket
import struct
import sys
import time

# Packets of usbredir.
HELLO, CONNECT, DISCONNECT, RESET, INTERFACES, ENDPOINTS = 0, 1, 2, 3, 4, 5
SET_CONFIGURATION, GET_CONFIGURATION, CONFIGURATION = 6, 7, 8
SET_ALTERNATE, GET_ALTERNATE, ALTERNATE, CANCEL = 9, 10, 11, 21
CONTROL, BULK = 100, 101
# Capabilities: connect with the device's version, 64-bit ids, bulk lengths of 32 bits, and so on, by their bits.
OURS = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6
IDS_64, LENGTHS_32 = 1 << 5, 1 << 6
OK, CANCELLED, STALLED = 0, 1, 4

ENDPOINT = 0x81
PAYLOAD = 16384
YUY2 = bytes.fromhex("5955593200001000800000aa00389b71")
STRINGS = ["", "Lookalike tests", "Emulated USB camera", "0001"]
DEVICE = bytes([18, 1, 0, 2, 0xEF, 2, 1, 64]) + struct.pack("<HHH", 0x1D6B, 0x0102, 0x0100) + bytes([1, 2, 3, 1])
PROCESSING_UNIT, CAMERA_TERMINAL = 2, 1
BRIGHTNESS = 0x200


def u16(*values):
    return struct.pack(f"<{len(values)}H", *values)


def u32(*values):
    return struct.pack(f"<{len(values)}I", *values)


class Film:
    """The frames, by format, and the descriptors that tell of them."""

    def __init__(self, files, fps, width, height):
        self.fps, self.width, self.height, self.bytes = fps, width, height, width * height * 2
        raw, jpegs = [], []
        for file in files:
            data = pathlib.Path(file).read_bytes()
            if file.endswith(".jpg"):
                jpegs.append(data)
            else:
                raw += [data[at : at + self.bytes] for at in range(0, len(data) - self.bytes + 1, self.bytes)]
        self.formats = [(is_raw, frames) for is_raw, frames in ((True, raw), (False, jpegs)) if frames]
        self.interval = int(1e7 / fps)

    def configuration(self):
        formats = b""
        for number, (is_raw, _) in enumerate(self.formats, 1):
            if is_raw:
                formats += bytes([27, 0x24, 4, number, 1]) + YUY2 + bytes([16, 1, 0, 0, 0, 0]) + self.frame(5)
            else:
                formats += bytes([11, 0x24, 6, number, 1, 0, 1, 0, 0, 0, 0]) + self.frame(7)
        count = len(self.formats)
        streaming = bytes([13 + count, 0x24, 1, count]) + u16(13 + count + len(formats))
        streaming += bytes([ENDPOINT, 0, 3, 0, 0, 0, 1]) + bytes(count)
        units = bytes([17, 0x24, 2, CAMERA_TERMINAL, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0])
        units += bytes([11, 0x24, 5, PROCESSING_UNIT, CAMERA_TERMINAL, 0, 0, 2, 1, 0, 0])
        units += bytes([9, 0x24, 3, 3, 1, 1, 0, PROCESSING_UNIT, 0])
        control = bytes([13, 0x24, 1, 0, 1]) + u16(13 + len(units)) + u32(48_000_000) + bytes([1, 1])
        body = bytes([8, 11, 0, 2, 14, 3, 0, 2]) + bytes([9, 4, 0, 0, 0, 14, 1, 0, 2]) + control + units
        body += bytes([9, 4, 1, 0, 1, 14, 2, 0, 0]) + streaming + formats + bytes([7, 5, ENDPOINT, 2]) + u16(512) + b"\0"
        return bytes([9, 2]) + u16(9 + len(body)) + bytes([2, 1, 0, 0x80, 250]) + body

    def frame(self, kind):
        rate = min(int(self.bytes * 8 * self.fps), 0xFFFFFFFF)
        sizes = u16(self.width, self.height) + u32(self.bytes * 8, rate, self.bytes, self.interval)
        return bytes([30, 0x24, kind, 1, 0]) + sizes + b"\1" + u32(self.interval)

    def probe(self, number):
        return u16(1) + bytes([number, 1]) + u32(self.interval) + bytes(10) + u32(self.bytes, PAYLOAD)


class Camera:
    def __init__(self, film, peer):
        self.film, self.peer, self.unread = film, peer, b""
        self.wide_ids = self.wide_lengths = False
        self.is_plugged = self.is_frozen = False
        self.format, self.brightness = 1, 128
        # Requests for data that wait for a frame; the frame on its way and how much of it is sent.
        self.waiting, self.frame, self.sent, self.due, self.toggle = [], None, 0, 0.0, 0
        self.next, self.only, self.number = 0, None, 0
        self.send(HELLO, 0, b"lookalike".ljust(64, b"\0") + u32(OURS))

    def send(self, kind, number, payload):
        self.peer.sendall(struct.pack("<IIQ" if self.wide_ids else "<III", kind, len(payload), number) + payload)

    def plug(self):
        types, intervals, interfaces, packets = bytearray([255] * 32), bytes(32), bytearray(32), [0] * 32
        types[0] = types[16] = 0
        types[16 + (ENDPOINT & 15)], interfaces[16 + (ENDPOINT & 15)] = 2, 1
        packets[0] = packets[16] = 64
        packets[16 + (ENDPOINT & 15)] = 512
        pad = lambda *values: bytes(values).ljust(32, b"\0")
        self.send(INTERFACES, 0, u32(2) + pad(0, 1) + pad(14, 14) + pad(1, 2) + bytes(32))
        self.send(ENDPOINTS, 0, bytes(types) + intervals + bytes(interfaces) + u16(*packets))
        self.send(CONNECT, 0, bytes([2, 0xEF, 2, 1]) + u16(0x1D6B, 0x0102, 0x0100))
        self.is_plugged, self.waiting = True, []

    def unplug(self):
        self.is_plugged, self.waiting = False, []
        self.send(DISCONNECT, 0, b"")

    def obey(self, order):
        match order.split():
            case ["plug"]:
                self.plug()
            case ["unplug"]:
                self.unplug()
            case ["freeze"]:
                self.is_frozen = True
            case ["thaw"]:
                self.is_frozen = False
            case ["show", which]:
                self.only = None if which == "all" else int(which)
            case ["number"]:
                return str(self.number)
            case _:
                return "unknown"
        return "ok"

    def feed(self, data):
        self.unread += data
        while True:
            head = 16 if self.wide_ids else 12
            if len(self.unread) < head:
                return
            kind, length = struct.unpack_from("<II", self.unread)
            (number,) = struct.unpack_from("<Q" if self.wide_ids else "<I", self.unread, 8)
            if len(self.unread) < head + length:
                return
            payload, self.unread = self.unread[head : head + length], self.unread[head + length :]
            self.packet(kind, number, payload)

    def packet(self, kind, number, payload):
        if kind == HELLO:
            theirs = struct.unpack_from("<I", payload, 64)[0]
            self.wide_ids, self.wide_lengths = bool(theirs & IDS_64), bool(theirs & LENGTHS_32)
            self.plug()
        elif kind == RESET:
            self.waiting = []
        elif kind in (SET_CONFIGURATION, GET_CONFIGURATION):
            self.send(CONFIGURATION, number, bytes([OK, 1]))
        elif kind == SET_ALTERNATE:
            self.send(ALTERNATE, number, bytes([OK, payload[0], payload[1]]))
        elif kind == GET_ALTERNATE:
            self.send(ALTERNATE, number, bytes([OK, payload[0], 0]))
        elif kind == CANCEL:
            for request in [r for r in self.waiting if r[0] == number]:
                self.waiting.remove(request)
                self.data(number, CANCELLED, b"", request[1])
        elif kind == CONTROL:
            self.control(number, payload)
        elif kind == BULK:
            low, high = struct.unpack_from("<H", payload, 2)[0], 0
            if self.wide_lengths:
                (high,) = struct.unpack_from("<H", payload, 8)
            self.waiting.append((number, low | high << 16))

    def data(self, number, status, data, asked):
        high = u16(len(data) >> 16) if self.wide_lengths else b""
        self.send(BULK, number, bytes([ENDPOINT, status]) + u16(len(data) & 0xFFFF) + u32(0) + high + data)

    def control(self, number, payload):
        endpoint, request, kind, _, value, index, length = struct.unpack_from("<BBBBHHH", payload)
        answer = self.answer(request, kind, value, index, payload[10:])
        status, answer = (STALLED, b"") if answer is None else (OK, answer[:length])
        sent = len(answer) if kind & 0x80 else length
        self.send(CONTROL, number, struct.pack("<BBBBHHH", endpoint, request, kind, status, value, index, sent) + answer)

    def answer(self, request, kind, value, index, data):
        film = self.film
        match kind, request:
            case 0x80, 6:
                return self.descriptor(value >> 8, value & 255)
            case (0x80 | 0x81 | 0x82), 0:
                return u16(0)
            case 0xA1, _ if index & 255 == 1 and value >> 8 in (1, 2):  # What the stream would be and is.
                whole = {0x81: self.format, 0x82: 1, 0x83: len(film.formats), 0x87: 1}
                return film.probe(whole[request]) if request in whole else {0x85: u16(26), 0x86: b"\3"}.get(request, b"")
            case 0x21, 1 if index & 255 == 1:
                self.format = min(max(data[2], 1), len(film.formats))
                if value >> 8 == 2:
                    self.frame, self.sent, self.due = None, 0, time.monotonic()
                return b""
            case 0xA1, _ if index == PROCESSING_UNIT << 8 and value == BRIGHTNESS:
                values = {0x81: self.brightness, 0x82: 0, 0x83: 255, 0x84: 1, 0x85: 2, 0x87: 128}
                return u16(values[request]) if request in values else {0x86: b"\3"}.get(request, b"")
            case 0x21, 1 if index == PROCESSING_UNIT << 8 and value == BRIGHTNESS:
                self.brightness = data[0]
                return b""
            case 0xA1, _ if index == 0 and value == 0x200:  # The last request's error: none.
                return b"\0"
            case 2, 1:  # The endpoint's halt is cleared: the stream has ended.
                self.frame, self.sent, self.waiting = None, 0, []
                return b""
        return None if kind & 0x80 else b""

    def descriptor(self, kind, index):
        if kind == 1:
            return DEVICE
        if kind == 2:
            return self.film.configuration()
        if kind == 3 and index == 0:
            return bytes([4, 3, 9, 4])
        if kind == 3 and index < len(STRINGS):
            text = STRINGS[index].encode("utf-16le")
            return bytes([2 + len(text), 3]) + text
        if kind == 6:
            return bytes([10, 6, 0, 2, 0xEF, 2, 1, 64, 1, 0])
        return None

    def tick(self):
        """Answers requests for data at the pace of the frames; seconds until there is more to do."""
        while self.is_plugged and self.waiting and not self.is_frozen:
            now = time.monotonic()
            if self.frame is None:
                if now < self.due:
                    return self.due - now
                frames = self.film.formats[self.format - 1][1]
                self.frame = frames[(self.next if self.only is None else self.only) % len(frames)]
                self.next, self.sent, self.toggle = self.next + 1, 0, self.toggle ^ 1
                self.due = max(self.due + 1 / self.film.fps, now)
            number, asked = self.waiting.pop(0)
            piece = self.frame[self.sent : self.sent + min(asked, PAYLOAD) - 12]
            self.sent += len(piece)
            is_last = self.sent >= len(self.frame)
            head = bytes([12, 0x80 | self.toggle | is_last << 1]) + bytes(10)
            self.data(number, OK, head + piece, asked)
            if is_last:
                self.frame, self.number = None, self.number + 1
        return 1.0


def listener(path):
    if os.path.exists(path):
        os.unlink(path)
    made = socket.socket(socket.AF_UNIX)
    made.bind(path)
    made.listen(4)
    return made


def main(usb, control, fps, width, height, *files):
    usb, control = listener(usb), listener(control)
    print("listening", flush=True)
    peer, _ = usb.accept()
    camera = Camera(Film(files, float(fps), int(width), int(height)), peer)
    wait = 1.0
    while True:
        for ready in select.select([peer, control], [], [], wait)[0]:
            if ready is control:
                line, _ = control.accept()
                with line:
                    line.sendall(camera.obey(line.recv(100).decode()).encode() + b"\n")
                continue
            try:
                data = peer.recv(1 << 20)
            except OSError:
                data = b""
            if not data:
                return
            camera.feed(data)
        wait = camera.tick()


if __name__ == "__main__":
    main(*sys.argv[1:])
