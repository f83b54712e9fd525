"""Progress on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


@contextmanager
def show_bytes(title: str) -> Iterator[Callable[[int, int], None]]:
    """Shows the progress of a download; yields what is called with the bytes done and the total, 0 if unknown."""
    from rich.progress import DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

    with _progress(DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total or None)


@contextmanager
def show_counts(*titles: str) -> Iterator[Callable[[str, int, int], None]]:
    """Shows how many of some things are done.

    Args:
        titles: What is shown from the start; others appear with their first call.

    Yields:
        What is called with a title, the number done, and the total.
    """
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn

    with _progress(MofNCompleteColumn(), TimeRemainingColumn()) as progress:
        tasks = {title: progress.add_task(title, total=None) for title in titles}

        def show(title: str, done: int, total: int) -> None:
            if title not in tasks:
                tasks[title] = progress.add_task(title, total=total)
            progress.update(tasks[title], completed=done, total=total)

        yield show


def _progress(*columns: ProgressColumn) -> Progress:
    """Returns bars with their titles in front and some columns behind."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    title = TextColumn("{task.description}", markup=False)
    return Progress(title, BarColumn(), *columns, console=Console(stderr=True, highlight=False))
