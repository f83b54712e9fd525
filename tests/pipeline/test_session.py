import json
import threading
from contextlib import contextmanager

import pytest

from live_cam.errors import SourceError
from live_cam.pipeline.session import Session
from live_cam.sources.demo import DemoSource
from live_cam.types import EncodedFrame, OverlayStyle
from tests.clocks import FakeClock

UNPLUGGED = SourceError("it was unplugged")


def describe(session):
    """Returns the description as it is sent."""
    return json.loads(json.dumps(session.describe()))


@contextmanager
def explainer_blocked(explainer, eventually):
    """Makes the explainer wait in its next call, which has started when the block is entered."""
    explain_each = explainer.explain_each
    entered, released = threading.Event(), threading.Event()

    def wait_and_explain(*arguments, **options):
        entered.set()
        released.wait()
        return explain_each(*arguments, **options)

    explainer.explain_each = wait_and_explain
    try:
        eventually(entered.is_set)
        yield
    finally:
        del explainer.explain_each
        released.set()


@pytest.fixture
def live(fake_source, fake_explainer, eventually):
    """A session's source, its explainer and the session, once frames flow."""
    source, explainer = fake_source(), fake_explainer()
    with Session([source], explainer) as session:
        eventually(lambda: not session.unhealthy_reason and session.feeds[0].status.state == "live")
        yield source, explainer, session
        source.release()


@pytest.fixture
def two(fake_source, fake_explainer, eventually):
    """A session with two sources, its explainer and the sources, once frames of both are explained."""
    sources = [fake_source(name=name) for name in ("Front door", "Back door")]
    explainer = fake_explainer()
    with Session(sources, explainer) as session:
        eventually(lambda: all(feed.broadcaster.newest is not None for feed in session.feeds))
        yield session, explainer, sources


def test_a_slow_explainer_drops_frames_and_explains_the_newest(live, eventually):
    _, explainer, session = live
    num_explained = len(explainer.explained)
    with explainer_blocked(explainer, eventually):
        num_captured = session.feeds[0].metrics.read().captured
        eventually(lambda: session.feeds[0].metrics.read().captured >= num_captured + 10)
        newest = session.feeds[0].metrics.read().captured - 2  # the last may be on its way to the queue
    eventually(lambda: len(explainer.explained) >= num_explained + 2)
    (blocked, _), (after, _) = explainer.explained[num_explained : num_explained + 2]
    assert blocked <= num_captured < newest <= after, "none that waited is shown late"
    session.__exit__()
    frames = session.describe()["frames"]
    assert frames["dropped"] >= after - blocked - 1
    # At most one is with the explainer, one waits, and one is on its way to the queue.
    assert 0 <= frames["captured"] - frames["explained"] - frames["dropped"] <= 3


def test_a_description_has_exactly_the_documented_keys(live):
    _, _, session = live
    description = describe(session)
    assert description.keys() == {
        *("source", "frames", "fps", "age_ms", "top", "target", "viewers", "runtime", "precision", "recording"),
        *("sources", "display_latency_ms", "publishers"),
    }
    assert description["source"] == {"name": "Fake camera", "kind": "camera", "state": "live", "message": ""}
    assert description["frames"].keys() == {"captured", "explained", "dropped"}
    assert description["age_ms"].keys() == {"p50", "p95"}
    assert description["display_latency_ms"] == {"p50": None, "p95": None}
    assert [score.keys() for score in description["top"]] == [{"index", "label", "probability"}] * 3
    assert description["target"] == "lion"
    assert description["top"][0]["label"] == "lion"
    assert (description["viewers"], description["recording"]) == (0, None)
    assert (description["runtime"], description["precision"]) == ("fake", "float32")
    (source,) = description["sources"]
    assert source.keys() == {
        *("name", "kind", "state", "message", "frames", "fps", "age_ms", "display_latency_ms", "top", "target"),
    }
    assert {key: source[key] for key in description["source"]} == description["source"]
    assert (source["top"], source["target"]) == (description["top"], description["target"])


def test_a_session_can_be_described_before_its_first_frame(fake_source, fake_explainer):
    session = Session([fake_source()], fake_explainer())
    description = describe(session)
    assert description["source"]["state"] == "starting"
    assert not session.unhealthy_reason
    assert description["frames"] == {"captured": 0, "explained": 0, "dropped": 0}
    assert description["age_ms"] == {"p50": None, "p95": None}
    assert description["top"] == []
    assert description["target"] is None
    assert description["sources"][0]["target"] is None


def test_metrics_of_all_sources_go_by_the_clock_of_the_session(
    fake_source, fake_explainer, make_frame, make_explanation
):
    clock = FakeClock()
    session = Session([fake_source(), fake_source()], fake_explainer(), clock=clock)
    for _ in range(20):
        clock.advance(0.08)
        for feed in session.feeds:
            frame = feed.offer(make_frame(pts_ns=clock.now_ns()), None)
            session._frame_queue.take(timeout_s=0)
            clock.advance(0.01)
            feed.publish(EncodedFrame(b"", frame, make_explanation(), OverlayStyle()), frame.rgb)
            feed.metrics.count_displayed(42.0)
    description = describe(session)
    assert description["frames"] == {"captured": 40, "explained": 40, "dropped": 0}
    assert [source["fps"] for source in description["sources"]] == [10.0, 10.0]
    assert description["fps"] == 20.0
    for each in (description, *description["sources"]):
        assert each["age_ms"] == {"p50": 10.0, "p95": 10.0}
        assert each["display_latency_ms"] == {"p50": 42.0, "p95": 42.0}
    assert not session.unhealthy_reason

    clock.advance(3.0)
    description = describe(session)
    assert (description["fps"], description["age_ms"]["p50"], description["source"]["state"]) == (0.0, None, "lost")
    assert "no frame for 3 s" in session.unhealthy_reason


def test_while_its_source_is_lost_a_session_is_unhealthy_and_keeps_the_last_overlay(live, eventually):
    source, _, session = live
    source.open_errors = [UNPLUGGED] * 1000
    source.read_errors = [UNPLUGGED]
    eventually(lambda: session.feeds[0].status.state == "lost")
    assert "it was unplugged" in session.unhealthy_reason
    assert "it was unplugged" in session.describe()["source"]["message"]
    assert session.feeds[0].broadcaster.newest is not None
    source.open_errors.clear()
    eventually(lambda: not session.unhealthy_reason)


def test_a_session_that_was_stopped_on_purpose_is_healthy(live, eventually):
    source, _, session = live
    session.settings.change(running=False)
    eventually(lambda: session.feeds[0].status.state == "ended")
    assert not session.unhealthy_reason
    eventually(lambda: not source.is_open)


def test_an_explainer_that_fails_makes_the_source_lost_until_it_recovers(live, eventually):
    _, explainer, session = live
    explainer.failure = RuntimeError("out of memory")
    eventually(lambda: session.feeds[0].status.state == "lost")
    assert "out of memory" in session.describe()["source"]["message"]
    assert session.unhealthy_reason == "Explaining failed: out of memory"
    explainer.failure = None
    eventually(lambda: session.feeds[0].status.state == "live")


def test_leaving_a_session_ends_its_threads_and_disconnects_the_viewers(live, eventually, session_threads):
    source, _, session = live
    assert {thread.name for thread in session_threads()} == {"capture", "worker", "reader of Fake camera"}
    session.__exit__()
    eventually(lambda: not session_threads())
    assert not source.is_open
    assert session.feeds[0].broadcaster.closed


def test_sources_and_an_explainer_that_block_forever_do_not_delay_the_end(
    two, eventually, monkeypatch, session_threads
):
    session, explainer, sources = two
    timeouts_s, join = [], threading.Thread.join

    def note_and_join(thread, timeout=None):
        timeouts_s.append(timeout)
        join(thread, timeout)

    with explainer_blocked(explainer, eventually):
        for source in sources:
            source.block()
            eventually(lambda: source.is_blocked)  # noqa: B023
        before = session.describe()["frames"]
        with monkeypatch.context() as patches:
            patches.setattr(threading.Thread, "join", note_and_join)
            session.__exit__()
        assert None not in timeouts_s
        assert 0 < max(timeouts_s) <= 0.7, "of all, since each waits for what is left"
        # Threads that block are abandoned.
        blocked = {"worker", "reader of Front door", "reader of Back door"}
        eventually(lambda: {thread.name for thread in session_threads()} == blocked)
        assert session.describe()["frames"] == before
    for source in sources:
        source.release()
    eventually(lambda: not session_threads())
    assert not any(source.is_open for source in sources)


def test_each_source_has_a_feed_of_its_own_in_the_order_given(two):
    session, _, (front, back) = two
    assert [feed.name for feed in session.feeds] == [front.name, back.name]
    assert session.feeds[0].broadcaster is not session.feeds[1].broadcaster
    assert [source["name"] for source in session.describe()["sources"]] == ["Front door", "Back door"]
    assert session.describe()["source"]["name"] == "Front door"


def test_sources_of_the_same_name_are_numbered(fake_explainer, eventually):
    explainer = fake_explainer()
    with Session([DemoSource(), DemoSource(), DemoSource()], explainer) as session:
        eventually(lambda: all(feed.broadcaster.newest is not None for feed in session.feeds))
    name = DemoSource().name
    assert [feed.name for feed in session.feeds] == [name, f"{name} (2)", f"{name} (3)"]
    assert {each for batch in explainer.batches for each in batch} == {feed.name for feed in session.feeds}


def test_frames_of_all_sources_that_wait_are_explained_in_one_call(two, eventually):
    session, explainer, _ = two
    num_batches = len(explainer.batches)
    with explainer_blocked(explainer, eventually):
        before = [feed.metrics.read().captured for feed in session.feeds]
        eventually(
            lambda: all(
                feed.metrics.read().captured >= count + 2 for feed, count in zip(session.feeds, before, strict=True)
            )
        )
    eventually(lambda: len(explainer.batches) >= num_batches + 2)
    assert sorted(explainer.batches[num_batches + 1]) == ["Back door", "Front door"]


def test_the_counts_are_those_of_all_sources(two, eventually):
    session, _, _ = two
    eventually(lambda: all(source["frames"]["explained"] > 2 for source in session.describe()["sources"]))
    session.__exit__()
    description = session.describe()
    for count in ("captured", "explained", "dropped"):
        assert description["frames"][count] == sum(source["frames"][count] for source in description["sources"])


def test_a_source_that_is_lost_does_not_stop_the_others_and_the_session_stays_healthy(two, eventually):
    session, _, (front, back) = two
    front.open_errors = [UNPLUGGED] * 1000
    front.read_errors = [UNPLUGGED]
    eventually(lambda: session.feeds[0].status.state == "lost")
    before = session.feeds[1].broadcaster.newest.seq
    eventually(lambda: session.feeds[1].broadcaster.newest.seq > before + 3)
    eventually(lambda: not session.unhealthy_reason)
    description = session.describe()
    assert [source["state"] == "live" for source in description["sources"]] == [False, True]
    assert "unplugged" in description["sources"][0]["message"]
    assert description["sources"][1]["message"] == ""
    assert description["source"]["name"] == "Front door", "the first source is the first, lost or not"

    back.open_errors = [UNPLUGGED] * 1000
    back.read_errors = [UNPLUGGED]
    eventually(lambda: session.feeds[1].status.state == "lost")
    assert session.unhealthy_reason
    back.open_errors.clear()
    eventually(lambda: not session.unhealthy_reason)


def test_settings_apply_to_all_sources(two, eventually):
    session, _, sources = two
    session.settings.change(target=285)
    eventually(lambda: all(feed.broadcaster.newest.explanation.target.index == 285 for feed in session.feeds))
    session.settings.change(running=False)
    eventually(lambda: not any(source.is_open for source in sources))
    assert [feed.status.state for feed in session.feeds] == ["ended", "ended"]
    session.settings.change(running=True)
    eventually(lambda: [feed.status.state for feed in session.feeds] == ["live", "live"])


def test_a_session_of_visitors_describes_their_number_and_counts_but_none_of_their_frames(
    fake_explainer, make_frame, eventually
):
    with Session([], fake_explainer(), max_visitors=3) as session:
        assert session.feeds == []
        assert not session.unhealthy_reason
        assert describe(session)["source"]["state"] == "starting"
        feed = session.visitors.join("anna's secret")
        feed.offer(make_frame(), None)
        eventually(lambda: session.describe()["frames"] == {"captured": 1, "explained": 1, "dropped": 0})
        description = describe(session)
        assert description["source"]["kind"] == "browser"
        assert (description["sources"], description["top"], description["target"]) == ([], [], None)
        assert "anna" not in json.dumps(description)
    assert feed.broadcaster.closed, "visitors are disconnected at the end"


def test_a_session_of_visitors_is_live_while_one_shows_frames(fake_explainer, make_frame):
    session = Session([], fake_explainer(), max_visitors=3, clock=FakeClock())
    session.visitors.join("anna").offer(make_frame(), None)
    assert session.describe()["source"]["state"] == "live"


def test_where_sources_are_shown_there_are_no_visitors(fake_source, fake_explainer):
    assert Session([fake_source()], fake_explainer()).visitors is None


def test_threads_end_while_the_server_does(fake_source, fake_explainer, clock, monkeypatch):
    session = Session([fake_source()], fake_explainer(), clock=clock)
    limits_s = []
    for thread in (session._worker, *session._captures):
        monkeypatch.setattr(thread, "join", limits_s.append)
    session.request_stop()
    clock.advance(0.6)
    session.__exit__()
    assert limits_s == [pytest.approx(0.1)] * 2
