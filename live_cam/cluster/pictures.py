"""`why` on many machines: the pictures of a folder, explained in slices and written in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from live_cam.api.picture_set.batches import BATCH_SIZE
from live_cam.api.picture_set.pictures import Picture
from live_cam.cluster.explainer_actor import ExplainerActor
from live_cam.cluster.workers import Workers
from live_cam.report.explaining import ExplainedPicture, explained_batches
from live_cam.report.results import Results

SLICE: Final = 4 * BATCH_SIZE
"""How many pictures a worker gets at a time."""

_Slice = tuple[list[ExplainedPicture], list[str]]


def explain_on(
    workers: Workers, pictures: Sequence[Picture], results: Results, on_progress: Callable[[int], None]
) -> list[str]:
    """Explains pictures and writes their results; see `live_cam.report.explaining.explain_pictures`.

    Args:
        workers: Explain `BATCH_SIZE` pictures in one call, and find the pictures at the same paths.
        pictures: The pictures.
        results: Where the results are written, in the order of the pictures.
        on_progress: Called with the number of pictures that are done.

    Raises:
        OutputError: A result can't be written.
        LiveCamError: No machine is left, or one fails.
    """
    problems: list[str] = []
    done_n = 0
    slices = ((pictures[start : start + SLICE],) for start in range(0, len(pictures), SLICE))
    for explained, unread in workers.in_order(_explain_slice, slices):
        for each in explained:
            results.append(*each)
        problems.extend(unread)
        done_n += len(explained) + len(unread)
        on_progress(done_n)
    return problems


def _explain_slice(actor: ExplainerActor, pictures: Sequence[Picture]) -> _Slice:
    problems: list[str] = []
    batches = explained_batches(actor.explainer, pictures, problems)
    return [each for batch in batches for each in batch], problems
