"""What can go wrong, as exceptions whose text is one line for the person in front of the screen.

    LiveCamError
    ├── UsageError (ValueError)          the words of the command are wrong: exit status 2
    │   ├── UnknownLabelError            no class of that name
    │   └── UnknownLayerError            no activation of that name
    ├── SourceError (OSError)            pictures can't be had from a source
    ├── WeightsError (OSError)           weights are missing, spoilt or of another network
    ├── OutputError (OSError)            a result can't be written where it was asked for
    └── ServeError (OSError)             the page can't be served

Each also is the Python exception it resembles, so that a caller who knows only that one catches it.
"""

from __future__ import annotations


class LiveCamError(Exception):
    """Any failure that live_cam explains itself; its text says what happened, to what, and what to do.

    Attributes:
        exit_status: What the command line ends with when this error reaches it.
    """

    exit_status = 1


class UsageError(LiveCamError, ValueError):
    """The request itself is wrong; nothing was tried."""

    exit_status = 2


class UnknownLabelError(UsageError):
    """No class carries the name or index asked for."""


class UnknownLayerError(UsageError):
    """The network has no activation of the name asked for."""


class SourceError(LiveCamError, OSError):
    """A camera, file or stream gives no pictures."""


class WeightsError(LiveCamError, OSError):
    """The network's weights can't be had, or are not what they should be."""


class OutputError(LiveCamError, OSError):
    """A result can't be written, for example since the file is there already."""


class ServeError(LiveCamError, OSError):
    """The page can't be served, for example since the port is taken."""
