"""From the settings to the questions put to the network about one picture."""

from __future__ import annotations

from collections.abc import Sequence

from live_cam.frame import CLASSLESS_METHODS, ClassScore, Method, Target
from live_cam.pipeline.controls import Settings


def targets(settings: Settings, seen: Sequence[ClassScore], method: Method) -> list[Target]:
    """Gives what to ask: one question, or two for two classes side by side.

    The likeliest class and the runner-up are those shown, not those of the single frame, so that what is explained does
    not flicker while two classes are about as likely. A class left open is never the one that was named. No class is
    held against itself: the second is then taken as left open.

    Args:
        settings: What the viewers chose.
        seen: The classes shown with the picture, likeliest first; none before the first picture, for which the
            likeliest class alone can be asked about.
        method: What makes the map; one that knows no classes has but one answer to all questions.
    """
    if method in CLASSLESS_METHODS:
        return [Target(next((score.index for score in seen), None))]
    index, other = settings.target, settings.other
    if settings.question in ("why", "against") or other == index:
        other = None
    if index is None:
        index = next((score.index for score in seen if score.index != other), None)
    if settings.question == "against":
        return [Target(index, against=True)]
    if other is None:
        other = next((score.index for score in seen if score.index != index), None)
    if settings.question == "why" or index is None or other is None:
        return [Target(index)]
    if settings.question == "versus":
        return [Target(index, other)]
    return [Target(index), Target(other)]
