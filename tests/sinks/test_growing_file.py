"""A file that is absent until its first commit, and as the last one has left it if the next fails."""

import errno
import io

import pytest

from live_cam.sinks.growing_file import GrowingFile


@pytest.fixture
def file(tmp_path):
    file = GrowingFile(tmp_path / "file")
    yield file
    file.close()


@pytest.fixture
def content(tmp_path):
    return lambda: (tmp_path / "file").read_bytes()


def test_there_is_no_file_before_the_first_commit(file, tmp_path):
    file.write(b"header")
    assert not list(tmp_path.iterdir())
    assert (file.end, file.size_bytes) == (6, 0)
    file.commit()
    assert (tmp_path / "file").read_bytes() == b"header"


def test_provisional_data_is_replaced_by_the_next_commit(file, content):
    file.write(b"one")
    file.commit(b"provisional")
    assert (content(), file.end, file.size_bytes) == (b"oneprovisional", 3, 14)
    file.write(b"two")
    file.commit()
    assert (content(), file.size_bytes) == (b"onetwo", 6)


def test_earlier_data_can_be_replaced(file, content):
    file.write(b"free....tail")
    file.commit()
    file.seek(0)
    file.write(b"mdat")
    assert (file.tell(), file.end) == (4, 12)
    file.seek(0, io.SEEK_END)
    file.write(b"!")
    file.commit()
    assert content() == b"mdat....tail!"


class FullDisk:
    """A file on a disk without space beyond a size."""

    def __init__(self, file, limit):
        self._file, self._limit = file, limit

    def write(self, data):
        room = self._limit - self._file.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data[:room])

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_full_disk_leaves_the_last_commit(file, content):
    file.write(b"free.one.")
    file.commit(b"two.")
    file._file = FullDisk(file._file, limit=15)
    file.write(b"two.")
    file.write(b"three.")
    file.seek(0)
    file.write(b"mdat")
    with pytest.raises(OSError, match="No space left"):
        file.commit()
    assert (content(), file.size_bytes) == (b"free.one.two.", 13)


def test_a_first_commit_that_fails_leaves_no_file(file, tmp_path, monkeypatch):
    def fail(self, position, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(GrowingFile, "_write_at", fail)
    file.write(b"header")
    with pytest.raises(OSError, match="No space left"):
        file.commit()
    assert not list(tmp_path.iterdir())
