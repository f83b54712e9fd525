"""Giving a video the sound of the one it was made of."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO

from live_cam.child import start_child, wait_for_news
from live_cam.errors import OutputError
from live_cam.sinks.new_file import move_new, require_absent

_SILENCE_LIMIT_S = 60.0
_END_LIMIT_S = 5.0


def join_sound(video: Path, source: Path, output: Path) -> None:
    """Makes a video out of the pictures of one file and all the sound of another, with the index in front.

    The packets of the pictures are copied with their time stamps. Sound keeps its time, too, so that it stands to the
    pictures as in `source`; it is encoded anew only where the new file's format has no room for its codec. It is made
    by a process of its own, since FFmpeg crashes on some damage.

    Args:
        video: What our own encoder wrote.
        source: Any file, with sound or without.
        output: The new file, .mp4, .mkv or .webm, which is whole or not there.

    Raises:
        OutputError: It is there already, can't be written, or the sound can't be read.
    """
    require_absent(output)
    part = output.absolute().with_name(f".{output.stem}.{os.getpid()}.part{output.suffix}")
    try:
        problem, _ = _run([str(video.absolute()), str(source.absolute()), str(part)])
        if problem:
            raise OutputError(
                f"{output} can't get the sound of {source} ({problem}); take the sound out of that file, or convert it"
            )
        move_new(part, output)
    finally:
        part.unlink(missing_ok=True)


def check_sound(source: Path, suffix: str) -> str:
    """Looks whether `join_sound` can give a video the sound of a file; damage further on is not found.

    Args:
        source: Any file, with sound or without.
        suffix: That of the video: .mp4, .mkv or .webm.

    Returns:
        Which tracks will be left out, to be told with what else is wrong with the file; empty if none.

    Raises:
        OutputError: It can't.
    """
    problem, left_out = _run(["--check", str(source.absolute()), suffix.casefold()])
    if problem:
        raise OutputError(
            f"the sound of {source} can't be kept ({problem}); take the sound out of that file, or convert it"
        )
    return left_out


def _run(arguments: list[str]) -> tuple[str, str]:
    """Runs the process to its end; gives what went wrong, and what it says if nothing did."""
    try:
        child = start_child("live_cam.sinks.sound_joiner", arguments)
    except OSError as error:
        return f"no process can be started: {error.strerror}", ""
    with child:  # closes the pipes and waits
        try:
            assert child.stdout is not None
            told = _listen(child.stdout)
            if told is None:
                return f"nothing moved for {_SILENCE_LIMIT_S:.0f} s", ""
            with suppress(subprocess.TimeoutExpired):
                child.wait(_END_LIMIT_S)
        finally:
            stopped = child.poll()
            child.kill()
    if stopped is not None and stopped < 0:
        return f"it crashed FFmpeg, {signal.Signals(-stopped).name}", ""
    return ("", told) if stopped == 0 else (told or f"exit status {stopped}", "")


def _listen(messages: IO[bytes]) -> str | None:
    """Gives what the process says until it ends; None if it is silent for too long."""
    told = b""
    while wait_for_news(messages.fileno(), _SILENCE_LIMIT_S):
        heard = messages.read(4096)
        if not heard:
            return " ".join(told.decode(errors="replace").split())
        told += heard.replace(b"\n", b" ").lstrip(b" ")
    return None
