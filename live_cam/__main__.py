"""Starts the command line, as `live-cam` and as `python -m live_cam`."""

import signal


def main() -> None:
    """Runs the command line and exits."""
    # Until `run` handles signals, Ctrl-C ends the process as SIGTERM does: imports would be left with a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from live_cam.cli.app import run

    run()


if __name__ == "__main__":
    main()
