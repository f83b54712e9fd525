"""Adds the audio, the subtitles and the chapters of the source to an annotated video."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO

from live_cam.child_process import describe_exit, start_child, wait_readable
from live_cam.errors import OutputError
from live_cam.files import move_new, part_path, require_absent

_STALL_TIMEOUT_S = 60.0
_EXIT_TIMEOUT_S = 5.0


def mux_audio(video: Path, source: Path, output: Path) -> None:
    """Creates a video from the frames of one file and all else of another, with its index in front.

    The packets of the frames are copied with their timestamps. Audio keeps its timestamps too, so that it stays in
    sync, and is transcoded only if the new container does not support its codec. Subtitles are copied if it supports
    theirs. A child process does the work, since FFmpeg crashes on some damaged files.

    Args:
        video: A file of our own encoder.
        source: Any file, with audio or without.
        output: The new file, .mp4, .mkv or .webm, which is complete or absent.

    Raises:
        OutputError: The output exists or cannot be written, or the audio cannot be read.
    """
    require_absent(output)
    part = part_path(output.absolute(), output.suffix)
    try:
        problem, _ = _run_process([str(video.absolute()), str(source.absolute()), str(part)])
        if problem:
            raise OutputError(
                f"cannot add the audio of {source} to {output} ({problem}); remove the audio from the source, "
                "or convert it"
            )
        move_new(part, output)
    finally:
        part.unlink(missing_ok=True)


def check_audio(source: Path, suffix: str) -> tuple[str, str]:
    """Checks that `mux_audio` can add the audio of a file to a video, without reading the audio itself.

    Args:
        source: Any file, with audio or without.
        suffix: Suffix of the video: .mp4, .mkv or .webm.

    Returns:
        Which tracks of audio will be left out, as a problem of the source to report, and which subtitles, of the
        container; "" for none.

    Raises:
        OutputError: The audio cannot be added.
    """
    problem, left_out = _run_process(["--check", str(source.absolute()), suffix.casefold()])
    if problem:
        raise OutputError(
            f"cannot keep the audio of {source} ({problem}); remove the audio from the source, or convert it"
        )
    audio, subtitles = json.loads(left_out)
    return audio, subtitles


def _run_process(arguments: list[str]) -> tuple[str, str]:
    """Runs `mux_process` to its end, and returns what went wrong and, if nothing did, its output."""
    try:
        child = start_child("live_cam.sinks.audio.mux_process", arguments)
    except OSError as error:
        return f"no process could be started: {error.strerror}", ""
    with child:  # closes the pipes and waits
        try:
            assert child.stdout is not None
            output = _read_output(child.stdout)
            if output is None:
                return f"no progress for {_STALL_TIMEOUT_S:.0f} s", ""
            with suppress(subprocess.TimeoutExpired):
                child.wait(_EXIT_TIMEOUT_S)
        finally:
            exit_status = child.poll()
            child.kill()
    if exit_status is not None and exit_status < 0:
        return f"FFmpeg crashed with {describe_exit(exit_status)}", ""
    return ("", output) if exit_status == 0 else (output or f"exit status {exit_status}", "")


def _read_output(pipe: IO[bytes]) -> str | None:
    """Returns all output of the process; None if it writes nothing, not even an empty line, for too long."""
    output = b""
    while wait_readable(pipe.fileno(), _STALL_TIMEOUT_S):
        data = pipe.read(4096)
        if not data:
            return " ".join(output.decode(errors="replace").split())
        output += data.replace(b"\n", b" ").lstrip(b" ")
    return None
