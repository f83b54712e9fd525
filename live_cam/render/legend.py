"""What the colours mean, for the legend beside the picture."""

from __future__ import annotations

from typing import Final

from live_cam.frame import Style
from live_cam.render.colormaps import color_table
from live_cam.render.contours import LEVELS, level_colors

LEGEND_ENDS: Final[dict[Style, tuple[str, str]]] = {
    "heatmap": ("weak", "strong"),
    "contours": (
        "lines at " + ", ".join(f"{100 * level:.0f}" for level in LEVELS[:-1]),
        f"{100 * LEVELS[-1]:.0f} % of the peak",
    ),
    "spotlight": ("weak: dark", "strong: bright"),
}
"""What stands left and right of the legend's colours, by style."""

_STOPS_N = 9
_LINE_PERCENT = 6


def legend_css(colormap: str, style: Style = "heatmap") -> str:
    """Gives the colours from the weakest value to the strongest as a CSS gradient.

    They are the pure ones: in the picture they are mixed with what is below, the weaker the more.

    Args:
        colormap: A name out of `COLORMAPS`.
        style: The heat map's colours run into each other, the contours' stand alone at their levels, and the
            spotlight's go from dark to bright whatever the colour map.

    Raises:
        KeyError: There is no such colour map.
    """
    if style == "spotlight":
        return _gradient(["#1a1a1a", "#ffffff"])
    if style == "contours":
        return _gradient([stop for level in zip(LEVELS, level_colors(colormap), strict=True) for stop in _line(*level)])
    table = color_table(colormap)[:, 0]
    return _gradient([_hex(*table[round(255 * stop / (_STOPS_N - 1))].tolist()) for stop in range(_STOPS_N)])


def _line(level: float, color: tuple[int, int, int]) -> tuple[str, str, str]:
    """Gives the stops of a line of one colour, with nothing at its sides."""
    begin, end = (f"{100 * level + side * _LINE_PERCENT / 2:g}%" for side in (-1, 1))
    return f"transparent {begin}", f"{_hex(*color)} {begin} {end}", f"transparent {end}"


def _gradient(stops: list[str]) -> str:
    return f"linear-gradient(to right, {', '.join(stops)})"


def _hex(red: int, green: int, blue: int) -> str:
    return f"#{red:02x}{green:02x}{blue:02x}"
