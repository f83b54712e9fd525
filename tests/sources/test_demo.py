import subprocess
import sys

import numpy as np
import pytest

from live_cam.errors import SourceError
from live_cam.sources import demo
from live_cam.sources.demo import RATE_FPS, DemoSource, demo_frame
from live_cam.sources.demo_scenes import DEMO_S, SCENES, SHORTCUT, scene_at
from tests.clocks import FakeClock
from tests.sources.helpers import assert_one_line, intervals_s, read_frames


def start_of(scene):
    """Returns when a scene starts, in seconds after the start of the demo."""
    return sum(each.duration_s for each in SCENES[: SCENES.index(scene)])


def _difference(a, b):
    return float(np.abs(a.astype(np.int16) - b.astype(np.int16)).mean())


def test_the_demo_delivers_30_frames_of_640_by_480_per_second():
    frames = read_frames(DemoSource(clock=FakeClock()), 16)
    assert {frame.rgb.shape for frame in frames} == {(480, 640, 3)}
    assert np.allclose(intervals_s(frames), 1 / RATE_FPS)


@pytest.mark.parametrize("scene", SCENES)
def test_the_demo_moves_smoothly_within_a_scene_and_cuts_at_its_end(scene):
    start_s = start_of(scene)
    end_s = start_s + scene.duration_s
    times_s = np.arange(start_s, end_s - 2 / RATE_FPS, 0.7)
    steps = [_difference(demo_frame(time_s), demo_frame(time_s + 1 / RATE_FPS)) for time_s in times_s]
    cut = _difference(demo_frame(end_s - 0.5 / RATE_FPS), demo_frame(end_s + 0.5 / RATE_FPS))
    assert min(steps) > 0
    assert cut > 2 * max(steps)


def test_the_demo_begins_anew_after_its_last_scene():
    assert [scene_at(start_of(scene) + 0.01)[0] for scene in SCENES] == list(SCENES)
    assert scene_at(DEMO_S + 0.01) == (SCENES[0], pytest.approx(0.01))


def test_the_writing_fades_in_and_out_again_and_only_its_scene_has_a_caption():
    fade_in_s, in_s, fade_out_s, out_s = SHORTCUT.writing
    opacities = [
        SHORTCUT.writing_opacity(time_s) for time_s in (fade_in_s, (fade_in_s + in_s) / 2, in_s, fade_out_s, out_s)
    ]
    assert opacities == [0.0, 0.5, 1.0, 1.0, 0.0]
    assert [scene.caption for scene in SCENES if scene is not SHORTCUT] == [""] * (len(SCENES) - 1)
    frames = read_frames(DemoSource(clock=FakeClock()), round(start_of(SHORTCUT) * RATE_FPS) + 1)
    assert [frame.caption for frame in frames[-2:]] == ["", SHORTCUT.caption]


def test_the_demo_starts_with_its_first_frame_each_time_it_is_opened():
    source = DemoSource()
    frames = read_frames(source, 4)
    (again,) = read_frames(source, 1)
    assert np.array_equal(frames[0].rgb, demo_frame(0.0))
    assert not np.array_equal(frames[3].rgb, frames[0].rgb)
    assert np.array_equal(again.rgb, frames[0].rgb)
    assert again.pts_ns > frames[3].pts_ns


def test_a_slow_reader_gets_no_burst_of_frames():
    clock = FakeClock()
    stream = DemoSource(clock=clock).open()
    stream.read()
    clock.advance(5 / RATE_FPS)
    assert np.allclose(intervals_s([stream.read() for _ in range(10)]), 1 / RATE_FPS)


def test_the_demo_does_not_import_gradio():
    program = (
        "import sys\n"
        "from live_cam.sources.demo import DemoSource\n"
        "stream = DemoSource().open()\n"
        "print(stream.read().rgb.std() > 10, 'gradio' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert result.stdout.split() == ["True", "False"], result.stderr


def test_the_error_for_a_missing_photograph_names_it(tmp_path, monkeypatch):
    (tmp_path / "gradio").mkdir()
    (tmp_path / "gradio" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "gradio", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    demo._read.cache_clear()
    with pytest.raises(SourceError) as failure:
        DemoSource().open()
    assert_one_line(failure.value, "lion.jpg")
