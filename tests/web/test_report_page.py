"""The page of `live-cam why` in a real Chromium, opened from the disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from live_cam.api.picture_set.batches import BATCH_SIZE
from live_cam.api.picture_set.pictures import find_pictures
from live_cam.api.picture_set.truth import folder_labels, true_classes
from live_cam.explain.explainer import Explainer
from live_cam.report.report import settings_of, write_report
from live_cam.report.results import Results
from tests.report.planted import paint_folder, write_model
from tests.web.browser import both_sizes
from tests.web.ui.test_accessibility import RUN_AXE, STANDARDS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report whose names are hostile."""
    folder = tmp_path_factory.mktemp("report")
    pictures = paint_folder(folder / "shapes")
    hostile = pictures / "blue" / "<img src=x onerror=document.title='taken'>.png"
    (pictures / "blue" / "blue08.png").rename(hostile)
    (pictures / "blue" / "broken.png").write_bytes(b"\x89PNG")
    labels = ["red", "<script>document.title='taken'</script>", "blue"]
    explainer = Explainer(write_model(folder), labels=labels, precision="float32", batch_size=BATCH_SIZE)
    found = find_pictures(pictures, folder / "out")
    classes, notes = true_classes(folder_labels([each.name for each in found]), labels)
    found = [replace(each, true_class=classes.get(each.name)) for each in found]
    results = Results(folder / "out", settings_of(explainer))
    write_report(explainer, pictures, found, results, notes, lambda _: None)
    results.close()
    return folder / "out" / "index.html"


@both_sizes
def test_the_page_is_accessible_and_its_controls_work(tabs, size, report, node_folder):
    page = tabs.open(report.as_uri(), size)
    axe = (node_folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    found = []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(axe)
        found += [(scheme, rule["id"], rule["nodes"]) for rule in page.evaluate(RUN_AXE, STANDARDS)["violations"]]
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    assert page.title().startswith("Why does it err?")

    cards = page.locator("#mistakes ~ .grid > .card")
    assert cards.count() == 4
    assert "<img src=x onerror" in page.locator("#mistakes ~ .grid").inner_text()
    page.get_by_label("Sort").select_option("name")
    names = cards.evaluate_all("(cards) => cards.map((card) => card.dataset.name)")
    assert names == sorted(names)
    page.locator("[data-filter=predicted]").select_option(label="red")
    assert page.locator("#mistakes ~ form output").inner_text() == "4 shown"

    button = cards.first.locator(".enlarge").first
    button.focus()
    page.keyboard.press("Enter")
    caption = page.locator("dialog[open] [data-caption]")
    first = caption.inner_text()
    assert first.startswith("picture: ")
    page.evaluate(axe)
    assert page.evaluate(RUN_AXE, STANDARDS)["violations"] == []
    page.keyboard.press("ArrowRight")
    assert caption.inner_text().startswith("raw map: ")
    page.keyboard.press("ArrowLeft")
    assert caption.inner_text() == first
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="hidden")
    assert button.evaluate("(button) => button === document.activeElement")
    page.emulate_media(media="print")
    assert not page.locator("#mistakes ~ form").is_visible()
    page.emulate_media(media="screen")
