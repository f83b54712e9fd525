import subprocess
import sys
import time

import numpy as np
import pytest

from live_cam.sources.demo import RATE_FPS, SCENE_S, SCENES, DemoSource, demo_picture


def _difference(one, other):
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


def test_the_demo_gives_30_pictures_a_second_of_640_by_480():
    stream = DemoSource().open()
    frames = [stream.read() for _ in range(16)]
    stream.close()
    assert {frame.rgb.shape for frame in frames} == {(480, 640, 3)}
    assert [frame.seq for frame in frames] == list(range(16))
    intervals_ms = np.diff([frame.pts_ns for frame in frames]) / 1e6
    assert intervals_ms.mean() > 0.9 * 1000 / RATE_FPS
    # A busy machine may hold up many.
    assert np.percentile(intervals_ms, 25) < 1.9 * 1000 / RATE_FPS
    assert intervals_ms.min() > 0


@pytest.mark.parametrize("scene", range(len(SCENES)))
def test_the_picture_moves_smoothly_within_a_scene_and_changes_at_its_end(scene):
    start_s, end_s = scene * SCENE_S, (scene + 1) * SCENE_S
    steps = [
        _difference(demo_picture(time_s), demo_picture(time_s + 1 / RATE_FPS))
        for time_s in np.linspace(start_s, end_s - 2 / RATE_FPS, 7)
    ]
    cut = _difference(demo_picture(end_s - 0.5 / RATE_FPS), demo_picture(end_s + 0.5 / RATE_FPS))
    assert min(steps) > 0
    assert cut > 2 * max(steps)


def test_the_demo_begins_at_its_first_picture_each_time_it_is_opened():
    source = DemoSource()
    stream = source.open()
    frames = [stream.read() for _ in range(4)]
    stream.close()
    stream = source.open()
    again = stream.read()
    stream.close()
    stream.close()
    assert np.array_equal(frames[0].rgb, demo_picture(0.0))
    assert not np.array_equal(frames[3].rgb, frames[0].rgb)
    assert np.array_equal(again.rgb, frames[0].rgb)
    assert again.seq == 0
    assert again.pts_ns > frames[3].pts_ns


def test_a_reader_that_was_away_gets_no_burst_of_pictures_to_catch_up():
    stream = DemoSource().open()
    stream.read()
    time.sleep(5 / RATE_FPS)
    pts_ns = [stream.read().pts_ns for _ in range(10)]
    stream.close()
    assert np.median(np.diff(pts_ns)[:5]) > 0.025e9


def test_the_demo_shows_gradios_photographs_without_importing_gradio():
    program = (
        "import sys\n"
        "from live_cam.sources.demo import DemoSource\n"
        "stream = DemoSource().open()\n"
        "print(stream.read().rgb.std() > 10, 'gradio' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert told.stdout.split() == ["True", "False"], told.stderr


def test_a_gradio_without_its_photographs_is_told_in_one_line_that_names_the_missing_one(tmp_path, monkeypatch):
    (tmp_path / "gradio").mkdir()
    (tmp_path / "gradio" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    program = (
        "from live_cam import SourceError\n"
        "from live_cam.sources.demo import DemoSource\n"
        "try:\n    DemoSource().open()\n"
        "except SourceError as error:\n    print(error)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert len(told.stdout.splitlines()) == 1, told.stderr
    assert "lion.jpg" in told.stdout
