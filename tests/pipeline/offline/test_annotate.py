"""Annotating files. Decoding and muxing run in this process, but for the tests that use `child_processes`."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from live_cam.explain.explainer import Explainer
from live_cam.files import link_new
from live_cam.pipeline.offline import annotate as annotate_module
from live_cam.pipeline.offline import frame_loop
from live_cam.pipeline.offline.annotate import AnnotateOptions, annotate
from live_cam.pipeline.offline.frame_loop import BATCH_SIZE
from live_cam.sinks.audio import mux, mux_process
from live_cam.sinks.video_writer import VideoWriter
from live_cam.sources.decode.isolated import DecodedFrame, VideoInfo
from live_cam.sources.decode.reader import VideoReader
from live_cam.types import Frame, Target
from tests.models.openvino_files.graphs import GraphWriter

SIZE_PX = (64, 48)
LION, CAT = 291, 285


class LocalVideoReader:
    """`IsolatedVideoReader` without isolation."""

    def __init__(self, path):
        self._reader = reader = VideoReader(str(path))
        self._frames = reader.frames()
        self._first = next(self._frames)
        height_px, width_px = reader.size_px
        ratio, duration_s = reader.sample_aspect_ratio, reader.duration_s
        self.info = VideoInfo(
            width_px, height_px, reader.time_base, reader.rate_fps, ratio, duration_s, reader.num_frames
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._frames.close()
        self._reader.close()

    @property
    def problem(self):
        return self._reader.problem

    def read(self):
        frame, self._first = self._first or next(self._frames, None), None
        return None if frame is None else DecodedFrame(*frame)

    def close(self):
        """Does nothing: there is no process to end."""


@pytest.fixture(autouse=True)
def in_this_process(request, monkeypatch):
    """Decodes and muxes without child processes, each of which takes a third of a second to start."""

    def run_mux_process(arguments):
        if arguments[0] == "--check":
            return "", json.dumps(mux_process.check(*arguments[1:]))
        mux_process.mux(*arguments)
        return "", ""

    if "child_processes" not in request.fixturenames:
        monkeypatch.setattr(annotate_module, "IsolatedVideoReader", LocalVideoReader)
        monkeypatch.setattr(mux_process, "_write_line", lambda message: None)
        monkeypatch.setattr(mux, "_run_process", run_mux_process)


@pytest.fixture
def child_processes():
    """Has a test use the real child processes."""


@pytest.fixture(scope="module")
def original_clip(tmp_path_factory):
    """A video of 21 frames at an uneven rate, each a little brighter."""
    writer = VideoWriter(tmp_path_factory.mktemp("clip") / "clip.mp4", SIZE_PX, Fraction(1, 90_000))
    for number in range(21):
        writer.write(np.full((48, 64, 3), 40 + 4 * number, np.uint8), 3000 * number + 500 * (number % 3), 3000)
    writer.close()
    return writer.path


@pytest.fixture
def clip(original_clip, tmp_path):
    """A copy of the video in the test's directory."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(original_clip.read_bytes())
    return path


@pytest.fixture
def run(fake_explainer, tmp_path):
    """Annotates: `run(video, output="out.mp4", **options)` returns result, output, explainer and progress calls."""

    def run(video, output="out.mp4", **options):
        explainer, progress, path = fake_explainer(), [], tmp_path / output
        result = annotate(video, path, explainer, AnnotateOptions(**options), lambda *done: progress.append(done))
        return result, path, explainer, progress

    return run


def packet_times(path):
    """Returns the time of each frame in a file, in seconds, without our decoder."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        return sorted(packet.pts * stream.time_base for packet in container.demux(stream) if packet.pts is not None)


def copy_start(source, path, seconds, **options):
    """Copies the packets of the first seconds of a video."""
    with av.open(source) as original, av.open(path, "w", options=options) as copy:
        streams = {stream.index: copy.add_stream_from_template(stream) for stream in original.streams}
        for packet in original.demux():
            if packet.dts is not None and packet.dts * packet.time_base < seconds:
                packet.stream = streams[packet.stream.index]
                copy.mux(packet)


def has_overlay(path):
    """Returns for each frame of a grey video whether the peak of the map is drawn, in yellow."""
    with av.open(path) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    return [bool((rgb[9:12, 12:15, 1] - rgb[9:12, 12:15, 2]).mean() > 20) for rgb in frames]


def sidecar(path):
    return [json.loads(line) for line in path.with_suffix(".jsonl").read_text("utf-8").splitlines()]


def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


def test_every_frame_is_explained_and_none_dropped(child_processes, run, clip):
    result, path, explainer, progress = run(clip)
    assert (result.state, result.frames, result.explained, result.problem) == ("done", 21, 21, "")
    assert packet_times(path) == packet_times(clip)
    assert [seq for seq, _ in explainer.explained] == list(range(21))
    assert [len(batch) for batch in explainer.batches] == [BATCH_SIZE, BATCH_SIZE, *[1] * (21 - 2 * BATCH_SIZE)]
    assert has_overlay(path) == [True] * 21
    header, *lines, end = sidecar(path)
    ticks_s = Fraction(*header["time_base"])
    assert [line["pts"] * ticks_s for line in lines] == packet_times(clip)
    assert (header["source"], header["every"], end["end"]["frames"]) == ("clip.mp4", 1, 21)
    assert [done for done, _, _ in progress] == list(range(1, 22))
    assert result.video_s == pytest.approx(float(packet_times(clip)[-1]) + 1 / 30, abs=0.02)


def test_counterfactual_targets_are_explained_and_distinguished_from_others_in_the_next_run(run, clip):
    result, path, explainer, _ = run(clip, target=Target(LION, counterfactual=True))
    assert result.state == "done"
    assert {target for _, target in explainer.explained} == {Target(LION, counterfactual=True)}
    assert sidecar(path)[0]["counterfactual"] is True
    again, *_ = run(clip, target=Target(LION))
    assert (again.state, "made with another counterfactual" in again.problem) == ("failed", True)


def test_with_every_n_frames_between_show_the_last_map(run, clip):
    result, path, explainer, _ = run(clip, every=5)
    assert (result.frames, result.explained) == (21, 5)
    assert packet_times(path) == packet_times(clip)
    assert [seq for seq, _ in explainer.explained] == [0, 5, 10, 15, 20]
    assert has_overlay(path) == [True] * 21
    assert len(sidecar(path)) == 1 + 5 + 1


@pytest.mark.parametrize(("classes", "num_overlays"), [({LION, CAT}, 21), ({CAT}, 0)])
def test_only_frames_of_the_given_classes_get_a_map(run, clip, classes, num_overlays):
    result, path, *_ = run(clip, classes=frozenset(classes))
    assert (result.frames, result.explained) == (21, num_overlays)
    assert sum(has_overlay(path)) == num_overlays
    assert len(sidecar(path)) == 1 + num_overlays + 1


def test_the_target_is_explained_in_each_frame(run, clip):
    _, path, explainer, _ = run(clip, target=Target(CAT, 282))
    assert {target for _, target in explainer.explained} == {Target(CAT, 282)}
    assert sidecar(path)[1]["target"]["index"] == CAT
    assert sidecar(path)[1]["contrast"]["index"] == 282


def test_subtitles_are_written(run, clip, tmp_path):
    run(clip, subtitles=True)
    assert (tmp_path / "out.vtt").read_text("utf-8").startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.")
    assert names_in(tmp_path) == ["clip.mp4", "out.jsonl", "out.mp4", "out.vtt"]


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_other_containers_keep_times_to_a_millisecond(run, clip, suffix):
    result, path, *_ = run(clip, f"out{suffix}")
    assert result.state == "done"
    assert list(map(float, packet_times(path))) == pytest.approx(list(map(float, packet_times(clip))), abs=0.6e-3)


def test_an_existing_output_is_skipped(run, clip):
    _, path, *_ = run(clip)
    before = path.read_bytes()
    result, _, explainer, _ = run(clip)
    assert result.state == "skipped"
    assert explainer.num_requested == 0
    assert path.read_bytes() == before


def test_an_output_of_other_options_is_not_skipped(run, clip):
    _, path, *_ = run(clip)
    before = path.read_bytes()
    result, *_ = run(clip, every=2)
    assert result.state == "failed"
    assert result.problem == f"{path} was made with another every; give another name or remove it"
    assert path.read_bytes() == before


def test_an_output_of_frames_resized_otherwise_is_not_skipped(run, clip, monkeypatch):
    _, path, explainer, _ = run(clip)
    assert sidecar(path)[0]["resize"] == "stretch"
    cropping = replace(explainer.classifier, resize="crop")
    monkeypatch.setattr(type(explainer), "classifier", cropping)
    result, *_ = run(clip)
    assert result.problem == f"{path} was made with another resize; give another name or remove it"


@pytest.fixture
def killed(clip, fake_explainer, monkeypatch):
    """Leaves what a killed run leaves: `killed(directory, "out.jsonl")` once that file has been published."""

    def run_and_kill(directory, after, subtitles=True):
        def link_until_killed(made, path, link=link_new):
            if after == "never published":
                raise KeyboardInterrupt
            link(made, path)
            if path.name == after:
                raise KeyboardInterrupt

        with monkeypatch.context() as patches:
            patches.setattr(annotate_module, "link_new", link_until_killed)
            patches.setattr(annotate_module._WorkDirectory, "__exit__", lambda *_: None)  # no cleanup after a kill
            options = AnnotateOptions(subtitles=subtitles)
            with pytest.raises(KeyboardInterrupt):
                annotate(clip, directory / "out.mp4", fake_explainer(), options, lambda *done: None)
        assert list(directory.glob(".live_cam-*.part"))

    return run_and_kill


@pytest.mark.parametrize("name", ["out.mp4", "out.jsonl", "out.vtt"])
@pytest.mark.parametrize("after_a_kill", [False, True])
def test_no_existing_file_is_overwritten(run, clip, tmp_path, name, after_a_kill, killed):
    if after_a_kill:
        killed(tmp_path, "never published")
    (tmp_path / name).write_bytes(b"precious")
    result, _, explainer, _ = run(clip, subtitles=True)
    assert result.state == "failed"
    assert f"{name} already exists and is not overwritten" in result.problem
    assert explainer.num_requested == 0
    assert (tmp_path / name).read_bytes() == b"precious"


@pytest.mark.parametrize("after", ["never published", "out.jsonl", "out.vtt"])
def test_after_a_kill_the_next_run_starts_over(run, clip, tmp_path, after, killed):
    killed(tmp_path, after)
    result, *_ = run(clip, subtitles=True)
    assert (result.state, result.problem) == ("done", "")
    assert names_in(tmp_path) == ["clip.mp4", "out.jsonl", "out.mp4", "out.vtt"]


def test_after_a_kill_with_all_files_published_the_next_run_skips(run, clip, tmp_path, killed):
    killed(tmp_path, "out.mp4", subtitles=False)
    result, *_ = run(clip)
    assert (result.state, result.problem) == ("skipped", "")
    assert names_in(tmp_path) == ["clip.mp4", "out.jsonl", "out.mp4"]


def test_an_interrupt_while_publishing_removes_all_files(clip, fake_explainer, tmp_path, monkeypatch):
    def link_and_interrupt(made, path, link=link_new):
        link(made, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(annotate_module, "link_new", link_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        annotate(clip, tmp_path / "out.mp4", fake_explainer(), AnnotateOptions(), lambda *done: None)
    assert names_in(tmp_path) == ["clip.mp4"]


def test_disks_without_hard_links_are_supported(run, clip, tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    result, *_ = run(clip)
    assert result.state == "done"
    assert names_in(tmp_path) == ["clip.mp4", "out.jsonl", "out.mp4"]


@pytest.mark.parametrize("name", ["x" * 248 + ".mp4", "\udcff[red] %d:é.mp4"])
def test_a_name_may_be_long_and_contain_any_bytes(run, clip, tmp_path, name):
    result, path, *_ = run(clip, name)
    assert (result.state, result.problem) == ("done", "")
    assert path.exists()
    assert result.output.encode()


@pytest.mark.parametrize(("suffix", "num_subtitles"), [(".mkv", 1), (".mp4", 0)])
def test_subtitles_are_kept_or_named_in_one_warning(run, clip, tmp_path, caplog, suffix, num_subtitles):
    (tmp_path / "english.srt").write_text("1\n00:00:00,100 --> 00:00:00,400\nHello\n\n")
    film = tmp_path / "film.mkv"
    with av.open(clip) as video, av.open(tmp_path / "english.srt") as texts, av.open(film, "w") as container:
        for source in (video, texts):
            container.add_stream_from_template(source.streams[0])
        for number, source in enumerate((video, texts)):
            for packet in source.demux():
                if packet.size:
                    packet.stream = container.streams[number]
                    container.mux(packet)
    result, path, *_ = run(film, f"out{suffix}")
    assert (result.state, result.problem) == ("done", "")
    with av.open(path) as container:
        assert len(container.streams.subtitles) == num_subtitles
    warning = f"{film}: subtitle track 1 is left out: .mp4 can't hold the format; .mkv holds more of them"
    assert [record.getMessage() for record in caplog.records] == ([] if num_subtitles else [warning])


def test_a_name_that_leaves_no_room_for_the_sidecar_is_refused_in_one_line(run, clip, tmp_path):
    result, *_ = run(clip, "x" * 251 + ".mp4")
    assert result.problem == f"cannot write {tmp_path / ('x' * 251)}.jsonl: File name too long"
    assert names_in(tmp_path) == ["clip.mp4"]


def test_another_input_of_the_same_name_and_size_is_not_skipped(run, clip):
    run(clip)
    data = clip.read_bytes()
    clip.write_bytes(data.replace(b"Lavf", b"LAVF"))
    assert clip.read_bytes() != data
    assert len(clip.read_bytes()) == len(data)
    result, *_ = run(clip)
    assert "was made with another source_digest" in result.problem


def test_with_every_n_few_frames_wait_in_memory(run, clip, monkeypatch):
    lengths = []
    explain_batch = frame_loop.AnnotationPipeline._explain_batch

    def note_length(self, waiting):
        lengths.append(len(waiting))
        return explain_batch(self, waiting)

    monkeypatch.setattr(frame_loop.AnnotationPipeline, "_explain_batch", note_length)
    monkeypatch.setattr(frame_loop, "MAX_WAITING_BYTES", 5 * 3 * SIZE_PX[0] * SIZE_PX[1])
    result, path, *_ = run(clip, every=20)
    assert (result.frames, result.explained) == (21, 2)
    assert has_overlay(path) == [True] * 21
    assert max(lengths) == 1


def test_a_truncated_file_is_annotated_as_far_as_it_decodes_and_reported(child_processes, run, real_videos, tmp_path):
    truncated = tmp_path / "truncated.mp4"
    copy_start(real_videos / "bikes.mp4", truncated, 3.0, movflags="faststart")
    truncated.write_bytes(truncated.read_bytes()[: truncated.stat().st_size // 2])
    result, path, *_ = run(truncated)
    assert result.state == "damaged"
    assert 10 < result.frames < 75
    assert len(packet_times(path)) == result.frames
    assert "may be cut short" in result.problem
    assert sidecar(path)[-1]["end"]["problem"] == result.problem
    again, *_ = run(truncated)
    assert (again.state, again.problem) == ("skipped", result.problem)


@pytest.mark.parametrize("content", [b"", b"no video", None])
def test_a_file_that_is_no_video_fails_and_leaves_nothing(child_processes, run, tmp_path, content):
    video = tmp_path / "broken.mp4"
    if content is not None:
        video.write_bytes(content)
    result, *_ = run(video)
    assert result.state == "failed"
    assert "broken.mp4" in result.problem
    assert "\n" not in result.problem
    assert names_in(tmp_path) == ([] if content is None else ["broken.mp4"])


def test_an_explainer_that_fails_is_reported_and_leaves_nothing(clip, fake_explainer, tmp_path):
    explainer = fake_explainer()
    explainer.failure = RuntimeError("no more memory")
    result = annotate(clip, tmp_path / "out.mp4", explainer, AnnotateOptions(), lambda *done: None)
    assert (result.state, result.problem) == ("failed", "RuntimeError: no more memory")
    assert names_in(tmp_path) == ["clip.mp4"]


def test_a_subtitle_ends_where_the_class_is_excluded(clip, tmp_path, monkeypatch, fake_explainer):
    explainer = fake_explainer()
    explain_all = explainer.explain_all

    def lions_at_first(frames, targets):
        return explain_all(frames, [Target(LION if frames[0].seq < BATCH_SIZE else CAT)])

    monkeypatch.setattr(explainer, "explain_all", lions_at_first)
    options = AnnotateOptions(classes=frozenset({LION}), subtitles=True)
    annotate(clip, tmp_path / "out.mp4", explainer, options, lambda *done: None)
    (cue,) = (tmp_path / "out.vtt").read_text("utf-8").split("\n\n")[1:-1]
    start, end = cue.splitlines()[0].split(" --> ")
    assert start == "00:00:00.000"
    assert "00:00:00.2" < end < "00:00:00.3"


def test_the_sample_aspect_ratio_is_kept(run, tmp_path):
    writer = VideoWriter(tmp_path / "wide.mp4", SIZE_PX, Fraction(1, 90_000), sample_aspect_ratio=Fraction(64, 45))
    writer.write(np.full((48, 64, 3), 90, np.uint8), 0, 3000)
    writer.close()
    result, path, *_ = run(writer.path)
    assert result.state == "done"
    with av.open(path) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(64, 45)


def test_a_video_that_starts_late_keeps_its_times(run, tmp_path):
    writer = VideoWriter(tmp_path / "late.mp4", SIZE_PX, Fraction(1, 90_000))
    for number in range(3):
        writer.write(np.full((48, 64, 3), 90, np.uint8), 132_000 + 3003 * number, 3003)
    writer.close()
    result, path, *_ = run(writer.path)
    assert result.state == "done"
    assert packet_times(path) == packet_times(writer.path) == [Fraction(132_000 + 3003 * n, 90_000) for n in range(3)]
    assert [line["pts"] for line in sidecar(path)[1:-1]] == [132_000, 135_003, 138_006]


def test_a_real_video_keeps_its_audio(child_processes, run, real_videos, tmp_path):
    source = tmp_path / "source.mp4"
    copy_start(real_videos / "bigbuckbunny.mp4", source, 0.5)
    result, path, *_ = run(source)
    assert (result.state, result.frames) == ("done", 13)
    assert packet_times(path) == packet_times(source)
    with av.open(source) as before, av.open(path) as after:
        (old,), (new,) = before.streams.audio, after.streams.audio
        assert (new.codec.name, new.channels) == (old.codec.name, old.channels)
        sizes = [[packet.size for packet in container.demux(audio=0)] for container in (before, after)]
        assert sizes[0] == sizes[1]
        assert len(sizes[0]) > 20


@pytest.mark.slow
@pytest.mark.parametrize("resize", ["stretch", "pad"])
def test_the_network_explains_each_frame_as_it_does_alone(real_videos, tmp_path, resize):
    clip, path = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    copy_start(real_videos / "bikes.mp4", clip, (BATCH_SIZE + 2) / 25)
    options: dict[str, Any] = {"resize": resize, "precision": "float32", "batch_size": BATCH_SIZE}
    if resize == "pad":  # which another network does as well as ResNet50
        writer = GraphWriter(("N", 3, "H", "W")).features().pooled().dense().add("Softmax")
        options |= {"model": writer.write(tmp_path / "small.onnx"), "preprocess": "0..1"}
    explainer = Explainer(**options, performance_hint="throughput", smooth=False)
    assert annotate(clip, path, explainer, AnnotateOptions(), lambda *_: None).state == "done"
    _, *lines, _ = sidecar(path)
    assert len(lines) > BATCH_SIZE
    for line, (rgb, _, _) in zip(lines, VideoReader(str(clip)).frames(), strict=True):
        alone = explainer.explain(Frame(rgb, 0)).describe()
        assert [each["index"] for each in line["top"]] == [each["index"] for each in alone["top"]]
        assert line["evidence"] == pytest.approx(alone["evidence"], abs=1e-4)
        assert line["target"] == alone["target"]
