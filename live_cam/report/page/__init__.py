"""The page of a report: one HTML file without references, written with escaped text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from live_cam.api.measure import format_estimate
from live_cam.files import atomic_file, write_error
from live_cam.text import percent, printable


def write_page(path: Path, content: Mapping[str, Any]) -> None:
    """Writes `index.html`.

    Args:
        path: The file, which is replaced.
        content: What `index.html` in this package names; text in it is escaped.

    Raises:
        OutputError: It can't be written.
    """
    # autoescape: names of files and classes are other people's.
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= {
        "estimate": format_estimate,
        "percent": percent,
        "points": lambda share: f"{round(100 * share)}".replace("-", "−"),
        "text": lambda value: printable(str(value)),
    }
    style, script = _part("report.css"), _part("report.js")
    page = environment.from_string(_part("index.html")).render(
        **content, style=Markup(style), script=Markup(script), policy=_policy(style, script)
    )
    try:
        with atomic_file(path) as file:
            file.write(page.encode())
    except OSError as error:
        raise write_error(path, error) from error


def _part(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Returns a Content Security Policy by which the page loads nothing and runs its own script alone."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script))
    return "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'".format(*hashes)
