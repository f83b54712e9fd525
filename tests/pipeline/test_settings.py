import pytest

from live_cam.pipeline.settings import SettingsStore
from live_cam.render.colormaps import COLORMAPS


def test_initially_the_top_class_of_a_running_source_is_shown():
    settings = SettingsStore().current
    assert settings.running
    assert settings.target is None
    assert 0 < settings.opacity < 1
    assert settings.colormap in COLORMAPS


def test_a_change_of_some_settings_leaves_the_others():
    store = SettingsStore()
    before = store.current
    store.change(target=291, other=293)
    store.change(opacity=0.25)
    store.change(colormap="jet")
    store.change(running=False)
    after = store.current
    assert (after.target, after.other, after.opacity, after.colormap, after.running) == (291, 293, 0.25, "jet", False)
    assert before == SettingsStore().current, "settings that a thread has read do not change"


@pytest.mark.parametrize("opacity", [-0.01, 1.01, float("nan"), float("inf")])
def test_an_opacity_outside_0_to_1_is_rejected_and_changes_nothing(opacity):
    store = SettingsStore()
    before = store.current
    with pytest.raises(ValueError, match=r"0\.\.1"):
        store.change(opacity=opacity)
    assert store.current == before


def test_an_unknown_colormap_is_rejected_with_a_list_of_the_known():
    store = SettingsStore()
    with pytest.raises(ValueError, match=r"viridis.*jet"):
        store.change(colormap="rainbow")
    assert store.current == SettingsStore().current
