"""A long video in pieces that are explained on many machines, exactly as one machine explains the whole."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from live_cam.cluster.explainer_actor import ExplainerActor
from live_cam.cluster.workers import Workers
from live_cam.errors import LiveCamError
from live_cam.explain.saliency.evidence import PeakNormalizer
from live_cam.models.classifier import Classifier
from live_cam.pipeline.offline.frame_loop import BATCH_SIZE, MAX_WAITING_BYTES, as_input, in_size
from live_cam.prefetch import Prefetcher
from live_cam.sources.decode.isolated import IsolatedVideoReader, VideoInfo
from live_cam.sources.decode.key_frames import KeyFrame
from live_cam.types import CamConfig, Explanation, Frame, Target

_MAX_CALLS: Final = 64
_PIECES_PER_WORKER: Final = 4
_NO_LOGITS: Final = np.empty(0, np.float32)

ExplainedCall = tuple[tuple[int, ...], list[Explanation]]
"""What one call of the step explained: checksums of its inputs, and their explanations."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive calls of the step for the frames of a video, which can be decoded from a key frame on.

    Attributes:
        start_pts: The time of the key frame, in ticks; None for the start of the file.
        skipped_n: How many frames from there on belong to the piece before.
        calls_n: How many calls; None for all up to the end.
    """

    start_pts: int | None
    skipped_n: int
    calls_n: int | None


@dataclass(frozen=True, slots=True)
class PieceOptions:
    """What is explained in the pieces of a video; see `live_cam.pipeline.offline.annotate.AnnotateOptions`.

    Attributes:
        size_px: Width and height of the video's first frame, in which all are explained.
    """

    video: Path
    size_px: tuple[int, int]
    every: int
    target: Target


def cut(info: VideoInfo, key_frames: Sequence[KeyFrame], every: int, workers_n: int) -> list[Piece]:
    """Cuts a video at the first call behind a key frame, into a few pieces for each worker.

    Args:
        info: What the file declares.
        key_frames: Its key frames.
        every: Every how many frames one is explained.
        workers_n: The number of workers.

    Returns:
        The pieces; none for a video that can't be cut, or whose frames are too large for full batches.
    """
    call_frames_n = BATCH_SIZE * every
    if not key_frames or call_frames_n * 3 * info.width_px * info.height_px > MAX_WAITING_BYTES:
        return []
    calls_n = key_frames[-1].number // call_frames_n
    least_n = min(max(1, calls_n // (_PIECES_PER_WORKER * workers_n)), _MAX_CALLS)
    starts: list[tuple[int, int | None, int]] = [(0, None, 0)]
    for key in key_frames:
        call = -(-key.number // call_frames_n)
        if call - starts[-1][0] >= least_n:
            starts.append((call, key.pts, call * call_frames_n - key.number))
    ends = [call for call, _, _ in starts[1:]]
    counts = [end - call for end, (call, _, _) in zip(ends, starts, strict=False)]
    pieces = [Piece(pts, skipped_n, n) for (_, pts, skipped_n), n in zip(starts, [*counts, None], strict=True)]
    return pieces if len(pieces) > 1 else []


def explain_piece(actor: ExplainerActor, piece: Piece, options: PieceOptions) -> list[ExplainedCall]:
    """Explains a piece; called on the machine of an actor. Peaks are left for `PieceExplainer` to smooth."""
    explainer = actor.explainer
    with IsolatedVideoReader(options.video, start_pts=piece.start_pts) as decoded:
        inputs = _inputs(decoded, piece, options, explainer.runtime, explainer.classifier)
        with Prefetcher(lambda: next(inputs, None), BATCH_SIZE, decoded.close) as read:
            calls = [
                _explain(explainer.explain_all, call, options.target) for batch in _batches(read) for call in batch
            ]
    return calls


def _inputs(
    decoded: IsolatedVideoReader, piece: Piece, options: PieceOptions, runtime: Any, classifier: Classifier
) -> Iterator[NDArray[np.uint8]]:
    last = None if piece.calls_n is None else piece.calls_n * BATCH_SIZE * options.every
    number = -piece.skipped_n
    while (last is None or number < last) and (frame := decoded.read()) is not None:
        if number >= 0 and number % options.every == 0:
            yield as_input(in_size(frame, options.size_px).rgb, runtime, classifier)
        number += 1


def _batches(inputs: Prefetcher[NDArray[np.uint8]]) -> Iterator[list[list[NDArray[np.uint8]]]]:
    """Yields the calls that `AnnotationPipeline` makes: full ones, and single frames at the end."""
    batch: list[NDArray[np.uint8]] = []
    for rgb in inputs:
        batch.append(rgb)
        if len(batch) == BATCH_SIZE:
            yield [batch]
            batch = []
    yield [[rgb] for rgb in batch]


def _explain(explain_all: Any, inputs: Sequence[NDArray[np.uint8]], target: Target) -> ExplainedCall:
    explained = explain_all([Frame(rgb, 0) for rgb in inputs], [target])
    # Logits are for nothing that is written, and most of what would travel.
    return _checksums(inputs), [replace(each, logits=_NO_LOGITS) for (each,) in explained]


def _checksums(inputs: Sequence[NDArray[np.uint8]]) -> tuple[int, ...]:
    return tuple(zlib.crc32(np.ascontiguousarray(rgb).data) for rgb in inputs)


class PieceExplainer:
    """Explains the frames of a video, in their order, with what workers made of its pieces.

    The frames are compared by their checksums: where a decoder that starts at a key frame returns other pixels than one
    that has seen all before, as in streams without clean cuts, nothing is taken.

    Attributes:
        is_unfit: Whether the pieces are not those of the video; then another explainer has to explain the whole.
    """

    def __init__(self, workers: Workers, pieces: Sequence[Piece], options: PieceOptions) -> None:
        """Has the first pieces explained."""
        settings = workers.settings
        self.layer, self.method, self.score = (settings[name] for name in ("layer", "method", "score"))
        self.runtime, self.precision = settings["runtime"], settings["precision"]
        self.weights_digest: str = settings["model"]["weights_sha256"]
        self.classifier = workers.classifier
        self.is_unfit = False
        self._normalizer = PeakNormalizer()
        self._calls = self._explained_calls(workers, pieces, options)

    def explain_all(
        self, frames: Sequence[Frame], targets: Sequence[Target], cam_config: CamConfig | None = None
    ) -> list[list[Explanation]]:
        """Explains the next frames, each for the one target of the pieces.

        Raises:
            LiveCamError: They are not those of the pieces, or a worker failed.
        """
        assert len(targets) == 1
        assert cam_config is None
        try:
            checksums, explained = next(self._calls, ((), []))
            if checksums != _checksums([frame.rgb for frame in frames]):
                raise LiveCamError("the video can't be decoded from its key frames")
        except LiveCamError:
            self.is_unfit = True
            raise
        return [[self._normalized(*each)] for each in zip(frames, explained, strict=True)]

    def close(self) -> None:
        """Gives up the pieces that nobody has begun."""
        self._calls.close()

    def _normalized(self, frame: Frame, explanation: Explanation) -> Explanation:
        peak = float(explanation.saliency_map.max())
        return replace(explanation, vmax=self._normalizer.update(peak, frame.pts_ns, frame.source_id))

    def _explained_calls(self, workers: Workers, pieces: Sequence[Piece], options: PieceOptions) -> Any:
        """Yields what each call explained."""
        with closing(workers.in_order(explain_piece, ((piece, options) for piece in pieces))) as explained:
            for calls in explained:
                yield from calls
