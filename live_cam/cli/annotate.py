"""`live-cam annotate`: video files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from filelock import FileLock, Timeout

from live_cam.cli.cluster import RayOption, workers_of
from live_cam.cli.explainer_command import with_explainer_options
from live_cam.cli.options import CodecOption, ExplainerOptions, SubtitlesOption
from live_cam.cli.targets import ContrastOption, CounterfactualOption, check_target, parse_target
from live_cam.cli.terminal import announce_start, echo, print_error
from live_cam.errors import LiveCamError, OutputError, UsageError
from live_cam.models.labels import find_label
from live_cam.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from live_cam.explain.explainer import Explainer
    from live_cam.pipeline.offline.annotate import AnnotateOptions
    from live_cam.pipeline.offline.annotate import AnnotationResult as Outcome


@with_explainer_options
def annotate(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IN", help="Video files, folders of them, or patterns such as 'clips/*.mp4'."),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help="A new .mp4, .mkv or .webm file, or a folder for several."),
    ],
    target: Annotated[
        str | None, typer.Option(metavar="LABEL", help="Class to explain; by default the top class of each frame.")
    ] = None,
    contrast: ContrastOption = None,
    counterfactual: CounterfactualOption = False,
    every: Annotated[
        int, typer.Option(metavar="N", min=1, help="Explain every Nth frame; those between show the last map.")
    ] = 1,
    classes: Annotated[
        str | None, typer.Option(metavar="LABEL,...", help="Paint only frames whose top class is one of these.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
    container: Annotated[
        Literal["mp4", "mkv", "webm"], typer.Option(help="Format of the videos in an output folder.")
    ] = "mp4",
    codec: CodecOption = "auto",
    subtitles: SubtitlesOption = False,
    ray: RayOption = None,
    *,
    explainer_options: ExplainerOptions,
) -> None:
    """Explain videos: every frame, with its time stamp, and the audio. Run again, it skips the files that are done.

    The model sees each whole frame, squeezed to the size of its input.
    """
    from live_cam.cli.video_files import find_videos, name_outputs
    from live_cam.files import require_directory, require_file

    check_target(target, contrast, counterfactual, explainer_options)
    if explainer_options.known_labels is not None:
        _find_labels(classes, explainer_options.known_labels)
    videos = find_videos(inputs, output)
    # The library of videos; what is wrong up to here is said before it is imported.
    from live_cam.sinks.codecs import SUFFIXES, choose_encoder

    into_file = not output.is_dir() and output.suffix != ""
    if into_file and output.suffix.casefold() not in SUFFIXES:
        raise UsageError(f"{output} should end with one of {', '.join(SUFFIXES)}; create it first if it is a folder")
    if into_file and len(videos) > 1:
        raise UsageError(f"{output} is one file, and there are {len(videos)} videos; give a folder")
    outputs = {videos[0]: output} if into_file else name_outputs(videos, output, container)
    choose_encoder(output if into_file else Path(f"video.{container}"), codec)
    if into_file:
        require_directory(output)
    if len(videos) == 1:
        require_file(videos[0], "a video file")
    if ray is not None:
        from live_cam.cluster.connection import require_cluster

        require_cluster(ray)
    announce_start()
    from live_cam.pipeline.offline.annotate import AnnotateOptions
    from live_cam.pipeline.offline.frame_loop import BATCH_SIZE

    with _exclusive(output.parent if into_file else output):
        model = explainer_options.open_model()
        labels = explainer_options.labels_of(model)
        parsed = parse_target(target, contrast, counterfactual, labels)
        options = AnnotateOptions(parsed, every, _find_labels(classes, labels), codec, subtitles)
        throughput: dict[str, Any] = {"batch_size": BATCH_SIZE, "performance_hint": "throughput"}
        if ray is not None:
            outcomes = _annotate_on_cluster(ray, explainer_options, throughput, outputs, options)
        else:
            explainer = explainer_options.create(model, **throughput)
            outcomes = _annotate_here(explainer, outputs, options)
    _report(outcomes, as_json)
    if any(outcome.problem for outcome in outcomes):
        raise typer.Exit(1)


def _annotate_here(explainer: Explainer, outputs: Mapping[Path, Path], options: AnnotateOptions) -> list[Outcome]:
    from live_cam.pipeline.offline.annotate import annotate

    outcomes = []
    with _progress() as progress:
        for number, (video, path) in enumerate(outputs.items(), 1):
            task = progress.add_task(f"{number}/{len(outputs)} {printable(video.name)}", total=None, rate="")
            outcomes.append(annotate(video, path, explainer, options, _progress_updater(progress, task)))
            progress.remove_task(task)
    return outcomes


def _annotate_on_cluster(
    address: str,
    explainer_options: ExplainerOptions,
    arguments: Mapping[str, Any],
    outputs: Mapping[Path, Path],
    options: AnnotateOptions,
) -> list[Outcome]:
    with workers_of(address, explainer_options, **arguments) as workers, _progress() as progress:
        from live_cam.cluster.archive import annotate_videos

        machines = "1 machine" if workers.count == 1 else f"{workers.count} machines"
        videos = "1 video" if len(outputs) == 1 else f"{len(outputs)} videos"
        task = progress.add_task(f"{videos} on {machines}", total=len(outputs), rate="")
        return annotate_videos(workers, outputs, options, lambda done: progress.update(task, completed=done))


def _find_labels(names: str | None, labels: Sequence[str]) -> frozenset[int]:
    """Returns the classes that are named, separated by commas."""
    return frozenset(find_label(name.strip(), labels) for name in names.split(",")) if names else frozenset()


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Creates the folder and locks it, as only one process at a time may write there.

    Raises:
        OutputError: Another process has the lock, or the folder is not writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".live_cam.lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise OutputError(f"another live-cam annotate writes into {folder}; wait until it ends") from error
    except OSError as error:
        raise OutputError(f"the folder {folder} is not writable: {error.strerror}; give another one") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # while locked, so that it is no other process's file
        lock.release()


def _progress() -> Progress:
    """Returns the bars of the files, on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True, highlight=False),
    )


def _progress_updater(progress: Progress, task: TaskID) -> Callable[[int, int | None, float], None]:
    """Returns a callback that shows the progress of one file."""
    start_s = progress.get_time()

    def update(done: int, total: int | None, video_s: float) -> None:
        elapsed_s = max(progress.get_time() - start_s, 1e-3)
        rate = f"{done / elapsed_s:.0f} fps, {video_s / elapsed_s:.1f}x"
        progress.update(task, completed=done, total=total, rate=rate)

    return update


def _report(outcomes: Sequence[Outcome], as_json: bool) -> None:
    """Prints the results on standard output, and the problems on standard error."""
    for outcome in outcomes:
        if outcome.problem:
            kept = f"; {outcome.output} holds what could be read" if outcome.state != "failed" else ""
            print_error(LiveCamError(f"{outcome.input}: {outcome.problem}{kept}"))
    if as_json:
        echo(json.dumps({"files": [asdict(outcome) for outcome in outcomes]}))
        return
    for outcome in outcomes:
        if outcome.state == "skipped":
            echo(f"{outcome.output}: done before")
        elif outcome.state != "failed":
            fps = outcome.frames / outcome.took_s if outcome.took_s else 0.0
            echo(f"{outcome.output}: {outcome.frames} frames, {outcome.explained} explained, {fps:.0f} fps")
