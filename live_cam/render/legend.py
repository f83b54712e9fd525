"""Legend of the colours of an overlay."""

from __future__ import annotations

from typing import Final

from live_cam.render.colormaps import color_table
from live_cam.render.contours import LEVELS, level_colors
from live_cam.types import Style

LEGEND_ENDS: Final[dict[Style, tuple[str, str]]] = {
    "heatmap": ("weak", "strong"),
    "contours": (
        "lines at " + ", ".join(f"{100 * level:.0f}" for level in LEVELS[:-1]),
        f"{100 * LEVELS[-1]:.0f} % of the peak",
    ),
    "spotlight": ("weak: dark", "strong: bright"),
}
"""Labels at the left and right end of the legend, by style."""

_NUM_STOPS = 9
_LINE_PERCENT = 6


def legend_css(colormap: str, style: Style = "heatmap") -> str:
    """Returns the colours from the lowest value to the highest as a CSS gradient.

    They are the pure colours, which an overlay blends into the frame.

    Args:
        colormap: A name from `COLORMAPS`.
        style: `heatmap` is a continuous gradient, `contours` has a bar at each level, and `spotlight` goes from dark to
            bright with any colour map.

    Raises:
        KeyError: There is no such colour map.
    """
    if style == "spotlight":
        return _gradient(["#1a1a1a", "#ffffff"])
    if style == "contours":
        return _gradient([stop for level in zip(LEVELS, level_colors(colormap), strict=True) for stop in _bar(*level)])
    table = color_table(colormap)[:, 0]
    return _gradient([_hex(*table[round(255 * stop / (_NUM_STOPS - 1))].tolist()) for stop in range(_NUM_STOPS)])


def _bar(level: float, color: tuple[int, int, int]) -> tuple[str, str, str]:
    """Returns the stops of a bar of one colour, transparent on both sides."""
    start, end = (f"{100 * level + side * _LINE_PERCENT / 2:g}%" for side in (-1, 1))
    return f"transparent {start}", f"{_hex(*color)} {start} {end}", f"transparent {end}"


def _gradient(stops: list[str]) -> str:
    return f"linear-gradient(to right, {', '.join(stops)})"


def _hex(red: int, green: int, blue: int) -> str:
    return f"#{red:02x}{green:02x}{blue:02x}"
