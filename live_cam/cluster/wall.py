"""Cameras spread over the machines of a cluster, moved to others when a worker is lost, and their newest pictures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import cycle, islice
from typing import Any, Final

import ray
from ray.exceptions import GetTimeoutError, RayError

from live_cam.clock import MONOTONIC, Clock
from live_cam.cluster.camera_actor import CameraActor, CameraReport, Look
from live_cam.cluster.explainer_actor import MakeExplainer
from live_cam.cluster.machines import WATCH, find_machines
from live_cam.cluster.shown import ShownPictures
from live_cam.errors import LiveCamError
from live_cam.sources.base import Source
from live_cam.sources.camera import CameraOptions
from live_cam.sources.wall_list import ListedCamera

_log = logging.getLogger("live_cam")

_LEAST_WORKERS: Final = 2
_LOOK_EVERY_S: Final = 0.5
_LOOK_EVERY_WITH_LARGE_S: Final = 0.1
# A promise rests on it: a lost worker costs its cameras at most 3 s. Others open them in what is left.
_SILENCE_LIMIT_S: Final = 1.5
# A worker that has not started by then starts without its cameras.
_START_LIMIT_NS: Final = 30_000_000_000
_STARTING: Final = CameraReport("starting", "", "", 0.0, None, None, 0.0, 0, 0)


class _Worker:
    """An actor, as its thread sees it.

    Attributes:
        host: The name of its machine.
        actor: The handle.
        is_up: Whether it answers.
        is_lost: Whether it did, or can't start.
        small_seqs, large_seqs: The numbers of its frames whose pictures are known, by camera.
    """

    def __init__(self, host: str, actor: Any) -> None:
        self.host = host
        self.actor = actor
        self.is_up = self.is_lost = False
        self.small_seqs: dict[int, int] = {}
        self.large_seqs: dict[int, int] = {}


class Wall:
    """Starts on entering a `with` statement, and ends its actors after it.

    Each camera has a home, one of the workers, and is shown by another while that is lost. There are at least two
    workers, on one machine if there is no other, so that one that has compiled its step can take over at once.

    Attributes:
        names: The names of the cameras.
        small, large: Their pictures.
        clock: The time.
        visitors: None: nobody shows a camera of their own.
    """

    visitors: None = None

    def __init__(
        self,
        cameras: Sequence[ListedCamera | Source],
        make_explainer: MakeExplainer,
        options: CameraOptions = CameraOptions(),
        clock: Clock = MONOTONIC,
    ) -> None:
        """Places the actors.

        Args:
            cameras: The cameras.
            make_explainer: Creates the explainer of a worker, for `LIVE_BATCH_SIZE` frames in one call.
            options: Options of the cameras.
            clock: The time.

        Raises:
            LiveCamError: The cluster has no machine.
        """
        machines = find_machines()
        self.clock = clock
        self.names = [camera.name for camera in cameras]
        self.small, self.large = ShownPictures(clock), ShownPictures(clock)
        self._cameras = dict(enumerate(cameras))
        # They take no processors, of which a machine may have one for two workers.
        self._workers = [
            _Worker(machine.host, machine.start(CameraActor, make_explainer, options, cpus_n=0))
            for machine in islice(cycle(machines), max(len(machines), _LEAST_WORKERS))
        ]
        self._at = {number: self._home(number) for number in self._cameras}
        self._lock = threading.RLock()
        self._reports = dict.fromkeys(self._cameras, _STARTING)
        self._moving: set[int] = set()  # those whose loss is told until another shows them
        self._failure = ""
        self._start_ns = clock.now_ns()
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(worker,), name="wall", daemon=True) for worker in self._workers
        ]

    def __enter__(self) -> Wall:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.request_stop()
        for worker in self._workers:
            with suppress(RayError, ValueError):
                ray.kill(worker.actor)
        for thread in self._threads:  # before Ray ends, which they use
            thread.join(_SILENCE_LIMIT_S)

    def request_stop(self) -> None:
        """Asks the threads to end; returns at once."""
        self._ended.set()

    @property
    def notice(self) -> str:
        """What viewers should know of the workers, in one line; empty if none is lost."""
        lost = [worker.host for worker in self._workers if worker.is_lost]
        if self._failure or not lost:
            return self._failure
        return f"A worker was lost ({', '.join(lost)}); its cameras are shown by the others until it is back"

    @property
    def unhealthy_reason(self) -> str:
        """Why no camera is explained; empty if any is."""
        states = {report.state for report in self.reports.values()}
        return "" if states & {"live", "starting", "ended"} else self.notice or "no camera delivers frames"

    @property
    def reports(self) -> dict[int, CameraReport]:
        """What is known of each camera."""
        with self._lock:
            return dict(self._reports)

    def _home(self, number: int) -> _Worker:
        return self._workers[number % len(self._workers)]

    def _watch(self, worker: _Worker) -> None:
        """Keeps a worker's cameras shown, by it or by others, until the wall ends."""
        while not self._ended.is_set():
            try:
                ray.get(worker.actor.ready.options(max_task_retries=-1).remote())
            except RayError as error:
                self._give_up(worker, error)
                return
            self._serve(worker)

    def _serve(self, worker: _Worker) -> None:
        """Shows the worker's own cameras, and those of others that are lost, until it is lost itself."""
        with self._lock:
            worker.is_up, worker.is_lost = True, False
            own = [number for number in self._cameras if self._home(number) is worker]
            others = [number for number in self._cameras if self._at[number] is not worker and number not in set(own)]
        self._call(worker, "hide", others)  # it may only have been silent for a while
        self._show(worker, own)
        while not self._ended.is_set():
            try:
                look = ray.get(self._look(worker), timeout=_SILENCE_LIMIT_S)
            except (RayError, GetTimeoutError):
                self._lose(worker)
                return
            self._take(worker, look)
            self._move(self._orphans())
            self._pause()

    def _orphans(self) -> list[int]:
        """Returns the cameras that no worker shows, or will soon."""
        is_late = self.clock.now_ns() > self._start_ns + _START_LIMIT_NS
        with self._lock:
            return [number for number, at in self._at.items() if at.is_lost or (is_late and not at.is_up)]

    def _pause(self) -> None:
        if self.large.wait(_LOOK_EVERY_S):
            self._ended.wait(_LOOK_EVERY_WITH_LARGE_S)

    def _look(self, worker: _Worker) -> Any:
        """Asks for reports, and for those pictures that are wanted and newer than the known ones."""
        with self._lock:
            numbers = [number for number, at in self._at.items() if at is worker]
            small = {number: worker.small_seqs.get(number) for number in self.small.wanted(numbers)}
            large = {number: worker.large_seqs.get(number) for number in self.large.wanted(numbers)}
            worker.small_seqs = {number: seq for number, seq in small.items() if seq is not None}
            worker.large_seqs = {number: seq for number, seq in large.items() if seq is not None}
        return worker.actor.look.options(concurrency_group=WATCH).remote(small, large)

    def _take(self, worker: _Worker, look: Look) -> None:
        """Keeps what a worker reports of its cameras; one that is back home is shown from there from now on."""
        returned: dict[_Worker, list[int]] = {}
        with self._lock:
            for number, report in look.reports.items():
                at = self._at[number]
                is_better = report.state == "live" or self._reports[number].state != "live"
                if at is not worker and self._home(number) is worker and is_better and report.state != "starting":
                    returned.setdefault(at, []).append(number)
                    self._at[number] = worker
                is_told = number in self._moving and report.state == "starting"
                if self._at[number] is worker and not is_told:
                    self._moving.discard(number)
                    self._reports[number] = report
            for found, seqs, shown in (
                (look.small, worker.small_seqs, self.small),
                (look.large, worker.large_seqs, self.large),
            ):
                for number, (seq, jpeg) in found.items():
                    seqs[number] = seq
                    shown.put(number, jpeg)
        for other, numbers in returned.items():
            self._call(other, "hide", numbers)

    def _lose(self, worker: _Worker) -> None:
        """Moves the cameras of a worker to those that are there."""
        with self._lock:
            worker.is_up, worker.is_lost = False, True
            moved = [number for number, at in self._at.items() if at is worker]
            for number in moved:
                message = f"{self.names[number]}: its worker on {worker.host} was lost; another takes over"
                self._reports[number] = replace(self._reports[number], state="reconnecting", message=message)
                self._moving.add(number)
        if not self._ended.is_set():
            _log.warning("the worker on %s was lost; others take over its %d cameras", worker.host, len(moved))
            self._move(moved)

    def _move(self, numbers: Collection[int]) -> None:
        """Shows cameras on those workers that are there, evenly; they stay lost where none is."""
        with self._lock:
            there = [worker for worker in self._workers if worker.is_up]
            if not there:
                return
            for i, number in enumerate(numbers):
                self._at[number] = there[i % len(there)]
            shares = {worker: [number for number in numbers if self._at[number] is worker] for worker in there}
        for worker, share in shares.items():
            self._show(worker, share)

    def _show(self, worker: _Worker, numbers: Collection[int]) -> None:
        with self._lock:
            for number in numbers:  # its frames are counted anew
                worker.small_seqs.pop(number, None)
                worker.large_seqs.pop(number, None)
        if numbers:
            self._call(worker, "show", {number: self._cameras[number] for number in numbers})

    def _call(self, worker: _Worker, method: str, argument: Any) -> None:
        with suppress(RayError):  # the thread of that worker notices that it is lost
            getattr(worker.actor, method).remote(argument)

    def _give_up(self, worker: _Worker, error: RayError) -> None:
        """Leaves out a worker that can't start."""
        cause = getattr(error, "cause", None)
        reason = str(cause) if isinstance(cause, LiveCamError) else " ".join(str(cause or error).split())[:200]
        with self._lock:
            worker.is_lost = True
            self._failure = f"The worker on {worker.host} can't start: {reason}"
            orphans = [number for number, at in self._at.items() if at is worker]
            for number in orphans:
                self._reports[number] = replace(self._reports[number], state="lost", message=self._failure)
        if not self._ended.is_set():
            _log.warning("%s", self._failure)
            self._move(orphans)
