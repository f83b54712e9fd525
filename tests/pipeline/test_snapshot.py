import io
import json
import shlex
import time
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from PIL import Image

import live_cam
from live_cam.api.result import explain_image
from live_cam.models.labels import find_label, imagenet_labels
from live_cam.pipeline.snapshot import Snapshot, take_snapshot
from live_cam.render.overlay import overlay
from live_cam.types import CamConfig, EncodedFrame, Frame, OverlayStyle, Target

TAKEN = datetime(2026, 11, 23, 17, 0, 5, 250_000, timezone(timedelta(hours=1)))
NAME = "live_cam-20261123-170005-7"


@pytest.fixture
def make_snapshot(fake_explainer, make_explanation, make_frame):
    """Creates snapshots: `make_snapshot(target=Target(), rgb=noise, opacity=0.6, colormap="jet", explainer=fake)`."""

    def make(target=Target(), rgb=None, opacity=0.6, colormap="jet", explainer=None):
        noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
        explanation = replace(make_explanation(target, evidence=0.8), vmax=2.5)
        shown = EncodedFrame(
            b"",
            make_frame(noise if rgb is None else rgb, seq=7, pts_ns=0),
            explanation,
            OverlayStyle("heatmap", opacity, colormap),
        )
        return Snapshot("Front door", shown, [explainer or fake_explainer()], TAKEN)

    return make


def unzip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def pixels(png):
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def style_of(content):
    return OverlayStyle(content["style"], content["opacity"], content["colormap"])


def test_the_zip_contains_overlay_frame_and_description(make_snapshot):
    snapshot = make_snapshot()
    shown = snapshot.shown
    files = unzip(snapshot.as_zip())
    assert list(files) == [f"{NAME}.png", f"{NAME}-frame.png", f"{NAME}.json"]
    assert np.array_equal(pixels(files[f"{NAME}-frame.png"]), shown.frame.rgb)
    expected = overlay(shown.frame, shown.explanation, shown.overlay_style)
    assert np.array_equal(pixels(files[f"{NAME}.png"]), expected)
    assert files[f"{NAME}.json"].decode() == snapshot.as_json()


def test_the_json_describes_everything_the_overlay_was_made_of(make_snapshot):
    content = json.loads(make_snapshot(Target(291, contrast=293)).as_json())
    assert content.pop("map")["shape"] == [7, 7]
    assert [score.keys() for score in content.pop("top")] == [{"index", "label", "probability"}] * 3
    assert content.pop("repeat").startswith(f"live-cam explain {NAME}-frame.png ")
    assert content == {
        "live_cam": live_cam.__version__,
        "time": "2026-11-23T17:00:05.250+01:00",
        "source": "Front door",
        "seq": 7,
        "revision": 0,
        "overlay": f"{NAME}.png",
        "frame": f"{NAME}-frame.png",
        "target": {"index": 291, "label": "lion"},
        "contrast": {"index": 293, "label": "cheetah"},
        "counterfactual": False,
        "second": None,
        "evidence": 0.8,
        "has_evidence": True,
        "vmax": 2.5,
        "layer": "conv5_block3_out",
        "method": "gradcam",
        "score": "logit",
        "resize": "stretch",
        "map_box": [0.0, 0.0, 1.0, 1.0],
        "runtime": "fake",
        "precision": "float32",
        "model": {"name": "resnet50", "weights_sha256": "0" * 64},
        "style": "heatmap",
        "opacity": 0.6,
        "colormap": "jet",
    }


def test_the_map_is_written_to_the_last_bit(make_snapshot):
    snapshot = make_snapshot()
    values = np.random.default_rng(1).normal(size=(5, 9)).astype(np.float32) * np.float32(1e-3)
    explanation = replace(snapshot.shown.explanation, saliency_map=values)
    snapshot = replace(snapshot, shown=replace(snapshot.shown, explanation=explanation))
    content = json.loads(snapshot.as_json())["map"]
    assert content["shape"] == [5, 9]
    assert np.array_equal(np.array(content["values"], np.float32), values)


def test_its_files_and_its_json_repeat_the_overlay(make_snapshot, fake_explainer, tmp_path):
    files = unzip(make_snapshot(Target(291, contrast=293)).as_zip())
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    content = json.loads(files[f"{NAME}.json"])
    command = shlex.split(content["repeat"])
    options = dict(zip(command[3::2], command[4::2], strict=True))
    index, contrast = (find_label(options[name], imagenet_labels()) for name in ("--target", "--contrast"))
    target = Target(index, contrast)
    again = explain_image(fake_explainer(evidence=content["evidence"]), tmp_path / command[2], target)
    drawn = overlay(again.frame, replace(again, vmax=content["vmax"]), style_of(content))
    assert np.array_equal(drawn, pixels(files[f"{NAME}.png"]))


def test_the_command_names_every_class_unambiguously(make_snapshot):
    snapshot = make_snapshot()
    for index, label in enumerate(imagenet_labels()):
        explanation = replace(snapshot.shown.explanation, target_label=label)
        labelled = replace(snapshot, shown=replace(snapshot.shown, explanation=explanation))
        command = shlex.split(json.loads(labelled.as_json())["repeat"])
        assert find_label(command[command.index("--target") + 1], imagenet_labels()) == index


@pytest.mark.parametrize(
    ("method", "layer", "omitted"),
    [
        ("gradcam", "conv4_block6_out", {"--contrast"}),
        ("layercam-fused", "conv3_block4_out+conv5_block3_out", {"--contrast", "--layer"}),
        ("eigencam", "conv5_block3_out", {"--contrast", "--target"}),
    ],
)
def test_the_command_contains_only_options_of_the_method(make_snapshot, method, layer, omitted):
    snapshot = make_snapshot()
    explanation = replace(snapshot.shown.explanation, cam_config=CamConfig(layer, method))
    content = json.loads(replace(snapshot, shown=replace(snapshot.shown, explanation=explanation)).as_json())
    assert (content["layer"], content["method"]) == (layer, method)
    command = shlex.split(content["repeat"])
    options = {"-o", "--target", "--contrast", "--layer", "--method", "--score", "--runtime", "--precision"}
    assert set(command[3::2]) == options - omitted


def test_the_command_repeats_a_counterfactual(make_snapshot):
    content = json.loads(make_snapshot(Target(291, counterfactual=True)).as_json())
    assert content["counterfactual"]
    assert shlex.split(content["repeat"])[5:8] == ["--target", "lion", "--counterfactual"]


def test_the_command_names_device_and_weights_unless_default(make_snapshot, fake_explainer):
    explainer = fake_explainer()
    explainer.device, explainer.model_options = "GPU", ("--weights", "my weights.npz")
    content = make_snapshot(explainer=explainer).as_json()
    assert shlex.split(json.loads(content)["repeat"])[-4:] == ["--device", "GPU", "--weights", "my weights.npz"]
    assert "anna" not in content, "viewers can read it"


def test_the_command_and_the_box_say_how_frames_are_resized(make_snapshot, fake_explainer):
    explainer = fake_explainer()
    explainer.classifier = replace(explainer.classifier, resize="crop")
    snapshot = make_snapshot(explainer=explainer)
    explanation = replace(snapshot.shown.explanation, map_box=(0.125, 0.0, 0.875, 1.0))
    content = json.loads(replace(snapshot, shown=replace(snapshot.shown, explanation=explanation)).as_json())
    assert shlex.split(content["repeat"])[-2:] == ["--resize", "crop"]
    assert (content["resize"], content["map_box"]) == ("crop", [0.125, 0.0, 0.875, 1.0])


def test_a_frame_explained_again_has_a_name_of_its_own(make_snapshot, make_frame):
    names = []
    for revision in range(3):
        snapshot = make_snapshot()
        frame = replace(snapshot.shown.frame, revision=revision)
        names.append(replace(snapshot, shown=replace(snapshot.shown, frame=frame)).name)
    assert names == [NAME, f"{NAME}-1", f"{NAME}-2"]


def test_two_maps_side_by_side_are_both_in_the_image(make_snapshot, make_explanation):
    snapshot = make_snapshot()
    snapshot = replace(snapshot, shown=replace(snapshot.shown, second=make_explanation(Target(293))))
    rgb = pixels(unzip(snapshot.as_zip())[f"{NAME}.png"])
    assert rgb.shape[1] >= 2 * snapshot.shown.frame.rgb.shape[1]
    content = json.loads(snapshot.as_json())["second"]
    assert content["target"]["label"] == "cheetah"
    assert content["map"]["shape"] == [7, 7]
    assert "--target cheetah" in content["repeat"]


def test_the_time_is_that_of_the_frame_and_not_of_the_click(make_snapshot, fake_explainer, make_frame):
    an_hour_ns = 3600 * 10**9
    frame = make_frame(pts_ns=time.monotonic_ns() - an_hour_ns)
    shown = replace(make_snapshot().shown, frame=frame)
    taken = take_snapshot("Front door", shown, fake_explainer()).taken
    assert taken.tzinfo is not None
    assert abs(datetime.now(UTC) - timedelta(hours=1) - taken) < timedelta(seconds=5)


@pytest.mark.slow
def test_the_real_command_repeats_a_real_snapshot(gradio_media, live_cam, tmp_path, monkeypatch):
    from live_cam.explain.explainer import Explainer

    explainer = Explainer(method="hirescam", runtime="openvino")
    with Image.open(gradio_media / "images" / "lion.jpg") as image:
        rgb = np.array(image.convert("RGB").resize((640, 480)))
    frame = Frame(rgb, 0, 7, "Front door")
    shown = EncodedFrame(
        b"", frame, explainer.explain(frame, Target(None, contrast=293)), OverlayStyle("heatmap", 0.6, "jet")
    )
    files = unzip(Snapshot("Front door", shown, [explainer], TAKEN).as_zip())
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    content = json.loads(files[f"{NAME}.json"])
    monkeypatch.chdir(tmp_path)
    run = live_cam(*shlex.split(content["repeat"])[1:], "--json", "--save-map", "again.npz")
    assert run.status == 0, run.stderr
    assert json.loads(run.stdout)["top"] == content["top"]
    with np.load(tmp_path / "again.npz") as again:
        explanation = replace(
            shown.explanation, saliency_map=again["map"], smoothed_map=again["map"], vmax=content["vmax"]
        )
    assert np.array_equal(explanation.saliency_map, np.array(content["map"]["values"], np.float32))
    drawn = overlay(frame, explanation, style_of(content))
    assert np.array_equal(drawn, pixels(files[f"{NAME}.png"]))
