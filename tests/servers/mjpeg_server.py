"""A camera that sends MJPEG over HTTP: `mjpeg_server PORT [--size WxH]`; prints `ready` once it listens.

/video    25 frames per second, multipart/x-mixed-replace, with Content-Length
/bare     the same without Content-Length
/private  the same for user `user` with password `secret`
/once     ten frames, then the end
/growing  ten frames, then larger ones, of twice the width and height
/huge     frames of 8192x8192
/scans    a JPEG of 4096x4096 that takes seconds to decode
/page     a web page
/clip.mp4 a recording of half a second, 25 frames per second
"""

from __future__ import annotations

import argparse
import base64
import io
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import cv2
import numpy as np

from tests.servers.stamped import parse_size_px, photograph, stamped, ticks

RATE_FPS = 25
BOUNDARY = "frame"
PAGE = b"<!DOCTYPE html><html><head><title>A camera</title></head><body><h1>Log in</h1></body></html>\n" * 50


class Handler(BaseHTTPRequestHandler):
    size = (320, 240)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/page":
            self._send_body("text/html", PAGE)
        elif path == "/huge":
            self._send_body("image/jpeg", cv2.imencode(".jpg", np.zeros((8192, 8192), np.uint8))[1].tobytes())
        elif path == "/scans":
            self._send_body("image/jpeg", many_scans())
        elif path == "/clip.mp4":
            self._send_body("video/mp4", clip(self.size))
        elif path == "/private" and not self._is_allowed():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path in ("/video", "/bare", "/private", "/once", "/growing"):
            try:
                self._stream(path)
            except OSError:  # the client disconnected
                self.close_connection = True
        else:
            self.send_error(404)

    def _send_body(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _is_allowed(self):
        credentials = base64.b64encode(b"user:secret").decode()
        return self.headers.get("Authorization") == f"Basic {credentials}"

    def _stream(self, path):
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        self.wfile.write(f"--{BOUNDARY}\r\n".encode())
        base, generator = photograph(self.size), np.random.default_rng()
        for number in ticks(1 / RATE_FPS):
            if path == "/once" and number == 10:
                return
            if path == "/growing" and number == 10:
                base = photograph((2 * self.size[0], 2 * self.size[1]))
            bgr = cv2.cvtColor(stamped(base, generator), cv2.COLOR_RGB2BGR)
            jpeg = cv2.imencode(".jpg", bgr)[1].tobytes()
            length = f"Content-Length: {len(jpeg)}\r\n" if path != "/bare" else ""
            self.wfile.write(
                f"Content-Type: image/jpeg\r\n{length}\r\n".encode() + jpeg + f"\r\n--{BOUNDARY}\r\n".encode()
            )

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True


def clip(size):
    """Returns an MP4 of half a second."""
    base, generator, file = photograph(size), np.random.default_rng(0), io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", RATE_FPS, options={"preset": "ultrafast"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for _ in range(RATE_FPS // 2):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(stamped(base, generator), "rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def many_scans():
    """Returns a JPEG of 290 kB that takes seconds to decode, since its last scan is repeated."""
    grey = np.full((4096, 4096), 128, np.uint8)
    jpeg = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    end = jpeg.rindex(b"\xff\xd9")
    return jpeg[:end] + jpeg[jpeg.rindex(b"\xff\xc4", 0, end) : end] * 4000 + jpeg[end:]


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
