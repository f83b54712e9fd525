"""HTTP requests to a camera: log-in, redirects, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from http import HTTPStatus

import httpx

from live_cam.errors import AccessDeniedError, SourceError
from live_cam.sources.decode.challenges import UNSUPPORTED, kinds_of, name_digest
from live_cam.sources.decode.connection_guard import ConnectionGuard
from live_cam.sources.decode.demuxer import DENIED, NO_RESPONSE, NOT_FOUND, SILENCE_LIMIT_S, SILENT
from live_cam.sources.url import DEFAULT_PORTS, CameraUrl

_OPEN_LIMIT_S = 6.0
_MAX_REDIRECTS = 8
_DENIED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_BOXES_BEFORE_DATA = (b"ftyp", b"free", b"skip", b"wide", b"uuid")  # of MP4 and QuickTime
_FFMPEG_BUFFER_BYTES = 32 << 10  # a recording that fits in is played


class HttpCamera:
    """Requests one URL of a camera, with one connection at a time.

    Args:
        url: The URL.
        guard: Judges the hosts that the camera redirects to; None allows all.
    """

    def __init__(self, url: CameraUrl, guard: ConnectionGuard | None) -> None:
        self._url = url
        self._guard = guard
        self._origin = (url.scheme, url.host, url.port)
        self._login = None if url.credentials is None else _Login(*url.credentials)
        # Cameras sign their own certificates. A proxy is another host.
        self._client = httpx.Client(
            verify=False,
            trust_env=guard is None,
            timeout=httpx.Timeout(_OPEN_LIMIT_S),
            headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "live-cam"},
            limits=httpx.Limits(max_connections=1),
        )

    def get(self, **headers: str) -> httpx.Response:
        """Returns a successful response, whose body is still to be read.

        Raises:
            httpx.TransportError: The connection failed, or what responds does not speak HTTP.
            AccessDeniedError: The camera refuses the user name or password, or wants an unsupported kind of log-in.
            SourceError: The camera responds with another error, or not at all.
        """
        request = self._client.build_request("GET", self._url.url, headers=headers)
        for _ in range(_MAX_REDIRECTS):
            is_camera = (request.url.scheme, request.url.host, _port(request)) == self._origin
            auth = self._login if is_camera else None
            try:
                response = self._client.send(request, stream=True, auth=auth or httpx.Auth())
            except httpx.TimeoutException:
                raise SourceError(NO_RESPONSE.format(_OPEN_LIMIT_S)) from None
            # The limit applies to the body, too, which may take longer.
            request.extensions["timeout"]["read"] = SILENCE_LIMIT_S
            if response.next_request is None:
                return self._require_success(response)
            response.close()
            request = response.next_request
            if self._guard is not None:
                self._guard.require_camera(request.url.host, _port(request))
        raise SourceError("redirects in a circle; give the URL of the stream itself")

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def _require_success(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        response.close()
        if response.status_code in _DENIED:
            kind = self._login.unsupported if self._login else ""
            if kind:
                raise AccessDeniedError(UNSUPPORTED.format(kind))
            raise AccessDeniedError(DENIED.format(self._url.scheme))
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise SourceError(NOT_FOUND)
        raise SourceError(f"responds with HTTP status {response.status_code}; try the URL in a browser")


def _port(request: httpx.Request) -> int:
    return request.url.port or DEFAULT_PORTS.get(request.url.scheme, 0)


def chunks(response: httpx.Response) -> Iterator[bytes]:
    """Yields the body of a response as it arrives.

    Raises:
        SourceError: Nothing arrived for a minute, or the connection was lost.
    """
    reason = ""
    try:
        yield from response.iter_raw()
    except httpx.TimeoutException:
        reason = SILENT.format(SILENCE_LIMIT_S)
    except httpx.TransportError:
        reason = "ended the stream"
    if reason:
        raise SourceError(reason)


def require_playable(camera: HttpCamera, response: httpx.Response, first: bytes) -> None:
    """Closes a response, and raises SourceError if it is a recording that FFmpeg would request whole, and in vain.

    Args:
        camera: Where it comes from.
        response: The response.
        first: The first bytes of its body.
    """
    response.close()
    position = 0
    while (kind := first[position + 4 : position + 8]) in _BOXES_BEFORE_DATA:
        position += int.from_bytes(first[position : position + 4]) or len(first)
    size = int.from_bytes(first[position : position + 4])
    fits = size > 1 and position + size <= _FFMPEG_BUFFER_BYTES  # 0 and 1 stand for larger sizes
    if kind != b"mdat" or fits:
        return
    part = camera.get(Range="bytes=0-")
    part.close()
    if part.status_code != HTTPStatus.PARTIAL_CONTENT:
        raise SourceError(
            "is a recording with its index at the end, on a server that does not send parts; "
            "download it, and give the file"
        )


class _Login(httpx.Auth):
    """Logs in by the method that the camera asks for, once for each refusal.

    Attributes:
        unsupported: The method, if it is unsupported.
    """

    def __init__(self, user: str, password: str) -> None:
        self._digest = httpx.DigestAuth(user, password)
        self._basic = httpx.BasicAuth(user, password)
        self._chosen: httpx.Auth | None = None
        self.unsupported = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sends a request, and if it is refused without a log-in once more with one."""
        if self._chosen is not None:
            yield from self._chosen.auth_flow(request)
            return
        response = yield request
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return
        challenges = response.headers.get_list("WWW-Authenticate")
        kinds = kinds_of(challenges)
        if "digest" in kinds:
            flow = self._digest.auth_flow(request)
            next(flow)
            try:
                login = flow.send(response)
            except (KeyError, NotImplementedError, httpx.ProtocolError):
                self.unsupported = name_digest(challenges)
            else:
                self._chosen = self._digest
                yield login
                return
        if "basic" in kinds:
            self._chosen, self.unsupported = self._basic, ""
            yield from self._basic.auth_flow(request)
        elif kinds and not self.unsupported:
            self.unsupported = kinds[0]
