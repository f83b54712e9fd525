"""The page and its routes behind the access guard: the first page at once, Gradio's for the first page to become."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Collection

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from live_cam.pipeline.session import Session
from live_cam.sources.camera import CameraOptions
from live_cam.web.api.analysis import analysis_routes
from live_cam.web.api.frames import frame_routes
from live_cam.web.api.recordings import recording_routes
from live_cam.web.api.settings import settings_routes
from live_cam.web.api.sources import source_routes
from live_cam.web.api.teaching import teaching_routes
from live_cam.web.security.access import AccessGuard
from live_cam.web.security.allowed import AllowedRoutes, add_head, page_routes
from live_cam.web.ui.first_page import PAGE_HEADER, first_page_routes
from live_cam.web.ui.gradio_import import without_stubs
from live_cam.web.ui.overlay_page import overlay_routes
from live_cam.web.ui.scripts import script_routes

# FastAPI ignores pydantic's warning while it builds a route, but shows it where another thread builds one, too.
warnings.filterwarnings("ignore", "The 'alias' attribute with value")


class LiveApp:
    """The ASGI app of a session.

    Importing Gradio takes most of the start, and building its page most of a browser's. So there is a page of its own,
    which shows the frames over the same socket, and requests Gradio's, with a header, to build it behind itself.

    Attributes:
        failure: Why the page could not be loaded; None if nothing failed.
    """

    def __init__(
        self,
        session: Session,
        host: str,
        token: str | None,
        extra_hosts: Collection[str] = (),
        camera: CameraOptions = CameraOptions(),
        kiosk: bool = False,
        is_recorded: bool = False,
        is_public: bool = False,
    ) -> None:
        """Builds all but Gradio's page.

        Args:
            session: The session to show.
            host: The address to listen on.
            token: The access token, if one is required; see `AccessGuard`.
            extra_hosts: Further names of this server.
            camera: Options of visitors' cameras.
            kiosk: Whether viewers may choose the class and nothing else.
            is_recorded: Whether a kiosk says that its visitors are recorded.
            is_public: Whether everybody may come, without a token: for a session of visitors, who see themselves alone.
        """
        self._page_options = (session, camera, kiosk, is_recorded)
        self.failure: Exception | None = None
        routers = [script_routes(), frame_routes(session, kiosk), settings_routes(session, kiosk)]
        routers += [analysis_routes(session), overlay_routes(session)]
        if not kiosk or session.taught_labels:
            routers.append(teaching_routes(session, kiosk))
        if not kiosk:
            routers.append(recording_routes(session))
            if session.feeds:
                routers.append(source_routes(session, is_behind_proxy=bool(extra_hosts)))
        first_page = first_page_routes(*self._page_options)
        routes = [route for router in (*routers, first_page) for route in router.routes]
        add_head(routes)
        app = FastAPI(openapi_url=None)
        for router in routers:
            app.include_router(router)
        self._first_page: ASGIApp = first_page
        self._page: ASGIApp = first_page
        app.mount("/", self._call_page)
        self._allowed = AllowedRoutes(app, routes)
        self._guard = AccessGuard(self._allowed, host, token, extra_hosts, session.clock, is_public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds to a request, if it has access."""
        await self._guard(scope, receive, send)

    async def _call_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        shows_first = scope["type"] == "http" and scope["path"] == "/" and PAGE_HEADER not in Headers(scope=scope)
        await (self._first_page if shows_first else self._page)(scope, receive, send)

    def load_page(self) -> None:
        """Imports Gradio and builds its page; takes seconds."""
        with without_stubs():
            from live_cam.web.ui.page import mount_page

        # Its lifespan, which would start Gradio's queue, never runs: no request reaches that.
        parent = FastAPI(openapi_url=None)
        mount_page(parent, *self._page_options)
        (gradio,) = (route for route in parent.routes if isinstance(route, Mount))
        routes = page_routes(gradio.routes)
        add_head(routes)
        self._page = gradio.app
        self._allowed.allow(routes)

    def load_page_in_background(self, on_failure: Callable[[], None]) -> None:
        """Calls `load_page` in a thread; if it fails, that sets `failure` and calls `on_failure`."""

        def load() -> None:
            try:
                self.load_page()
            except Exception as error:
                self.failure = error
                on_failure()

        threading.Thread(target=load, name="page", daemon=True).start()
