import json
from fractions import Fraction

import av
import numpy as np
import pytest

from live_cam.frame import Target
from live_cam.pipeline.annotate import AT_ONCE, AnnotateOptions, annotate
from live_cam.sinks.video_writer import VideoWriter

SIZE_PX = (64, 48)
LION, CAT = 291, 285


@pytest.fixture
def clip(tmp_path):
    """A video of 21 frames at an uneven rate, each a little brighter."""
    writer = VideoWriter(tmp_path / "clip.mp4", SIZE_PX, Fraction(1, 90_000))
    for number in range(21):
        writer.write(np.full((48, 64, 3), 40 + 4 * number, np.uint8), 3000 * number + 500 * (number % 3), 3000)
    writer.close()
    return writer.path


@pytest.fixture
def run(fake_explainer, tmp_path):
    """Annotates: `run(video, output="out.mp4", **options)` gives the outcome, the output and what was explained."""

    def annotate_it(video, output="out.mp4", **options):
        explainer = fake_explainer()
        told = []
        path = tmp_path / output
        outcome = annotate(video, path, explainer, AnnotateOptions(**options), lambda *far: told.append(far))
        return outcome, path, explainer, told

    return annotate_it


def packets(path):
    """Gives the time of each picture in a file, in seconds, without our decoder."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        return sorted(packet.pts * stream.time_base for packet in container.demux(stream) if packet.pts is not None)


def painted(path):
    """Tells of each picture of a grey video whether the place of most evidence is painted, in yellow."""
    with av.open(path) as container:
        pictures = [picture.to_ndarray(format="rgb24").astype(int) for picture in container.decode(video=0)]
    return [bool((picture[9:12, 12:15, 1] - picture[9:12, 12:15, 2]).mean() > 20) for picture in pictures]


def sidecar(path):
    return [json.loads(line) for line in path.with_suffix(".jsonl").read_text("utf-8").splitlines()]


def test_every_frame_is_explained_and_none_dropped(run, clip):
    outcome, path, explainer, told = run(clip)
    assert (outcome.state, outcome.frames, outcome.explained, outcome.problem) == ("done", 21, 21, "")
    assert packets(path) == packets(clip)
    assert [seq for seq, _ in explainer.explained] == list(range(21))
    assert [len(batch) for batch in explainer.batches] == [AT_ONCE, AT_ONCE, *[1] * (21 - 2 * AT_ONCE)]
    assert painted(path) == [True] * 21
    header, *lines, end = sidecar(path)
    ticks_s = Fraction(*header["time_base"])
    assert [line["pts"] * ticks_s for line in lines] == packets(clip)
    assert (header["source"], header["every"], end["end"]["frames"]) == ("clip.mp4", 1, 21)
    assert [done for done, _, _ in told] == list(range(1, 22))
    assert outcome.video_s == pytest.approx(float(packets(clip)[-1]) + 1 / 30, abs=0.02)


def test_of_every_nth_frame_the_map_stays_over_those_between(run, clip):
    outcome, path, explainer, _ = run(clip, every=5)
    assert (outcome.frames, outcome.explained) == (21, 5)
    assert packets(path) == packets(clip)
    assert [seq for seq, _ in explainer.explained] == [0, 5, 10, 15, 20]
    assert painted(path) == [True] * 21
    assert len(sidecar(path)) == 1 + 5 + 1


@pytest.mark.parametrize(("classes", "painted_n"), [({LION, CAT}, 21), ({CAT}, 0)])
def test_only_frames_of_some_classes_get_a_map(run, clip, classes, painted_n):
    outcome, path, *_ = run(clip, classes=frozenset(classes))
    assert (outcome.frames, outcome.explained) == (21, painted_n)
    assert sum(painted(path)) == painted_n
    assert len(sidecar(path)) == 1 + painted_n + 1


def test_the_question_is_put_to_each_frame(run, clip):
    _, path, explainer, _ = run(clip, target=Target(CAT, 282))
    assert {target for _, target in explainer.explained} == {Target(CAT, 282)}
    assert sidecar(path)[1]["target"]["index"] == CAT
    assert sidecar(path)[1]["versus"]["index"] == 282


def test_subtitles_come_along(run, clip, tmp_path):
    run(clip, subtitles=True)
    assert (tmp_path / "out.vtt").read_text("utf-8").startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.jsonl", "out.mp4", "out.vtt"]


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_other_containers_keep_the_times_to_a_millisecond(run, clip, suffix):
    outcome, path, *_ = run(clip, f"out{suffix}")
    assert outcome.state == "done"
    assert list(map(float, packets(path))) == pytest.approx(list(map(float, packets(clip))), abs=0.6e-3)


def test_what_is_done_is_skipped(run, clip):
    _, path, *_ = run(clip)
    before = path.read_bytes()
    outcome, _, explainer, _ = run(clip)
    assert outcome.state == "skipped"
    assert explainer.asked == 0
    assert path.read_bytes() == before


def test_what_was_done_otherwise_is_not_taken_for_done(run, clip):
    _, path, *_ = run(clip)
    before = path.read_bytes()
    outcome, *_ = run(clip, every=2)
    assert outcome.state == "failed"
    assert outcome.problem == f"{path} was made with another every; give another name or remove it"
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["out.mp4", "out.jsonl", "out.vtt"])
@pytest.mark.parametrize("after_a_kill", [False, True])
def test_nothing_of_the_users_is_overwritten(run, clip, tmp_path, name, after_a_kill):
    (tmp_path / name).write_bytes(b"precious")
    if after_a_kill:
        (tmp_path / ".out.mp4.part").mkdir()
    outcome, _, explainer, _ = run(clip, subtitles=True)
    assert outcome.state == "failed"
    assert f"{name} is there already and is not overwritten" in outcome.problem
    assert explainer.asked == 0
    assert (tmp_path / name).read_bytes() == b"precious"


@pytest.mark.parametrize("named", [[], ["out.jsonl"], ["out.jsonl", "out.vtt"]])
def test_a_run_that_was_killed_is_begun_anew(run, clip, tmp_path, named):
    run(clip, subtitles=True)
    (tmp_path / "out.mp4").unlink()
    for path in set(tmp_path.glob("out.*")) - {tmp_path / name for name in named}:
        path.unlink()
    left = tmp_path / ".out.mp4.part"
    left.mkdir()
    (left / "out.mp4").write_bytes(b"half")
    outcome, *_ = run(clip, subtitles=True)
    assert outcome.state == "done"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.jsonl", "out.mp4", "out.vtt"]


def test_a_file_that_is_cut_short_is_done_as_far_as_it_goes_and_said_so(run, real_videos, tmp_path):
    whole = (real_videos / "bikes.mp4").read_bytes()
    short = tmp_path / "short.mp4"
    with av.open(real_videos / "bikes.mp4") as source, av.open(short, "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    short.write_bytes(short.read_bytes()[: len(whole) // 4])
    outcome, path, *_ = run(short)
    assert outcome.state == "damaged"
    assert 20 < outcome.frames < 250
    assert len(packets(path)) == outcome.frames
    assert "may be cut short" in outcome.problem
    assert sidecar(path)[-1]["end"]["problem"] == outcome.problem
    again, *_ = run(short)
    assert (again.state, again.problem) == ("skipped", outcome.problem)


@pytest.mark.parametrize("content", [b"", b"no video", None])
def test_what_is_no_video_fails_and_leaves_nothing(run, tmp_path, content):
    video = tmp_path / "broken.mp4"
    if content is not None:
        video.write_bytes(content)
    outcome, *_ = run(video)
    assert outcome.state == "failed"
    assert "broken.mp4" in outcome.problem
    assert "\n" not in outcome.problem
    assert [path.name for path in tmp_path.iterdir()] == ([] if content is None else ["broken.mp4"])


def test_an_explainer_that_fails_leaves_nothing(run, clip, fake_explainer, tmp_path):
    explainer = fake_explainer()
    explainer.failure = RuntimeError("no more memory")
    with pytest.raises(RuntimeError, match="no more memory"):
        annotate(clip, tmp_path / "out.mp4", explainer, AnnotateOptions(), lambda *far: None)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_real_clip_keeps_its_sound(run, real_videos):
    source = real_videos / "bigbuckbunny.mp4"
    outcome, path, *_ = run(source)
    assert (outcome.state, outcome.frames) == ("done", 132)
    assert packets(path) == packets(source)
    with av.open(source) as before, av.open(path) as after:
        (was,), (found,) = before.streams.audio, after.streams.audio
        assert (found.codec.name, found.channels) == (was.codec.name, was.channels)
        sizes = [[packet.size for packet in container.demux(audio=0)] for container in (before, after)]
        assert sizes[0] == sizes[1]
