"""Measures all methods by all metrics, on photographs of gradio and scikit-image.

    python -m scripts.benchmarks.methods

Each photograph's top class is explained, whether or not it is right. Random maps and Gaussians in the centre are what a
method should beat. Methods whose maps are the same share a row. The boxes were drawn by hand, around what the top class
names.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from live_cam import Explainer
from live_cam.cli.quiet import quiet_native_stderr
from live_cam.explain.saliency.methods import METHODS, saliency_maps
from live_cam.metrics import (
    box_mask,
    cascading_randomization,
    centre_map,
    confidence,
    deletion,
    estimate,
    explain_with,
    input_image,
    insertion,
    max_sensitivity,
    pointing_game,
    predict_with,
    random_map,
    relevance_mass,
    relevance_rank,
    road,
    sparseness,
)
from live_cam.models.layers import DEFAULT_LAYER, FUSED_LAYERS
from live_cam.models.model import Model
from live_cam.models.network import Network
from live_cam.models.open import ModelOptions, open_model
from live_cam.models.weights.find import silent
from live_cam.sources.pictures.reader import read_rgb
from live_cam.types import Box, CamConfig, Method
from scripts.benchmarks.precision import PHOTOGRAPH_DIRECTORIES

BOXES: dict[str, Box | None] = {
    "gradio/cheetah.jpg": (0.17, 0.33, 0.77, 0.70),
    "gradio/cheetah1.jpg": (0.09, 0.11, 0.96, 1.0),
    "gradio/groot.jpeg": None,
    "gradio/lion.jpg": (0.03, 0.0, 1.0, 1.0),
    "gradio/tower.jpg": None,
    "skimage/astronaut.png": None,
    "skimage/chelsea.png": (0.0, 0.0, 0.88, 1.0),
    "skimage/coffee.png": (0.29, 0.04, 0.72, 0.54),
    "skimage/hubble_deep_field.jpg": None,
    "skimage/motorcycle_left.png": (0.07, 0.13, 0.96, 0.96),
    "skimage/retina.jpg": None,
    "skimage/rocket.jpg": None,
}
"""The photographs, and where the object of the top class is; None where it names something else."""

STEPS = 14
ROAD_FRACTIONS = (0.2, 0.5, 0.8)
SAMPLES = 8
STAGES = ("predictions", "conv5_block3_3_conv", "conv5_block1_1_conv", "conv4_block1_1_conv", "conv1_conv")

Values = dict[str, float]


def read_photographs() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yields names and pixels."""
    for name in BOXES:
        package, file_name = name.split("/")
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise SystemExit(f"{package} is not installed; ./scripts/test installs it")
        yield name, read_rgb(Path(spec.origin).parent / PHOTOGRAPH_DIRECTORIES[package] / file_name)


def measure(
    explainer: Explainer, image: NDArray[np.uint8], saliency_map: NDArray[np.float32], target: int, box: Box | None
) -> Values:
    """Returns the metrics of one map of one image."""
    predict = predict_with(explainer)
    masked = confidence(image, saliency_map, predict, target)
    values = {
        "deletion": deletion(image, saliency_map, predict, target, steps=STEPS).area,
        "insertion": insertion(image, saliency_map, predict, target, steps=STEPS).area,
        "drop %": masked.drop_percent,
        "increase %": masked.increase_percent,
        "ROAD": road(image, saliency_map, predict, target, fractions=ROAD_FRACTIONS).combined,
        "Gini": sparseness(saliency_map, image.shape[:2]),
    }
    if box is not None:
        mask = box_mask(box, image.shape[:2])
        values["pointing"] = pointing_game(saliency_map, mask)
        values["mass"] = relevance_mass(saliency_map, mask)
        values["rank"] = relevance_rank(saliency_map, mask)
    return values


def measure_photograph(
    explainer: Explainer, image: NDArray[np.uint8], target: int, box: Box | None, number: int
) -> dict[str, Values]:
    """Returns the metrics of each method and of the baselines; those of equal maps are measured once."""
    values: dict[str, Values] = {
        "random": measure(explainer, image, random_map(image.shape[:2], number), target, box),
        "centre": measure(explainer, image, centre_map(image.shape[:2]), target, box),
    }
    measured: list[tuple[NDArray[np.float32], str]] = []
    for method in METHODS:
        explain = explain_with(explainer, target, CamConfig("+".join(layers_of(method)), method))
        (saliency_map,) = explain(image[np.newaxis])
        same = next((name for other, name in measured if is_same(saliency_map, other)), None)
        if same is None:
            measured.append((saliency_map, method))
            values[method] = measure(explainer, image, saliency_map, target, box)
            values[method]["sensitivity"] = max_sensitivity(image, explain, samples=SAMPLES)
        else:
            values[method] = values[same]
    return values


def layers_of(method: Method) -> tuple[str, ...]:
    return FUSED_LAYERS if method == "layercam-fused" else (DEFAULT_LAYER,)


def is_same(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    return first.shape == second.shape and bool(np.abs(first - second).max() <= 1e-3 * second.max())


def measure_randomization(
    model: Model, images: Sequence[NDArray[np.uint8]], targets: Sequence[int]
) -> Iterator[tuple[str, dict[Method, list[float]]]]:
    """Yields each stage's layer, and for each method the rank correlations with the maps of the trained weights."""
    from live_cam.explain.runtime.step_graph import StepGraph

    def explain(keras_model: Any) -> list[NDArray[np.float32]]:
        graph = StepGraph(Network(keras_model), FUSED_LAYERS, "logit").concrete(1, 1)
        maps: dict[Method, list[NDArray[np.float32]]] = defaultdict(list)
        for image, target in zip(images, targets, strict=True):
            vector = np.zeros((1, 1, len(model.classifier.labels)), np.float32)
            vector[0, 0, target] = 1.0
            features = [each.numpy() for each in graph(image[np.newaxis], vector)]
            activations, gradients = features[:3], features[3:6]
            for method in METHODS:
                used = slice(None) if method == "layercam-fused" else slice(-1, None)
                maps[method].append(saliency_maps(method, activations[used], gradients[used])[0, 0])
        return [each for method in METHODS for each in maps[method]]

    for stage in cascading_randomization(model.build().model, explain, STAGES):
        by_method = np.array([each.spearman for each in stage.similarities]).reshape(len(METHODS), -1)
        yield stage.layer, dict(zip(METHODS, by_method.tolist(), strict=True))


def print_table(rows: dict[str, list[Values]], columns: Sequence[str]) -> None:
    """Prints means with standard errors, one row for methods with the same values."""
    print(f"| | {' | '.join(columns)} |\n| --- |{' --- |' * len(columns)}")
    names_by_cells: dict[str, list[str]] = defaultdict(list)
    for name, of_photographs in rows.items():
        estimates = [estimate(values[column] for values in of_photographs if column in values) for column in columns]
        cells = " | ".join(
            f"{each.mean:.3g} ± {round(each.standard_error, 9):.2g} ({each.n})" if each.n else "" for each in estimates
        )
        names_by_cells[cells].append(name)
    for cells, names in names_by_cells.items():
        print(f"| {', '.join(names)} | {cells} |")
    print()


def main() -> None:
    model = open_model(None, ModelOptions(), silent)
    with quiet_native_stderr():
        explainer = Explainer(model, precision="float32", batch_size=STEPS + 1, performance_hint="throughput")
        explainer.prepare(CamConfig("+".join(FUSED_LAYERS), "layercam-fused"))
    rows: dict[str, list[Values]] = defaultdict(list)
    images, targets = [], []
    for number, (name, rgb) in enumerate(read_photographs()):
        image = input_image(explainer, rgb)
        target = int(explainer.logits([image])[0].argmax())
        print(f"{name}: {explainer.classifier.labels[target]}", file=sys.stderr, flush=True)
        for row, values in measure_photograph(explainer, image, target, BOXES[name], number).items():
            rows[row].append(values)
        images.append(image)
        targets.append(target)
    print_table(rows, ("deletion", "insertion", "ROAD", "drop %", "increase %"))
    print_table(rows, ("Gini", "sensitivity", "pointing", "mass", "rank"))
    by_method: dict[str, list[Values]] = {method: [{} for _ in images] for method in METHODS}
    for layer, correlations in measure_randomization(model, images, targets):
        for method, of_photographs in correlations.items():
            for values, correlation in zip(by_method[method], of_photographs, strict=True):
                values[layer] = correlation
    print_table(by_method, STAGES)


if __name__ == "__main__":
    main()
