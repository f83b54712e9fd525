"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from live_cam.cli.progress import show_bytes
from live_cam.cli.quiet import quiet_native_stderr
from live_cam.errors import UsageError
from live_cam.models.labels import imagenet_labels
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

ONE_MODEL: Final = "this command takes one --model; `live-cam serve` and `live-cam explain` take two"


@dataclass(frozen=True, slots=True)
class ExplainerOptions:
    """Options of the explainer; `live_cam.cli.explainer_command` adds each field but `second` to a command.

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
            raise UsageError(ONE_MODEL)
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
        with show_bytes(title) as report:
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
