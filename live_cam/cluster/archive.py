"""`annotate` on many machines: whole files, and those that are longer than a worker's share in pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from live_cam.cluster.explainer_actor import ExplainerActor
from live_cam.cluster.pieces import PieceExplainer, PieceOptions, cut
from live_cam.cluster.workers import Workers
from live_cam.errors import LiveCamError
from live_cam.pipeline.offline.annotate import AnnotateOptions, AnnotationResult, annotate
from live_cam.sources.decode.isolated import IsolatedVideoReader
from live_cam.sources.decode.key_frames import find_key_frames
from live_cam.text import encodable

_PROGRESS_EVERY_S: Final = 0.5


def annotate_videos(
    workers: Workers,
    outputs: Mapping[Path, Path],
    options: AnnotateOptions,
    on_progress: Callable[[float], None],
) -> list[AnnotationResult]:
    """Annotates videos; see `live_cam.pipeline.offline.annotate.annotate`, which makes the same of each.

    A worker reads a file and writes its result, so the more files the more machines are of use. A file of more bytes
    than a worker's share of all is explained in pieces, and decoded, drawn and written here.

    Args:
        workers: Explain `BATCH_SIZE` frames in one call.
        outputs: The output of each video, at paths that are the same on all machines.
        options: What is explained, and how it is written.
        on_progress: Called with how many videos are done.

    Returns:
        The outcomes, in the order of the videos.
    """
    sizes = {video: _size_bytes(video) for video in outputs}
    share = sum(sizes.values()) / workers.count
    fractions = dict.fromkeys(outputs, 0.0)

    def annotate_long(video: Path) -> AnnotationResult:
        """Annotates in pieces; where the file does not allow it, whole."""
        result = _annotate_in_pieces(
            workers, video, outputs[video], options, lambda done: fractions.update({video: done})
        )
        fractions[video] = 0.0  # counted by the worker from now on
        return result or workers.submit(_annotate_whole, video, outputs[video], options).result()

    with ThreadPoolExecutor(1, thread_name_prefix="long videos") as writer:  # its encoder uses all cores by itself
        futures: dict[Path, Future[AnnotationResult]] = {
            video: writer.submit(annotate_long, video)
            if sizes[video] > share
            else workers.submit(_annotate_whole, video, output, options)
            for video, output in outputs.items()
        }
        pending = set(futures.values())
        try:
            while pending:
                _, pending = wait(pending, _PROGRESS_EVERY_S)
                running = sum(fractions[video] for video, future in futures.items() if not future.done())
                on_progress(len(futures) - len(pending) + (running + workers.progress() if pending else 0.0))
        except BaseException:  # an interrupt, too: the writer waits for the workers, and the end of this block for it
            workers.close()
            raise
    return [_outcome(video, outputs[video], future) for video, future in futures.items()]


def _size_bytes(video: Path) -> int:
    with suppress(OSError):  # which its decoder tells
        return video.stat().st_size
    return 0


def _outcome(video: Path, output: Path, future: Future[AnnotationResult]) -> AnnotationResult:
    try:
        return future.result()
    except LiveCamError as error:
        return AnnotationResult(encodable(str(video)), encodable(str(output)), "failed", problem=str(error))


def _annotate_whole(actor: ExplainerActor, video: Path, output: Path, options: AnnotateOptions) -> AnnotationResult:
    """Annotates a video on the machine of an actor."""

    def on_progress(done: int, total: int | None, _: float) -> None:
        actor.progress = min(1.0, done / total) if total else 0.0

    return annotate(video, output, actor.explainer, options, on_progress)


def _annotate_in_pieces(
    workers: Workers,
    video: Path,
    output: Path,
    options: AnnotateOptions,
    on_progress: Callable[[float], None],
) -> AnnotationResult | None:
    """Annotates a video whose frames the workers explain; returns None if they can't in pieces."""
    if output.exists():
        return None
    try:
        with IsolatedVideoReader(video) as decoded:
            info = decoded.info
    except LiveCamError:
        return None
    pieces = cut(info, find_key_frames(video), options.every, workers.count)
    if not pieces:
        return None
    of_pieces = PieceOptions(video, (info.width_px, info.height_px), options.every, options.target)

    def report(done: int, total: int | None, _: float) -> None:
        on_progress(min(1.0, done / total) if total else 0.0)

    with closing(PieceExplainer(workers, pieces, of_pieces)) as explainer:
        result = annotate(video, output, explainer, options, report)
    return None if explainer.is_unfit else result
