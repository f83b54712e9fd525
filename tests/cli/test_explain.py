"""`live-cam explain`."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from tests.colour_models import paint_picture
from tests.marks import CELLS, marked, onnx_classifier


def test_an_unknown_label_is_reported_before_anything_slow(live_cam, lion):
    error = live_cam("explain", lion, "--weights", "none.npz", "--target", "cheeta").error(2)
    assert "'cheeta'" in error
    assert "'cheetah'" in error


def test_a_class_can_not_be_its_own_contrast(live_cam, lion):
    assert "--contrast" in live_cam("explain", lion, "--target", "lion", "--contrast", "291").error(2)


@pytest.mark.slow
def test_the_top_class_can_not_be_its_own_contrast(live_cam, shared_explainer, lion, cheetah):
    result = live_cam("explain", lion, cheetah, "--contrast", "lion")
    assert result.status == 2
    assert "'lion' is the top class as well as the contrast class" in result.stderr
    assert result.stdout.startswith(f"{cheetah}: explained is cheetah, not lion")


def test_one_output_file_for_several_images(live_cam, lion, cheetah, tmp_path):
    assert "one IMAGE" in live_cam("explain", lion, cheetah, "-o", tmp_path / "out.png").error(2)
    assert ".png" in live_cam("explain", lion, "-o", tmp_path / "out.jpg").error(2)


def test_an_output_file_for_a_folder_of_images(live_cam, lion, cheetah, tmp_path):
    for image in (lion, cheetah):
        shutil.copy(image, tmp_path)
    assert "one IMAGE" in live_cam("explain", tmp_path, "-o", tmp_path / "out.png").error(2)


def test_a_folder_without_images(live_cam, tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    assert "holds no image; give" in live_cam("explain", tmp_path).error(2)


@pytest.mark.slow
def test_the_images_of_a_folder_are_explained_and_other_files_are_none(
    live_cam, shared_explainer, lion, cheetah, tmp_path
):
    for image, name in ((lion, "b.jpg"), (cheetah, "a"), (lion, ".hidden.jpg")):
        shutil.copy(image, tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "drawing.pdf").write_text("%PDF-1.7")
    (tmp_path / "further").mkdir()
    result = live_cam("explain", tmp_path, lion, "--json")
    assert (result.status, result.stderr) == (0, "")
    explained = [(each["image"], each["target"]["label"]) for each in map(json.loads, result.stdout.splitlines())]
    expected = [(tmp_path / "a", "cheetah"), (tmp_path / "b.jpg", "lion"), (lion, "lion")]
    assert explained == [(str(path), label) for path, label in expected]


def test_no_file_is_overwritten(live_cam, lion, tmp_path):
    path = tmp_path / "precious.png"
    path.write_bytes(b"precious")
    error = live_cam("explain", lion, "-o", path).error(1)
    assert "precious.png" in error
    assert "not overwritten" in error
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--device", "TOASTER"), "'TOASTER'"),
        (("--device", "CPU", "--runtime", "tensorflow"), "--device names an OpenVINO device"),
        (("--method", "layercam-fused", "--layer", "conv1_relu"), "--layer"),
        (("--method", "eigencam", "--target", "lion"), "eigencam is classless"),
    ],
)
def test_options_that_contradict_each_other_or_this_machine(live_cam, lion, words, message):
    assert message in live_cam("explain", lion, *words).error(2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "layer", "shape"),
    [
        ("layercam-fused", "conv3_block4_out+conv4_block6_out+conv5_block3_out", [28, 28]),
        ("eigencam", "conv5_block3_out", [7, 7]),
    ],
)
def test_another_method_is_computed_and_named(live_cam, lion, method, layer, shape):
    result = json.loads(live_cam("explain", lion, "--json", "--method", method).stdout)
    assert (result["method"], result["layer"], result["map"]["shape"]) == (method, layer, shape)
    assert result["map"]["max"] > 0.0


def test_a_file_that_holds_no_weights(live_cam, lion, tmp_path):
    path = tmp_path / "other.npz"
    path.write_text("no weights")
    assert "other.npz" in live_cam("explain", lion, "--weights", path).error(1)


@pytest.mark.slow
def test_json_is_one_object_per_image_and_a_bad_image_does_not_stop_the_others(
    live_cam, shared_explainer, explainer, lion, cheetah, tmp_path
):
    text = tmp_path / "text.jpg"
    text.write_text("no image")
    drawing = tmp_path / "drawing.jpg"
    drawing.write_text("%!PS\n{} loop\n")
    result = live_cam("explain", lion, text, drawing, cheetah, "--json")
    assert result.status == 1
    first_error, second_error = result.stderr.splitlines()
    assert "text.jpg is not a readable image" in first_error
    assert "drawing.jpg is a PostScript file" in second_error
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["image"] == str(lion)
    assert (first["target"]["label"], second["target"]["label"]) == ("lion", "cheetah")
    assert [set(score) for score in first["top"]] == [{"index", "label", "probability"}] * 3
    assert first["top"][0]["probability"] == pytest.approx(0.98, abs=0.01)
    rest = {key: first[key] for key in ("contrast", "layer", "method", "score", "runtime", "precision")}
    assert rest == {
        "contrast": None,
        "layer": "conv5_block3_out",
        "method": "gradcam",
        "score": "logit",
        "runtime": explainer.runtime,
        "precision": explainer.precision,
    }
    assert first["map"]["shape"] == [7, 7]


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--contrast", "--versus"])
def test_overlay_and_map_are_written(live_cam, shared_explainer, lion, tmp_path, option):
    overlay, saved = tmp_path / "out.png", tmp_path / "out.npz"
    result = live_cam(
        "explain", lion, "-o", overlay, "--save-map", saved, "--target", "tiger", option, "lion", "--json"
    )
    assert result.status == 0, result.stderr
    content = json.loads(result.stdout)
    assert (content["target"]["label"], content["contrast"]["label"]) == ("tiger", "lion")
    with np.load(saved) as arrays:
        assert arrays["map"].dtype == np.float32
        assert list(arrays["map"].shape) == content["map"]["shape"]
        assert arrays["map"].max() == pytest.approx(content["map"]["max"], abs=1e-6)
        assert arrays["map"].min() >= 0
        assert arrays["logits"].shape == (1000,)
        assert arrays["logits"].argmax() == 291
    with Image.open(overlay) as written, Image.open(lion) as original:
        assert written.size == original.size


@pytest.mark.slow
def test_the_counterfactual_map_differs_from_that_of_the_class(live_cam, shared_explainer, lion, tmp_path):
    maps = []
    for number, options in enumerate(((), ("--counterfactual",), ("--against",))):
        saved = tmp_path / f"{number}.npz"
        result = live_cam("explain", lion, "--target", "tiger", *options, "--json", "--save-map", saved)
        assert result.status == 0, result.stderr
        content = json.loads(result.stdout)
        assert (content["target"]["label"], content["counterfactual"]) == ("tiger", options != ())
        with np.load(saved) as arrays:
            maps.append(arrays["map"])
    evidence, counterfactual, former_name = maps
    assert evidence.max() > 0 < counterfactual.max()
    assert not np.any((evidence > 0) & (counterfactual > 0)), "at the default layer each is the negative of the other"
    assert np.array_equal(counterfactual, former_name)


@pytest.mark.slow
def test_as_a_process_it_prints_the_result_as_text_and_each_error_in_one_line(start_process, lion, tmp_path):
    words = ("explain", lion, tmp_path / "missing.jpg", "--contrast", "tiger", "--precision", "float32")
    with start_process(*words, "--runtime", "openvino", stderr=subprocess.PIPE) as process:
        stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 1
    assert stdout.splitlines()[0].endswith("lion, not tiger")
    assert "97.5%  lion" in stdout
    (error,) = stderr.splitlines()
    assert error.startswith("live-cam: ")
    assert "missing.jpg" in error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("resize", "box", "label"),
    [
        ("stretch", [0.0, 0.0, 1.0, 1.0], "class 1"),
        ("crop", [0.078125, 0.0, 0.921875, 1.0], "class 0"),
        ("pad", [0.0, -0.091667, 1.0, 1.091667], "class 1"),
    ],
)
def test_frames_become_inputs_as_asked_and_the_result_says_where_the_map_lies(live_cam, tmp_path, resize, box, label):
    model, image, saved = onnx_classifier(tmp_path), tmp_path / "mark.png", tmp_path / "out.npz"
    Image.fromarray(marked((360, 640), 0.0, 0.5)[0]).save(image)
    words = ("--model", model, "--resize", resize, "--json", "--save-map", saved, "--precision", "float32")
    result = live_cam("explain", image, *words)
    assert result.status == 0, result.stderr
    content = json.loads(result.stdout)
    assert (content["resize"], content["map_box"]) == (resize, box)
    assert content["top"][0]["label"] == label
    with np.load(saved) as arrays:
        assert arrays["map_box"] == pytest.approx(np.array(box), abs=1e-6)
        assert arrays["map"].shape == CELLS


def test_as_a_process_it_rejects_options_with_status_2(start_process):
    with start_process("explain", "x.jpg", "--score", "guess", stderr=subprocess.PIPE) as process:
        stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (2, "")
    (error,) = stderr.splitlines()
    assert error.startswith("live-cam: invalid value for '--score'")


@pytest.mark.slow
def test_a_sheet_shows_photograph_map_and_overlay_and_jet_on_request(live_cam, colour_models, tmp_path):
    image = tmp_path / "half.png"
    half = paint_picture()
    Image.fromarray(half).save(image)
    sheets = []
    for number, options in enumerate(((), ("--jet",))):
        out = tmp_path / f"sheet{number}.png"
        result = live_cam("explain", image, "--model", colour_models[0], "-o", out, "--sheet", *options)
        assert (result.status, result.stderr) == (0, "")
        with Image.open(out) as sheet:
            sheets.append(np.asarray(sheet))
    plain, jet = sheets
    height, width = half.shape[:2]
    assert plain.shape == jet.shape
    assert plain.shape[1] > 2 * width + height
    assert np.array_equal(plain[:height, :width], half)
    assert np.array_equal(jet[:, :-width], plain[:, :-width])
    assert not np.array_equal(jet[:height, -width:], plain[:height, -width:])


@pytest.mark.slow
def test_metrics_stand_beside_those_of_maps_that_know_nothing(live_cam, tmp_path):
    model, boxes = onnx_classifier(tmp_path), tmp_path / "boxes.csv"
    images = []
    for number, place in enumerate(((0.0, 0.0), (1.0, 0.2))):
        rgb, (x, y) = marked((96, 144), *place)
        images.append(tmp_path / f"{number}.png")
        Image.fromarray(rgb).save(images[-1])
        with boxes.open("a", encoding="utf-8") as file:
            file.write(f"{images[-1]},{x - 18},{y - 18},{x + 18},{y + 18}\n")
    words = ("explain", *images, "--model", model, "--precision", "float32", "--metrics", "--boxes", boxes)
    contents = [json.loads(line) for line in live_cam(*words, "--json").stdout.splitlines()]
    assert len(contents) == 2
    for content in contents:
        of_map, random, centre = (content["metrics"][name] for name in ("map", "random", "centre"))
        assert of_map["deletion"] < min(random["deletion"], centre["deletion"])
        assert of_map["insertion"] >= max(random["insertion"], centre["insertion"])
        assert of_map["road"] > max(random["road"], centre["road"])
        assert (of_map["pointing_game"], centre["max_sensitivity"]) == (1.0, None)
        assert random["randomization"] == centre["randomization"] == pytest.approx(1.0)
        assert of_map["relevance_mass"] > 0.7 > 2 * random["relevance_mass"]
    result = live_cam(*words)
    assert (result.status, result.stderr) == (0, "")
    table = result.stdout.splitlines()[-11:]
    assert table[0].split("  ")[0] == "mean ± standard error"
    assert table[0].split()[-3:] == ["map", "random", "centre"]
    masses = [content["metrics"]["map"]["relevance_mass"] for content in contents]
    cell = f"{np.mean(masses):.3g} ± {np.std(masses, ddof=1) / 2**0.5:.2g}"
    assert table[-1].startswith("relevance mass, 0..1, high (Arras 2022)")
    assert table[-1][table[0].index("map") :].startswith(f"{cell}  ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--sheet",), "add -o OUT.png"),
        (("--jet", "-o", "new.png"), "--jet is for --sheet"),
        (("--sheet", "-o", "new.png", "--model", "a", "--model", "b"), "--sheet takes one --model"),
        (("--boxes", "boxes.csv"), "--boxes are for --metrics"),
        (("--metrics", "--counterfactual"), "--metrics measures the map of a class"),
    ],
)
def test_options_of_sheet_and_metrics_that_do_not_fit(live_cam, lion, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    assert message in live_cam("explain", lion, *words).error(2)
