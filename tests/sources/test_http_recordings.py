"""Recordings over HTTP: files and playlists of segments."""

import re

import numpy as np
import pytest

from live_cam.errors import SourceError
from tests.sources.helpers import assert_one_line, playlist
from tests.sources.http_camera import LEVELS, levels, read, send_body, send_head
from tests.videos import grey, write_video

pytestmark = pytest.mark.slow

HLS = "application/vnd.apple.mpegurl"


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """An MP4 of 100 kB with its index at the end."""
    noise = np.random.default_rng(0).integers(0, 256, (30, 120, 160, 3), np.uint8)
    return write_video(tmp_path_factory.mktemp("recording") / "index_last.mp4", list(noise)).read_bytes()


def test_a_recording_that_can_t_be_played_from_its_server_is_named_and_not_fetched(serve, recording):
    assert recording.index(b"mdat") < recording.index(b"moov")
    assert len(recording) > 100_000
    with pytest.raises(SourceError) as failure:
        read(serve(send_body("video/mp4", recording)).url("/film.mp4"))
    assert_one_line(failure.value, "its index at the end, on a server that does not send parts; download it")


def test_a_recording_is_played_from_a_server_that_sends_parts(serve, recording):
    def respond(connection, request):
        start = int(re.search(r"^Range: bytes=(\d+)-", request, re.IGNORECASE | re.MULTILINE)[1])
        end = len(recording) - 1
        content_range = f"Content-Range: bytes {start}-{end}/{len(recording)}"
        length = f"Content-Length: {end + 1 - start}"
        send_head(connection, "video/mp4", length, content_range, status="206 Partial Content")
        connection.sendall(recording[start:])

    def respond_whole_at_first(connection, request):
        (respond if "range:" in request.lower() else send_body("video/mp4", recording))(connection, request)

    assert read(serve(respond_whole_at_first).url("/film.mp4"), 2)[0][0].shape == (120, 160, 3)


def serve_paths(serve, responses):
    """Runs a server of these responses by path."""
    return serve(lambda connection, request: responses[request.split()[1]](connection, request))


@pytest.mark.parametrize("name", ["segment.php?n=1", "segment", "segment.jpg"])
def test_a_segment_may_have_any_name(serve, tmp_path, name):
    segment = write_video(tmp_path / "segment.ts", [grey(120)] * 5).read_bytes()
    responses = {
        "/live": send_body(HLS, playlist("#EXT-X-TARGETDURATION:1", "#EXTINF:0.2,", name)),
        f"/{name}": send_body("video/mp2t", segment),
    }
    assert levels(read(serve_paths(serve, responses).url("/live"), 1)) == [120]


@pytest.mark.parametrize("starts_s", [(7, 3607), (3607, 7)], ids=["an hour on", "an hour back"])
def test_a_jump_in_the_timestamps_takes_no_time(serve, tmp_path, starts_s):
    parts = [
        write_video(tmp_path / f"{start_s}.ts", [grey(level)] * 5, output_ts_offset=str(start_s)).read_bytes()
        for start_s, level in zip(starts_s, LEVELS, strict=False)
    ]
    lines = ["#EXT-X-TARGETDURATION:1", "#EXTINF:0.2,", "0.ts", "#EXT-X-DISCONTINUITY", "#EXTINF:0.2,", "1.ts"]
    responses = {"/live": send_body(HLS, playlist(*lines))}
    responses |= {f"/{number}.ts": send_body("video/mp2t", part) for number, part in enumerate(parts)}
    frames = read(serve_paths(serve, responses).url("/live"), 7)
    assert set(levels(frames)) == {60, 120}
    assert max(np.diff([pts_ns for _, pts_ns in frames])) < 2e9
