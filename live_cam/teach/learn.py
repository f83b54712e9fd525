"""From examples to a head, with what it learnt: how often it is right, and where its evidence lies."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from live_cam.errors import UsageError
from live_cam.explain.metrics.accuracy import Accuracy
from live_cam.models.classifier import Classifier
from live_cam.models.taught_head import TaughtHead, network_digest
from live_cam.teach.background import ClassEvidence, class_evidence
from live_cam.teach.examples import Take
from live_cam.teach.fit import fit_head


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """A head, and what it learnt.

    Attributes:
        head: The head.
        accuracy: How many takes are right that were left out of the fit; None if no class has two takes.
        evidence: Where the evidence of each class lies.
        fit_s: How long the fit took.
    """

    head: TaughtHead
    accuracy: Accuracy | None
    evidence: tuple[ClassEvidence, ...]
    fit_s: float

    @property
    def warnings(self) -> list[str]:
        """The classes that may rest on the background, a line each."""
        pairs = zip(self.head.labels, self.evidence, strict=True)
        return [warning for label, each in pairs if (warning := each.warning(label))]

    @property
    def accuracy_words(self) -> str:
        """The accuracy in one line, or why there is none."""
        if self.accuracy is None:
            return "nothing is known of its accuracy: show each class at least twice, in different places"
        right, known = self.accuracy.right_n, self.accuracy.known_n
        return (
            f"right on {right} of {known} takes that it had not seen (95 % interval {self.accuracy.low:.0%} to "
            f"{self.accuracy.high:.0%})"
        )


def learn(
    takes: Sequence[Take], labels: Sequence[str], classifier: Classifier, network_weights: str, name: str = "mine"
) -> Taught:
    """Fits a head, and finds out what it learnt.

    Args:
        takes: The examples.
        labels: The names of the classes.
        classifier: The network's own classifier.
        network_weights: SHA-256 (hex) of the network's weights.
        name: The name of the head.

    Raises:
        UsageError: There are fewer than two classes, or one has no example.
    """
    taken = Counter(take.class_index for take in takes)
    if len(labels) < 2:
        raise UsageError(f"there are {len(labels)} classes; teach at least two, such as the thing and `nothing`")
    empty = [label for index, label in enumerate(labels) if not taken[index]]
    if empty:
        raise UsageError(f"{empty[0]} has no example; show it, or leave it out")
    start_s = time.perf_counter()
    fit = fit_head(takes, len(labels))
    digest = network_digest(classifier, network_weights)
    head = TaughtHead(fit.head, tuple(labels), fit.evidence_logits, digest, classifier.resize, name)
    evidence = tuple(class_evidence(fit.head, takes, labels))
    return Taught(head, fit.accuracy, evidence, time.perf_counter() - start_s)
