"""`live-cam teach`, and its head in the other commands."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.teach.colours import PURPLE, paint, paint_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    return paint_folder(tmp_path_factory.mktemp("taught") / "things")


@pytest.fixture
def mine(live_cam, things, colour_models, tmp_path):
    """A head, and the options that use it."""
    options = ("--model", colour_models[0], "--precision", "float32")
    assert live_cam("teach", things, "-o", tmp_path / "mine.npz", *options).status == 0
    return (*options, "--head", tmp_path / "mine.npz")


@pytest.fixture
def purple(tmp_path):
    Image.fromarray(paint(np.random.default_rng(9), PURPLE)).save(tmp_path / "purple.png")
    return tmp_path / "purple.png"


def test_it_prints_what_was_learnt(live_cam, things, colour_models, tmp_path):
    run = live_cam("teach", things, "-o", tmp_path / "mine.npz", "--model", colour_models[0])
    assert run.status == 0
    first, second = run.stdout.splitlines()
    assert first == f"{tmp_path / 'mine.npz'}: 2 classes, purple, teal"
    assert second.strip().startswith("right on 6 of 6 takes that it had not seen")
    assert (tmp_path / "mine.npz").stat().st_size < 10_000, "no pictures"
    as_json = live_cam("teach", things, "-o", tmp_path / "again.npz", "--model", colour_models[0], "--json")
    assert json.loads(as_json.stdout) == {
        "head": str(tmp_path / "again.npz"),
        "labels": ["purple", "teal"],
        "accuracy": {"right_n": 6, "known_n": 6, "low": pytest.approx(0.61, abs=0.01), "high": 1.0},
        "warnings": [],
        "unreadable": [],
    }


def test_explain_answers_in_the_taught_classes(live_cam, mine, purple):
    run = live_cam("explain", purple, "--json", *mine)
    result = json.loads(run.stdout)
    assert [score["label"] for score in result["top"]] == ["purple", "teal"]
    assert result["target"] == {"index": 0, "label": "purple"}
    contrast = live_cam("explain", purple, "--json", "--target", "teal", "--contrast", "purple", *mine)
    assert json.loads(contrast.stdout)["contrast"]["label"] == "purple"


def test_why_reports_in_the_taught_classes(live_cam, mine, things, tmp_path):
    run = live_cam("why", things, "-o", tmp_path / "report", "--json", *mine)
    assert json.loads(run.stdout)["accuracy"]["right_n"] == 24


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "lion"), "no class is called 'lion'"),
        (("--layer", "colours_2"), "taught classes are explained at the last layer"),
        (("--resize", "crop"), "was taught with --resize stretch; add that"),
    ],
)
def test_what_does_not_fit_the_head_is_refused_in_one_line(live_cam, mine, purple, words, message):
    assert message in live_cam("explain", purple, *mine, *words).error(2)


def test_a_head_of_another_network_is_refused_in_one_line(live_cam, mine, purple, colour_models):
    run = live_cam("explain", purple, *mine[-2:], "--model", colour_models[1])
    assert "was taught on another network than warm" in run.error(2)


def test_bad_input_is_refused_before_anything_is_opened(live_cam, mine, purple, things, tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"no head")
    assert "bad.npz is no head" in live_cam("explain", purple, "--head", tmp_path / "bad.npz").error(1)
    assert "leave out --head" in live_cam("check", "resnet50", purple, *mine[-2:]).error(2)
    assert "leave out --head" in live_cam("teach", things, "-o", tmp_path / "b.npz", *mine).error(2)
    assert "exists" in live_cam("teach", things, "-o", mine[-1]).error(1)
    assert "does not exist" in live_cam("teach", tmp_path / "none", "-o", tmp_path / "b.npz").error(1)
    export = ("--export", tmp_path / "b.keras")
    refused = live_cam("teach", things, "-o", tmp_path / "b.npz", *export, *mine[:2]).error(2)
    assert "primary is no model of Keras" in refused
    assert not (tmp_path / "b.npz").exists()
