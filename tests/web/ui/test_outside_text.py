"""Text from outside on the page: names of sources and files, labels, errors, links. It is shown, and never runs."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from live_cam.errors import SourceError
from live_cam.pipeline.session import Session
from live_cam.sources.camera import CameraOptions
from tests.conftest import LION, FakeExplainer
from tests.web.browser import part, pick, wait_until, wait_until_mounted

CHEETAH, TIGER_CAT = 293, 282


def disguise(script: str) -> str:
    """Returns an expression that runs a script, without a character that escaping would change."""
    return f"eval(String.fromCharCode({','.join(str(ord(character)) for character in script)}))"


RECORD = "${" + disguise("globalThis.attacked = 1; fetch('recordings', {method: 'POST'})") + "}.mp4"
RUN = "${globalThis.attacked = 1}"
HELPER = "{{lookup this value}}"
QUOTE = "`+(globalThis.attacked = 1)+`"
HANDLER = "<img src=x onerror='globalThis.attacked = 1'>"
SCRIPT = '"></script><script>globalThis.attacked = 1</script>'
ATTACKS = [RECORD, f"{RUN}{HELPER}{HANDLER}{SCRIPT}", QUOTE]
ODD = ["{{x.mp4", "back\\u ` $& @children.mp4", 'it\'s "5" &lt; 6 & <b>7</b> \U0001f981 \u0644\u064a\u0648']


@pytest.fixture
def rename_classes(monkeypatch):
    """Has classes called otherwise, as if they were the user's own: `rename_classes({291: "my lion"})`."""

    def rename(names: dict[int, str]) -> None:
        original = FakeExplainer.classifier
        labels = tuple(names.get(index, label) for index, label in enumerate(original.labels))
        monkeypatch.setattr(FakeExplainer, "classifier", replace(original, labels=labels))

    return rename


def require_unharmed(page: Page) -> None:
    assert page.evaluate("globalThis.attacked") is None


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("kiosk", [False, True])
def test_no_text_from_outside_is_in_a_template(count, kiosk, rename_classes, fake_source, fake_explainer):
    from live_cam.web.ui.page import build_page

    rename_classes(dict.fromkeys(range(1000), "OUTSIDE"))
    sources = [fake_source(name=f"OUTSIDE {number}") for number in range(count)]
    config = build_page(Session(sources, fake_explainer()), CameraOptions(), kiosk).get_config_file()
    choices = [component["props"].pop("choices", []) for component in config["components"]]
    assert "live-stage" in json.dumps(config)
    assert "OUTSIDE" not in json.dumps(config)
    assert ("OUTSIDE" in json.dumps(choices)) is not kiosk


@pytest.mark.slow
def test_names_and_errors_of_several_sources_are_shown_as_they_are(
    serve_session, fake_source, fake_explainer, open_page
):
    names = [*ATTACKS, *ODD]
    sources = [fake_source(name=name, rate_fps=3.0) for name in names]
    sources[-1].open_errors = [SourceError(f"not found: {RUN} {HANDLER} {{{{x")] * 1000
    site = serve_session(sources, fake_explainer())
    page = open_page(site.url)
    live = len(names) - 1
    wait_until(page, lambda: page.locator(".live-stage[data-seq]").count() == live)
    tiles = page.locator(".live-tile")
    assert tiles.locator("h2").all_text_contents() == names
    for name, tile in zip(names, tiles.all(), strict=True):
        expect(tile).to_have_accessible_name(" ".join(name.split()))
        expect(tile.locator(".live-class-list")).to_have_accessible_name(f"What the network sees in {name}")
    assert page.locator(".live-of").all_text_contents() == [names[0]]
    expect(part(tiles.last, "notice")).to_contain_text(f"not found: {RUN} {HANDLER} {{{{x")
    require_unharmed(page)
    assert site.session.recordings.status is None


@pytest.mark.slow
def test_labels_files_and_links_are_shown_as_they_are(
    serve_session, fake_source, fake_explainer, open_page, rename_classes, eventually, tmp_path
):
    rename_classes({LION: RUN, CHEETAH: QUOTE, TIGER_CAT: HANDLER})
    site = serve_session(fake_source(name=RECORD), fake_explainer())
    recordings = site.session.recordings
    recordings.start("overlay", tmp_path / f"{RUN} {{{{x `.mp4")
    page = open_page(f"{site.url}?target={quote(HELPER)}")
    expect(part(page, "toast")).to_have_text(f"Not understood in this link: target={HELPER}")
    expect(part(page, "source")).to_have_text(RECORD)
    for rank, label in enumerate((RUN, QUOTE, HANDLER)):
        expect(part(page, f"label-{rank}")).to_have_text(label)
    expect(part(page, "target")).to_have_text(RUN)
    expect(part(page, "meaning")).to_contain_text(f"speak for {RUN}.")
    eventually(lambda: recordings.status.seconds > 0.0)
    recordings.stop()
    expect(part(page, "record-files").locator("a").first).to_have_text(f"{RUN} {{{{x `.mp4")

    page.get_by_role("button", name="Top 3").click()
    expect(page.locator(".live-maps button").nth(2)).to_have_text(f"{HANDLER} 1 %")
    page.get_by_role("button", name="Snapshot").click()
    expect(page.locator(".live-strip li span")).to_have_text(f"{RUN} 90 %")
    pick(page, "live-target", QUOTE)
    expect(part(page, "caption")).to_have_text(QUOTE)
    assert site.settings.target == CHEETAH
    require_unharmed(wait_until_mounted(page))
