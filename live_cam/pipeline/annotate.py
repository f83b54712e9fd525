"""A whole video file explained: every frame, none dropped, while others are decoded and encoded."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from live_cam import __version__
from live_cam.errors import LiveCamError, OutputError, SourceError
from live_cam.explain.explainer import Explain, describe
from live_cam.frame import Explanation, Frame, Target
from live_cam.pipeline.overlap import Ahead, Behind
from live_cam.render.colormaps import DEFAULT_COLORMAP
from live_cam.render.overlay import overlay
from live_cam.sinks.annotated_video import AnnotatedVideo, companions
from live_cam.sinks.codecs import Codec
from live_cam.sinks.new_file import move_new
from live_cam.sinks.sidecar import read_end, read_header
from live_cam.sinks.sound import join_sound
from live_cam.sources.decoding import DecodedVideo, Picture

AT_ONCE = 8
"""How many frames are explained in one call."""

_OPACITY = 0.7
_SETTINGS = {"opacity": _OPACITY, "colormap": DEFAULT_COLORMAP}
_MOST_BYTES_AT_ONCE = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class AnnotateOptions:
    """What is explained in each file, and how it is written.

    Attributes:
        target: The question.
        every: Every how many frames one is explained; those between show the map of the last one.
        classes: Only frames whose likeliest class is among these get a map; all if empty.
        codec: How to encode.
        subtitles: Whether the likeliest class is written as subtitles, too.
    """

    target: Target = Target()  # noqa: RUF009 (frozen)
    every: int = 1
    classes: frozenset[int] = frozenset()
    codec: Codec = "auto"
    subtitles: bool = False


@dataclass(frozen=True, slots=True)
class Annotated:
    """What became of one file.

    Attributes:
        input, output: The files.
        state: `skipped` was done before, its problem told again; `damaged` is done as far as the input can be read.
        frames: Pictures in the output.
        explained: Those that were explained and have a map.
        video_s: How long the video plays.
        took_s: How long the work took.
        problem: What went wrong; "" if nothing.
    """

    input: str
    output: str
    state: Literal["done", "skipped", "damaged", "failed"]
    frames: int = 0
    explained: int = 0
    video_s: float = 0.0
    took_s: float = 0.0
    problem: str = ""


Tell = Callable[[int, int | None, float], None]
"""Told the pictures done, those there are if that is known, and the seconds of video done."""


def annotate(video: Path, output: Path, explainer: Explain, options: AnnotateOptions, tell: Tell) -> Annotated:
    """Explains a video into a new one with the same time stamps and sound, which is whole or not there.

    Args:
        video: The file.
        output: The new file; its suffix says what it is.
        explainer: What explains, `AT_ONCE` frames in one call or single ones.
        options: What is explained, and how it is written.
        tell: Told how far it is.

    Returns:
        What became of it; failures are told there, too.
    """
    begin_s = time.monotonic()
    header = _header(video, explainer, options)
    if output.exists():
        return _done_before(video, output, header)
    work = output.with_name(f".{output.name}.part")
    try:
        _make_room(companions(output, options.subtitles), work)
        work.mkdir()
        with (
            DecodedVideo(video) as decoded,
            closing(_Road(decoded, work / output.name, header, explainer, options, tell)) as road,
        ):
            written = road.run()
        whole = work / f"{output.stem}.whole{output.suffix}"
        join_sound(work / output.name, video, whole)
        for path in companions(output, options.subtitles):
            move_new(work / path.name, path)
        move_new(whole, output)  # last: where the video is, all is
    except (LiveCamError, OSError) as error:
        return Annotated(str(video), str(output), "failed", problem=str(error))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Annotated(
        str(video),
        str(output),
        "damaged" if decoded.problem else "done",
        written.frames_n,
        written.explained_n,
        round(written.end_s, 3),
        round(time.monotonic() - begin_s, 2),
        decoded.problem,
    )


def _header(video: Path, explainer: Explain, options: AnnotateOptions) -> dict[str, Any]:
    target = options.target
    return {
        "live_cam": __version__,
        "source": video.name,
        "source_bytes": video.stat().st_size if video.is_file() else 0,
        **describe(explainer),
        "target": target.index,
        "versus": target.versus,
        "every": options.every,
        "classes": sorted(options.classes),
        "subtitles": options.subtitles,
        "view": "seen",
        "settings": _SETTINGS,
    }


def _make_room(paths: list[Path], work: Path) -> None:
    """Clears away what a run has left that was killed, perhaps while it gave its files their names.

    Raises:
        OutputError: There is a file in the way that no such run has left.
    """
    for path in paths:
        if path.exists():
            # The names were free when that run began.
            if not (work.exists() and (read_header(path) or path.read_bytes().startswith(b"WEBVTT"))):
                raise OutputError(f"{path} is there already and is not overwritten; give another name or remove it")
            path.unlink()
    shutil.rmtree(work, ignore_errors=True)


def _done_before(video: Path, output: Path, header: dict[str, Any]) -> Annotated:
    """Tells whether the file that is there already is the one that would be made."""
    sidecar = companions(output, subtitles=False)[0]
    found = read_header(sidecar)
    differing = [word for word in header if word != "live_cam" and found.get(word) != header[word]]
    if not found:
        problem = f"{output} is there already and is not overwritten; give another name or remove it"
    elif differing:
        problem = f"{output} was made with another {', '.join(differing)}; give another name or remove it"
    else:
        return Annotated(str(video), str(output), "skipped", problem=read_end(sidecar).get("problem", ""))
    return Annotated(str(video), str(output), "failed", problem=problem)


class _Road:
    """Decoder, step and encoder of one file, each at work on its own frames."""

    def __init__(
        self,
        decoded: DecodedVideo,
        video: Path,
        header: dict[str, Any],
        explainer: Explain,
        options: AnnotateOptions,
        tell: Tell,
    ) -> None:
        info = decoded.info
        self._decoded = decoded
        self._explainer = explainer
        self._options = options
        self._tell = tell
        self._source_id = header["source"]
        self._shown: Explanation | None = None
        bytes_at_once = info.width_px * info.height_px * 3 * AT_ONCE * options.every
        self._at_once = AT_ONCE if bytes_at_once <= _MOST_BYTES_AT_ONCE else 1
        size_px = (info.width_px, info.height_px)
        self._video = AnnotatedVideo(
            video, size_px, info.time_base, info.rate_fps, options.codec, options.subtitles, header
        )

    def run(self) -> AnnotatedVideo:
        """Explains all frames, and finishes the files.

        Raises:
            SourceError: The file can't be decoded any further, or not at all.
            OutputError: The disk is full, or fails.
        """
        most = self._at_once
        with Ahead(self._decoded.read, most) as pictures, Behind(self._write, most) as encoder:
            for batch in self._batches(pictures):
                explained = iter(self._explain(batch))
                for number, picture in batch:
                    encoder.put((number, picture, next(explained) if self._asked(number) else None))

        if not self._video.frames_n:
            raise SourceError(f"{self._source_id} holds no frame that can be decoded; it may be cut short")
        self._video.close({"problem": self._decoded.problem})
        return self._video

    def close(self) -> None:
        """Lets go of the files."""
        with suppress(OutputError):
            self._video.close({})

    def _asked(self, number: int) -> bool:
        return number % self._options.every == 0

    def _batches(self, pictures: Iterable[Picture]) -> Iterator[list[tuple[int, Picture]]]:
        """Gives the pictures, numbered, with those that are explained in one call together."""
        batch: list[tuple[int, Picture]] = []
        for numbered in enumerate(pictures):
            batch.append(numbered)
            if len(batch) == self._at_once * self._options.every:
                yield batch
                batch = []
        if batch:
            yield batch

    def _explain(self, batch: list[tuple[int, Picture]]) -> list[Explanation]:
        time_base = self._decoded.info.time_base
        frames = [
            Frame(picture.rgb, _nanoseconds(picture.pts, time_base), number, self._source_id)
            for number, picture in batch
            if self._asked(number)
        ]
        # Another number of frames might have to be compiled first.
        calls = [frames] if len(frames) == AT_ONCE else [[frame] for frame in frames]
        return [answer for call in calls for (answer,) in self._explainer.explain_all(call, [self._options.target])]

    def _write(self, item: tuple[int, Picture, Explanation | None]) -> None:
        number, picture, explanation = item
        if explanation is not None:
            classes = self._options.classes
            self._shown = explanation if not classes or explanation.top[0].index in classes else None
        told = self._shown if explanation is not None else None
        self._video.write(self._painted(picture, number), picture.pts, picture.duration, told, _SETTINGS)
        self._tell(self._video.frames_n, self._decoded.info.frames_n, self._video.end_s)

    def _painted(self, picture: Picture, number: int) -> NDArray[np.uint8]:
        if self._shown is None:
            return picture.rgb
        frame = Frame(picture.rgb, 0, number, self._source_id)
        return overlay(frame, self._shown, _OPACITY, DEFAULT_COLORMAP)


def _nanoseconds(pts: int, time_base: Fraction) -> int:
    return int(pts * time_base * 1_000_000_000)
