"""Exceptions, each with a one-line message for the user.

    LiveCamError
    ├── UsageError (ValueError)          the request is invalid: exit status 2
    │   ├── UnknownLabelError            no class of that name
    │   └── UnknownLayerError            no activation of that name
    ├── SourceError (OSError)            a source delivers no frames
    │   └── AccessDeniedError (PermissionError)  a camera refuses the user name or password
    ├── WeightsError (OSError)           weights are missing, damaged or of another network
    ├── ModelError (ValueError)          a model file can't be opened, or isn't a classifier with places
    ├── OutputError (OSError)            an output can't be written
    └── ServeError (OSError)             the page can't be served

Each is also the matching Python exception, so that callers who only know that one catch it.
"""

from __future__ import annotations

from live_cam.text import encodable


class LiveCamError(Exception):
    """A failure that live_cam explains itself; its message names what happened, to what, and what to do.

    Attributes:
        exit_status: The exit status of the command line when this error reaches it.
    """

    exit_status = 1

    def __str__(self) -> str:
        """Returns the message; files that it names may have any name, and pages and JSON need text."""
        return encodable(super().__str__())


class UsageError(LiveCamError, ValueError):
    """The request is invalid; nothing was tried."""

    exit_status = 2


class UnknownLabelError(UsageError):
    """No class has the requested label or index."""


class UnknownLayerError(UsageError):
    """The network has no activation of the requested name."""


class SourceError(LiveCamError, OSError):
    """A camera, file or stream delivers no frames."""


class AccessDeniedError(SourceError, PermissionError):
    """A camera refuses the user name or password; some lock everybody out who tries again soon."""


class WeightsError(LiveCamError, OSError):
    """The network's weights can't be obtained or don't fit."""


class ModelError(LiveCamError, ValueError):
    """A model file can't be opened, or isn't a classifier with places."""


class OutputError(LiveCamError, OSError):
    """An output can't be written, for example because the file exists."""


class ServeError(LiveCamError, OSError):
    """The page can't be served, for example because the port is in use."""
