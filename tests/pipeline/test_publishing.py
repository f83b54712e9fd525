import av
import pytest

from live_cam.errors import UsageError
from live_cam.pipeline.publishing import parse_targets
from live_cam.pipeline.session import Session

pytestmark = pytest.mark.slow


def test_each_source_is_published_as_viewers_see_it(fake_source, fake_explainer, tmp_path, eventually):
    sources = [fake_source(name="Left", size_px=(64, 48)), fake_source(name="Right", size_px=(80, 32))]
    targets = parse_targets([str(tmp_path / "public")], False, 2)
    with Session(sources, fake_explainer()) as session:
        assert session.describe()["publishers"] == []
        session.publishing.start(targets, "both")
        eventually(lambda: all(status.sent >= 3 for status in session.publishing.statuses))
        described = session.describe()["publishers"]
        # A frozen view is explained again, and published as it is then.
        sent = session.publishing.statuses[0].sent
        session.settings.change(frozen=True)
        session.settings.change(colormap="jet")
        eventually(lambda: session.publishing.statuses[0].sent >= sent + 3)
    assert [(each["source"], each["target"], each["state"]) for each in described] == [
        ("Left", "public/index-1.m3u8", "live"),
        ("Right", "public/index-2.m3u8", "live"),
    ]
    assert {status.state for status in session.publishing.statuses} == {"ended"}
    for number, size in ((1, (128, 48)), (2, (160, 32))):
        with av.open(str(tmp_path / "public" / f"index-{number}.m3u8")) as container:
            frames = list(container.decode(video=0))
        assert {(frame.width, frame.height) for frame in frames} == {size}
        # The right half has the map, the left has none.
        overlay = frames[0].to_ndarray(format="rgb24").astype(int)
        left, right = overlay[:, : size[0] // 2], overlay[:, size[0] // 2 :]
        assert abs(left[..., 1] - left[..., 0]).max() < 12
        assert abs(right[..., 1] - right[..., 0]).max() > 40


def test_targets_are_those_of_each_source():
    targets = parse_targets(["rtmp://a.example/live/x", "rtsp://b.example/y"], False, 2)
    assert [[each.url for each in of_source] for of_source in targets] == [
        ["rtmp://a.example/live/x-1", "rtsp://b.example/y-1"],
        ["rtmp://a.example/live/x-2", "rtsp://b.example/y-2"],
    ]
    assert parse_targets([], False, 3) == [[], [], []]
    with pytest.raises(UsageError):
        parse_targets(["http://a.example"], False, 1)
