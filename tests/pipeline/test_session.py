import json
import threading
import time

import pytest

from live_cam.errors import SourceError
from live_cam.pipeline.session import Session
from live_cam.sources.demo import DemoSource


def _threads():
    return {thread.name for thread in threading.enumerate()} & {"capture", "worker"}


@pytest.fixture
def live(fake_source, fake_explainer, eventually):
    """Gives a session's source, explainer and the session, once frames flow."""
    source, explainer = fake_source(), fake_explainer()
    with Session(source, explainer) as session:
        eventually(lambda: session.healthy and session.status.state == "live")
        yield source, explainer, session
        source.release()


def test_a_slow_step_drops_frames_before_it_counts_them_and_shows_none_late(fake_explainer, eventually):
    step_ms, interval_ms = 200, 1000 / 30
    with Session(DemoSource(), fake_explainer(delay_s=step_ms / 1000)) as session:
        eventually(lambda: session.describe()["frames"]["explained"] >= 5)
        told = session.describe()
    frames = told["frames"]
    waiting = frames["captured"] - frames["explained"] - frames["dropped"]
    assert frames["dropped"] > 7, "about five of six frames"
    # At most one is with the explainer and one in the mailbox; one more may have come while they were counted.
    assert 0 <= waiting <= 3
    encoding_ms = 120
    assert step_ms <= told["age_ms"]["p50"] < step_ms + interval_ms + encoding_ms
    assert 1 < told["fps"] <= 1000 / step_ms + 0.5


def test_frames_explained_keep_rising_while_the_session_runs(live, eventually):
    _, _, session = live
    before = session.describe()["frames"]["explained"]
    eventually(lambda: session.describe()["frames"]["explained"] >= before + 5)


def test_a_description_is_json_with_exactly_what_the_design_promises(live):
    _, _, session = live
    told = json.loads(json.dumps(session.describe()))
    assert told.keys() == {
        *("source", "frames", "fps", "age_ms", "top", "target", "viewers", "runtime", "precision", "recording"),
    }
    assert told["source"] == {"name": "Fake camera", "kind": "camera", "state": "live", "message": ""}
    assert told["frames"].keys() == {"captured", "explained", "dropped"}
    assert told["age_ms"].keys() == {"p50", "p95"}
    assert [score.keys() for score in told["top"]] == [{"index", "label", "probability"}] * 3
    assert told["target"] == "lion"
    assert told["top"][0]["label"] == "lion"
    assert (told["viewers"], told["runtime"], told["precision"], told["recording"]) == (0, "fake", "float32", None)


def test_a_session_can_be_described_before_its_first_frame(fake_source, fake_explainer):
    told = json.loads(json.dumps(Session(fake_source(), fake_explainer()).describe()))
    assert told["source"]["state"] == "starting"
    assert told["frames"] == {"captured": 0, "explained": 0, "dropped": 0}
    assert told["age_ms"] == {"p50": None, "p95": None}
    assert told["top"] == []
    assert told["target"] is None


def test_a_session_whose_source_is_being_opened_counts_as_healthy(fake_source, fake_explainer):
    assert Session(fake_source(), fake_explainer()).healthy


def test_while_its_source_is_lost_a_session_is_unhealthy_and_keeps_the_last_picture(live, eventually):
    source, _, session = live
    source.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: session.status.state == "lost")
    assert not session.healthy
    assert "it was unplugged" in session.describe()["source"]["message"]
    assert session.hub.newest is not None
    eventually(lambda: session.healthy)


def test_a_session_that_was_stopped_on_purpose_counts_as_healthy(live, eventually):
    source, _, session = live
    session.controls.set_running(False)
    eventually(lambda: session.status.state == "ended")
    assert session.healthy
    assert not source.is_open


def test_a_failing_explainer_is_told_as_the_sources_state_and_recovers(live, eventually):
    _, explainer, session = live
    explainer.failure = RuntimeError("out of memory")
    eventually(lambda: session.status.state == "lost")
    assert "out of memory" in session.describe()["source"]["message"]
    assert not session.healthy
    explainer.failure = None
    eventually(lambda: session.status.state == "live")


def test_leaving_a_session_ends_both_threads_and_closes_source_and_hub(live):
    source, _, session = live
    assert _threads() == {"capture", "worker"}
    start_s = time.monotonic()
    session.__exit__()
    assert time.monotonic() - start_s < 2.0
    assert _threads() == set()
    assert not source.is_open
    assert session.hub.closed


def test_a_source_and_an_explainer_that_block_for_ever_do_not_hold_up_the_end(live, eventually):
    source, explainer, session = live
    explainer.delay_s = 60.0
    asked_before = explainer.asked
    eventually(lambda: explainer.asked > asked_before)
    source.block()
    eventually(lambda: source.is_blocked)
    before = session.describe()["frames"]
    start_s = time.monotonic()
    session.__exit__()
    assert time.monotonic() - start_s < 2.0
    assert _threads() == {"capture", "worker"}, "what blocks is left behind"
    assert session.describe()["frames"] == before
    source.release()
    explainer.end()
    eventually(lambda: not _threads())
    assert not source.is_open
