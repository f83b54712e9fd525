"""Text for people and for JSON, and what people meant by theirs."""

from __future__ import annotations

from collections.abc import Iterable


def encodable(text: str) -> str:
    r"""Returns text that UTF-8 can hold: bytes of a file's name that are no text become escapes such as \udce9."""
    return text.encode(errors="backslashreplace").decode()


def printable(text: str) -> str:
    r"""Returns text with escapes such as \x1b in place of all that is not printable."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def percent(probability: float) -> str:
    """Returns a probability, 0..1, as people read it; what is not zero is not shown as zero."""
    whole = f"{100 * probability:.0f} %"
    return "<1 %" if whole == "0 %" and probability > 0 else whole


def near_names(word: str, names: Iterable[str]) -> list[str]:
    """Returns up to three of the names that a misspelt word may mean, the likeliest first; case does not count."""
    from difflib import get_close_matches  # needed where something is wrong only

    by_folded = {name.casefold(): name for name in names}
    wanted = word.casefold()
    if wanted in by_folded:
        return [by_folded[wanted]]
    return [by_folded[near] for near in get_close_matches(wanted, by_folded, n=3, cutoff=0.7)]
