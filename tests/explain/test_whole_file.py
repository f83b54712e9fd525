import os

import pytest

from live_cam.explain.whole_file import whole_file


def test_the_file_appears_only_when_all_of_it_is_written(tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    with whole_file(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert os.listdir(path.parent) == ["file"]


def test_who_reads_meanwhile_reads_all_of_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader, whole_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


# KeyboardInterrupt is how a user who has no patience ends a download.
@pytest.mark.parametrize("failure", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(failure), whole_file(path) as file:  # noqa: PT012 (the failure must come from within)
        file.write(b"half")
        raise failure
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_that_cannot_take_its_place_is_removed(tmp_path):
    path = tmp_path / "taken"
    (path / "by a folder").mkdir(parents=True)
    with pytest.raises(OSError), whole_file(path) as file:  # noqa: PT011 (each system has its own words)
        file.write(b"new")
    assert os.listdir(tmp_path) == ["taken"]
