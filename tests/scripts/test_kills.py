"""The script that kills recordings; `python -m scripts.kills` runs fifty."""

from __future__ import annotations

import av
import numpy as np
import pytest

from scripts import kills


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "video.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        for number in range(5):
            rgb = np.full((48, 64, 3), 40 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.slow
def test_a_killed_recording_plays(tmp_path, capsys):
    kill = kills.record_and_kill(tmp_path / "recording.mp4", 0.0, min_frames=12)
    assert kill.lines >= 10
    assert len(kill.times_s) > 0
    assert kill.recorded_s > kill.times_s[-1]
    kills.report([kill])
    assert capsys.readouterr().out.startswith("1 of 1 play, 0 had no frame yet")


def test_a_video_plays_as_far_as_it_decodes(video):
    assert kills.frame_times_s(video) == pytest.approx([0.0, 0.04, 0.08, 0.12, 0.16])
    with av.open(video) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    video.write_bytes(video.read_bytes().replace(packets[3], bytes(len(packets[3]))))
    assert kills.frame_times_s(video) == pytest.approx([0.0, 0.04, 0.08])


def test_what_does_not_play_has_no_frames(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(b"")
    assert kills.frame_times_s(path) == []
    with av.open(tmp_path / "tone.mka", "w") as container:
        container.add_stream("pcm_s16le", rate=48000, layout="mono")
        container.start_encoding()
    assert kills.frame_times_s(tmp_path / "tone.mka") == []


def test_an_incomplete_line_does_not_count(tmp_path):
    sidecar = tmp_path / "video.jsonl"
    sidecar.write_text('{"time_base": [1, 1000]}\n{"pts": 40}\n{"pts": 80}\n{"pt')
    assert kills.sidecar_lines(sidecar) == (2, 0.08)
    sidecar.write_text('{"time_base": [1, 1000]}\n')
    assert kills.sidecar_lines(sidecar) == (0, 0.0)


@pytest.mark.parametrize(
    ("lost_s", "is_good", "line"),
    [
        ([(0.1, 0.2), (0.3, 1.0)], True, "2 of 2 play, 0 had no frame yet; 2 of these"),
        ([(0.1, 0.2), None], False, "1 of 2 play, 0 had no frame yet; 1 of these"),
        ([(0.1, 0.2), (0.3, 1.1)], False, "2 of 2 play, 0 had no frame yet; 1 of these"),
        ([None, None], False, "0 of 2 play, 0 had no frame yet; 0 of these"),
    ],
)
def test_only_what_plays_and_lost_little_is_good(capsys, lost_s, is_good, line):
    """Each recording of 4 s lost so much of its video and its sidecar; None does not play."""
    cut_short = [
        kills.Kill(True, 4.0, [], 0, 4.0)
        if lost is None
        else kills.Kill(True, 4.0, [0.0, 4.0 - lost[0]], 2, 4.0 - lost[1])
        for lost in lost_s
    ]
    assert kills.report(cut_short) is is_good
    assert line in capsys.readouterr().out


def test_a_recording_killed_before_its_first_frame_is_good_if_little_was_lost(capsys):
    assert kills.report([kills.Kill(False, 0.3, [], 0, 0.0)])
    assert capsys.readouterr().out.startswith("0 of 1 play, 1 had no frame yet; 1 of these")
    assert not kills.report([kills.Kill(False, 1.1, [], 0, 0.0)])
