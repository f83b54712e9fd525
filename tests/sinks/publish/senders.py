"""What a camera is to a publisher: frames with their capture time in the picture."""

from __future__ import annotations

import threading
import time

import numpy as np

from live_cam.sinks.publish.publisher import Publisher
from live_cam.types import EncodedFrame, Frame, OverlayStyle
from tests.conftest import synthetic_explanation
from tests.servers.stamped import photograph, stamp_ns, stamped, ticks

SIZE_PX = 320, 240
RATE_FPS = 25


class Sender:
    """Puts stamped frames into publishers, at the rate of a camera, while it is entered.

    Attributes:
        put_ms: The stamps of all frames put, in order.
        slowest_put_s: The longest that a publisher kept the caller.
    """

    def __init__(self, *publishers: Publisher, size_px: tuple[int, int] = SIZE_PX) -> None:
        self.put_ms: list[int] = []
        self.slowest_put_s = 0.0
        self._publishers = publishers
        self._image = photograph(size_px)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sender")

    def _run(self):
        generator, explanation = np.random.default_rng(0), synthetic_explanation()
        for _ in ticks(1 / RATE_FPS):
            if self._ended.is_set():
                return
            rgb = stamped(self._image, generator)
            pts_ns = stamp_ns(rgb)
            self.put_ms.append(pts_ns // 1_000_000)
            encoded = EncodedFrame(b"", Frame(rgb, pts_ns), explanation, OverlayStyle())
            start_s = time.perf_counter()
            for publisher in self._publishers:
                publisher.put(rgb, encoded)
            self.slowest_put_s = max(self.slowest_put_s, time.perf_counter() - start_s)

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
