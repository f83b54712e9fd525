"""The actors of a cluster, and the work that is given to whichever is free."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError, RayTaskError

from live_cam.cluster.explainer_actor import ExplainerActor, MakeExplainer, describe_worker
from live_cam.cluster.machines import WATCH, find_machines
from live_cam.errors import LiveCamError
from live_cam.explain.base import ExplainerProtocol

_log = logging.getLogger("live_cam")

_MAX_ATTEMPTS: Final = 3
_PROGRESS_LIMIT_S: Final = 1.0


@dataclass(slots=True, eq=False)
class _Job:
    """Work for any actor.

    Attributes:
        attempts_n: How many actors were lost while they had it.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: Future[Any]
    attempts_n: int = 0


class Workers:
    """One actor on each machine of the cluster, as a step uses all cores of its machine; any thread may submit.

    An actor that is lost gets work again once it was started again. What it had goes to the next that is free, first of
    all. A machine that is lost stays out.

    Attributes:
        settings: What results depend on, the same on all machines; see `live_cam.explain.base.describe`.
        classifier: The model.
        count: How many there were at the start.
    """

    def __init__(self, make_explainer: MakeExplainer) -> None:
        """Starts the actors and waits until all have compiled the step.

        Raises:
            LiveCamError: One can't, the machines do not compute the same, or the cluster has no machine.
        """
        machines = find_machines()
        self.count = len(machines)
        self._actors = [machine.start(ExplainerActor, make_explainer, cpus_n=1) for machine in machines]
        self._lock = threading.RLock()
        self._waiting: deque[_Job] = deque()
        self._alive = list(self._actors)
        try:
            found = [_result(actor.ready.remote()) for actor in self._actors]
            self.settings, self.classifier = found[0]
            for machine, (settings, _) in zip(machines, found, strict=True):
                _require_same(self.settings, settings, machine.host)
        except BaseException:
            self.close()
            raise
        self._idle = deque(self._actors)

    def require_same(self, explainer: ExplainerProtocol) -> None:
        """Raises `LiveCamError` if this machine's explainer does not compute what those of the workers do."""
        _require_same(describe_worker(explainer), self.settings, "the cluster")

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Has a free actor call a function of a module with itself and the arguments.

        Returns:
            The future of the result. It raises what the function raised; or `LiveCamError`, if the work has ended three
            actors, or no machine is left.
        """
        job = _Job(function, arguments, Future())
        with self._lock:
            self._waiting.append(job)
            self._assign()
            lost = self._take_if_none_is_left()
        self._fail(lost)
        return job.future

    def in_order(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
        """Submits calls of a function, by their arguments, and yields their results in order.

        So many are ahead that no actor waits, and no more; those that nobody has begun are given up when it is closed.
        """
        ahead: deque[Future[Any]] = deque()
        try:
            for arguments in calls:
                ahead.append(self.submit(function, *arguments))
                if len(ahead) > 2 * self.count:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

    def progress(self) -> float:
        """Returns how much of the work that is under way is done: the sum over all actors of 0..1."""
        with self._lock:
            references = [actor.read_progress.options(concurrency_group=WATCH).remote() for actor in self._alive]
        if not references:
            return 0.0
        done, _ = ray.wait(references, num_returns=len(references), timeout=_PROGRESS_LIMIT_S)
        total = 0.0
        for reference in done:
            with suppress(RayError, GetTimeoutError):
                total += ray.get(reference)
        return total

    def close(self) -> None:
        """Ends the actors; work that is not done is cancelled."""
        with self._lock:
            self._alive = []
            for job in self._waiting:
                job.future.cancel()
            self._waiting.clear()
        for actor in self._actors:
            with suppress(RayError, ValueError):
                ray.kill(actor)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _assign(self) -> None:
        while self._idle and self._waiting:
            job, actor = self._waiting.popleft(), self._idle.popleft()
            if not job.future.running() and not job.future.set_running_or_notify_cancel():
                self._idle.appendleft(actor)
                continue
            done = actor.run.remote(job.function, job.arguments).future()
            done.add_done_callback(lambda done, actor=actor, job=job: self._finish(actor, job, done))

    def _finish(self, actor: Any, job: _Job, done: Future[Any]) -> None:
        error = done.exception()
        if isinstance(error, RayActorError):
            self._lose(actor, job)
            return
        if error is None:
            job.future.set_result(done.result())
        else:
            job.future.set_exception(_cause(error))
        self._free(actor)

    def _lose(self, actor: Any, job: _Job) -> None:
        job.attempts_n += 1
        with self._lock:
            if actor not in self._alive:  # closed
                job.future.set_exception(LiveCamError("the work was given up"))
                return
            if job.attempts_n < _MAX_ATTEMPTS:
                self._waiting.appendleft(job)
                self._assign()
        if job.attempts_n >= _MAX_ATTEMPTS:
            job.future.set_exception(LiveCamError(f"it has ended {_MAX_ATTEMPTS} workers; see Ray's logs for why"))
        _log.warning("a worker was lost; another takes over its work")
        again = actor.ready.options(max_task_retries=-1).remote().future()
        again.add_done_callback(lambda done: self._free(actor) if done.exception() is None else self._drop(actor))

    def _free(self, actor: Any) -> None:
        with self._lock:
            if actor in self._alive:
                self._idle.append(actor)
                self._assign()

    def _drop(self, actor: Any) -> None:
        with self._lock:
            if actor in self._alive:
                self._alive.remove(actor)
            lost = self._take_if_none_is_left()
        self._fail(lost)

    def _take_if_none_is_left(self) -> list[_Job]:
        lost = [] if self._alive else list(self._waiting)
        if lost:
            self._waiting.clear()
        return lost

    def _fail(self, jobs: list[_Job]) -> None:
        for job in jobs:
            if job.future.running() or job.future.set_running_or_notify_cancel():
                job.future.set_exception(LiveCamError("no machine of the Ray cluster is left; see `ray status`"))


def _result(reference: Any) -> Any:
    """Returns what a call returns, or raises what it raised."""
    try:
        return ray.get(reference)
    except RayActorError as error:
        reason = " ".join(str(error).split())
        raise LiveCamError(f"a worker of the Ray cluster can't start ({reason:.200}); see `ray status`") from error
    except RayTaskError as error:
        raise _cause(error) from None


def _cause(error: BaseException) -> BaseException:
    """Returns the error that was raised on the other machine."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, LiveCamError):
        return cause
    cause = cause or error
    return LiveCamError(f"{type(cause).__name__} on a worker: {' '.join(str(cause).split()):.300}")


def _require_same(settings: dict[str, Any], others: dict[str, Any], host: str) -> None:
    differing = [key for key in settings if settings[key] != others.get(key)]
    if differing:
        named = ", ".join(f"{key} {others.get(key)}, not {settings[key]}" for key in differing)
        raise LiveCamError(f"{host} would give other results ({named}); give --runtime, --precision and the same files")
