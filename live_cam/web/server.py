"""The server: page, routes and guard on one socket, and an end within seconds."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from types import FrameType

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from live_cam.errors import ServeError
from live_cam.pipeline.session import Session
from live_cam.sources.camera import CameraOptions
from live_cam.web.access import AccessGuard
from live_cam.web.asking import asking_routes
from live_cam.web.certificate import Certificate
from live_cam.web.page import build_page
from live_cam.web.recordings import recording_routes
from live_cam.web.routes import PICTURE_LIMIT_BYTES, frame_routes
from live_cam.web.settings import settings_routes
from live_cam.web.theme import CSS, HEAD, THEME

_SHUTDOWN_LIMIT_S = 1
_MESSAGE_LIMIT_BYTES = 4096
_UPLOAD_LIMIT_BYTES = 1024


def bind(host: str, port: int) -> socket.socket:
    """Takes the port, before anything slow is begun.

    Raises:
        ServeError: The port is taken, or the address is not one of this machine.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere the option would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServeError(f"can't listen on {host}, port {port}: {reason}; choose others with --host, --port") from error
    return listener


def build_app(
    session: Session,
    host: str,
    token: str | None,
    extra_hosts: Collection[str] = (),
    camera: CameraOptions = CameraOptions(),  # noqa: B008 (frozen)
    kiosk: bool = False,
) -> ASGIApp:
    """Puts page and routes together behind the guard.

    Args:
        session: What is shown.
        host: The address listened on.
        token: What must be shown to come in; see `AccessGuard`.
        extra_hosts: Further names of this server.
        camera: What to ask of visitors' cameras.
        kiosk: Whether strangers stand before it: they choose the class and nothing else.
    """
    app = FastAPI(openapi_url=None)
    app.include_router(frame_routes(session, kiosk))
    app.include_router(settings_routes(session, kiosk))
    app.include_router(asking_routes(session))
    if not kiosk:
        app.include_router(recording_routes(session))
    gr.mount_gradio_app(
        app,
        build_page(session, camera, kiosk),
        path="/",
        allowed_paths=[],
        max_file_size=_UPLOAD_LIMIT_BYTES,
        footer_links=[],
        ssr_mode=False,
        enable_monitoring=False,
        run_history=False,
        mcp_server=False,
        show_error=False,
        theme=THEME,
        css=CSS,
        head=HEAD,
    )
    return AccessGuard(app, host, token, extra_hosts)


class LiveServer(uvicorn.Server):
    """Serves until SIGINT or SIGTERM; then sends its viewers home first, so that it ends within `_SHUTDOWN_LIMIT_S`.

    Open streams would otherwise hold a server for as long as they are watched.
    """

    def __init__(self, app: ASGIApp, session: Session, certificate: Certificate | None = None) -> None:
        """Prepares to serve, over HTTPS with a certificate."""
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            ws_max_size=_MESSAGE_LIMIT_BYTES if session.visitors is None else PICTURE_LIMIT_BYTES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=_SHUTDOWN_LIMIT_S,
            ssl_certfile=None if certificate is None else certificate.chain,
            ssl_keyfile=None if certificate is None else certificate.key,
        )
        super().__init__(config)
        self._session = session

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the end, the threads' too, so that they end while the last viewers leave. Once is enough."""
        if not self.should_exit:
            self._session.request_stop()
            super().handle_exit(sig, frame)
