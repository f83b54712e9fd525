"""SavedModels without Keras's layers: their graph as an OpenVINO model, written once, in a process of its own.

OpenVINO's reader of SavedModels imports TensorFlow, its reader of its own files does not.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from live_cam.child_task import run_task, serve_task
from live_cam.errors import ModelError

_MODULE: Final = "live_cam.models.saved_graph"  # it runs as __main__
_MAX_MEMORY_BYTES: Final = 16 << 30
_MODEL_NAME: Final = "model.xml"


def holds_graph_alone(folder: Path) -> bool:
    """Whether a folder is a SavedModel of TensorFlow 2.11 or later without Keras's layers, as `export()` writes."""
    names = ("saved_model.pb", "fingerprint.pb", "keras_metadata.pb")
    return [(folder / name).is_file() for name in names] == [True, True, False]


def graph_of(folder: Path, digest: str, cache: Path) -> Path:
    """Returns the .xml file of the graph of a SavedModel.

    Args:
        folder: The SavedModel.
        digest: SHA-256 (hex) of its contents.
        cache: Where it is kept.

    Raises:
        ModelError: It can't be read, or the cache can't be written.
    """
    kept = cache / f"graph-{digest[:16]}"
    if not (kept / _MODEL_NAME).is_file():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=cache, prefix=".graph.", ignore_cleanup_errors=True) as temporary:
                request = [str(folder.absolute()), str(Path(temporary) / "new" / _MODEL_NAME)]
                run_task(_MODULE, request, f"opening {folder}")
                shutil.rmtree(kept, ignore_errors=True)
                (Path(temporary) / "new").rename(kept)
        except OSError as error:
            raise ModelError(f"the graph of {folder} can't be kept in {cache}: {error.strerror or error}") from error
    return kept / _MODEL_NAME


def _convert(request: list[str]) -> None:
    import openvino as ov

    from live_cam.models.openvino_files.read import read_file

    folder, path = map(Path, request)
    model = read_file(folder)
    path.parent.mkdir()
    ov.save_model(model, path, compress_to_fp16=False)


if __name__ == "__main__":
    serve_task(_convert, _MAX_MEMORY_BYTES)
