"""Exceptions, each with a one-line message for the user.

    LiveCamError
    ├── UsageError (ValueError)          the request is invalid: exit status 2
    │   ├── UnknownLabelError            no class of that name
    │   └── UnknownLayerError            no activation of that name
    ├── SourceError (OSError)            a source delivers no frames
    │   └── AccessDeniedError (PermissionError)  a camera refuses the user name or password
    ├── ModelError (ValueError)          a model file can't be opened, or isn't a classifier with places
    ├── WeightsError (OSError)           weights are missing, damaged or of another network
    ├── OutputError (OSError)            an output can't be written
    ├── ServeError (OSError)             the page can't be served
    └── NoTensorFlowError (ImportError)  TensorFlow is needed and not installed, as in some containers

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
    """A model file can't be opened, or isn't a classifier of images whose layers have places."""


class OutputError(LiveCamError, OSError):
    """An output can't be written, for example because the file exists."""


class ServeError(LiveCamError, OSError):
    """The page can't be served, for example because the port is in use."""


class NoTensorFlowError(LiveCamError, ImportError):
    """TensorFlow or Keras is needed and not installed."""

    def __init__(
        self,
        message: str = "there is no TensorFlow here, which opens models of Keras and converts what was not converted "
        "beforehand; use an image built with TENSORFLOW=cpu, or install tensorflow and keras",
    ) -> None:
        """Says so, and what to do."""
        super().__init__(message)
