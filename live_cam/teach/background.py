"""Where the evidence of a taught class lies, and whether it may have learnt the background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from live_cam.explain.saliency.places import Place, coarsen, grid_of, places, suspect_shares, usual_shares
from live_cam.models.linear_head import LinearHead
from live_cam.teach.examples import NOTHING, Take

_MIN_TAKES: Final = 2
_AT_BORDER: Final = 0.95
"""Of the share of all activation that lies there. In scenes of objects pasted before textures, evidence of the object
had at most 0.8 of it in some take, and that of a background 0.98 and more in every one."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassEvidence:
    """Where the evidence of a class lies in its takes.

    Attributes:
        mean_map: float32 (h, w): the mean of the maps of its takes, rectified and not normalised.
        place: The place where suspiciously much of it lies in every take; None if there is none.
        share: Which share lies there, in the mean.
        usual: Which share would be usual there.
        takes_n: The number of takes with evidence.
    """

    mean_map: NDArray[np.float32]
    place: Place | None
    share: float
    usual: float
    takes_n: int

    def warning(self, label: str) -> str:
        """Returns what to say of a class of that name, in one line; empty if it is not suspected."""
        if self.place is None:
            return ""
        return (
            f"{label} may rest on the background: {self.place.name} holds {self.share:.0%} of its evidence, in each of "
            f"{self.takes_n} takes, where {self.usual:.0%} would be usual; show it elsewhere, too"
        )


def class_evidence(head: LinearHead, takes: Sequence[Take], labels: Sequence[str]) -> list[ClassEvidence]:
    """Finds where the evidence of each class lies.

    Suspected is what lies in every take of the class at one place off the middle, three tenths of what it could above
    what is usual there; or as much at the border as there is activation of any kind: what is shown stands out from what
    is around it. Nothing is said of a class with one take, nor of "nothing", whose evidence is the background.
    """
    votes = [head.votes(take.activation.astype(np.float32)) for take in takes]
    found = []
    for index, label in enumerate(labels):
        own = [
            (np.maximum(each[..., index], 0.0), take.activation.sum(axis=-1, dtype=np.float32))
            for each, take in zip(votes, takes, strict=True)
            if take.class_index == index
        ]
        mean_map = np.asarray(np.mean([of_take for of_take, _ in own], axis=0), np.float32)
        is_judged = label.casefold() != NOTHING and np.prod(grid_of(mean_map.shape)) > 1
        found.append(_judge(mean_map, own if is_judged else []))
    return found


def _judge(
    mean_map: NDArray[np.float32], maps: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]
) -> ClassEvidence:
    """Judges the maps of the takes of a class, each with its activation summed over the channels."""
    pairs = [(coarsen(of_take), coarsen(np.maximum(all_activation, 0.0))) for of_take, all_activation in maps]
    shares_of_cells = [(own, usual) for own, usual in pairs if own is not None and usual is not None]
    innocent = ClassEvidence(mean_map, None, 0.0, 0.0, len(shares_of_cells))
    if len(shares_of_cells) < _MIN_TAKES:
        return innocent
    *known, border = places(mean_map.shape)
    known = [place for place in known if not place.mask[tuple(n // 2 for n in place.mask.shape)]]
    usual = [*usual_shares(known), float(np.mean([activation[border.mask].sum() for _, activation in shares_of_cells]))]
    shares = np.array([[own[place.mask].sum() for place in (*known, border)] for own, _ in shares_of_cells])
    limits = np.tile([*suspect_shares(np.array(usual[:-1])), 0.0], (len(shares), 1))
    limits[:, -1] = [_AT_BORDER * activation[border.mask].sum() for _, activation in shares_of_cells]
    excess = np.where((shares > limits).all(axis=0), shares.mean(axis=0) - usual, -np.inf)
    best = int(excess.argmax())
    if excess[best] == -np.inf:
        return innocent
    place = (*known, border)[best]
    return ClassEvidence(mean_map, place, float(shares[:, best].mean()), float(usual[best]), len(shares))
