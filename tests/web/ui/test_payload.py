"""Whether the types that the page's JavaScript declares have the keys that the server sends."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import live_cam.web.ui
from live_cam.explain.saliency.faithfulness import FaithfulnessScore
from live_cam.pipeline.payload import FramePayload, StatePayload
from live_cam.pipeline.recordings import RecordingStatus
from live_cam.pipeline.settings import SettingsStore
from live_cam.types import ClassPayload, ClassScore, ExplanationPayload

STATIC = Path(live_cam.web.ui.__file__).with_name("static")


def typedefs(script: str) -> dict[str, str]:
    """Returns the types of a script's `@typedef {type} Name` comments by name."""
    found = {}
    text = re.sub(r"\n \* ", " ", (STATIC / script).read_text("utf-8"))
    for match in re.finditer(r"@typedef \{", text):
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        name = text[end:].split(maxsplit=1)[0]
        found[name] = text[match.end() : end - 1]
    return found


def keys(types: dict[str, str], name: str) -> set[str]:
    """Returns the keys of an object type, with those of the named types that it extends."""
    depth, outside, inside = 0, "", ""
    for character in types[name]:
        if character in "}>)]":
            depth -= 1
        outside += character if depth == 0 else ""
        inside += character if depth == 1 else ""
        if character in "{<([":
            depth += 1
    inherited = [keys(types, other) for other in re.findall(r"\w+", outside) if other in types]
    return set(re.findall(r"(\w+)\??:", inside)).union(*inherited)


SENT = {
    ("picture.js", "ClassPayload"): set(ClassPayload.__annotations__),
    ("picture.js", "ClassScore"): {field.name for field in fields(ClassScore)},
    ("picture.js", "ExplanationPayload"): set(ExplanationPayload.__annotations__),
    ("picture.js", "StatePayload"): set(StatePayload.__annotations__),
    ("picture.js", "FramePayload"): set(FramePayload.__annotations__),
    ("picture.js", "Faithfulness"): {field.name for field in fields(FaithfulnessScore)} | {"age_s"},
    ("recording.js", "Recording"): {field.name for field in fields(RecordingStatus)},
    ("settings.js", "Settings"): set(SettingsStore().describe()),
}


@pytest.mark.parametrize(("script", "name"), SENT)
def test_the_page_declares_the_keys_that_the_server_sends(script, name):
    assert keys(typedefs(script), name) == SENT[script, name]
