"""The option `--ray`, and the explainers of the machines it names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from live_cam.cli.options import ExplainerOptions
from live_cam.cli.signals import exit_on_signals

if TYPE_CHECKING:
    from live_cam.cluster.workers import Workers
    from live_cam.explain.explainer import Explainer

_NAME: Final = "--ray"

RayOption = Annotated[
    str | None,
    typer.Option(
        _NAME,
        metavar="[ADDRESS]",
        help="Spread the work over a Ray cluster: HOST:PORT, auto for the one that this machine belongs to, or nothing "
        "for this machine alone. All its machines find models and files at the same paths.",
    ),
]


def complete_ray(words: Sequence[str]) -> list[str]:
    """Returns the words of a command with an address behind each `--ray` that has none: typer knows no such options."""
    from live_cam.cluster.connection import LOCAL, is_address

    completed: list[str] = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        completed.append(word)
        if word == _NAME and not is_address(following):
            completed.append(LOCAL)
    return completed


@contextmanager
def workers_of(address: str, options: ExplainerOptions, **arguments: Any) -> Iterator[Workers]:
    """Connects to a cluster and starts a worker on each machine, with further arguments of its explainer.

    Raises:
        UsageError: The address is none, or Ray is not installed.
        LiveCamError: No cluster answers, or a machine can't explain.
    """
    from live_cam.cluster.connection import connected

    with connected(address):
        exit_on_signals()  # which Ray has taken
        from live_cam.cluster.workers import Workers

        with Workers(partial(create_explainer, options, Path.cwd(), **arguments)) as workers:
            yield workers


def create_explainer(options: ExplainerOptions, folder: Path, **arguments: Any) -> Explainer:
    """Creates the explainer of a worker, in the folder that the command runs in, if that is there."""
    with suppress(OSError):
        os.chdir(folder)
    return options.create(options.open_model(), **arguments)
