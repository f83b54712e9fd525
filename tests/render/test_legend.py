import re
from typing import get_args

import pytest

from live_cam.render.colormaps import COLORMAPS, color_table
from live_cam.render.contours import level_colors
from live_cam.render.legend import LEGEND_ENDS, legend_css
from live_cam.types import Style


def _colors(css):
    return [tuple(bytes.fromhex(color)) for color in re.findall(r"#([0-9a-f]{6})\b", css)]


@pytest.mark.parametrize("colormap", COLORMAPS)
def test_the_legend_runs_from_the_lowest_colour_to_the_highest(colormap):
    css = legend_css(colormap)
    assert css.startswith("linear-gradient(to right, #")
    table = color_table(colormap)[:, 0].tolist()
    indices = [table.index(list(color)) for color in _colors(css)]
    assert indices == [0, 32, 64, 96, 128, 159, 191, 223, 255]


@pytest.mark.parametrize("colormap", COLORMAPS)
def test_the_legend_of_contours_has_a_bar_at_each_level(colormap):
    css = legend_css(colormap, "contours")
    assert tuple(_colors(css)) == level_colors(colormap)
    for level, color in zip((25, 50, 75), level_colors(colormap), strict=True):
        assert f"#{bytes(color).hex()} {level - 3}% {level + 3}%" in css


def test_the_legend_of_the_spotlight_goes_from_dark_to_bright():
    dark, bright = _colors(legend_css("viridis", "spotlight"))
    assert max(dark) < 40
    assert min(bright) == 255


def test_every_style_has_labels_for_the_ends_of_its_legend():
    assert set(LEGEND_ENDS) == set(get_args(Style))
    assert LEGEND_ENDS["contours"] == ("lines at 25, 50", "75 % of the peak")


def test_an_unknown_colour_map_raises_key_error():
    with pytest.raises(KeyError):
        legend_css("turquoise-to-hell")
