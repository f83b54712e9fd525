"""The page of two models, and of models other than ResNet50."""

from __future__ import annotations

import json
import shlex
import zipfile
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import expect

from live_cam.explain.explainer import Explainer
from live_cam.sources.camera import CameraOptions
from live_cam.sources.factory import create_source
from tests.colour_models import paint_picture, write_colour_model
from tests.conftest import FakeExplainer
from tests.web.browser import DESKTOP, PHONE, choose_everything, part, unfold, wait_until
from tests.web.ui.test_accessibility import violations
from tests.web.ui.test_outside_text import HANDLER, RUN, require_unharmed
from tests.web.ui.test_permalink import copy_link

pytestmark = pytest.mark.slow


@pytest.fixture
def scene(tmp_path):
    Image.fromarray(paint_picture()).save(tmp_path / "scene.png")
    return create_source(str(tmp_path / "scene.png"), CameraOptions())


def test_two_models_are_shown_side_by_side(
    serve_session, colour_explainers, scene, open_page, tabs, node_folder, eventually
):
    first, second = colour_explainers()
    site = serve_session(scene, first, second=second)
    page = open_page(site.url)
    expect(part(page, "models")).to_have_text("primary and warm")
    expect(part(page, "caption")).to_have_text("primary: red")
    expect(part(page, "caption-right")).to_have_text("warm: yellow")
    expect(part(page, "agreement")).to_have_text(
        "Disagree: primary says red 100 % (it has no class yellow), warm says yellow 52 %"
    )
    assert [part(page, f"model-{number}").text_content() for number in (0, 1)] == ["primary", "warm"]
    rows = page.locator('.live-class-list [data-live*="label-"]')
    expect(rows).to_have_text(["red", "green", "blue", "yellow", "Red"])
    expect(part(page, "how")).to_have_text(
        "primary: Grad-CAM at colours, from the weights behind it; "
        "warm: Recipro-CAM at colours: this file has no gradients"
    )
    expect(part(page, "tested")).to_contain_text("Grad-CAM of primary")

    page.get_by_role("button", name="green").click()
    expect(part(page, "agreement-note")).to_have_text("warm has no class green: its map explains yellow")
    page.get_by_role("button", name="red", exact=True).click()
    expect(part(page, "caption-right")).to_have_text("warm: Red")
    expect(part(page, "agreement-note")).to_be_hidden()

    part(page, "record").click()
    eventually(lambda: (status := site.session.recordings.status) and status.bytes)
    part(page, "record").click()
    eventually(lambda: site.session.recordings.status.state == "finished")
    video = site.session.recordings.videos[0]
    header, frame, *_ = map(json.loads, video.with_suffix(".jsonl").read_text("utf-8").splitlines())
    assert (header["model"]["name"], header["second_model"]["name"]) == ("primary", "warm")
    assert frame["second"]["target"]["label"] == "Red"
    with page.expect_download() as download:
        part(page, "snapshot").click()
    assert download.value.suggested_filename.endswith(".png")

    questions = page.get_by_role("group", name="What to explain").locator("label")
    expect(questions).to_have_text(["Why red?", "Why red, not green?", "What speaks against red?"])
    assert violations(page, node_folder) == []

    # On a phone the pictures are stacked, and the patch of one place is drawn into both.
    page.set_viewport_size(PHONE)
    page.wait_for_function("document.querySelector('.live-stage[data-stacked] canvas')?.height > 480")
    canvas, right = page.locator("canvas").first.bounding_box(), part(page, "caption-right").bounding_box()
    assert right["y"] > canvas["y"] + canvas["height"] / 2
    assert canvas["width"] > 0.7 * PHONE["width"]
    page.mouse.move(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 4)
    patches = page.locator(".live-occlusion rect")
    expect(patches).to_have_count(2)
    # In one evaluation: each answer replaces the patches.
    above, below = patches.evaluate_all("(patches) => patches.map((patch) => patch.getBoundingClientRect().toJSON())")
    assert above["x"] == pytest.approx(below["x"], abs=1)
    assert below["y"] - above["y"] == pytest.approx(right["y"] - part(page, "caption").bounding_box()["y"], abs=3)
    assert violations(page, node_folder) == []
    page.set_viewport_size(DESKTOP)


def test_a_model_of_two_classes_and_one_layer_without_gradients(serve_session, scene, open_page, tmp_path, eventually):
    # What Gradio runs in templates is text in the names of the file and its layer.
    layer = f"{RUN}{HANDLER}"
    path = write_colour_model(tmp_path / f"{RUN}.onnx", ["Red", "yellow"], pooled=False, layer=layer)
    explainer = Explainer(path, smooth=True)
    site = serve_session(scene, explainer)
    page = open_page(site.url)
    expect(part(page, "models")).to_have_text(RUN)
    expect(page.locator(".live-class")).to_have_text(["yellow", "Red"])
    expect(part(page, "how")).to_have_text(f"Recipro-CAM at {layer}: this file has no gradients")
    page.get_by_role("button", name="Top 2").click()
    expect(page.locator(".live-maps button")).to_have_text(["yellow 52 %", "Red 48 %"])
    unfold(page)
    expect(page.locator('[data-setting="method"]')).to_have_text(
        "Recipro-CAM, as with all methods but Eigen-CAM: this file has no gradients."
    )
    expect(page.locator("#live-layer input")).to_have_value(layer)
    page.keyboard.press("l")
    wait_until(page, lambda: part(page, "toast").text_content() == f"There is one layer only: {layer}")
    page.locator("#live-target input").fill("Red")
    page.locator("#live-target input").press("Enter")
    expect(part(page, "caption")).to_have_text("Red")
    assert parse_qs(urlsplit(copy_link(page)).query)["target"] == ["Red"]
    with page.expect_download() as download:
        choose_everything(page)
    with zipfile.ZipFile(download.value.path()) as archive:
        saved = json.loads(archive.read(next(name for name in archive.namelist() if name.endswith(".json"))))
    assert saved["target"] == {"index": 0, "label": "Red"}
    assert saved["model"]["name"] == RUN
    assert shlex.split(saved["repeat"])[-2:] == ["--model", path.name]
    part(page, "record").click()
    eventually(lambda: (status := site.session.recordings.status) and status.bytes)
    part(page, "record").click()
    eventually(lambda: site.session.recordings.status.state == "finished")
    lines = site.session.recordings.videos[0].with_suffix(".jsonl").read_text("utf-8").splitlines()
    assert json.loads(lines[1])["target"] == {"index": 0, "label": "Red"}
    require_unharmed(page)


def test_a_class_among_fifty_thousand_is_chosen_by_name(
    serve_session, fake_source, fake_explainer, open_page, monkeypatch
):
    labels = (*FakeExplainer.classifier.labels, *(f"species {number}" for number in range(1000, 50_000)))
    monkeypatch.setattr(FakeExplainer, "classifier", replace(FakeExplainer.classifier, labels=labels))
    site = serve_session(fake_source(rate_fps=5.0), fake_explainer())
    page = open_page(site.url)
    field = page.locator("#live-target input")
    for text in ("species 48123", "48124"):
        field.fill(text)
        field.press("Enter")
        expect(part(page, "caption")).to_have_text(f"species {text.split()[-1]}")
    field.fill("ecies 48125x")
    field.press("Enter")
    expect(part(page, "toast")).to_contain_text("no class is called 'ecies 48125x'")
    assert site.settings.target == 48124
