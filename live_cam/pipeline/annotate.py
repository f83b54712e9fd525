"""Video files explained one after the other, each into a file of its own that is whole or not there."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from live_cam import __version__
from live_cam.errors import LiveCamError, OutputError
from live_cam.explain.explainer import Explain, describe
from live_cam.frame import Target
from live_cam.pipeline.annotation_road import SETTINGS, Road, Tell
from live_cam.sinks.annotated_video import AnnotatedVideo, VideoFormat, companions
from live_cam.sinks.codecs import Codec
from live_cam.sinks.new_file import link_new, require_absent
from live_cam.sinks.sidecar import read_end, read_header
from live_cam.sinks.sound import check_sound, join_sound
from live_cam.sources.decoding import DecodedVideo

_log = logging.getLogger(__name__)

_DIGESTED_BYTES = 1 << 20


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
        video_s: When the last picture ends, on the video's time line.
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


def annotate(video: Path, output: Path, explainer: Explain, options: AnnotateOptions, tell: Tell) -> Annotated:
    """Explains a video into a new one with the same time stamps and sound, which is whole or not there.

    Only one process at a time may write into the folder of `output`.

    Args:
        video: The file.
        output: The new file; its suffix says what it is.
        explainer: What explains; see `Road`.
        options: What is explained, and how it is written.
        tell: Told how far it is.

    Returns:
        What became of it; failures are told there, too.
    """
    begin_s = time.monotonic()
    names = (_printable(video), _printable(output))
    try:
        work = _Work(output, options.subtitles)
        header = _header(video, explainer, options)
        if output.exists():
            return Annotated(*names, "skipped", problem=_problem_of_done(output, header))
        with work:
            with (
                DecodedVideo(video) as decoded,
                closing(_road(decoded, work, header, explainer, options, tell)) as road,
            ):
                left_out = check_sound(video, output.suffix)  # now, rather than after hours of work
                written = road.run()
                problem = " and ".join(filter(None, [decoded.problem, left_out]))
                written.close({"problem": problem})
            join_sound(work.video, video, work.whole)
            work.publish()
    except (LiveCamError, OSError) as error:
        return Annotated(*names, "failed", problem=str(error))
    except Exception as error:  # whatever it is, it spoils no other file
        _log.exception("annotating %s failed", names[0])
        return Annotated(*names, "failed", problem=f"{type(error).__name__}: {error}")
    return Annotated(
        *names,
        "damaged" if problem else "done",
        written.frames_n,
        written.explained_n,
        round(written.end_s, 3),
        round(time.monotonic() - begin_s, 2),
        problem,
    )


def _road(
    decoded: DecodedVideo,
    work: _Work,
    header: dict[str, Any],
    explainer: Explain,
    options: AnnotateOptions,
    tell: Tell,
) -> Road:
    info = decoded.info
    form = VideoFormat(
        (info.width_px, info.height_px),
        info.time_base,
        info.rate_fps,
        options.codec,
        info.sample_aspect_ratio,
        options.subtitles,
    )
    video = AnnotatedVideo(work.video, form, header)
    return Road(decoded, video, header["source"], explainer, options.target, options.every, options.classes, tell)


class _Work:
    """A folder beside the output in which its files are made, until they get their names all at once.

    The names are given as further links: by these a later run knows what a killed one has left.
    """

    def __init__(self, output: Path, subtitles: bool) -> None:
        """Clears away what a run that was killed has left.

        Raises:
            OutputError: Something is in the way that no such run has left.
        """
        # Hashed, since the output's own name may be as long as names can be.
        name = hashlib.sha256(os.fsencode(output.name)).hexdigest()[:16]
        self._folder = output.with_name(f".live_cam-{name}.part")
        self._output = output
        self._companions = companions(output, subtitles)
        self.video = self._folder / "made" / output.name
        self.whole = self._folder / f"whole{output.suffix}"
        if not output.exists():
            self._withdraw()
            for path in self._companions:
                require_absent(path)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> _Work:
        self.video.parent.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        if not self._output.exists():
            self._withdraw()
        shutil.rmtree(self._folder, ignore_errors=True)

    def publish(self) -> None:
        """Gives the files their names: the video's last, so that where it is, all is.

        Raises:
            OutputError: Something has such a name by now.
        """
        for path in self._companions:
            link_new(self.video.with_name(path.name), path)
        link_new(self.whole, self._output)

    def _withdraw(self) -> None:
        for path in self._companions:
            with suppress(OSError):
                if path.samefile(self.video.with_name(path.name)):
                    path.unlink()


def _header(video: Path, explainer: Explain, options: AnnotateOptions) -> dict[str, Any]:
    target = options.target
    return {
        "live_cam": __version__,
        "source": video.name,
        "source_digest": _digest(video),
        **describe(explainer),
        "target": target.index,
        "versus": target.versus,
        "against": target.against,
        "every": options.every,
        "classes": sorted(options.classes),
        "subtitles": options.subtitles,
        "view": "seen",
        "settings": SETTINGS,
    }


def _digest(video: Path) -> str:
    """Tells a file from others: SHA-256 (hex) of its size, its beginning and its end."""
    sha256 = hashlib.sha256()
    with suppress(OSError), video.open("rb") as file:  # one that can't be read is told by the decoder
        size = file.seek(0, os.SEEK_END)
        sha256.update(str(size).encode())
        for begin in (0, max(0, size - _DIGESTED_BYTES)):
            file.seek(begin)
            sha256.update(file.read(_DIGESTED_BYTES))
    return sha256.hexdigest()


def _problem_of_done(output: Path, header: dict[str, Any]) -> str:
    """Gives what was wrong with the input of an output that is there already.

    Raises:
        OutputError: It is not the one that would be made.
    """
    sidecar = companions(output, subtitles=False)[0]
    found = read_header(sidecar)
    differing = [word for word in header if word != "live_cam" and found.get(word) != header[word]]
    if not found:
        require_absent(output)  # which it is not: somebody else's file is in the way
    if differing:
        raise OutputError(f"{output} was made with another {', '.join(differing)}; give another name or remove it")
    return str(read_end(sidecar).get("problem", ""))


def _printable(path: Path) -> str:
    """Gives a path for people and JSON; names may hold bytes that are no text."""
    return str(path).encode(errors="backslashreplace").decode()
