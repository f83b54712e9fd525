import os
import subprocess
import sys
from pathlib import Path

import pytest

from live_cam.errors import OutputError, SourceError, UsageError
from live_cam.files import (
    AppendOnlyFile,
    atomic_file,
    link_new,
    move_new,
    new_file,
    require_directory,
    require_file,
    require_new,
)


def test_new_file_holds_what_was_written(tmp_path):
    with new_file(tmp_path / "map.npz") as file:
        file.write(b"a map")
    assert (tmp_path / "map.npz").read_bytes() == b"a map"


@pytest.mark.parametrize("is_link", [False, True], ids=["file", "dangling link"])
def test_new_file_neither_overwrites_nor_removes_an_existing_one(tmp_path, is_link):
    path = tmp_path / "holiday.png"
    if is_link:
        path.symlink_to(tmp_path / "elsewhere.png")
    else:
        path.write_bytes(b"precious")
    with pytest.raises(OutputError) as refusal, new_file(path):
        pytest.fail("it was opened")
    assert str(refusal.value) == f"cannot write {path}: File exists"
    assert not (tmp_path / "elsewhere.png").exists()
    assert path.is_symlink() if is_link else path.read_bytes() == b"precious"


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_new_file_is_removed_if_the_block_fails(tmp_path, failure):
    path = tmp_path / "map.npz"

    def fail_half_way():
        with new_file(path) as file:
            file.write(b"half a m")
            raise failure

    with pytest.raises(type(failure)) as raised:
        fail_half_way()
    assert raised.value is failure
    assert list(tmp_path.iterdir()) == []


# Less than the file's buffer fails only on close, more of it on write.
@pytest.mark.parametrize("size", [3_000, 300_000], ids=["on close", "on write"])
def test_new_file_is_removed_on_a_full_disk_with_one_line_of_message(tmp_path, size):
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from live_cam import OutputError\n"
        "from live_cam.files import new_file\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    with new_file(Path(sys.argv[1])) as file:\n"
        f"        file.write(bytes({size}))\n"
        "except OutputError as error:\n"
        "    print(error)\n"
    )
    path = tmp_path / "map.npz"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == f"cannot write {path}: File too large\n", done.stderr
    assert list(tmp_path.iterdir()) == []


def test_new_file_in_a_missing_directory_is_refused(tmp_path):
    path = tmp_path / "nowhere" / "map.npz"
    with pytest.raises(OutputError, match="No such file or directory") as refusal, new_file(path):
        pytest.fail("it was opened")
    assert str(path) in str(refusal.value)


def test_atomic_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "directory" / "file"
    with atomic_file(path) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert os.listdir(path.parent) == ["file"]


def test_readers_of_an_atomic_file_see_all_of_the_old_one(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader, atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


# KeyboardInterrupt is how an impatient user ends a download.
@pytest.mark.parametrize("failure", [OSError, KeyboardInterrupt])
def test_atomic_file_that_fails_leaves_only_the_old_one(tmp_path, failure):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(failure), atomic_file(path) as file:  # noqa: PT012
        file.write(b"half")
        raise failure
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_atomic_file_that_cannot_replace_its_target_is_removed(tmp_path):
    path = tmp_path / "taken"
    (path / "by a directory").mkdir(parents=True)
    with pytest.raises(OSError), atomic_file(path) as file:  # noqa: PT011
        file.write(b"new")
    assert os.listdir(tmp_path) == ["taken"]


def test_append_only_file_holds_each_addition_at_once(tmp_path):
    file = AppendOnlyFile(tmp_path / "lines", "a\n")
    assert file.path.read_text() == "a\n"
    file.append("b\n")
    assert file.path.read_text() == "a\nb\n"
    file.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_append_only_file_reports_a_full_disk_by_its_name_alone(tmp_path):
    file = AppendOnlyFile(tmp_path / "lines", "a\n")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, file._file.fileno())
    os.close(full)
    with pytest.raises(OutputError, match=r"^cannot write lines: No space left on device$"):
        file.append("b\n")
    file.close()


@pytest.mark.parametrize("has_hard_links", [True, False])
def test_link_new_and_move_new_never_overwrite(tmp_path, monkeypatch, has_hard_links):
    def link(source, path):
        raise PermissionError(1, "Operation not permitted")  # as FAT file systems do

    if not has_hard_links:
        monkeypatch.setattr(os, "link", link)
    source, path = tmp_path / "source", tmp_path / "path"
    source.write_bytes(b"new")
    path.write_bytes(b"precious")
    for create in (link_new, move_new):
        with pytest.raises(OutputError, match="File exists"):
            create(source, path)
        assert (source.read_bytes(), path.read_bytes()) == (b"new", b"precious")
    path.unlink()
    link_new(source, path)
    assert path.read_bytes() == b"new"
    assert source.exists() == has_hard_links
    move_new(path, tmp_path / "moved")
    assert (tmp_path / "moved").read_bytes() == b"new"
    assert not path.exists()


@pytest.mark.parametrize("name", ["lion.png", "LION.PNG", "lion.cam.png"])
def test_require_new_accepts_a_new_name_and_writes_nothing(tmp_path, name):
    require_new(tmp_path / name, ".png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["lion.jpg", "lion", "png", "lion.png.txt"])
def test_require_new_names_the_right_suffix(tmp_path, name):
    with pytest.raises(UsageError, match=r"should end with \.png"):
        require_new(tmp_path / name, ".png")


def test_require_new_refuses_an_existing_file(tmp_path):
    (tmp_path / "lion.png").touch()
    with pytest.raises(OutputError, match="already exists and is not overwritten"):
        require_new(tmp_path / "lion.png", ".png")


def test_require_new_and_require_directory_refuse_a_missing_directory(tmp_path):
    path = tmp_path / "nowhere" / "lion.png"
    for check in (lambda: require_new(path, ".png"), lambda: require_directory(path)):
        with pytest.raises(OutputError, match=r"no directory .*nowhere for lion\.png"):
            check()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_require_file_names_what_is_given_in_place_of_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (tmp_path / "pipe", "is a pipe"),
        (Path("-"), "standard input"),
        (Path("https://example.org/lion.jpg"), "is an address"),
    ):
        with pytest.raises(SourceError, match=reason):
            require_file(path, "an image")


@pytest.mark.parametrize(
    ("name", "reason"), [("missing", "does not exist"), ("", "is not a file"), ("n" * 300, "File name too long")]
)
def test_require_file_says_what_to_give_instead(tmp_path, name, reason):
    with pytest.raises(SourceError, match=reason) as refusal:
        require_file(tmp_path / name, "an image")
    assert str(refusal.value).endswith("; give an image")
