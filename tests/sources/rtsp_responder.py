"""An RTSP server that has no stream, only the same response to every request."""

import socketserver


class RtspServer(socketserver.ThreadingTCPServer):
    """An RTSP server.

    Attributes:
        lines: Its response: status and reason, and headers.
        requests: The requests, each with its headers.
        url: Its own.
    """

    daemon_threads = True

    def __init__(self, *lines):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lines = lines
        self.requests: list[str] = []
        self.url = f"rtsp://127.0.0.1:{self.server_address[1]}"


class _Handler(socketserver.StreamRequestHandler):
    server: RtspServer

    def handle(self):
        while line := self.rfile.readline().decode():
            headers = [line, *iter(lambda: self.rfile.readline().decode().strip(), "")]
            self.server.requests.append("\n".join(headers))
            cseq = next(header for header in headers if header.lower().startswith("cseq:"))
            status, *others = self.server.lines
            self.wfile.write("\r\n".join([f"RTSP/1.0 {status}", cseq, *others, "", ""]).encode())
