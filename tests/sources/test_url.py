import pytest

from live_cam.errors import UsageError
from live_cam.sources.url import CameraUrl

_SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "name", "host", "port"),
    [
        ("rtsp://admin:hunter2@192.168.1.20:8554/h264/ch1", "rtsp://192.168.1.20:8554/h264/ch1", "192.168.1.20", 8554),
        ("rtsp://192.168.1.20/", "rtsp://192.168.1.20", "192.168.1.20", 554),
        ("rtsps://cam.local/a", "rtsps://cam.local/a", "cam.local", 322),
        ("http://phone:8080/video?token=hunter2#hunter2", "http://phone:8080/video", "phone", 8080),
        ("https://phone?token=hunter2", "https://phone", "phone", 443),
        ("HTTP://Phone/Video", "http://phone/Video", "phone", 80),
        ("http://user:hunter2@[fe80::1]:8080/video", "http://[fe80::1]:8080/video", "fe80::1", 8080),
        ("rtsp://cam/live/user=admin_password=hunter2/s0", "rtsp://cam/live", "cam", 554),
        ("http://cam/a;hunter2", "http://cam", "cam", 80),
        ("rtsp://admin:p%40hunter2@cam/s", "rtsp://cam/s", "cam", 554),
        ("rtsp://admin:a@hunter2@cam/s", "rtsp://cam/s", "cam", 554),
    ],
)
def test_name_and_repr_contain_no_secret(url, name, host, port):
    parsed = CameraUrl.parse(url)
    assert (parsed.name, parsed.host, parsed.port) == (name, host, port)
    assert parsed.url.partition("://")[2] == url.partition("://")[2]
    assert _SECRET not in repr(parsed)


@pytest.mark.parametrize(
    ("url", "for_ffmpeg", "host", "credentials"),
    [
        ("RTSP://cam/S", "rtsp://cam/S", "cam", None),
        ("http://admin@cam:80/a@b", "http://admin:@cam:80/a@b", "cam", ("admin", "")),
        ("http://admin:p%40%3A@cam?a#b", "http://admin:p%40%3A@cam?a#b", "cam", ("admin", "p@:")),
        ("http://[fe80::1%25eth0]:81/a%25", "http://[fe80::1%eth0]:81/a%25", "fe80::1%eth0", None),
        ("http://[fe80::1%eth0]/a", "http://[fe80::1%eth0]/a", "fe80::1%eth0", None),
    ],
)
def test_the_url_is_written_as_ffmpeg_reads_it(url, for_ffmpeg, host, credentials):
    parsed = CameraUrl.parse(url)
    assert (parsed.url, parsed.host, parsed.credentials) == (for_ffmpeg, host, credentials)


@pytest.mark.parametrize("separator", ["/", "?", "#"])
def test_a_password_that_starts_like_a_port_is_not_shown(separator):
    parsed = CameraUrl.parse(f"rtsp://hunter2:12{separator}34@cam/s")
    assert _SECRET not in parsed.name
    assert "12" not in parsed.name


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://user:hunter2@cam:notaport/s",
        "rtsp://user:hunter2@cam:99999/s",
        "rtsp://user:hunter2@cam:0/s",
        "rtsp://user:hunter2/x@cam/s",
        "rtsp://user:hunter2#x@cam/s",
        "http://user:hunter2@[fe80::1/video",
        "http://user:hunter2@/video",
        "http:///hunter2",
        "http://",
        "ftp://user:hunter2@cam/s",
        "file:///hunter2",
        "cam/hunter2",
        "http://cam/hunter2 x",
        "http://cam/\r\nX-Hunter: hunter2",
    ],
)
def test_the_error_for_an_invalid_url_contains_no_secret(url):
    with pytest.raises(UsageError) as failure:
        CameraUrl.parse(url)
    assert _SECRET not in repr(failure.value)
    assert "\n" not in str(failure.value)
    assert failure.value.__context__ is None
