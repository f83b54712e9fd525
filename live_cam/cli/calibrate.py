"""`live-cam calibrate`: the ranges with which a model of one's own is explained in int8."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from live_cam.cli.options import ExplainerOptions, ModelOutputOption, TrustModelOption
from live_cam.cli.terminal import announce_start, echo
from live_cam.errors import ModelError, SourceError, UsageError

if TYPE_CHECKING:
    from live_cam.explain.runtime.int8.table import RangeTable
    from live_cam.models.model import Model

_KEPT_N: Final = (1, 5, 11)
"""How many of the first convolutions stay in float32, fastest first."""

_MIN_PICTURES: Final = 8
_MAX_PICTURES: Final = 400
_SEEDS: Final = (0, 1)


def calibrate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model of Keras, as for --model.")],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Photographs of what the model is to see; half of them judge it.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE.npz", help="Write the table here; by default live_cam's cache keeps it."
        ),
    ] = None,
    preprocess: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the model receives of pixels, as for the other commands.")
    ] = None,
    model_output: ModelOutputOption = None,
    trust_model: TrustModelOption = False,
) -> None:
    """Measure the ranges that a model needs for --precision int8, and whether its maps stay true.

    Nothing is written if they do not. `MODEL.int8.npz` beside the model is found by itself.
    """
    from live_cam.explain.runtime.int8.backend import require_quantisable
    from live_cam.explain.runtime.int8.table import table_name
    from live_cam.files import require_new
    from live_cam.models.weights.find import cache_file

    if output is not None:
        require_new(output, ".npz")
    paths = _pictures(folder)
    announce_start()
    options = ExplainerOptions(model=model, preprocess=preprocess, model_output=model_output, trust_model=trust_model)
    opened = options.open_model()
    require_quantisable(opened)
    table = _make_table(opened, paths, folder.name)
    path = output or cache_file().parent / table_name(opened.digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write(path)
    echo(f"{path}: true enough for --precision int8")
    for line in agreement_lines(table.agreement):
        echo(line)


def agreement_lines(agreement: dict[str, Any]) -> list[str]:
    """Returns what `Agreement.describe` says as lines for a person."""
    maps = "map correlation with float32: median {map_median:.4f}, 10th percentile {map_p10:.4f}, least {map_least:.4f}"
    tops = "same top class: {top1:.3f}; {top1_sure:.3f} of the {sure_n} with p > 0.3; same top three: {top3:.3f}"
    rest = "probability, 90th percentile of the change: {probability_p90:.3f}; evidence alike: {evidence:.3f}"
    pictures = "on {pictures_n} crops of pictures that the ranges were not measured on"
    return [line.format(**agreement) for line in (maps, tops, rest, pictures)]


def _make_table(model: Model, paths: list[Path], folder: str) -> RangeTable:
    from live_cam.explain.runtime.int8.crops import CALIBRATION_N, VALIDATION_N, crops
    from live_cam.explain.runtime.int8.make_table import make_table
    from live_cam.sources.pictures.reader import read_rgb

    pictures = [read_rgb(path) for path in paths]
    calibration = crops(pictures[::2], CALIBRATION_N, _SEEDS[0])
    validation = crops(pictures[1::2], VALIDATION_N, _SEEDS[1])
    made_from = f"{CALIBRATION_N} crops of {len(pictures[::2])} pictures in {folder}"
    failure: ModelError | None = None
    for kept_n in _KEPT_N:
        echo(f"Measuring, with the first {kept_n} convolutions in float32")
        try:
            return make_table(model, calibration, validation, kept_n, made_from)
        except ModelError as error:
            failure = error
        except UsageError:  # no convolution would be left
            if failure is None:
                raise
            break
    assert failure is not None
    raise failure


def _pictures(folder: Path) -> list[Path]:
    """Returns the image files of a folder, evenly spread if there are very many."""
    from live_cam.sources.pictures.formats import format_of

    if not folder.is_dir():
        raise SourceError(f"{folder} is not a folder; give one of photographs")
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and format_of(path) is not None]
    if len(paths) < _MIN_PICTURES:
        raise UsageError(
            f"{folder} has {len(paths)} images, too few to measure ranges and judge them; give {_MIN_PICTURES} or more"
        )
    return paths[:: -(-len(paths) // _MAX_PICTURES)]
