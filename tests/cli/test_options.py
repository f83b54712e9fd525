"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from live_cam.cli.explainer_command import with_explainer_options
from live_cam.cli.options import ExplainerOptions
from live_cam.cli.targets import check_target, parse_target
from live_cam.errors import LiveCamError, UnknownLabelError, UsageError
from live_cam.explain import explainer
from live_cam.explain.runtime import conversion_process
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.models.labels import imagenet_labels
from live_cam.models.model import Model
from live_cam.models.network_file import NetworkFile
from live_cam.types import Target


@pytest.fixture
def run_command():
    """Returns what a command with an option of its own receives."""
    received = []
    app = typer.Typer()

    @app.command()
    @with_explainer_options
    def command(
        name: Annotated[str, typer.Option(help="Its own.")] = "", *, explainer_options: ExplainerOptions
    ) -> None:
        received.append((name, explainer_options))

    def run(*words):
        assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
        return received[-1]

    return run


def test_a_command_receives_the_options_of_the_explainer_as_one_argument(run_command):
    options = ["--model", "m.keras", "--labels", "l.txt", "--preprocess", "0..1", "--resize", "pad"]
    options += ["--model-output", "b", "--trust-model", "--weights", "w.npz"]
    options += ["--layer", "conv1_relu", "--method", "eigencam", "--score", "probability"]
    options += ["--runtime", "openvino", "--precision", "float16", "--device", "GPU", "--max-memory", "900"]
    options += ["--name", "cam"]
    expected = ExplainerOptions(
        model="m.keras",
        labels=Path("l.txt"),
        preprocess="0..1",
        resize="pad",
        model_output="b",
        trust_model=True,
        weights=Path("w.npz"),
        layer="conv1_relu",
        method="eigencam",
        score="probability",
        runtime="openvino",
        precision="float16",
        device="GPU",
        max_memory_mb=900,
    )
    assert run_command(*options) == ("cam", expected)
    assert run_command() == ("", ExplainerOptions())


def test_the_explainer_is_created_with_its_options_and_further_arguments(monkeypatch):
    created: dict[str, object] = {}
    monkeypatch.setattr(explainer, "Explainer", lambda model, **arguments: created.update(arguments, model=model))
    options = ExplainerOptions(layer="conv1_relu", score="probability", precision="float16", device="GPU")
    model = Model(IMAGENET_RESNET50, "digest", NetworkFile("w.npz"))
    options.create(model, batch_size=8)
    assert created == {
        "model": model,
        "layer": "conv1_relu",
        "method": "gradcam",
        "score": "probability",
        "head": None,
        "runtime": "auto",
        "precision": "float16",
        "device": "GPU",
        "max_memory_mb": 1500,
        "batch_size": 8,
    }


@pytest.mark.parametrize(
    ("label", "contrast", "counterfactual", "expected"),
    [
        (None, None, False, Target()),
        ("lion", "292", False, Target(291, 292)),
        (None, "tiger", False, Target(None, 292)),
        ("lion", None, True, Target(291, counterfactual=True)),
    ],
)
def test_targets(label, contrast, counterfactual, expected):
    assert parse_target(label, contrast, counterfactual, imagenet_labels()) == expected


@pytest.mark.parametrize(
    ("label", "contrast", "counterfactual", "method", "message"),
    [
        ("lion", "291", False, "gradcam", "--target and --contrast are the same class"),
        ("lion", "tiger", True, "gradcam", "--contrast and --counterfactual exclude each other"),
        ("lion", None, False, "eigencam", "eigencam is classless"),
        (None, "lion", False, "eigencam", "eigencam is classless"),
        (None, None, True, "eigencam", "eigencam is classless"),
    ],
)
def test_targets_that_do_not_exist(label, contrast, counterfactual, method, message):
    def parse():
        check_target(label, contrast, counterfactual, ExplainerOptions(method=method))
        return parse_target(label, contrast, counterfactual, imagenet_labels())

    with pytest.raises(UsageError, match=message):
        parse()


def test_an_unknown_label():
    with pytest.raises(UnknownLabelError, match=r"'cheeta'.*'cheetah'"):
        parse_target("cheeta", None, False, imagenet_labels())


def test_the_conversion_loads_beside_the_download_and_is_ended_if_none_follows(monkeypatch):
    monkeypatch.setattr(conversion_process, "_MODULE", "tests.explain.runtime.loading_conversion")
    options = ExplainerOptions(layer="none")
    with options._show_download("Weights"):
        assert not conversion_process._loaded.empty()
    with pytest.raises(LiveCamError):
        options.create(Model(IMAGENET_RESNET50, "digest", NetworkFile("none.npz", "weights")))
    assert conversion_process._loaded.empty()


def test_tensorflow_needs_no_conversion():
    with ExplainerOptions(runtime="tensorflow")._show_download("Weights"):
        assert conversion_process._loaded.empty()
