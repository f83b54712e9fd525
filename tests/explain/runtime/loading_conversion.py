"""A conversion that writes in which order it loaded and was asked."""

from pathlib import Path

from live_cam.child_task import serve_task

order = ["loaded last"]


def write(arguments):
    Path(arguments[1]).write_text(f"{order.pop()}, then asked")


if __name__ == "__main__":
    serve_task(write, load=lambda: order.append("loaded"))
