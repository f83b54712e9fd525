"""The server: page, routes and access guard on one socket."""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.types import ASGIApp

from live_cam.pipeline.session import Session
from live_cam.sources.camera import CameraOptions
from live_cam.web.api.analysis import analysis_routes
from live_cam.web.api.frames import IMAGE_LIMIT_BYTES, frame_routes
from live_cam.web.api.recordings import recording_routes
from live_cam.web.api.settings import settings_routes
from live_cam.web.security.access import AccessGuard
from live_cam.web.security.allowed import AllowedRoutes, add_head, page_routes
from live_cam.web.security.certificate import Certificate
from live_cam.web.security.headers import PageScripts
from live_cam.web.security.limits import Connections, Limits, Listener
from live_cam.web.security.protocols import LimitedHttp, LimitedServerState, LimitedWebSocket
from live_cam.web.security.quiet_log import ONCE_A_MINUTE
from live_cam.web.ui.page import build_page
from live_cam.web.ui.scripts import script_routes
from live_cam.web.ui.theme import CSS, HEAD, THEME

_SHUTDOWN_LIMIT_S = 1
_MESSAGE_LIMIT_BYTES = 4096
_UPLOAD_LIMIT_BYTES = 1024


def build_app(
    session: Session,
    host: str,
    token: str | None,
    extra_hosts: Collection[str] = (),
    camera: CameraOptions = CameraOptions(),
    kiosk: bool = False,
    is_recorded: bool = False,
) -> ASGIApp:
    """Builds the page and its routes behind the access guard.

    Args:
        session: The session to show.
        host: The address to listen on.
        token: The access token, if one is required; see `AccessGuard`.
        extra_hosts: Further names of this server.
        camera: Options of visitors' cameras.
        kiosk: Whether viewers may choose the class and nothing else.
        is_recorded: Whether a kiosk says that its visitors are recorded.
    """
    app = FastAPI(openapi_url=None)
    routers = [script_routes(), frame_routes(session, kiosk), settings_routes(session, kiosk), analysis_routes(session)]
    if not kiosk:
        routers.append(recording_routes(session))
    routes = [route for router in routers for route in router.routes]
    add_head(routes)
    for router in routers:
        app.include_router(router)
    gr.mount_gradio_app(
        app,
        build_page(session, camera, kiosk, is_recorded),
        path="/",
        app_kwargs={"middleware": [Middleware(PageScripts)]},  # within Gradio's, which may compress
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
    (gradio,) = (route for route in app.routes if isinstance(route, Mount))
    page = page_routes(gradio.routes)
    add_head(page)
    return AccessGuard(AllowedRoutes(app, [*routes, *page]), host, token, extra_hosts, session.clock)


class LiveServer(uvicorn.Server):
    """Serves until a signal ends it, and then closes open streams, so that it stops within `_SHUTDOWN_LIMIT_S`.

    Open streams would otherwise keep it running for as long as they are watched.

    Attributes:
        connections: All connections, within their limits.
    """

    def __init__(
        self, app: ASGIApp, session: Session, certificate: Certificate | None = None, limits: Limits | None = None
    ) -> None:
        """Prepares the server; with a certificate it serves HTTPS. The limits are by default those for this process."""
        limits = limits or Limits.for_this_process()
        self.connections = Connections(limits, session.clock)
        config = uvicorn.Config(
            app,
            loop="asyncio:SelectorEventLoop",  # calls the listener's `accept`, unlike uvloop and Windows' default
            http=LimitedHttp,
            ws=LimitedWebSocket,
            backlog=limits.backlog,
            log_level="warning",
            access_log=False,
            log_config=None,  # its messages are formatted as ours are
            ws_max_size=_MESSAGE_LIMIT_BYTES if session.visitors is None else IMAGE_LIMIT_BYTES,
            ws_ping_interval=limits.ping_s,
            ws_ping_timeout=limits.ping_s,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=_SHUTDOWN_LIMIT_S,
            ssl_certfile=None if certificate is None else certificate.chain,
            ssl_keyfile=None if certificate is None else certificate.key,
        )
        logging.getLogger("uvicorn.error").addFilter(ONCE_A_MINUTE)
        super().__init__(config)
        self.server_state = LimitedServerState(self.connections)
        self._session = session

    def handle_exit(self, *_: object) -> None:
        """Handles a signal: asks the server to stop, however often it comes."""
        # Nothing more: a signal may interrupt its own handler, within any lock of this thread.
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to accept connections, within the limits."""
        await super().startup([Listener(each, self.connections) for each in sockets or ()])

    async def on_tick(self, counter: int) -> bool:
        """Closes connections that keep the server waiting; called ten times a second."""
        self.connections.sweep()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops the session's threads along with the server."""
        self._session.request_stop()
        await super().shutdown(sockets)
