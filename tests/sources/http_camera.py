"""A camera over HTTP whose responses a test chooses."""

import socket
import socketserver
import time
from typing import Any

import cv2
import numpy as np

from live_cam.sources.decode.network_reader import NetworkReader
from live_cam.sources.url import CameraUrl

LEVELS = (60, 120, 180)
JPEGS = [cv2.imencode(".jpg", np.full((48, 64, 3), level, np.uint8))[1].tobytes() for level in LEVELS]
PERIOD_S = 0.05


class Camera(socketserver.ThreadingTCPServer):
    """A camera whose responses a test chooses.

    Attributes:
        respond: Called with the connection, and the header of the request.
        requests: Time and header of each.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, respond, host="127.0.0.1"):
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        address: Any = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][4]  # with the zone as a number
        super().__init__(address, _Handler)
        self.respond = respond
        self.requests: list[tuple[float, str]] = []
        self.port = self.server_address[1]

    def url(self, path="/", user_info=""):
        return f"http://{user_info}127.0.0.1:{self.port}{path}"

    def handle_error(self, *_):
        """Ignores clients that disconnect."""


class _Handler(socketserver.StreamRequestHandler):
    server: Camera

    def handle(self):
        lines = []
        while line := self.rfile.readline().strip():
            lines.append(line.decode())
        self.server.requests.append((time.monotonic(), "\n".join(lines)))
        self.server.respond(self.request, self.server.requests[-1][1])


def send_head(connection, kind, *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", *headers, "Connection: close", "", ""]
    connection.sendall("\r\n".join(lines).encode())


def stream(kind, before, part, period_s=PERIOD_S):
    """Returns a response of pictures in a circle; `part` is what is sent of each."""

    def respond(connection, _):
        send_head(connection, kind)
        connection.sendall(before)
        time.sleep(period_s)  # it arrives by itself
        for number in range(1000):
            connection.sendall(part(JPEGS[number % len(JPEGS)]))
            time.sleep(period_s)

    return respond


def send_body(kind, body, *headers):
    def respond(connection, _):
        send_head(connection, kind, f"Content-Length: {len(body)}", *headers)
        connection.sendall(body)

    return respond


def levels(frames):
    return [min(LEVELS, key=lambda level: abs(float(rgb.mean()) - level)) for rgb, _ in frames]


def read(url, count=4, **options):
    """Returns frames of a camera, read in this process."""
    reader = NetworkReader(CameraUrl.parse(url), **options)
    try:
        return [reader.read() for _ in range(count)]
    finally:
        reader.close()
