"""Keeps the tests of a file in one process, so that what they share is made once rather than in each process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from xdist.scheduler import LoadGroupScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController


class FileScheduling(LoadGroupScheduling):  # type: ignore[misc]
    """Hands out tests one by one, or a group at once, to a process that has begun their file if there is one.

    A process that has run all tests of its file begins the next one; with none left, it helps with the files of others.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._begun: dict[WorkerController, str] = {}

    def _assign_work_unit(self, node: WorkerController) -> None:
        others = {file for each, file in self._begun.items() if each is not node}
        mine = self._begun.get(node)
        unit = (
            next((unit for unit in self.workqueue if _file(unit) == mine), None)
            or next((unit for unit in self.workqueue if _file(unit) not in others), None)
            or next(reversed(self.workqueue))
        )
        if _file(unit) not in others:
            self._begun[node] = _file(unit)
        self.workqueue.move_to_end(unit, last=False)
        super()._assign_work_unit(node)


def _file(unit: str) -> str:
    return unit.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling | None:
    return FileScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None
