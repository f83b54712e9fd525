"""The folder for temporary files of the server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from live_cam.errors import ServeError


@contextmanager
def private_temporary_folder() -> Iterator[None]:
    """Gives Gradio, which must not be imported yet, a folder that nobody else can read, and removes it at the end.

    Its own would be `$TMPDIR/gradio`, which another user may have made, or which may be a link.

    Raises:
        ServeError: No folder for temporary files can be written to.
    """
    try:
        folder = TemporaryDirectory(prefix="live_cam-", ignore_cleanup_errors=True)
    except OSError as error:
        raise ServeError(f"no folder for temporary files can be written to: {error}; set TMPDIR to one") from error
    with folder as path:
        os.environ["GRADIO_TEMP_DIR"] = path
        yield
