"""Starts the command line, as `live-cam` and as `python -m live_cam`."""

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    """Runs the command line and ends the process."""
    # Until `run` handles signals, Ctrl-C ends the process as SIGTERM does: imports would be left with a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from live_cam.cli.app import run

    try:
        run()
    except SystemExit as ended:
        _exit(ended.code)


def _exit(status: object) -> None:
    """Ends the process without the interpreter's shutdown, which crashes where the network's threads still work."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
