"""`live-cam annotate`: video files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from live_cam.cli.options import (
    CodecOption,
    DeviceOption,
    LayerOption,
    MethodOption,
    PrecisionOption,
    RuntimeOption,
    ScoreOption,
    SubtitlesOption,
    WeightsOption,
    show_progress,
    tell_error,
)
from live_cam.errors import LiveCamError, OutputError, UsageError

if TYPE_CHECKING:
    from live_cam.pipeline.annotate import Annotated as Outcome
    from live_cam.pipeline.annotation_road import Tell


def annotate(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IN...", help="Video files, folders of them, or patterns such as 'clips/*.mp4'."),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help="A new .mp4, .mkv or .webm file, or a folder for many."),
    ],
    target: Annotated[
        str | None, typer.Option(metavar="LABEL", help="The class to explain; else the likeliest of each frame.")
    ] = None,
    versus: Annotated[str | None, typer.Option(metavar="LABEL", help="Explain why the class and not this one.")] = None,
    against: Annotated[bool, typer.Option("--against", help="Explain what speaks against the class.")] = False,
    every: Annotated[
        int, typer.Option(metavar="N", min=1, help="Explain every Nth frame; those between show the map of the last.")
    ] = 1,
    classes: Annotated[
        str | None,
        typer.Option(metavar="LABEL,...", help="Paint only frames whose likeliest class is one of these."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
    container: Annotated[Literal["mp4", "mkv", "webm"], typer.Option(help="What is written into a folder.")] = "mp4",
    codec: CodecOption = "auto",
    subtitles: SubtitlesOption = False,
    weights: WeightsOption = None,
    layer: LayerOption = None,
    method: MethodOption = "gradcam",
    score: ScoreOption = "logit",
    runtime: RuntimeOption = "auto",
    precision: PrecisionOption = "auto",
    device: DeviceOption = "auto",
) -> None:
    """Explain videos: every frame, with its time stamp, and the sound. Run again, it skips the files that are done."""
    from live_cam.cli.question import ask
    from live_cam.cli.videos import find_videos, name_outputs
    from live_cam.explain.labels import find_label
    from live_cam.pipeline.annotate import AnnotateOptions, annotate
    from live_cam.pipeline.annotation_road import AT_ONCE
    from live_cam.sinks.codecs import SUFFIXES, choose_encoder
    from live_cam.sinks.new_file import require_folder

    question = ask(target, versus, method, against)
    wanted = frozenset(find_label(label.strip()) for label in classes.split(",")) if classes else frozenset()
    into_file = not output.is_dir() and output.suffix != ""
    if into_file and output.suffix.casefold() not in SUFFIXES:
        raise UsageError(f"{output} should end with one of {', '.join(SUFFIXES)}; if a folder is meant, make it first")
    found = find_videos(inputs, output)
    if into_file and len(found) > 1:
        raise UsageError(f"{len(found)} videos don't fit into the one file {output}; give a folder")
    made = {found[0]: output} if into_file else name_outputs(found, output, container)
    choose_encoder(output if into_file else Path(f"video.{container}"), codec)
    options = AnnotateOptions(question, every, wanted, codec, subtitles)
    folder = output.parent if into_file else output
    if into_file:
        require_folder(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".live_cam.lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise OutputError(f"another live-cam annotate writes into {folder}; let it end first") from error
    except OSError as error:
        raise OutputError(f"the folder {folder} can't be written into: {error.strerror}") from error
    try:
        from live_cam.explain.explainer import Explainer

        explainer = Explainer(
            weights, layer, method, score, runtime, precision, device, show_progress, AT_ONCE, side_by_side=True
        )
        outcomes = []
        with Progress(*_COLUMNS, console=Console(stderr=True, highlight=False)) as progress:
            for number, (video, path) in enumerate(made.items(), 1):
                task = progress.add_task(f"{number}/{len(made)} {video.name}", total=None, rate="")
                outcomes.append(annotate(video, path, explainer, options, _teller(progress, task)))
                progress.remove_task(task)
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # while it is held, so that it is nobody else's
        lock.release()
    _report(outcomes, as_json)
    if any(outcome.problem for outcome in outcomes):
        raise typer.Exit(1)


def _teller(progress: Progress, task: TaskID) -> Tell:
    """Gives what shows how far one file is."""
    begin_s = progress.get_time()

    def tell(done: int, total: int | None, video_s: float) -> None:
        took_s = max(progress.get_time() - begin_s, 1e-3)
        progress.update(task, completed=done, total=total, rate=f"{done / took_s:.0f} fps, {video_s / took_s:.1f}x")

    return tell


_COLUMNS = (
    TextColumn("{task.description}", markup=False),
    BarColumn(),
    TaskProgressColumn(),
    TextColumn("{task.fields[rate]}"),
    TimeRemainingColumn(),
)


def _report(outcomes: Sequence[Outcome], as_json: bool) -> None:
    """Tells what became of each file: what went well on standard output, what did not on standard error."""
    for outcome in outcomes:
        if outcome.problem:
            kept = f"; {outcome.output} holds what could be read" if outcome.state != "failed" else ""
            tell_error(LiveCamError(f"{outcome.input}: {outcome.problem}{kept}"))
    if as_json:
        typer.echo(json.dumps({"files": [asdict(outcome) for outcome in outcomes]}))
        return
    for outcome in outcomes:
        if outcome.state == "skipped":
            typer.echo(f"{outcome.output}: done before")
        elif outcome.state != "failed":
            rate = outcome.frames / outcome.took_s if outcome.took_s else 0.0
            typer.echo(f"{outcome.output}: {outcome.frames} frames, {outcome.explained} explained, {rate:.0f} a second")
