import subprocess
import sys

import pytest

from live_cam.errors import OutputError, UsageError
from live_cam.sinks.new_file import new_file, require_new


def test_what_is_written_is_in_the_file(tmp_path):
    with new_file(tmp_path / "map.npz") as file:
        file.write(b"a map")
    assert (tmp_path / "map.npz").read_bytes() == b"a map"


@pytest.mark.parametrize("is_link", [False, True], ids=["file", "dangling link"])
def test_a_file_that_is_there_is_neither_overwritten_nor_removed(tmp_path, is_link):
    path = tmp_path / "holiday.png"
    if is_link:
        path.symlink_to(tmp_path / "elsewhere.png")
    else:
        path.write_bytes(b"precious")
    with pytest.raises(OutputError) as refusal, new_file(path):
        pytest.fail("it was opened")
    assert str(path) in str(refusal.value)
    assert not (tmp_path / "elsewhere.png").exists()
    assert path.is_symlink() if is_link else path.read_bytes() == b"precious"


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_what_fails_in_between_leaves_no_file_and_is_told_as_it_was(tmp_path, failure):
    path = tmp_path / "map.npz"

    def fail_half_way():
        with new_file(path) as file:
            file.write(b"half a m")
            raise failure

    with pytest.raises(type(failure)) as told:
        fail_half_way()
    assert told.value is failure
    assert list(tmp_path.iterdir()) == []


# Less than the file's buffer fails only when it is closed, more of it at once.
@pytest.mark.parametrize("size", [3_000, 300_000], ids=["told on closing", "told on writing"])
def test_a_full_disk_is_told_in_one_line_and_leaves_no_file(tmp_path, size):
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from live_cam import OutputError\n"
        "from live_cam.sinks.new_file import new_file\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    with new_file(Path(sys.argv[1])) as file:\n"
        f"        file.write(bytes({size}))\n"
        "except OutputError as error:\n"
        "    print(error)\n"
    )
    path = tmp_path / "map.npz"
    told = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert len(told.stdout.splitlines()) == 1, told.stderr
    assert str(path) in told.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "nowhere" / "map.npz"
    with pytest.raises(OutputError, match="No such file or directory") as refusal, new_file(path):
        pytest.fail("it was opened")
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("name", ["lion.png", "LION.PNG", "lion.cam.png"])
def test_a_new_name_with_the_right_ending_is_fine_and_nothing_is_written_yet(tmp_path, name):
    require_new(tmp_path / name, ".png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["lion.jpg", "lion", "png", "lion.png.txt"])
def test_another_ending_is_wrong_usage_that_names_the_right_one(tmp_path, name):
    with pytest.raises(UsageError, match=r"\.png"):
        require_new(tmp_path / name, ".png")


def test_that_a_file_is_there_already_is_told_before_the_work_begins(tmp_path):
    (tmp_path / "lion.png").touch()
    with pytest.raises(OutputError, match="not overwritten"):
        require_new(tmp_path / "lion.png", ".png")


def test_that_the_folder_is_missing_is_told_before_the_work_begins(tmp_path):
    with pytest.raises(OutputError, match="nowhere"):
        require_new(tmp_path / "nowhere" / "lion.png", ".png")
