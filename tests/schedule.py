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
    The first goes through the files from their start and the others from their end, so that not each of them loads
    TensorFlow, Chromium, and all else that few folders share.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._begun: dict[WorkerController, str] = {}

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        super().mark_test_complete(node, item_index, duration)
        # What is kept is counted with each test, which would take a tenth of a minute in all.
        assigned = self.assigned_work[node]
        for unit in [unit for unit, tests in assigned.items() if all(tests.values())]:
            del assigned[unit]

    def _assign_work_unit(self, node: WorkerController) -> None:
        others = {file for each, file in self._begun.items() if each is not node}
        mine = self._begun.get(node)
        queue = self.workqueue if node is self.nodes[0] else reversed(self.workqueue)
        unit = (
            next((unit for unit in self.workqueue if _file(unit) == mine), None)
            or next((unit for unit in queue if _file(unit) not in others), None)
            or next(reversed(self.workqueue))
        )
        file = _file(unit)
        if file not in others | {mine}:
            self._begun[node] = file
            for each in [each for each in reversed(self.workqueue) if _file(each) == file]:
                self.workqueue.move_to_end(each, last=False)  # where they are found at once
        else:
            self.workqueue.move_to_end(unit, last=False)
        super()._assign_work_unit(node)


def _file(unit: str) -> str:
    return unit.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling | None:
    return FileScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None
