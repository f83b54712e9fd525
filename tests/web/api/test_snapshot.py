"""Frozen views and snapshots are of one frame, whatever the frames before it were."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from live_cam.render.layout import draw_overlays
from live_cam.types import Frame, OverlayStyle


def unzip(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name.rpartition("-")[2]: archive.read(name) for name in archive.namelist()}


def is_smoothed(explanation):
    return not np.array_equal(explanation.smoothed_map, explanation.saliency_map) and (
        explanation.smoothed_top != explanation.top
    )


@pytest.fixture
def site(serve_session, colour_explainers, fake_source, eventually):
    """A live site of two models whose frames become brighter, so that classes and maps lag behind."""
    first, second = colour_explainers()
    source = fake_source(rate_fps=30.0)
    source.tint = (1.0, 0.4, 0.2)
    site = serve_session(source, first, second=second)
    # The first frame of a scene has nothing to be smoothed over.
    eventually(lambda: (newest := site.session.feeds[0].broadcaster.newest) and is_smoothed(newest.explanation))
    return site


def require_exact(explanation):
    np.testing.assert_array_equal(explanation.smoothed_map, explanation.saliency_map)
    assert explanation.smoothed_top == explanation.top
    assert explanation.vmax == explanation.saliency_map.max()
    assert explanation.target.index == explanation.top[0].index


@pytest.mark.parametrize("change", [{"frozen": True}, {"running": False}], ids=["frozen", "stopped"])
def test_a_frame_that_stays_is_shown_as_it_is_and_the_next_ones_smoothed_again(site, eventually, change):
    feed = site.session.feeds[0]
    # A frame that waits would be explained in place of the one that is shown.
    site.block_source()
    site.session.settings.change(**change)
    eventually(lambda: feed.broadcaster.newest.frame.revision > 0)
    shown = feed.broadcaster.newest
    require_exact(shown.explanation)
    require_exact(shown.second)

    site.source.release()
    site.session.settings.change(**{name: not value for name, value in change.items()})
    eventually(lambda: is_smoothed(feed.broadcaster.newest.explanation))


def test_a_snapshot_of_the_live_view_is_that_of_one_frame(site):
    files = unzip(site.http.get("snapshot").raise_for_status().content)
    (content,) = (json.loads(data) for name, data in files.items() if name.endswith(".json"))
    explainers = site.session.explainers
    frame_rgb = np.asarray(Image.open(io.BytesIO(files["frame.png"])))
    for described, explainer in zip((content, content["second"]), explainers, strict=True):
        assert described["target"]["index"] == described["top"][0]["index"]
        values = np.array(described["map"]["values"], np.float32)
        assert described["vmax"] == values.max()
        again = explainer.explain(_frame(frame_rgb))
        np.testing.assert_allclose(values, again.saliency_map, rtol=1e-5, atol=1e-6)
        assert [each["label"] for each in described["top"]] == [each.label for each in again.top]
    style = OverlayStyle(content["style"], content["opacity"], content["colormap"])
    first, second = (explainer.explain(_frame(frame_rgb)) for explainer in explainers)
    drawn = draw_overlays(_frame(frame_rgb), first, second, style)
    (overlay,) = (data for name, data in files.items() if name.endswith(".png") and name != "frame.png")
    assert np.abs(np.asarray(Image.open(io.BytesIO(overlay))).astype(int) - drawn).max() <= 1


def _frame(rgb):
    return Frame(rgb.copy(), 0)
