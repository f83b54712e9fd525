"""The processes that decode JPEGs; what is refused before is covered by `test_jpeg.py`."""

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError
from live_cam.sources.decode import jpeg_decoders
from live_cam.sources.decode.jpeg_decoders import JpegDecoder, JpegDecoders
from live_cam.sources.jpeg import JpegLimitError, decode_jpeg
from tests.jpegs import encode, with_declared_size, with_scans

_LIMIT_S = 30.0
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are inspected in /proc")


@pytest.fixture(scope="module")
def photograph(gradio_media):
    """A photograph as JPEG, 640x480."""
    with Image.open(gradio_media / "images" / "lion.jpg") as image:
        return encode(image.convert("RGB").resize((640, 480)))


@pytest.fixture
def decoder(shared_decoder, photograph):
    """A decoder whose process runs."""
    shared_decoder.decode(photograph)
    return shared_decoder


@pytest.fixture(scope="module")
def shared_decoder():
    decoder = JpegDecoder()
    yield decoder
    decoder.close()


@pytest.fixture
def decoders():
    """The decoders of one server."""
    decoders = JpegDecoders()
    yield decoders
    decoders.close()


def _is_gone(pid):
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def test_images_are_decoded_as_without_a_process(decoders, photograph):
    small = encode(Image.new("RGB", (3, 5), (200, 10, 10)))
    for jpeg, future in [(jpeg, decoders.submit(jpeg)) for jpeg in (photograph, small, photograph)]:
        np.testing.assert_array_equal(future.result(_LIMIT_S), decode_jpeg(jpeg))


def test_what_breaks_a_limit_is_refused_before_a_process_sees_it(decoders, photograph):
    for jpeg in (with_scans(6000), with_declared_size(photograph, 4000, 3000)):
        with pytest.raises(JpegLimitError):
            decoders.submit(jpeg)
    with pytest.raises(SourceError, match="no JPEG"):
        decoders.submit(b"GIF89a")


def test_a_damaged_image_does_not_end_the_process(decoder, photograph):
    pid = decoder._child.pid
    with pytest.raises(SourceError, match="damaged"):
        decoder.decode(photograph[: len(photograph) // 2])
    assert decoder.decode(photograph).shape == (480, 640, 3)
    assert decoder._child.pid == pid


@on_linux
def test_an_image_that_takes_too_long_is_ended_and_the_next_one_decoded(decoder, photograph):
    with pytest.raises(JpegLimitError, match=r"more than 0\.5 s"):
        decoder.decode(with_scans(6000))
    assert decoder.decode(photograph).shape == (480, 640, 3)


@on_linux
def test_a_process_that_hangs_is_ended_and_the_next_image_decoded(decoder, photograph, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(jpeg_decoders, "_RESPONSE_LIMIT_S", 0.2)
        os.kill(decoder._child.pid, signal.SIGSTOP)
        with pytest.raises(JpegLimitError):
            decoder.decode(photograph)
    assert decoder.decode(photograph).shape == (480, 640, 3)


@on_linux
def test_a_process_that_was_killed_comes_back(decoder, photograph):
    os.kill(decoder._child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, decoder._child.pid, os.WEXITED | os.WNOWAIT)
    assert decoder.decode(photograph).shape == (480, 640, 3)


@pytest.fixture
def hang(decoders, photograph, eventually):
    """Submits an image to a process that is stopped: `process_id, future = hang()`."""

    def submit():
        decoders.submit(photograph).result(_LIMIT_S)
        child = decoders._idle.queue[-1]._child  # which is used next
        os.kill(child.pid, signal.SIGSTOP)
        future = decoders.submit(photograph)
        eventually(lambda: _bytes_unread(child.stdin) > 0)  # a process that ends before is started again
        return child.pid, future

    return submit


def _bytes_unread(pipe):
    import fcntl
    import termios

    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


@on_linux
def test_an_image_does_not_wait_for_another_that_is_slow(decoders, photograph, hang):
    process_id, slow = hang()
    assert decoders.submit(photograph).result(_LIMIT_S).shape == (480, 640, 3)
    assert not slow.done()
    os.kill(process_id, signal.SIGCONT)
    assert slow.result(_LIMIT_S).shape == (480, 640, 3)


@on_linux
@pytest.mark.parametrize(("number", "blames_image"), [(signal.SIGSEGV, True), (signal.SIGKILL, False)])
def test_an_image_is_blamed_for_a_crash_but_not_when_its_process_was_killed(
    decoders, photograph, hang, number, blames_image
):
    process_id, future = hang()
    os.kill(process_id, number)
    os.kill(process_id, signal.SIGCONT)
    with pytest.raises(SourceError, match="killed" if number == signal.SIGKILL else number.name) as raised:
        future.result(_LIMIT_S)
    assert isinstance(raised.value, JpegLimitError) is blames_image
    assert decoders.submit(photograph).result(_LIMIT_S).shape == (480, 640, 3)


@on_linux
def test_memory_is_limited(decoder):
    limits = Path(f"/proc/{decoder._child.pid}/limits").read_text().splitlines()
    assert int(next(line for line in limits if "address space" in line).split()[3]) == 1 << 30


@on_linux
def test_closing_ends_the_processes_though_one_hangs(decoders, hang, photograph):
    process_id, future = hang()
    decoders.close()
    with pytest.raises(SourceError):
        future.result(_LIMIT_S)
    assert _is_gone(process_id)
    with pytest.raises(SourceError, match="stopping"):
        decoders.submit(photograph)


@on_linux
def test_the_process_ends_when_its_parent_is_killed(eventually, tmp_path, photograph):
    image = tmp_path / "image.jpg"
    image.write_bytes(photograph)
    program = (
        "import sys, time; from pathlib import Path; from live_cam.sources.decode.jpeg_decoders import JpegDecoder;"
        "decoder = JpegDecoder(); decoder.decode(Path(sys.argv[1]).read_bytes());"
        "print(decoder._child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(image)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        process_id = int(parent.stdout.readline())
        assert not _is_gone(process_id)
        parent.kill()
    eventually(lambda: _is_gone(process_id))
