import json
import threading
import time

import pytest

from live_cam.errors import SourceError
from live_cam.pipeline.session import Session
from live_cam.sources.demo import DemoSource


def _threads():
    names = [thread.name for thread in threading.enumerate()]
    return {name for name in names if name in ("capture", "worker") or name.startswith("reader of ")}


@pytest.fixture
def live(fake_source, fake_explainer, eventually):
    """Gives a session's source, explainer and the session, once frames flow."""
    source, explainer = fake_source(), fake_explainer()
    with Session([source], explainer) as session:
        eventually(lambda: session.healthy and session.feeds[0].status.state == "live")
        yield source, explainer, session
        source.release()


@pytest.fixture
def two(fake_source, fake_explainer, eventually):
    """Gives a session with two sources, its explainer and the sources, once frames of both are explained."""
    sources = [fake_source(name=name, rate_fps=60.0) for name in ("Front door", "Back door")]
    explainer = fake_explainer(delay_s=0.02)
    with Session(sources, explainer) as session:
        eventually(lambda: all(feed.hub.newest is not None for feed in session.feeds))
        yield session, explainer, sources


def test_a_slow_step_drops_frames_before_it_counts_them_and_shows_none_late(fake_explainer, eventually):
    step_ms, interval_ms = 500, 1000 / 30
    with Session([DemoSource()], fake_explainer(delay_s=step_ms / 1000)) as session:
        eventually(lambda: session.describe()["frames"]["explained"] >= 5)
        told = session.describe()
    frames = told["frames"]
    waiting = frames["captured"] - frames["explained"] - frames["dropped"]
    assert frames["dropped"] > 7, "about 14 of 15 frames"
    # At most one is with the explainer and one in the inbox; one more may have come while they were counted.
    assert 0 <= waiting <= 3
    encoding_ms = 400
    assert step_ms <= told["age_ms"]["p50"] < step_ms + interval_ms + encoding_ms
    assert 0 < told["fps"] <= 1000 / step_ms + 1


def test_frames_explained_keep_rising_while_the_session_runs(live, eventually):
    _, _, session = live
    before = session.describe()["frames"]["explained"]
    eventually(lambda: session.describe()["frames"]["explained"] >= before + 5)


def test_a_description_is_json_with_exactly_what_the_design_promises(live):
    _, _, session = live
    told = json.loads(json.dumps(session.describe()))
    assert told.keys() == {
        *("source", "frames", "fps", "age_ms", "top", "target", "viewers", "runtime", "precision", "recording"),
        *("sources", "painted_age_ms"),
    }
    assert told["source"] == {"name": "Fake camera", "kind": "camera", "state": "live", "message": ""}
    assert told["frames"].keys() == {"captured", "explained", "dropped"}
    assert told["age_ms"].keys() == {"p50", "p95"}
    assert told["painted_age_ms"] == {"p50": None, "p95": None}
    assert [score.keys() for score in told["top"]] == [{"index", "label", "probability"}] * 3
    assert told["target"] == "lion"
    assert told["top"][0]["label"] == "lion"
    assert (told["viewers"], told["runtime"], told["precision"], told["recording"]) == (0, "fake", "float32", None)
    (source,) = told["sources"]
    assert source.keys() == {
        *("name", "kind", "state", "message", "frames", "fps", "age_ms", "painted_age_ms", "top", "target"),
    }
    assert {word: source[word] for word in told["source"]} == told["source"]
    assert (source["top"], source["target"]) == (told["top"], told["target"])


def test_a_session_can_be_described_before_its_first_frame(fake_source, fake_explainer):
    told = json.loads(json.dumps(Session([fake_source()], fake_explainer()).describe()))
    assert told["source"]["state"] == "starting"
    assert told["frames"] == {"captured": 0, "explained": 0, "dropped": 0}
    assert told["age_ms"] == {"p50": None, "p95": None}
    assert told["top"] == []
    assert told["target"] is None
    assert told["sources"][0]["target"] is None


def test_how_old_pictures_were_when_viewers_had_painted_them_is_told(live):
    _, _, session = live
    session.feeds[0].statistics.count_painted(42.0)
    told = session.describe()
    assert told["painted_age_ms"] == told["sources"][0]["painted_age_ms"] == {"p50": 42.0, "p95": 42.0}


def test_a_session_whose_source_is_being_opened_counts_as_healthy(fake_source, fake_explainer):
    assert Session([fake_source()], fake_explainer()).healthy


def test_while_its_source_is_lost_a_session_is_unhealthy_and_keeps_the_last_picture(live, eventually):
    source, _, session = live
    source.open_errors = [SourceError("it was unplugged")]
    source.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: session.feeds[0].status.state == "lost")
    assert not session.healthy
    assert "it was unplugged" in session.describe()["source"]["message"]
    assert session.feeds[0].hub.newest is not None
    eventually(lambda: session.healthy)


def test_a_session_that_was_stopped_on_purpose_counts_as_healthy(live, eventually):
    source, _, session = live
    session.controls.change(running=False)
    eventually(lambda: session.feeds[0].status.state == "ended")
    assert session.healthy
    eventually(lambda: not source.is_open)


def test_a_failing_explainer_is_told_as_the_sources_state_and_recovers(live, eventually):
    _, explainer, session = live
    explainer.failure = RuntimeError("out of memory")
    eventually(lambda: session.feeds[0].status.state == "lost")
    assert "out of memory" in session.describe()["source"]["message"]
    assert not session.healthy
    assert session.illness == "Explaining failed: out of memory"
    explainer.failure = None
    eventually(lambda: session.feeds[0].status.state == "live")


def test_leaving_a_session_ends_its_threads_and_closes_source_and_hub(live, eventually):
    source, _, session = live
    assert _threads() == {"capture", "worker", "reader of Fake camera"}
    start_s = time.monotonic()
    session.__exit__()
    assert time.monotonic() - start_s < 5.0
    eventually(lambda: not _threads())
    assert not source.is_open
    assert session.feeds[0].hub.closed


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
    assert time.monotonic() - start_s < 5.0
    eventually(lambda: _threads() == {"worker", "reader of Fake camera"})  # what blocks is left behind
    assert session.describe()["frames"] == before
    source.release()
    explainer.end()
    eventually(lambda: not _threads())
    assert not source.is_open


def test_each_source_gets_a_feed_of_its_own_in_the_order_given(two):
    session, _, (front, back) = two
    assert [feed.name for feed in session.feeds] == [front.name, back.name]
    assert session.feeds[0].hub is not session.feeds[1].hub
    assert [source["name"] for source in session.describe()["sources"]] == ["Front door", "Back door"]
    assert session.describe()["source"]["name"] == "Front door"


def test_sources_of_the_same_name_are_told_apart(fake_explainer, eventually):
    explainer = fake_explainer()
    with Session([DemoSource(), DemoSource(), DemoSource()], explainer) as session:
        eventually(lambda: all(feed.hub.newest is not None for feed in session.feeds))
    name = DemoSource().name
    assert [feed.name for feed in session.feeds] == [name, f"{name} (2)", f"{name} (3)"]
    assert {each for batch in explainer.batches for each in batch} == {feed.name for feed in session.feeds}


def test_frames_of_all_sources_that_wait_are_explained_in_one_call(two, eventually):
    _, explainer, _ = two
    explainer.delay_s = 0.05
    before = len(explainer.batches)
    eventually(lambda: len(explainer.batches) >= before + 20)
    batches = [sorted(batch) for batch in explainer.batches[before:]]
    assert batches.count(["Back door", "Front door"]) > len(batches) / 2


def test_the_counts_are_those_of_all_sources_and_the_rate_is_the_sum(two, eventually):
    session, _, _ = two

    def adds_up():
        told = session.describe()
        rates = [source["fps"] for source in told["sources"]]
        return min(rates) > 5 and abs(told["fps"] - sum(rates)) < 2

    eventually(adds_up)
    session.__exit__()
    told = session.describe()
    for count in ("captured", "explained", "dropped"):
        counts = [source["frames"][count] for source in told["sources"]]
        assert told["frames"][count] == sum(counts)
        assert count == "dropped" or min(counts) > 0


def test_a_source_that_is_lost_does_not_stop_the_others_and_the_session_stays_healthy(two, eventually):
    session, _, (front, back) = two
    front.open_errors = [SourceError("it was unplugged")] * 1000
    front.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: session.feeds[0].status.state == "lost")
    before = session.feeds[1].hub.newest.seq
    eventually(lambda: session.feeds[1].hub.newest.seq > before + 10)
    assert session.healthy
    told = session.describe()
    assert [source["state"] == "live" for source in told["sources"]] == [False, True]
    assert "unplugged" in told["sources"][0]["message"]
    assert told["sources"][1]["message"] == ""
    assert told["source"]["message"] == told["sources"][0]["message"], "the first source is the first, lost or not"

    back.open_errors = [SourceError("it was unplugged")] * 1000
    back.read_errors = [SourceError("it was unplugged")]
    eventually(lambda: session.feeds[1].status.state == "lost")
    assert not session.healthy
    back.open_errors.clear()
    eventually(lambda: session.healthy)


def test_controls_turn_all_sources_at_once(two, eventually):
    session, _, sources = two
    session.controls.change(target=285)
    eventually(lambda: all(feed.hub.newest.explanation.target.index == 285 for feed in session.feeds))
    session.controls.change(running=False)
    eventually(lambda: not any(source.is_open for source in sources))
    assert [feed.status.state for feed in session.feeds] == ["ended", "ended"]
    session.controls.change(running=True)
    eventually(lambda: [feed.status.state for feed in session.feeds] == ["live", "live"])


def test_leaving_a_session_with_several_sources_that_block_takes_no_longer(two, eventually):
    session, explainer, sources = two
    explainer.delay_s = 60.0
    for source in sources:
        source.block()
        eventually(lambda: source.is_blocked)  # noqa: B023 (waited for within the turn)
    start_s = time.monotonic()
    session.__exit__()
    assert time.monotonic() - start_s < 5.0


def test_a_session_of_visitors_tells_their_number_and_counts_but_nothing_of_their_pictures(
    fake_explainer, make_frame, eventually
):
    with Session([], fake_explainer(), most_visitors=3) as session:
        assert session.feeds == []
        assert session.healthy
        told = json.loads(json.dumps(session.describe()))
        assert told["source"]["state"] == "starting"
        feed = session.visitors.join("anna's secret")
        feed.offer(make_frame(), None)
        eventually(lambda: feed.hub.newest is not None)
        told = json.loads(json.dumps(session.describe()))
        assert (told["source"]["state"], told["source"]["kind"]) == ("live", "browser")
        eventually(lambda: session.describe()["frames"] == {"captured": 1, "explained": 1, "dropped": 0})
        assert (told["sources"], told["top"], told["target"]) == ([], [], None)
        assert "anna" not in json.dumps(told)
    assert feed.hub.closed, "the end sends visitors home"


def test_where_sources_are_shown_there_are_no_visitors(live):
    _, _, session = live
    assert session.visitors is None
