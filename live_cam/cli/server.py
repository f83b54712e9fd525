"""The server of `live-cam serve`: built from its options, and run until a signal ends it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from live_cam.cli.page import PageOptions, ServedPage, secured
from live_cam.cli.port import bind_port
from live_cam.cli.signals import handle_hangup, handle_signals
from live_cam.cli.terminal import echo, print_error
from live_cam.errors import OutputError, UsageError

if TYPE_CHECKING:
    from live_cam.cli.options import ExplainerOptions
    from live_cam.explain.base import ExplainerProtocol
    from live_cam.pipeline.recordings import RecordingOptions, RecordingStatus
    from live_cam.pipeline.session import Session
    from live_cam.sinks.publish.target import PublishTarget
    from live_cam.sources.camera import CameraOptions

_KIOSK_CLASSES: Final = ("first thing", "second thing")
"""What visitors of a kiosk may teach."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The options of `live-cam serve`, valid as far as can be known before anything is opened.

    Attributes:
        sources: What `create_source` accepts; empty if visitors show their own cameras.
        max_visitors: How many may do so at a time; 0 where the page does not offer it.
        record: The video to record to from the start.
        publish: Where to publish each source to.
        teach: Whether a kiosk lets its visitors teach two classes.
    """

    sources: tuple[str, ...]
    max_visitors: int
    camera: CameraOptions
    page: PageOptions
    kiosk: bool
    teach: bool
    record: Path | None
    view: Literal["overlay", "raw", "both"]
    recording: RecordingOptions
    publish: list[list[PublishTarget]]
    explainer: ExplainerOptions


@dataclass(frozen=True, slots=True)
class BuiltServer:
    """All that `run_server` needs: the port is bound, nothing has started yet."""

    page: ServedPage
    session: Session


def build_server(options: ServeOptions) -> BuiltServer:
    """Binds the port, creates the sources, then the explainer and the session: what fails fast comes first."""
    from live_cam.sources.factory import create_source

    with ExitStack() as on_error:
        listener = on_error.enter_context(bind_port(options.page.host, options.page.port))
        sources = [create_source(word, options.camera) for word in options.sources]
        # These take seconds: nothing in the options can be wrong any more.
        from live_cam.pipeline.session import Session

        page = secured(options.page, listener)
        # Beside the model, which leaves a core idle meanwhile.
        importing = threading.Thread(target=import_module, args=("live_cam.web.app",), name="import", daemon=True)
        importing.start()
        models = options.explainer.open_models()
        explainer, *others = options.explainer.create_all(models, batch_size=max(1, len(sources)), smooth=True)
        importing.join()  # before the session, whose sources are due from then on
        second = others[0] if others else None
        if options.teach:
            _require_teachable(explainer, second)
        session = Session(
            sources,
            explainer,
            options.max_visitors,
            options.recording,
            second=second,
            camera=options.camera,
            taught_labels=_KIOSK_CLASSES if options.teach else (),
        )
        on_error.pop_all()
    return BuiltServer(page, session)


def _require_teachable(explainer: ExplainerProtocol, second: ExplainerProtocol | None) -> None:
    """Raises `UsageError` unless classes can be taught."""
    if second is not None:
        raise UsageError("two models can't be taught side by side; give --teach with one --model")
    explainer.require_linear_head()


def run_server(options: ServeOptions, server: BuiltServer) -> int:
    """Serves until interrupted; returns the exit status of the last recording, 0 without one."""
    from live_cam.web.app import LiveApp
    from live_cam.web.server import LiveServer

    page, reach = server.page, server.page.options
    with page.listener, server.session as session:
        is_published = any(options.publish)
        is_recorded = options.record is not None or is_published
        app = LiveApp(
            session,
            reach.host,
            page.token,
            reach.extra_hosts,
            options.camera,
            options.kiosk,
            is_recorded,
            reach.public,
        )
        live_server = LiveServer(app, session, page.certificate)
        # From here on a signal raises nothing: an exception anywhere in the end could lose a recording's index.
        handle_signals(live_server.handle_exit)
        handle_hangup(live_server.handle_exit)
        if options.record is not None:
            session.recordings.start(options.view, options.record)
        if is_published:
            session.publishing.start(options.publish, options.view)
        names = ", ".join(feed.name for feed in session.feeds) or "Visitors' cameras"
        page.announce(names, [f"Publishing {each.source} to {each.target}" for each in session.publishing.statuses])
        app.load_page_in_background(on_failure=live_server.handle_exit)
        live_server.run(sockets=[page.listener])
        handle_signals(session.recordings.finish_quickly)
        if (recording := session.recordings.status) is not None and recording.state in ("recording", "finishing"):
            echo(f"Finishing {_join(session.recordings.videos)}  (Ctrl-C again leaves its index at the end)")
    if app.failure is not None:
        raise app.failure
    return _report_recording(session.recordings.status, session.recordings.videos)


def _report_recording(recording: RecordingStatus | None, videos: Sequence[Path]) -> int:
    """Prints how the last recording ended; returns the exit status for it."""
    if recording is None:
        return 0
    message = recording.message
    if recording.state in ("recording", "finishing"):
        message = f"{_join(videos)} could not be finished: the disk does not respond; what was written plays"
    elif recording.state == "finished":
        echo(f"Recorded {_join(videos)}, {recording.seconds:g} s")
    if message:
        print_error(OutputError(message))
    return OutputError.exit_status if message else 0


def _join(videos: Sequence[Path]) -> str:
    """Returns the paths of the videos; the page shows names only, since others watch it."""
    return ", ".join(map(str, videos))
