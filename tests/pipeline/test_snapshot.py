import io
import json
import shlex
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import live_cam
from live_cam.explain.labels import find_label, imagenet_labels
from live_cam.frame import EncodedFrame, Frame, Lens, Look, Target
from live_cam.pipeline.snapshot import Snapshot, take_snapshot
from live_cam.pipeline.still import explain_image
from live_cam.render.overlay import overlay

TAKEN = datetime(2026, 11, 23, 17, 0, 5, 250_000, timezone(timedelta(hours=1)))
NAME = "live_cam-20261123-170005-7"


@pytest.fixture
def make_snapshot(fake_explainer, make_explanation, make_frame):
    """Makes snapshots: `make_snapshot(target=Target(), rgb=noise, opacity=0.6, colormap="jet", explainer=fake)`."""

    def make(target=Target(), rgb=None, opacity=0.6, colormap="jet", explainer=None):  # noqa: B008 (frozen)
        noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
        # A live picture's scale may be above its map's peak, since it is smoothed.
        explanation = replace(make_explanation(target, strength=0.8), scale=2.5)
        shown = EncodedFrame(
            b"",
            make_frame(noise if rgb is None else rgb, seq=7, pts_ns=0),
            explanation,
            Look("heatmap", opacity, colormap),
        )
        return Snapshot("Front door", shown, explainer or fake_explainer(), TAKEN)

    return make


def unzip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def pixels(png):
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def look_of(told):
    return Look(told["style"], told["opacity"], told["colormap"])


def test_the_zip_holds_the_picture_as_seen_and_as_it_came_and_how_it_was_made(make_snapshot):
    snapshot = make_snapshot()
    shown = snapshot.shown
    files = unzip(snapshot.as_zip())
    assert list(files) == [f"{NAME}.png", f"{NAME}-frame.png", f"{NAME}.json"]
    assert np.array_equal(pixels(files[f"{NAME}-frame.png"]), shown.frame.rgb)
    seen = overlay(shown.frame, shown.explanation, shown.look)
    assert np.array_equal(pixels(files[f"{NAME}.png"]), seen)
    assert files[f"{NAME}.json"].decode() == snapshot.as_json()


def test_the_json_tells_all_that_the_picture_was_made_of(make_snapshot):
    told = json.loads(make_snapshot(Target(291, versus=293)).as_json())
    assert told.pop("map")["shape"] == [7, 7]
    assert np.shape(told.pop("painted_map")) == (7, 7)
    assert [score.keys() for score in told.pop("top")] == [{"index", "label", "probability"}] * 3
    assert told.pop("repeat").startswith(f"live-cam explain {NAME}-frame.png ")
    assert told == {
        "live_cam": live_cam.__version__,
        "time": "2026-11-23T17:00:05.250+01:00",
        "source": "Front door",
        "seq": 7,
        "overlay": f"{NAME}.png",
        "frame": f"{NAME}-frame.png",
        "target": {"index": 291, "label": "lion"},
        "versus": {"index": 293, "label": "cheetah"},
        "against": False,
        "beside": None,
        "strength": 0.8,
        "scale": 2.5,
        "layer": "conv5_block3_out",
        "method": "gradcam",
        "score": "logit",
        "runtime": "fake",
        "precision": "float32",
        "model": {"name": "resnet50", "weights_sha256": "0" * 64},
        "style": "heatmap",
        "opacity": 0.6,
        "colormap": "jet",
    }


def test_the_values_of_the_map_are_told_to_the_last_bit(make_snapshot):
    snapshot = make_snapshot()
    values = np.random.default_rng(1).normal(size=(5, 9)).astype(np.float32) * np.float32(1e-3)
    explanation = replace(snapshot.shown.explanation, saliency_map=values)
    snapshot = replace(snapshot, shown=replace(snapshot.shown, explanation=explanation))
    told = json.loads(snapshot.as_json())["map"]
    assert told["shape"] == [5, 9]
    assert np.array_equal(np.array(told["values"], np.float32), values)


def test_its_files_and_its_json_repeat_the_overlay(make_snapshot, fake_explainer, tmp_path):
    files = unzip(make_snapshot(Target(291, versus=293)).as_zip())
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    told = json.loads(files[f"{NAME}.json"])
    command = shlex.split(told["repeat"])
    options = dict(zip(command[3::2], command[4::2], strict=True))
    target = Target(find_label(options["--target"]), find_label(options["--versus"]))
    again = explain_image(fake_explainer(strength=told["strength"]), tmp_path / command[2], target)
    painted = overlay(again.frame, replace(again.explanation, scale=told["scale"]), look_of(told))
    assert np.array_equal(painted, pixels(files[f"{NAME}.png"]))


def test_the_command_names_every_class_so_that_it_is_found_again(make_snapshot):
    snapshot = make_snapshot()
    for index, label in enumerate(imagenet_labels()):
        explanation = replace(snapshot.shown.explanation, target_label=label)
        asked = replace(snapshot, shown=replace(snapshot.shown, explanation=explanation))
        command = shlex.split(json.loads(asked.as_json())["repeat"])
        assert find_label(command[command.index("--target") + 1]) == index


@pytest.mark.parametrize(
    ("method", "layer", "left_out"),
    [
        ("gradcam", "conv4_block6_out", {"--versus"}),
        ("layercam-fused", "conv3_block4_out+conv5_block3_out", {"--versus", "--layer"}),
        ("eigencam", "conv5_block3_out", {"--versus", "--target"}),
    ],
)
def test_the_command_holds_only_options_that_the_method_takes(make_snapshot, method, layer, left_out):
    snapshot = make_snapshot()
    explanation = replace(snapshot.shown.explanation, lens=Lens(layer, method))
    told = json.loads(replace(snapshot, shown=replace(snapshot.shown, explanation=explanation)).as_json())
    assert (told["layer"], told["method"]) == (layer, method)
    command = shlex.split(told["repeat"])
    usual = {"-o", "--target", "--versus", "--layer", "--method", "--score", "--runtime", "--precision"}
    assert set(command[3::2]) == usual - left_out


def test_the_command_asks_what_speaks_against_the_class_if_that_was_asked(make_snapshot):
    told = json.loads(make_snapshot(Target(291, against=True)).as_json())
    assert told["against"]
    assert shlex.split(told["repeat"])[5:8] == ["--target", "lion", "--against"]


def test_the_command_names_the_device_and_the_weights_where_they_are_not_the_usual(make_snapshot, fake_explainer):
    explainer = fake_explainer()
    explainer.device, explainer.weights_file = "GPU", Path("/home/anna/my weights.npz")
    told = make_snapshot(explainer=explainer).as_json()
    assert shlex.split(json.loads(told)["repeat"])[-4:] == ["--device", "GPU", "--weights", "my weights.npz"]
    assert "anna" not in told, "viewers get it"


def test_a_picture_explained_again_has_a_clean_name_of_its_own(make_snapshot, make_frame):
    names = []
    for seq in (2, -2, -3):
        snapshot = make_snapshot()
        names.append(replace(snapshot, shown=replace(snapshot.shown, frame=make_frame(seq=seq))).name)
    begin = NAME.removesuffix("-7")
    assert names == [f"{begin}-2", f"{begin}-again-2", f"{begin}-again-3"]


def test_the_map_painted_is_told_beside_the_map_of_the_frame_since_it_is_smoothed(make_snapshot):
    snapshot = make_snapshot()
    smoothed = np.full((7, 7), 0.1, np.float32)
    explanation = replace(snapshot.shown.explanation, steady_map=smoothed)
    snapshot = replace(snapshot, shown=replace(snapshot.shown, explanation=explanation))
    told = json.loads(snapshot.as_json())
    assert np.array_equal(np.array(told["painted_map"], np.float32), smoothed)
    assert told["map"]["values"][1][1] == 2.0


def test_two_maps_side_by_side_are_both_in_the_picture(make_snapshot, make_explanation):
    snapshot = make_snapshot()
    snapshot = replace(snapshot, shown=replace(snapshot.shown, beside=make_explanation(Target(293))))
    seen = pixels(unzip(snapshot.as_zip())[f"{NAME}.png"])
    assert seen.shape[1] >= 2 * snapshot.shown.frame.rgb.shape[1]
    told = json.loads(snapshot.as_json())["beside"]
    assert told["target"]["label"] == "cheetah"
    assert told["map"]["shape"] == [7, 7]
    assert "--target cheetah" in told["repeat"]


def test_the_time_is_that_of_the_frame_and_not_of_the_press(make_snapshot, fake_explainer, make_frame):
    an_hour_ns = 3600 * 10**9
    frame = make_frame(pts_ns=time.monotonic_ns() - an_hour_ns)
    shown = replace(make_snapshot().shown, frame=frame)
    taken = take_snapshot("Front door", shown, fake_explainer()).taken
    assert taken.tzinfo is not None
    assert abs(datetime.now(UTC) - timedelta(hours=1) - taken) < timedelta(seconds=5)


@pytest.mark.slow
def test_the_real_command_repeats_a_real_snapshot(gradio_media, make_snapshot, tmp_path):
    from live_cam.explain.explainer import Explainer

    explainer = Explainer(method="hirescam", runtime="openvino")
    with Image.open(gradio_media / "images" / "lion.jpg") as image:
        rgb = np.array(image.convert("RGB").resize((640, 480)))
    frame = Frame(rgb, 0, 7, "Front door")
    shown = EncodedFrame(b"", frame, explainer.explain(frame, Target(None, versus=293)), Look("heatmap", 0.6, "jet"))
    files = unzip(Snapshot("Front door", shown, explainer, TAKEN).as_zip())
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    told = json.loads(files[f"{NAME}.json"])
    words = shlex.split(told["repeat"])[1:]
    run = subprocess.run(
        [sys.executable, "-m", "live_cam", *words, "--json", "--save-map", "again.npz"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["top"] == told["top"]
    with np.load(tmp_path / "again.npz") as again:
        explanation = replace(
            shown.explanation, saliency_map=again["map"], steady_map=again["map"], scale=told["scale"]
        )
    assert np.array_equal(explanation.saliency_map, np.array(told["map"]["values"], np.float32))
    painted = overlay(frame, explanation, look_of(told))
    assert np.array_equal(painted, pixels(files[f"{NAME}.png"]))
