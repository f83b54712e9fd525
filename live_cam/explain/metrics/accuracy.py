"""How often a classifier is right, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass

_Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Which share of what has a known true class is right.

    Attributes:
        right_n, known_n: Their numbers.
        low, high: The 95 % interval of the share (Wilson, "Probable inference", JASA 1927).
    """

    right_n: int
    known_n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share, 0..1."""
        return self.right_n / self.known_n

    @classmethod
    def of(cls, right_n: int, known_n: int) -> Accuracy:
        """Returns the accuracy of so many, at least one of which has a known true class."""
        share, z2 = right_n / known_n, _Z_95**2
        centre = (share + z2 / (2 * known_n)) / (1 + z2 / known_n)
        half = _Z_95 / (1 + z2 / known_n) * math.sqrt(share * (1 - share) / known_n + z2 / (4 * known_n**2))
        return cls(right_n, known_n, max(0.0, centre - half), min(1.0, centre + half))
