"""GStreamer's RTSP server: `/usr/bin/python3 gstreamer.py PORT` takes a stream at /live, and writes its frames as RGB.

Runs with the system's Python, which has Debian's `gir1.2-gst-rtsp-server-1.0`.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PIPELINE = "( rtph264depay name=depay0 ! decodebin ! videoconvert ! video/x-raw,format=RGB ! fdsink fd=1 sync=false )"


def main() -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    factory.set_launch(PIPELINE)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
