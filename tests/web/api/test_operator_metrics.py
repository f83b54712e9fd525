"""`/metrics`, read by Prometheus's own parser."""

import json
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from live_cam.pipeline.publishing import parse_targets
from tests.web.sites import TOKEN

pytestmark = pytest.mark.slow

DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana.json"


def scrape(site):
    """Returns the samples by name, each as a dictionary of labels and its value."""
    response = site.http.get("metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert response.headers["cache-control"] == "no-store"
    samples = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples


def value(samples, name, **labels):
    (found,) = (number for own, number in samples[name] if own.items() >= labels.items())
    return found


def test_the_figures_are_those_of_stats(two_cameras):
    two_cameras.block_source()  # so that nothing of it changes between two requests
    samples, stats = scrape(two_cameras), two_cameras.http.get("stats").json()
    front = stats["sources"][0]["frames"]
    for name in ("captured", "explained", "dropped"):
        assert value(samples, f"live_cam_frames_{name}_total", source="Front door") == front[name]
    for age in samples["live_cam_frame_age_seconds"]:
        assert 0 < age[1] < 60
    assert value(samples, "live_cam_source_state", source="Back door", state="live") == 1
    assert value(samples, "live_cam_source_state", source="Back door", state="lost") == 0
    assert value(samples, "live_cam_viewers", source="Back door") == 0
    assert value(samples, "live_cam_recording") == 0
    assert value(samples, "live_cam_info", runtime="fake", precision="float32", model="resnet50") == 1
    steps = value(samples, "live_cam_step_seconds_count")
    assert steps > 0
    assert value(samples, "live_cam_step_seconds_bucket", le="+Inf") == steps
    counts = [number for _, number in samples["live_cam_step_seconds_bucket"]]
    assert counts == sorted(counts)
    assert value(samples, "live_cam_step_seconds_sum") < 60 * steps


def test_viewers_recordings_and_publishers_are_counted(
    serve_session, fake_source, fake_explainer, tmp_path, eventually
):
    name = 'Hall "A"\\\n{x}'
    site = serve_session(fake_source(name=name, rate_fps=20.0), fake_explainer())
    site.wait_until_live()
    site.session.publishing.start(parse_targets([str(tmp_path / "hls")], False, 1), "overlay")
    with site.http.stream("GET", "stream.mjpg"):
        assert site.http.post("recordings").status_code == 200
        eventually(lambda: value(scrape(site), "live_cam_publisher_frames_sent_total") >= 2)
        eventually(lambda: value(scrape(site), "live_cam_recording_bytes") > 0)
        samples = scrape(site)
    assert value(samples, "live_cam_viewers", source=name) == 1
    assert value(samples, "live_cam_recording") == 1
    publisher = {"source": name, "target": "1 hls/index.m3u8"}
    assert value(samples, "live_cam_publisher_state", state="live", **publisher) == 1
    assert value(samples, "live_cam_publisher_reconnects_total", **publisher) == 0
    # The dashboard asks for nothing that does not exist.
    asked = set(re.findall(r"\b(?:live_cam|process)_\w+", " ".join(_expressions(json.loads(DASHBOARD.read_text())))))
    assert len(asked) >= 10
    offered = {family.name for family in text_string_to_metric_families(site.http.get("metrics").text)}
    assert asked <= samples.keys() | offered


def _expressions(node):
    """Yields the queries anywhere in a dashboard."""
    if isinstance(node, dict):
        yield from (text for key, text in node.items() if key == "expr")
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _expressions(each)


def test_visitors_are_counted_together(visitors):
    samples = scrape(visitors)
    assert samples["live_cam_viewers"] == [({"source": "visitors"}, 0)]
    assert [labels for labels, _ in samples["live_cam_frames_captured_total"]] == [{"source": "visitors"}]
    assert "live_cam_source_state" not in samples


def test_visitors_beside_a_source_are_counted_apart_from_it(serve_session, fake_source, fake_explainer):
    site = serve_session(fake_source(name="Hall"), fake_explainer(), max_visitors=2).wait_until_live()
    samples = scrape(site)
    assert value(samples, "live_cam_frames_explained_total", source="Hall") > 0
    assert value(samples, "live_cam_frames_explained_total", source="visitors") == 0
    assert value(samples, "live_cam_source_state", source="Hall", state="live") == 1


def test_a_token_is_required_as_for_stats_and_a_bearer_token_will_do(guarded):
    url = f"{guarded.url}metrics"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}).text.startswith("# HELP")
    assert httpx.get(url, headers={"Origin": "http://elsewhere.example"}).status_code == 403
