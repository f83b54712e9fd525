"""A camera that sends H.264 over RTSP: `rtsp_server PORT [--size WxH]`; prints `ready` once it listens.

/small    25 frames per second, 320x240 or `--size`, one key frame per second
/large    the same, 640x480
/private  the same as /small for user `user` with password `secret`
/udp      the same as /small over UDP alone
/late     the same as /small, from the middle of a group of pictures on, without parameter sets in the SDP
"""

from __future__ import annotations

import argparse
import base64
import socket
import socketserver
import struct
import sys
import threading
from contextlib import suppress
from fractions import Fraction
from urllib.parse import urlsplit

import av
import numpy as np

from tests.servers.stamped import parse_size_px, photograph, stamp_ns, stamped, ticks

RATE_FPS = 25
CLOCK_HZ = 90_000
PAYLOAD_BYTES = 1400
SPS, PPS = 7, 8
REASONS = {200: "OK", 401: "Unauthorized", 404: "Not Found", 461: "Unsupported Transport"}


class Encoder:
    """Draws and encodes frames."""

    def __init__(self, size):
        self._size, self._base, self._generator = size, photograph(size), np.random.default_rng()
        self.restart()

    def restart(self):
        """Makes the next frame a key frame."""
        self._codec = av.CodecContext.create("libx264", "w")
        self._codec.width, self._codec.height = self._size
        self._codec.pix_fmt, self._codec.framerate = "yuv420p", Fraction(RATE_FPS)
        self._codec.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "keyint=25:scenecut=0"}

    def next_units(self):
        """Returns the NAL units of the next frame, without start codes, and its RTP timestamp."""
        rgb = stamped(self._base, self._generator)
        stream = b"".join(bytes(packet) for packet in self._codec.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        units = stream.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
        return [unit for unit in units if unit], stamp_ns(rgb) * CLOCK_HZ // 1_000_000_000 & 0xFFFFFFFF


class Handler(socketserver.StreamRequestHandler):
    size = (320, 240)

    def handle(self):
        self._lock, self._playing, self._number = threading.Lock(), threading.Event(), 0
        with suppress(OSError, ValueError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as self._datagrams:
            while self._respond():
                pass
        self._playing.clear()

    def _respond(self):
        """Responds to one request, and returns whether there may be more."""
        line = self.rfile.readline()
        if not line.strip():
            return bool(line)
        method, url, _ = line.decode("ascii").split()
        headers = {}
        while (header := self.rfile.readline().decode().strip()) != "":
            key, _, value = header.partition(":")
            headers[key.lower()] = value.strip()
        path = urlsplit(url).path.split("/")[1]
        allowed = "Basic " + base64.b64encode(b"user:secret").decode()
        if path not in ("small", "large", "private", "udp", "late"):
            self._reply(404, headers)
        elif path == "private" and method != "OPTIONS" and headers.get("authorization") != allowed:
            self._reply(401, headers, 'WWW-Authenticate: Basic realm="camera"')
        elif method == "DESCRIBE":
            self._encoder = Encoder((640, 480) if path == "large" else self.size)
            units, _ = self._encoder.next_units()
            self._reply(200, headers, "Content-Type: application/sdp", body=sdp([] if path == "late" else units))
            if path != "late":
                self._encoder.restart()
        elif method == "SETUP" and ("TCP" in headers["transport"]) == (path == "udp"):
            self._reply(461, headers)
        elif method == "SETUP":
            transport = headers["transport"].split(",")[0]
            if path == "udp":
                port = int(transport.partition("client_port=")[2].partition("-")[0])
                self._datagrams.connect((self.client_address[0], port))
                transport += ";server_port={0}-{0}".format(self._datagrams.getsockname()[1])
            self._is_udp = path == "udp"
            self._reply(200, headers, f"Transport: {transport}", "Session: 1;timeout=60")
        else:
            self._reply(200, headers, "Session: 1", "Public: DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER")
            if method == "PLAY":
                self._playing.set()
                threading.Thread(target=self._play, daemon=True).start()
        return method != "TEARDOWN"

    def _reply(self, status, headers, *lines, body=""):
        head = [f"RTSP/1.0 {status} {REASONS[status]}", f"CSeq: {headers.get('cseq', 0)}", *lines]
        head += [f"Content-Length: {len(body)}"] if body else []
        with self._lock:
            self.wfile.write(("\r\n".join(head) + "\r\n\r\n" + body).encode())

    def _play(self):
        with suppress(OSError, ValueError):  # the client disconnected
            for _ in ticks(1 / RATE_FPS):
                if not self._playing.is_set():
                    return
                self._send(*self._encoder.next_units())

    def _send(self, units, timestamp):
        payloads = [part for unit in units for part in parts(unit)]
        for index, payload in enumerate(payloads):
            marker = 0x80 if index == len(payloads) - 1 else 0
            packet = struct.pack("!BBHII", 0x80, marker | 96, self._number & 0xFFFF, timestamp, 1) + payload
            self._number += 1
            if self._is_udp:
                self._datagrams.send(packet)
                continue
            with self._lock:
                self.wfile.write(struct.pack("!cBH", b"$", 0, len(packet)) + packet)


def sdp(units):
    """Returns the description of the stream, with the parameter sets among `units`."""
    sets = ",".join(base64.b64encode(unit).decode() for unit in units if unit[0] & 31 in (SPS, PPS))
    parameters = f";sprop-parameter-sets={sets}" if sets else ""
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*"]
    lines += ["m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", f"a=fmtp:96 packetization-mode=1{parameters}"]
    return "\r\n".join([*lines, "a=control:track0", ""])


def parts(unit):
    """Returns the RTP payloads that carry a NAL unit: itself, or its fragments (FU-A)."""
    if len(unit) <= PAYLOAD_BYTES:
        return [unit]
    pieces = [unit[at : at + PAYLOAD_BYTES] for at in range(1, len(unit), PAYLOAD_BYTES)]
    ends = {0: 0x80, len(pieces) - 1: 0x40}
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 31
    return [bytes((indicator, ends.get(index, 0) | kind)) + piece for index, piece in enumerate(pieces)]


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--size", type=parse_size_px, default=Handler.size)
    options = parser.parse_args()
    Handler.size = options.size
    server = Server(("127.0.0.1", options.port), Handler)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
