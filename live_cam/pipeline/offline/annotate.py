"""Annotating video files, each into a new file that is complete or absent."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from live_cam import __version__
from live_cam.clock import MONOTONIC, Clock
from live_cam.errors import LiveCamError, OutputError
from live_cam.explain.base import FrameExplainer, describe
from live_cam.files import link_new, part_path, require_absent, write_error
from live_cam.pipeline.offline.frame_loop import SETTINGS, AnnotationPipeline, OnProgress
from live_cam.sinks.annotated_video import AnnotatedVideo, VideoFormat, sidecar_paths
from live_cam.sinks.audio.mux import check_audio, mux_audio
from live_cam.sinks.codecs import Codec
from live_cam.sinks.sidecar import read_end, read_header
from live_cam.sources.decode.isolated import IsolatedVideoReader
from live_cam.text import encodable
from live_cam.types import Target

_log = logging.getLogger(__name__)

_HASHED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class AnnotateOptions:
    """What is explained in each file, and how it is written.

    Attributes:
        target: The target.
        every: Every how many frames one is explained; those between show its map.
        classes: Only frames whose top class is among these get a map; all if empty.
        codec: The encoder.
        subtitles: Whether the top class is written as subtitles, too.
    """

    target: Target = Target()
    every: int = 1
    classes: frozenset[int] = frozenset()
    codec: Codec = "auto"
    subtitles: bool = False


@dataclass(frozen=True, slots=True)
class AnnotationResult:
    """The outcome of one file.

    Attributes:
        input, output: The files.
        state: `skipped` was done before, and its problem is repeated; `damaged` is done as far as the input decodes.
        frames: Frames in the output.
        explained: Those that were explained and have a map.
        video_s: When the last frame ends, on the video's time line.
        took_s: How long the work took.
        problem: What went wrong; empty if nothing.
    """

    input: str
    output: str
    state: Literal["done", "skipped", "damaged", "failed"]
    frames: int = 0
    explained: int = 0
    video_s: float = 0.0
    took_s: float = 0.0
    problem: str = ""


def annotate(
    video: Path,
    output: Path,
    explainer: FrameExplainer,
    options: AnnotateOptions,
    on_progress: OnProgress,
    clock: Clock = MONOTONIC,
) -> AnnotationResult:
    """Annotates a video into a new one with the same time stamps, audio and chapters, which is complete or absent.

    Only one process at a time may write into the directory of `output`.

    Args:
        video: The file.
        output: The new file; its suffix is its format.
        explainer: Explains; see `AnnotationPipeline`.
        options: What is explained, and how it is written.
        on_progress: Called with the progress.
        clock: Measures how long it took.

    Returns:
        The outcome, failures included.
    """
    start_ns = clock.now_ns()
    names = (encodable(str(video)), encodable(str(output)))
    try:
        work = _WorkDirectory(output, options.subtitles)
        header = _header(video, explainer, options)
        if output.exists():
            return AnnotationResult(*names, "skipped", problem=_problem_of_existing(output, header))
        with work:
            with (
                IsolatedVideoReader(video) as decoded,
                closing(_pipeline(decoded, work, header, explainer, options, on_progress)) as pipeline,
            ):
                omitted, subtitles = check_audio(video, output.suffix)  # now, rather than after hours of work
                if subtitles:
                    _log.warning("%s: %s; .mkv holds more of them", names[0], subtitles)
                written = pipeline.run()
                problem = " and ".join(filter(None, [decoded.problem, omitted]))
                written.close({"problem": problem})
            mux_audio(work.video, video, work.complete)
            work.publish()
    except LiveCamError as error:
        return AnnotationResult(*names, "failed", problem=str(error))
    except OSError as error:
        return AnnotationResult(*names, "failed", problem=str(write_error(error.filename or output, error)))
    except Exception as error:  # whatever it is, the other files go on
        _log.exception("annotating %s failed", names[0])
        return AnnotationResult(*names, "failed", problem=f"{type(error).__name__}: {error}")
    return AnnotationResult(
        *names,
        "damaged" if problem else "done",
        written.num_frames,
        written.num_explained,
        round(written.end_s, 3),
        round((clock.now_ns() - start_ns) / 1e9, 2),
        problem,
    )


def _pipeline(
    decoded: IsolatedVideoReader,
    work: _WorkDirectory,
    header: dict[str, Any],
    explainer: FrameExplainer,
    options: AnnotateOptions,
    on_progress: OnProgress,
) -> AnnotationPipeline:
    info = decoded.info
    video_format = VideoFormat(
        (info.width_px, info.height_px),
        info.time_base,
        info.rate_fps,
        options.codec,
        info.sample_aspect_ratio,
        options.subtitles,
    )
    video = AnnotatedVideo(work.video, video_format, header)
    return AnnotationPipeline(
        decoded, video, header["source"], explainer, options.target, options.every, options.classes, on_progress
    )


class _WorkDirectory:
    """A directory beside the output in which its files are made, until they are published all at once.

    They are published as further links: by these a later run recognises what a killed one has left.
    """

    def __init__(self, output: Path, subtitles: bool) -> None:
        """Removes what a killed run has left.

        Raises:
            OutputError: A file exists that no such run has left.
        """
        self._directory = part_path(output, "")
        self._output = output
        self._sidecars = sidecar_paths(output, subtitles)
        self.video = self._directory / "made" / output.name
        self.complete = self._directory / f"whole{output.suffix}"
        if not output.exists():
            self._withdraw()
            for path in self._sidecars:
                require_absent(path)
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> _WorkDirectory:
        self.video.parent.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._output.exists():
            self._withdraw()
        shutil.rmtree(self._directory, ignore_errors=True)

    def publish(self) -> None:
        """Gives the files their names, the video last, so that where it is, all are.

        Raises:
            OutputError: A file of such a name exists by now.
        """
        for path in self._sidecars:
            link_new(self.video.with_name(path.name), path)
        link_new(self.complete, self._output)

    def _withdraw(self) -> None:
        for path in self._sidecars:
            with suppress(OSError):
                if path.samefile(self.video.with_name(path.name)):
                    path.unlink()


def _header(video: Path, explainer: FrameExplainer, options: AnnotateOptions) -> dict[str, Any]:
    target = options.target
    return {
        "live_cam": __version__,
        "source": video.name,
        "source_digest": _digest(video),
        **describe(explainer),
        "target": target.index,
        "contrast": target.contrast,
        "counterfactual": target.counterfactual,
        "every": options.every,
        "classes": sorted(options.classes),
        "subtitles": options.subtitles,
        "view": "overlay",
        "settings": SETTINGS,
    }


def _digest(video: Path) -> str:
    """Returns what identifies a file: SHA-256 (hex) of its size, its first and its last bytes."""
    sha256 = hashlib.sha256()
    with suppress(OSError), video.open("rb") as file:  # the decoder reports a file that can't be read
        size = file.seek(0, os.SEEK_END)
        sha256.update(str(size).encode())
        for start in (0, max(0, size - _HASHED_BYTES)):
            file.seek(start)
            sha256.update(file.read(_HASHED_BYTES))
    return sha256.hexdigest()


def _problem_of_existing(output: Path, header: dict[str, Any]) -> str:
    """Returns what was wrong with the input of an output that exists.

    Raises:
        OutputError: It is not the one that would be made.
    """
    sidecar = sidecar_paths(output, subtitles=False)[0]
    found = read_header(sidecar)
    differing = [key for key in header if key != "live_cam" and found.get(key) != header[key]]
    if not found:
        require_absent(output)  # raises: it is the user's own file
    if differing:
        raise OutputError(f"{output} was made with another {', '.join(differing)}; give another name or remove it")
    return str(read_end(sidecar).get("problem", ""))
