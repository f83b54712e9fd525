import threading

import pytest

from live_cam.frame import Target
from live_cam.pipeline.controls import Controls
from live_cam.render.colormaps import COLORMAPS


def test_at_the_start_the_likeliest_class_of_a_running_source_is_painted_over_the_picture():
    settings = Controls().settings
    assert settings.running
    assert settings.target == Target()
    assert 0 < settings.opacity < 1
    assert settings.colormap in COLORMAPS


def test_turning_one_knob_leaves_the_others():
    controls = Controls()
    before = controls.settings
    controls.set_target(Target(291, versus=293))
    controls.set_opacity(0.25)
    controls.set_colormap("jet")
    controls.set_running(False)
    after = controls.settings
    assert (after.target, after.opacity, after.colormap, after.running) == (Target(291, 293), 0.25, "jet", False)
    assert before == Controls().settings, "settings that a thread holds do not change under it"


@pytest.mark.parametrize("opacity", [-0.01, 1.01, float("nan"), float("inf")])
def test_an_opacity_outside_0_to_1_is_refused_and_changes_nothing(opacity):
    controls = Controls()
    before = controls.settings
    with pytest.raises(ValueError, match=r"0\.\.1"):
        controls.set_opacity(opacity)
    assert controls.settings == before


def test_unknown_colours_are_refused_with_those_there_are():
    controls = Controls()
    with pytest.raises(ValueError, match=r"viridis.*jet"):
        controls.set_colormap("rainbow")
    assert controls.settings == Controls().settings


def test_waiting_for_the_start_button_ends_when_it_is_pressed():
    controls = Controls()
    controls.set_running(False)
    pressed = []
    waiter = threading.Thread(target=lambda: pressed.append(controls.wait_until_running(timeout_s=60.0)), daemon=True)
    waiter.start()
    waiter.join(0.02)
    controls.set_running(True)
    waiter.join(10.0)
    assert pressed == [True]


def test_waiting_for_a_button_nobody_presses_ends_in_time():
    controls = Controls()
    controls.set_running(False)
    assert not controls.wait_until_running(timeout_s=0.02)


def test_who_runs_does_not_wait():
    assert Controls().wait_until_running(timeout_s=0.0)
