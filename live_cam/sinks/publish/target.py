"""Where live video is published to, as it is named on the command line."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import av
from av.container import OutputContainer

from live_cam.errors import UsageError
from live_cam.sinks.publish.hls import PLAYLIST, PLAYLIST_SUFFIX, check_playlist, hls_options
from live_cam.urls import split_url

_FORMATS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "rtsp": ("rtsp", {"rtsp_transport": "tcp"}),
    "rtmp": ("flv", {"flvflags": "no_duration_filesize"}),
    "rtmps": ("flv", {"flvflags": "no_duration_filesize"}),
    "whip+https": ("whip", {}),
    "whip+http": ("whip", {}),
    "srt": ("mpegts", {}),
}
"""FFmpeg's muxer and its options, by scheme."""
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*")
_EXAMPLE = "give one like rtmp://192.168.1.20/live/camera"

VIRTUAL_CAMERA: Final = "virtual camera"
"""The name, and in place of a muxer, of what other programs take for a camera."""


@dataclass(frozen=True, slots=True)
class PublishTarget:
    """Where to publish the frames of one source.

    Attributes:
        url: What FFmpeg opens. Never shown, not even by `repr`.
        name: For people: scheme, host and port, since paths hold stream keys; of a playlist, its folder and file.
        muxer: FFmpeg's muxer, or `VIRTUAL_CAMERA`.
        options: Its options, which may hold a token.
    """

    url: str = field(repr=False)
    name: str
    muxer: str
    options: dict[str, str] = field(repr=False)

    @classmethod
    def parse(cls, word: str) -> PublishTarget:
        """Parses a URL, a folder or a playlist.

        Raises:
            UsageError: It is none that can be published to; the message repeats nothing of a URL but the scheme.
            OutputError: The folder of the playlist is missing, or what is in it is not ours.
        """
        scheme, is_url, rest = word.partition("://")
        if not is_url:
            return _playlist(Path(word))
        scheme = scheme.lower()
        if scheme not in _FORMATS:
            rejected = f"{scheme}:// URLs" if _SCHEME.fullmatch(scheme) else "URLs of this kind"
            schemes = ", ".join(f"{each}://" for each in _FORMATS)
            raise UsageError(f"{rejected} can't be published to; give one of {schemes}, a folder or an .m3u8 file")
        _require_supported(scheme)
        parts, host, port = split_url(f"{scheme}://{rest}", _EXAMPLE)
        muxer, options = _FORMATS[scheme]
        url = f"{scheme}://{rest}"
        if muxer == "whip":
            url, token = _without_token(parts)
            options = options | ({"authorization": token} if token else {})
        shown = f"[{host}]" if ":" in host else host
        return cls(url, f"{scheme}://{shown}{'' if port is None else f':{port}'}", muxer, options)

    @classmethod
    def virtual_camera(cls) -> PublishTarget:
        """Returns the next virtual camera of this machine that is free.

        Raises:
            UsageError: pyvirtualcam, which finds it, is not installed.
        """
        if find_spec("pyvirtualcam") is None:
            raise UsageError("--virtual-camera needs pyvirtualcam; install it: pip install pyvirtualcam")
        return cls("", VIRTUAL_CAMERA, VIRTUAL_CAMERA, {})

    def as_json(self) -> dict[str, Any]:
        """Returns what the process that publishes needs."""
        return asdict(self)


def number_targets(word: str, num_sources: int) -> list[str]:
    """Returns a URL, folder or playlist for each source, numbered where there are several: rtmp://host/live/camera-1."""
    if num_sources == 1:
        return [word]
    numbers = range(1, num_sources + 1)
    if "://" not in word:
        path = _playlist_path(Path(word))
        return [str(path.with_stem(f"{path.stem}-{number}")) for number in numbers]
    end = re.search(r"[?#]|$", word)
    assert end is not None
    at = end.start()
    return [f"{word[:at].rstrip('/')}-{number}{word[at:]}" for number in numbers]


def _playlist_path(path: Path) -> Path:
    return path if path.suffix.casefold() == PLAYLIST_SUFFIX else path / PLAYLIST


def _playlist(path: Path) -> PublishTarget:
    if not path.name:
        raise UsageError("--publish needs a URL, a folder or an .m3u8 file")
    path = _playlist_path(path).absolute()
    check_playlist(path)
    return PublishTarget(str(path), f"{path.parent.name}/{path.name}", "hls", hls_options(path))


def _without_token(parts: SplitResult) -> tuple[str, str]:
    """Returns the URL of a WHIP endpoint for HTTP, and the bearer token that is its user name or password."""
    _, _, address = parts.netloc.rpartition("@")
    url = parts._replace(scheme=parts.scheme.removeprefix("whip+"), netloc=address).geturl()
    return url, unquote(parts.password or parts.username or "")


def _require_supported(scheme: str) -> None:
    """Checks that PyAV's FFmpeg can publish to a URL; its wheels differ in what they bring.

    Raises:
        UsageError: It can't.
    """
    muxer, _ = _FORMATS[scheme]
    if muxer not in av.formats_available or (scheme == "srt" and not _has_protocol(scheme)):
        raise UsageError(f"the FFmpeg in PyAV {av.__version__} can't publish to {scheme}://; use another protocol")


def _has_protocol(scheme: str) -> bool:
    """Returns whether FFmpeg knows a protocol, which it says before it looks at the rest of the URL."""
    try:
        with av.open(f"{scheme}://", "w", format="mpegts") as container:
            stream = container.add_stream("mpeg2video", 25)
            assert isinstance(container, OutputContainer)
            stream.width = stream.height = 16
            stream.pix_fmt = "yuv420p"
            container.start_encoding()
    except av.ProtocolNotFoundError:
        return False
    except (av.FFmpegError, ValueError):
        return True
    return True


def host_of(url: str) -> str:
    """Returns the host of a target's URL; empty for a file."""
    return urlsplit(url).hostname or "" if "://" in url else ""
