"""`live-cam --ray ADDRESS cameras.txt`: a wall of cameras that a cluster explains."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from live_cam.cli.cluster import create_explainer
from live_cam.cli.options import ExplainerOptions
from live_cam.cli.page import PageOptions, secured
from live_cam.cli.port import bind_port
from live_cam.cli.signals import handle_hangup, handle_signals
from live_cam.cli.terminal import announce_start
from live_cam.errors import UsageError

if TYPE_CHECKING:
    from live_cam.sources.camera import CameraOptions


@dataclass(frozen=True, slots=True)
class WallOptions:
    """The options of a wall.

    Attributes:
        ray: The address of the cluster.
        cameras: The file that names the cameras.
    """

    ray: str
    cameras: Path
    camera: CameraOptions
    page: PageOptions
    explainer: ExplainerOptions


def list_of_wall(words: Sequence[str], unsupported: Sequence[str]) -> Path:
    """Returns the file that names the cameras of a wall.

    Args:
        words: The sources that were given.
        unsupported: The options that were given and do not apply.

    Raises:
        UsageError: There is not one source, or an option that does not apply.
    """
    if len(words) != 1:
        raise UsageError(
            "--ray shows the cameras of one file, such as cameras.txt, with a source on each line; give it"
        )
    if unsupported:
        raise UsageError(f"--ray shows a wall of cameras, and does nothing else; leave out {' and '.join(unsupported)}")
    return Path(words[0])


def serve_wall(options: WallOptions) -> None:
    """Serves until interrupted."""
    from live_cam.sources.wall_list import read_camera_list

    cameras = read_camera_list(options.cameras)
    announce_start()
    from live_cam.cluster.connection import connected, require_cluster

    with ExitStack() as opened:
        listener = opened.enter_context(bind_port(options.page.host, options.page.port))
        page = secured(options.page, listener)
        require_cluster(options.ray)
        options.explainer.open_model()  # what is wrong with it is said here
        opened.enter_context(connected(options.ray))
        from live_cam.cluster.camera_actor import LIVE_BATCH_SIZE
        from live_cam.cluster.wall import Wall
        from live_cam.web.server import LiveServer
        from live_cam.web.wall_app import WallApp

        make = partial(create_explainer, options.explainer, Path.cwd(), batch_size=LIVE_BATCH_SIZE, smooth=True)
        wall = opened.enter_context(Wall(cameras, make, options.camera))
        server = LiveServer(
            WallApp(wall, options.page.host, page.token, options.page.extra_hosts), wall, page.certificate
        )
        handle_signals(server.handle_exit)
        handle_hangup(server.handle_exit)
        page.announce(f"{len(cameras)} cameras")
        server.run(sockets=[listener])
