"""What is wrong with the words on the command line, said in one line with what was meant."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import typer

from live_cam.errors import UsageError
from live_cam.text import near_names

_SOURCE_WORDS: Final = ("auto", "demo", "browser", "webcam", "camera")
_FIRST_CAMERA: Final = ("webcam", "camera")
"""Words for the first camera, `0`, where no file has that name."""

_CHOICE: Final = re.compile(r"'(?P<word>[^']*)' is not one of (?P<names>'.*')")


def check_first_word(word: str, commands: Collection[str]) -> None:
    """Checks what comes first, which is a command, or a source of `serve`.

    Raises:
        UsageError: It is neither, and resembles one.
    """
    if word.startswith("-") or _is_named(word):
        return
    near = near_names(word, [*commands, *_SOURCE_WORDS])
    if near:
        meant = _either([f"`live-cam {name}`" for name in near])
        raise UsageError(f"there is neither a command nor a file {word}; did you mean {meant}?")


def source_word(word: str) -> str:
    """Returns the word for a source as `create_source` knows it: `webcam` is `0`.

    Raises:
        UsageError: It names nothing, and resembles a word for a source.
    """
    if _is_named(word):
        return "0" if word in _FIRST_CAMERA and not Path(word).exists() else word
    near = near_names(word, _SOURCE_WORDS)
    if near:
        raise UsageError(f"there is no source or file {word}; did you mean {_either(near)}?")
    return word


def _is_named(word: str) -> bool:
    """Whether a word is one for a source, a file, or reads like an address or a path."""
    if word in _SOURCE_WORDS or set(word) & set("./"):
        return True
    with suppress(OSError):  # too long for a name of a file
        return Path(word).exists()
    return True


def parser_error(error: typer.TyperException) -> UsageError:
    """Returns what the parser of the options rejected as an error of ours; its own fills four lines."""
    for word in sys.argv[1:]:
        with suppress(OSError):  # too long for a file's name
            if word.startswith("-") and Path(word).exists():
                return UsageError(f"{word} reads like an option; if the file is meant, write .{os.sep}{word}")
    context = getattr(error, "ctx", None)
    if hasattr(error, "possibilities"):  # typer's own are far-fetched
        option = getattr(error, "option_name", "")
        message, near = f"no such option: {option}", _near_options(option, context)
    else:
        message = error.format_message().replace("Value error, ", "").strip().rstrip(".")
        message, near = f"{message[:1].lower()}{message[1:]}", _near_choices(message)
    if near:
        return UsageError(f"{message}; did you mean {_either(near)}?")
    return UsageError(f"{message}; see `{context.command_path if context else 'live-cam'} --help`")


def _near_options(option: str, context: Any) -> list[str]:
    """Returns the options of a command, and of `live-cam` itself, that a misspelt one may have meant."""
    names: dict[str, str] = {}
    while context is not None:
        for parameter in context.command.get_params(context):
            names |= {name.lstrip("-"): name for name in (*parameter.opts, *parameter.secondary_opts)}
        context = context.parent
    return [names[name] for name in near_names(option.lstrip("-"), names)]


def _near_choices(message: str) -> list[str]:
    """Returns the values of an option that the one which was rejected may have meant."""
    found = _CHOICE.search(message)
    return near_names(found["word"], re.findall(r"'([^']*)'", found["names"])) if found else []


def _either(names: list[str]) -> str:
    """Returns names as a person lists what to choose from."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
