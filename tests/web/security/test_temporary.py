"""The folder for Gradio's temporary files."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from live_cam.errors import ServeError
from live_cam.web.security.temporary import private_temporary_folder
from live_cam.web.ui.gradio_import import without_stubs


@pytest.fixture(autouse=True)
def _keep_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_only_this_user_reads_the_folder_and_it_is_removed_with_its_files(tmp_path):
    with private_temporary_folder():
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        assert folder.parent == tmp_path
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "upload").mkdir()
        (folder / "upload" / "image").touch()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_gradio_uses_that_folder_whatever_is_at_the_place_of_its_own(monkeypatch, tmp_path):
    with without_stubs():
        import gradio as gr
        from gradio.utils import get_upload_folder

    others = tmp_path / "others"
    others.mkdir()
    (tmp_path / "gradio").symlink_to(others)
    monkeypatch.delenv("GRADIO_TEMP_DIR")
    assert Path(get_upload_folder()) == others
    with private_temporary_folder():
        assert get_upload_folder() == gr.Blocks().GRADIO_CACHE == os.environ["GRADIO_TEMP_DIR"]
    assert list(others.iterdir()) == []


def test_without_a_place_for_it_the_error_is_one_line(monkeypatch):
    def fail(**_: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("live_cam.web.security.temporary.TemporaryDirectory", fail)
    with pytest.raises(ServeError, match=r"No usable temporary directory.*TMPDIR") as error, private_temporary_folder():
        pass
    assert len(str(error.value).splitlines()) == 1
