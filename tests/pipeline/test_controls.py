import pytest

from live_cam.pipeline.controls import Controls
from live_cam.render.colormaps import COLORMAPS


def test_at_the_start_the_likeliest_class_of_a_running_source_is_painted_over_the_picture():
    settings = Controls().settings
    assert settings.running
    assert settings.target is None
    assert 0 < settings.opacity < 1
    assert settings.colormap in COLORMAPS


def test_turning_one_knob_leaves_the_others():
    controls = Controls()
    before = controls.settings
    controls.change(target=291, other=293)
    controls.change(opacity=0.25)
    controls.change(colormap="jet")
    controls.change(running=False)
    after = controls.settings
    assert (after.target, after.other, after.opacity, after.colormap, after.running) == (291, 293, 0.25, "jet", False)
    assert before == Controls().settings, "settings that a thread holds do not change under it"


@pytest.mark.parametrize("opacity", [-0.01, 1.01, float("nan"), float("inf")])
def test_an_opacity_outside_0_to_1_is_refused_and_changes_nothing(opacity):
    controls = Controls()
    before = controls.settings
    with pytest.raises(ValueError, match=r"0\.\.1"):
        controls.change(opacity=opacity)
    assert controls.settings == before


def test_unknown_colours_are_refused_with_those_there_are():
    controls = Controls()
    with pytest.raises(ValueError, match=r"viridis.*jet"):
        controls.change(colormap="rainbow")
    assert controls.settings == Controls().settings
