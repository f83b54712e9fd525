import pytest

from live_cam.errors import UsageError
from live_cam.sources.address import Address

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
def test_an_address_is_told_without_what_is_secret_in_it(url, name, host, port):
    address = Address.parse(url)
    assert (address.name, address.host, address.port) == (name, host, port)
    assert address.url == url
    assert _SECRET not in repr(address)


@pytest.mark.parametrize("mark", ["/", "?", "#"])
def test_a_password_that_begins_like_a_port_is_not_shown(mark):
    address = Address.parse(f"rtsp://hunter2:12{mark}34@cam/s")
    assert _SECRET not in address.name
    assert "12" not in address.name


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
def test_what_is_no_address_is_refused_in_one_line_without_its_secret(url):
    with pytest.raises(UsageError) as refusal:
        Address.parse(url)
    assert _SECRET not in repr(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.__context__ is None
