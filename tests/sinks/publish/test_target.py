from pathlib import Path

import av
import pytest

from live_cam.errors import LiveCamError, OutputError, UsageError
from live_cam.sinks.publish import target as target_module
from live_cam.sinks.publish.target import PublishTarget, number_targets

HAS_WHIP = pytest.mark.skipif("whip" not in av.formats_available, reason="WHIP came with FFmpeg 8")


@pytest.mark.parametrize(
    ("word", "name", "muxer"),
    [
        ("rtsp://user:secret@10.0.0.2:8554/secret/key?k=secret", "rtsp://10.0.0.2:8554", "rtsp"),
        ("rtmp://a.example/live2/secret-key", "rtmp://a.example", "flv"),
        ("RTMPS://a.example:443/app/secret", "rtmps://a.example:443", "flv"),
        ("rtsp://[fe80::1]/secret", "rtsp://[fe80::1]", "rtsp"),
    ],
)
def test_a_url_is_shown_without_credentials_and_path(word, name, muxer):
    target = PublishTarget.parse(word)
    assert (target.name, target.muxer) == (name, muxer)
    assert "secret" in target.url
    assert "secret" not in repr(target)


@HAS_WHIP
@pytest.mark.parametrize("user_info", ["tok%2Fen@", "user:tok%2Fen@"])
def test_whip_is_http_with_a_bearer_token(user_info):
    target = PublishTarget.parse(f"whip+https://{user_info}host.example:8443/camera/whip?x=1")
    assert target.url == "https://host.example:8443/camera/whip?x=1"
    assert target.options["authorization"] == "tok/en"
    assert target.name == "whip+https://host.example:8443"
    assert "tok" not in repr(target)


def test_a_folder_and_a_playlist_are_hls_whose_folder_is_made(tmp_path):
    folder = PublishTarget.parse(str(tmp_path / "public"))
    assert (folder.url, folder.name, folder.muxer) == (
        str(tmp_path / "public" / "index.m3u8"),
        "public/index.m3u8",
        "hls",
    )
    assert (tmp_path / "public").is_dir()
    playlist = PublishTarget.parse(str(tmp_path / "public" / "camera.M3U8"))
    assert playlist.url == str(tmp_path / "public" / "camera.M3U8")


@pytest.mark.parametrize(
    ("word", "fragments"),
    [
        ("ftp://user:secret@host/x", ("ftp://", "rtsp://, rtmp://")),
        ("user:secret://x", ("URLs of this kind",)),
        ("rtmp://user:sec ret@host/live", ("percent-encode",)),
        ("rtsp://user:secret@host:99999/live", ("no valid host and port",)),
        ("rtmp:///live/secret", ("no host",)),
        ("", ("--publish needs",)),
        ("missing/folder/here", ("can't be made",)),
    ],
)
def test_what_cannot_be_published_to_is_one_line_without_secrets(word, fragments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LiveCamError) as failure:
        PublishTarget.parse(word)
    message = str(failure.value)
    assert all(fragment in message for fragment in fragments)
    assert "secret" not in message
    assert "\n" not in message
    assert failure.value.__context__ is None or "secret" not in str(failure.value.__context__)


@pytest.mark.parametrize("content", ["#EXTM3U\nmovie.ts\n", "my notes", "#EXTM3U\n../index-1795978264.m4s\n"])
def test_a_playlist_of_somebody_else_is_not_overwritten(tmp_path, content):
    (tmp_path / "index.m3u8").write_text(content)
    with pytest.raises(OutputError, match="exists, and live_cam did not write it"):
        PublishTarget.parse(str(tmp_path))


def test_our_own_playlist_is_replaced(tmp_path):
    (tmp_path / "index.m3u8").write_text('#EXTM3U\n#EXT-X-MAP:URI="x.mp4"\n#EXTINF:2\nindex-1795978264.m4s\n')
    assert PublishTarget.parse(str(tmp_path)).muxer == "hls"


def test_srt_is_refused_where_ffmpeg_lacks_it():
    has_srt = target_module._has_protocol("srt")
    assert target_module._has_protocol("tcp")
    assert not target_module._has_protocol("no-such-protocol")
    if has_srt:
        assert PublishTarget.parse("srt://host:9000?streamid=secret").muxer == "mpegts"
    else:
        with pytest.raises(UsageError, match=r"FFmpeg in PyAV .* can't publish to srt://; use another protocol"):
            PublishTarget.parse("srt://host:9000?streamid=secret")


def test_a_virtual_camera_needs_pyvirtualcam(monkeypatch):
    monkeypatch.setattr(target_module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install pyvirtualcam"):
        PublishTarget.virtual_camera()


def test_several_sources_are_numbered():
    assert number_targets("rtmp://host/live/key", 1) == ["rtmp://host/live/key"]
    assert number_targets("rtmp://host/live/key", 2) == ["rtmp://host/live/key-1", "rtmp://host/live/key-2"]
    assert number_targets("whip+https://host/whip/?a=b", 2)[1] == "whip+https://host/whip-2?a=b"
    assert number_targets("public", 2) == [str(Path("public/index-1.m3u8")), str(Path("public/index-2.m3u8"))]
    assert number_targets("public/cam.m3u8", 2)[1] == str(Path("public/cam-2.m3u8"))
