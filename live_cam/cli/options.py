"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_type_hints

import typer

from live_cam.cli.quiet import quiet_native_stderr
from live_cam.errors import UsageError
from live_cam.models.labels import imagenet_labels
from live_cam.models.layers import check_resnet50_layer
from live_cam.types import Auto, Method, Precision, Resize, Runtime, Score

if TYPE_CHECKING:
    from live_cam.explain.explainer import Explainer
    from live_cam.models.model import Model

_MODEL = typer.Option(
    "--model",
    metavar="MODEL",
    help="Your classifier: a .keras, .h5, .onnx, .tflite or .xml file, a SavedModel, Teachable Machine's "
    "converted_keras.zip, or a Keras application such as mobilenet_v2; by default ResNet50. `serve` and `explain` show "
    "two side by side.",
)
ModelOption = Annotated[str | None, _MODEL]
ModelsOption = Annotated[list[str] | None, _MODEL]
ModelOutputOption = Annotated[
    str | None,
    typer.Option("--model-output", metavar="NAME", help="Output of the model to explain, where it has several."),
]
TrustModelOption = Annotated[
    bool, typer.Option("--trust-model", help="Run code that the model's file brings, such as Lambda layers.")
]
CodecOption = Annotated[
    Literal["auto", "h264", "vp9", "hardware"],
    typer.Option(
        "--codec",
        help="Video codec; auto is h264 in .mp4 and .mkv, vp9 in .webm; hardware is the first H.264 encoder of a "
        "graphics or media processor that opens.",
    ),
]
SubtitlesOption = Annotated[
    bool, typer.Option("--subtitles", help="Also write the top class as subtitles (.vtt) beside the video.")
]


_ONE_MODEL = "this command takes one --model; `live-cam serve` and `live-cam explain` take two"
_FOR_EACH_MODEL = ("model", "labels", "preprocess", "model_output", "weights", "layer", "head")
"""Options that may be given twice, in the order of two models; given once they are for the first."""


@dataclass(frozen=True, slots=True)
class ExplainerOptions:
    """Options of the explainer; `with_explainer_options` adds each field but `second` to a command.

    Attributes:
        second: The options of the second model; None for one model.
    """

    model: ModelOption = None
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Names of the model's classes; by default labels.txt or the like beside it."),
    ] = None
    preprocess: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What the model receives of pixels 0..255: none, 0..1, -1..1, caffe, torch or mean,std; by default "
            "what its file says.",
        ),
    ] = None
    resize: Annotated[
        Resize,
        typer.Option(
            help="How frames get the aspect ratio of the model's input: stretched, cropped to the middle, or padded "
            "with black."
        ),
    ] = "stretch"
    model_output: ModelOutputOption = None
    trust_model: TrustModelOption = False
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Weights of an application; ResNet50's as .npz, .h5, npm .tgz."),
    ] = None
    layer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Layer to explain, by default the last; see `live-cam layers`."),
    ] = None
    head: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Classes of your own in place of the model's, from `live-cam teach`."),
    ] = None
    method: Annotated[
        Method, typer.Option(help="Saliency method; layercam-fused is the sharpest, gradcam the best known.")
    ] = "gradcam"
    score: Annotated[
        Score,
        typer.Option(help="What is differentiated. Maps of the probability are noisier, and empty if it saturates."),
    ] = "logit"
    runtime: Annotated[
        Literal[Auto, Runtime],
        typer.Option(help="Library that runs the network; auto is tensorflow with an NVIDIA GPU, else openvino."),
    ] = "auto"
    precision: Annotated[
        Literal[Auto, Precision],
        typer.Option(
            help="Numeric precision of the network; auto is the device's fastest, for live sources also int8 where its "
            "maps were found true."
        ),
    ] = "auto"
    device: Annotated[
        str, typer.Option(metavar="NAME", help="OpenVINO device: CPU, GPU (Intel), NPU; auto is the fastest.")
    ] = "auto"
    max_memory_mb: Annotated[
        int,
        typer.Option(
            "--max-memory",
            metavar="MB",
            min=0,
            help="About how much memory to take; layers that were used longest ago make room for others.",
        ),
    ] = 1500
    second: ExplainerOptions | None = None

    @property
    def known_labels(self) -> Sequence[str] | None:
        """The names of the classes, where no model has to be opened for them."""
        if self.head is not None:
            from live_cam.models.taught_head import read_head

            return read_head(self.head).labels
        return imagenet_labels() if self.model is None and self.labels is None else None

    def labels_of(self, model: Model) -> Sequence[str]:
        """Returns the names of the classes that an opened model is explained with: its own, or taught ones."""
        return (self.known_labels if self.head is not None else None) or model.classifier.labels

    def open_model(self) -> Model:
        """Opens the only model, with progress on standard error; a file that is known takes no time."""
        if self.second is not None:
            raise UsageError(_ONE_MODEL)
        return self._open()

    def open_models(self) -> list[Model]:
        """Opens the model, or both, whose names then differ."""
        first = self._open()
        if self.second is None:
            return [first]
        second = self.second._open()
        name = second.classifier.name
        if name == first.classifier.name:
            second = replace(second, classifier=replace(second.classifier, name=f"{name} (2)"))
        return [first, second]

    def create_all(self, models: Sequence[Model], **arguments: Any) -> list[Explainer]:
        """Creates the explainers of the models that `open_models` has opened, which share the memory."""
        if self.second is None:
            return [self.create(models[0], **arguments)]
        from live_cam.explain.explainer import MEMORY_OF_THE_REST_MB

        share_mb = (self.max_memory_mb + MEMORY_OF_THE_REST_MB) // 2
        each = zip((self, self.second), models, strict=True)
        return [replace(options, max_memory_mb=share_mb).create(model, **arguments) for options, model in each]

    def _open(self) -> Model:
        from live_cam.models.open import ModelOptions, open_model

        if self.head is not None:  # now rather than when the model has been opened
            from live_cam.models.taught_head import read_head

            read_head(self.head)
        options = ModelOptions(
            self.labels, self.preprocess, self.model_output, self.trust_model, self.weights, self.resize
        )
        return open_model(self.model, options, self._show_download)

    @contextmanager
    def _show_download(self, title: str) -> Iterator[Callable[[int, int], None]]:
        """Shows the progress of a download, beside which the conversion that will follow loads TensorFlow."""
        from live_cam.explain.runtime.conversion_process import load_ahead
        from live_cam.explain.runtime.select import uses_tensorflow

        if not uses_tensorflow(self.runtime, self.device):
            load_ahead()
        with show_progress(title) as report:
            yield report

    def create(self, model: Model, **arguments: Any) -> Explainer:
        """Creates the explainer of an opened model, with further arguments of its constructor."""
        from live_cam.explain.explainer import Explainer
        from live_cam.explain.runtime.conversion_process import end_loaded

        names = ("layer", "method", "score", "runtime", "precision", "device", "max_memory_mb", "head")
        try:
            with self.quiet_tensorflow():
                return Explainer(model, **{name: getattr(self, name) for name in names}, **arguments)
        finally:
            end_loaded()

    @contextmanager
    def quiet_tensorflow(self) -> Iterator[None]:
        """Drops what TensorFlow writes to standard error, if that is what these options select."""
        from live_cam.explain.runtime.select import uses_tensorflow

        with quiet_native_stderr():
            is_used = uses_tensorflow(self.runtime, self.device)
        with quiet_native_stderr() if is_used else nullcontext():
            yield


def with_explainer_options(
    command: Callable[..., None], model_arguments: Mapping[str, Any] | None = None
) -> Callable[..., None]:
    """Appends the options of `ExplainerOptions` to a command, which receives them as its argument `explainer_options`.

    typer reads options from a function's signature, so the returned function has one of its own.

    Args:
        command: The command.
        model_arguments: Annotated arguments that name the models, by name, in front of the command's own: in place of
            `--model`. What is then given once for each model may be given once for all.
    """
    annotations = get_type_hints(ExplainerOptions, include_extras=True)
    del annotations["second"]
    annotations |= {name: _as_list(annotations[name]) for name in _FOR_EACH_MODEL}
    models = model_arguments or {}
    if models:
        del annotations["model"]
    parameters = [
        *(Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, annotation=each) for name, each in models.items()),
        *(each for each in signature(command, eval_str=True).parameters.values() if each.name != "explainer_options"),
        *(
            each.replace(kind=Parameter.KEYWORD_ONLY, annotation=annotations[each.name])
            for each in signature(ExplainerOptions).parameters.values()
            if each.name in annotations
        ),
    ]

    @wraps(command)
    def wrapper(**values: Any) -> None:
        chosen = {name: values.pop(name) for name in annotations}
        if models:
            once = [name for name in _FOR_EACH_MODEL if len(chosen.get(name) or []) == 1]
            chosen |= {name: chosen[name] * len(models) for name in once}
            chosen["model"] = [values.pop(name) for name in models]
        command(**values, explainer_options=_split(chosen))

    wrapper.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapper


def _as_list(annotation: Any) -> Any:
    """Returns the annotation of an option that may be given more than once."""
    optional, option = get_args(annotation)
    value_type, _ = get_args(optional)
    return Annotated[list[value_type] | None, option]  # type: ignore[valid-type]


def _split(values: dict[str, Any]) -> ExplainerOptions:
    """Returns the options of the model, with those of the second if there is one.

    Raises:
        UnknownLayerError: ResNet50 has no such layer.
        UsageError: An option is given more often than `--model`, or that more than twice.
    """
    given = {name: values.pop(name) or [] for name in _FOR_EACH_MODEL}
    models_n = len(given["model"])
    if models_n > 2:
        raise UsageError(f"{models_n} models are more than the two that can be shown side by side; leave out a --model")
    for name, each in given.items():
        if len(each) > max(1, models_n):
            raise UsageError(f"--{name.replace('_', '-')} is given {len(each)} times; give it once for each --model")
    first, second = (
        ExplainerOptions(**values | {name: each[i] if i < len(each) else None for name, each in given.items()})
        for i in range(2)
    )
    if first.model is None and first.layer is not None:
        check_resnet50_layer(first.layer)
    return replace(first, second=second) if models_n == 2 else first


def require_one_model(models: Sequence[str] | None) -> str | None:
    """Returns the only model of a command that takes one, or None for the default.

    Raises:
        UsageError: There are several.
    """
    if models is not None and len(models) > 1:
        raise UsageError(_ONE_MODEL)
    return models[0] if models else None


@contextmanager
def show_progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """Shows a progress bar on standard error; yields what is called with the bytes done and the total."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn(title), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total or None)
