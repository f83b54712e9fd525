import numpy as np
import pytest

from live_cam.frame import Look
from live_cam.render.colormaps import COLORMAPS, color_table


def _lightness(name):
    """Gives CIE L* (0..100) of the 256 colours."""
    srgb = color_table(name)[:, 0] / 255.0
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ (0.2126, 0.7152, 0.0722)
    return 116 * np.cbrt(luminance) - 16


@pytest.mark.parametrize("name", COLORMAPS)
def test_a_colour_map_has_256_colours_nobody_can_change(name):
    table = color_table(name)
    assert table.shape == (256, 1, 3)
    assert table.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 0


@pytest.mark.parametrize("name", sorted({*COLORMAPS} - {"jet"}))
def test_more_evidence_is_always_lighter_so_that_colour_blind_eyes_see_it(name):
    lightness = _lightness(name)
    # Bytes round to within half a step of lightness; over eight colours the rise must show.
    assert np.diff(lightness).min() > -0.6
    assert (lightness[8:] - lightness[:-8]).min() > 0
    assert lightness[-1] - lightness[0] > 60


def test_the_default_is_not_jet_whose_lightness_goes_up_and_down():
    assert Look().colormap != "jet"
    lightness = _lightness("jet")
    assert (lightness[32:] - lightness[:-32]).min() < -10


def test_the_colours_are_in_the_order_red_green_blue():
    assert color_table("jet")[0, 0].argmax() == 2, "jet begins with blue"
    assert color_table("jet")[255, 0].argmax() == 0, "jet ends with red"


def test_an_unknown_colour_map_is_refused():
    with pytest.raises(KeyError):
        color_table("turquoise-to-hell")
