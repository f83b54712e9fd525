import numpy as np
import pytest

from live_cam.render.colormaps import COLORMAPS, color_table
from live_cam.types import OverlayStyle


def _lightness(name):
    """Returns CIE L* (0..100) of the 256 colours."""
    srgb = color_table(name)[:, 0] / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return 116 * np.cbrt(luminance) - 16


@pytest.mark.parametrize("name", COLORMAPS)
def test_a_colour_table_has_256_read_only_colours(name):
    table = color_table(name)
    assert table.shape == (256, 1, 3)
    assert table.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 0


@pytest.mark.parametrize("name", sorted({*COLORMAPS} - {"jet"}))
def test_higher_values_are_lighter_for_colour_blind_viewers(name):
    lightness = _lightness(name)
    # Bytes round to within half a step of lightness; over eight colours the rise must show.
    assert np.diff(lightness).min() > -0.6
    assert (lightness[8:] - lightness[:-8]).min() > 0
    assert lightness[-1] - lightness[0] > 60


def test_the_default_is_not_jet_whose_lightness_is_not_monotonic():
    assert OverlayStyle().colormap != "jet"
    lightness = _lightness("jet")
    assert (lightness[32:] - lightness[:-32]).min() < -10


def test_colours_are_rgb():
    assert color_table("jet")[0, 0].argmax() == 2, "jet starts with blue"
    assert color_table("jet")[255, 0].argmax() == 0, "jet ends with red"


def test_an_unknown_colour_map_raises_key_error():
    with pytest.raises(KeyError):
        color_table("turquoise-to-hell")
