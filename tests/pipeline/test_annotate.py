import json
from fractions import Fraction

import av
import numpy as np
import pytest

from live_cam.frame import Target
from live_cam.pipeline import annotate as annotate_module
from live_cam.pipeline import annotation_road
from live_cam.pipeline.annotate import AnnotateOptions, annotate
from live_cam.pipeline.annotation_road import AT_ONCE
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


def test_what_speaks_against_a_class_is_asked_and_told_apart_when_it_is_run_again(run, clip):
    outcome, path, explainer, _ = run(clip, target=Target(LION, against=True))
    assert outcome.state == "done"
    assert {target for _, target in explainer.explained} == {Target(LION, against=True)}
    assert sidecar(path)[0]["against"] is True
    again, *_ = run(clip, target=Target(LION))
    assert (again.state, "made with another against" in again.problem) == ("failed", True)


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


@pytest.fixture
def killed(clip, fake_explainer, monkeypatch):
    """Leaves what a run leaves that is killed: `killed(folder, "out.jsonl")` once it has given that file its name."""

    def run_and_kill(folder, after, subtitles=True):
        def link_until_killed(made, path, link=annotate_module.link_new):
            if after == "never published":
                raise KeyboardInterrupt
            link(made, path)
            if path.name == after:
                raise KeyboardInterrupt

        with monkeypatch.context() as patches:
            patches.setattr(annotate_module, "link_new", link_until_killed)
            patches.setattr(annotate_module._Work, "__exit__", lambda *_: None)  # who is killed cleans up nothing
            options = AnnotateOptions(subtitles=subtitles)
            with pytest.raises(KeyboardInterrupt):
                annotate(clip, folder / "out.mp4", fake_explainer(), options, lambda *far: None)
        assert list(folder.glob(".live_cam-*.part"))

    return run_and_kill


@pytest.mark.parametrize("name", ["out.mp4", "out.jsonl", "out.vtt"])
@pytest.mark.parametrize("after_a_kill", [False, True])
def test_nothing_of_the_users_is_overwritten(run, clip, tmp_path, name, after_a_kill, killed):
    if after_a_kill:
        killed(tmp_path, "never published")
    (tmp_path / name).write_bytes(b"precious")
    outcome, _, explainer, _ = run(clip, subtitles=True)
    assert outcome.state == "failed"
    assert f"{name} is there already and is not overwritten" in outcome.problem
    assert explainer.asked == 0
    assert (tmp_path / name).read_bytes() == b"precious"


@pytest.mark.parametrize("after", ["never published", "out.jsonl", "out.vtt"])
def test_a_run_that_was_killed_is_begun_anew(run, clip, tmp_path, after, killed):
    killed(tmp_path, after)
    outcome, *_ = run(clip, subtitles=True)
    assert (outcome.state, outcome.problem) == ("done", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.jsonl", "out.mp4", "out.vtt"]


def test_a_run_that_was_killed_once_all_was_there_is_done(run, clip, tmp_path, killed):
    killed(tmp_path, "out.mp4", subtitles=False)
    outcome, *_ = run(clip)
    assert (outcome.state, outcome.problem) == ("skipped", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.jsonl", "out.mp4"]


def test_an_interrupt_between_the_names_leaves_none(clip, fake_explainer, tmp_path, monkeypatch):
    def link_and_interrupt(made, path, link=annotate_module.link_new):
        link(made, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(annotate_module, "link_new", link_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        annotate(clip, tmp_path / "out.mp4", fake_explainer(), AnnotateOptions(), lambda *far: None)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_disks_without_hard_links_will_do(run, clip, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    outcome, *_ = run(clip)
    assert outcome.state == "done"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.jsonl", "out.mp4"]


@pytest.mark.parametrize("name", ["x" * 240 + ".mp4", "\udcff[red] %d:é.mp4"])
def test_a_name_may_be_long_and_hold_any_bytes(run, clip, tmp_path, name):
    outcome, path, *_ = run(clip, name)
    assert (outcome.state, outcome.problem) == ("done", "")
    assert path.exists()
    assert outcome.output.encode()


def test_another_file_of_the_same_name_and_size_is_not_taken_for_done(run, clip):
    run(clip)
    data = clip.read_bytes()
    clip.write_bytes(data.replace(b"Lavf", b"LAVF"))
    assert clip.read_bytes() != data
    assert len(clip.read_bytes()) == len(data)
    outcome, *_ = run(clip)
    assert "was made with another source_digest" in outcome.problem


def test_of_every_nth_frame_few_wait_in_memory(run, clip, monkeypatch):
    lengths = []
    answered = annotation_road.Road._answered

    def look(self, waiting):
        lengths.append(len(waiting))
        return answered(self, waiting)

    monkeypatch.setattr(annotation_road.Road, "_answered", look)
    monkeypatch.setattr(annotation_road, "_MOST_BYTES_WAITING", 5 * 3 * SIZE_PX[0] * SIZE_PX[1])
    outcome, path, *_ = run(clip, every=20)
    assert (outcome.frames, outcome.explained) == (21, 2)
    assert painted(path) == [True] * 21
    assert max(lengths) == 1


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


def test_an_explainer_that_fails_is_told_and_leaves_nothing(clip, fake_explainer, tmp_path):
    explainer = fake_explainer()
    explainer.failure = RuntimeError("no more memory")
    outcome = annotate(clip, tmp_path / "out.mp4", explainer, AnnotateOptions(), lambda *far: None)
    assert (outcome.state, outcome.problem) == ("failed", "RuntimeError: no more memory")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_subtitles_end_where_frames_are_not_wanted_any_more(clip, tmp_path, monkeypatch, fake_explainer):
    explainer = fake_explainer()
    explain_all = explainer.explain_all

    def lions_at_first(frames, targets):
        return explain_all(frames, [Target(LION if frames[0].seq < AT_ONCE else CAT)])

    monkeypatch.setattr(explainer, "explain_all", lions_at_first)
    options = AnnotateOptions(classes=frozenset({LION}), subtitles=True)
    annotate(clip, tmp_path / "out.mp4", explainer, options, lambda *far: None)
    (cue,) = (tmp_path / "out.vtt").read_text("utf-8").split("\n\n")[1:-1]
    begin, end = cue.splitlines()[0].split(" --> ")
    assert begin == "00:00:00.000"
    assert "00:00:00.2" < end < "00:00:00.3"


def test_pixels_that_are_not_square_stay_so(run, tmp_path):
    writer = VideoWriter(tmp_path / "wide.mp4", SIZE_PX, Fraction(1, 90_000), sample_aspect_ratio=Fraction(64, 45))
    writer.write(np.full((48, 64, 3), 90, np.uint8), 0, 3000)
    writer.close()
    outcome, path, *_ = run(writer.path)
    assert outcome.state == "done"
    with av.open(path) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(64, 45)


def test_a_video_that_begins_late_keeps_its_times(run, tmp_path):
    writer = VideoWriter(tmp_path / "late.mp4", SIZE_PX, Fraction(1, 90_000))
    for number in range(3):
        writer.write(np.full((48, 64, 3), 90, np.uint8), 132_000 + 3003 * number, 3003)
    writer.close()
    outcome, path, *_ = run(writer.path)
    assert outcome.state == "done"
    assert packets(path) == packets(writer.path) == [Fraction(132_000 + 3003 * n, 90_000) for n in range(3)]
    assert [line["pts"] for line in sidecar(path)[1:-1]] == [132_000, 135_003, 138_006]


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
