"""Smoothing of maps and top classes over time."""

import itertools
import math

import cv2
import numpy as np
import pytest

from live_cam.explain.saliency.smoothing import TemporalSmoother
from live_cam.sources.demo import demo_frame
from live_cam.sources.demo_scenes import DEMO_S, SCENES

S = 1_000_000_000
LABELS = tuple("abcdefgh")
A, B, C, D = range(4)


def chances(**by_label):
    """Returns probabilities of the classes a to h; those not given share the rest."""
    values = np.array([by_label.get(label, np.nan) for label in LABELS])
    unnamed = np.isnan(values)
    values[unnamed] = (1.0 - np.nansum(values)) / max(1, unnamed.sum())
    return values


class Source:
    """A live source whose frame stays the same while the predictions change."""

    def __init__(self, fps=30, rgb=None):
        self.smoother = TemporalSmoother()
        self.fps = fps
        self.rgb = demo_frame(1.0) if rgb is None else rgb
        self.frame = 0

    def show(self, probabilities, saliency_map=None, rgb=None, key="class"):
        """Returns the smoothed map, and the labels and the probabilities shown after the next frame."""
        self.frame += 1
        a_map = np.zeros((7, 7), np.float32) if saliency_map is None else saliency_map
        shown_rgb = self.rgb if rgb is None else rgb
        pts_ns = self.frame * S // self.fps
        smoothed, top = self.smoother.update("camera", key, shown_rgb, pts_ns, a_map, probabilities, LABELS)
        return smoothed, "".join(score.label for score in top), [score.probability for score in top]

    def names(self, probabilities, seconds):
        """Returns the three labels shown after each frame of some seconds."""
        return [self.show(probabilities)[1] for _ in range(round(seconds * self.fps))]


def test_first_frame_is_not_smoothed():
    a_map = np.arange(49, dtype=np.float32).reshape(7, 7)
    smoothed, names, values = Source().show(chances(c=0.5, a=0.3, b=0.1), a_map)
    np.testing.assert_array_equal(smoothed, a_map)
    assert names == "cab"
    assert values == pytest.approx([0.5, 0.3, 0.1])


def test_classes_that_alternate_with_each_frame_do_not_swap():
    source = Source()
    pair = chances(a=0.45, b=0.44, c=0.05), chances(a=0.44, b=0.45, c=0.05)
    assert {source.show(pair[frame % 2])[1] for frame in range(300)} == {"abc"}


def test_equal_classes_with_noise_rarely_swap():
    source = Source()
    rng = np.random.default_rng(0)
    shown, raw = [], []
    for _ in range(60 * source.fps):
        noise = rng.normal(0.0, 0.03)
        values = chances(a=0.45 + noise, b=0.45 - noise, c=0.05)
        shown.append(source.show(values)[1])
        raw.append(values[A] > values[B])
    swaps = [sum(x != y for x, y in itertools.pairwise(each)) for each in (shown, raw)]
    assert swaps[1] > 600
    assert swaps[0] <= 6


def test_third_class_among_equals_does_not_swap():
    source = Source()
    pair = chances(a=0.6, b=0.3, c=0.041, d=0.040), chances(a=0.6, b=0.3, c=0.040, d=0.041)
    assert {source.show(pair[frame % 2])[1] for frame in range(300)} == {"abc"}


@pytest.mark.parametrize("fps", [5, 10, 30, 60])
def test_new_clear_top_class_shows_within_a_fifth_of_a_second(fps):
    source = Source(fps)
    source.names(chances(a=0.95, b=0.02, c=0.01), 2.0)
    assert source.names(chances(d=0.95, a=0.01), 0.2)[-1][0] == "d"


def test_small_lead_shows_when_it_lasts():
    source = Source()
    source.names(chances(a=0.46, b=0.44, c=0.05), 1.0)
    names = source.names(chances(a=0.44, b=0.46, c=0.05), 2.0)
    assert names[: source.fps // 2] == ["abc"] * (source.fps // 2)
    assert names[-1] == "bac"


def test_three_new_classes_replace_all_three():
    source = Source()
    source.names(chances(a=0.6, b=0.2, c=0.1), 1.0)
    assert source.names(chances(f=0.6, g=0.2, h=0.1, a=0.05), 2.0)[-1] == "fgh"


def test_numbers_are_in_the_order_of_the_classes_which_is_that_of_the_probabilities_before_long():
    source = Source()
    rng = np.random.default_rng(1)
    for _ in range(40):
        values = rng.dirichlet(np.full(8, 0.3))
        for _ in range(2 * source.fps):
            _, names, shown = source.show(values)
            assert shown == sorted(shown, reverse=True)
            assert len(set(names)) == 3
        assert names == "".join(LABELS[index] for index in np.argsort(-values)[:3])


def test_classes_whose_order_is_held_show_their_mean():
    source = Source()
    source.names(chances(a=0.46, b=0.44, c=0.05), 1.0)
    source.names(chances(a=0.44, b=0.46, c=0.05), 0.8)
    _, names, shown = source.show(chances(a=0.44, b=0.46, c=0.05))
    assert names == "abc"
    assert shown == pytest.approx([0.45, 0.45, 0.05], abs=1e-3)


def test_probabilities_change_in_small_steps():
    source = Source()
    source.names(chances(a=0.9, b=0.05, c=0.02), 1.0)
    heights = [source.show(chances(a=0.5, b=0.4, c=0.02))[2][0] for _ in range(30)]
    assert max(abs(after - before) for before, after in itertools.pairwise([0.9, *heights])) < 0.07
    assert heights[-1] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("fps", [3, 10, 30, 60])
def test_smoothing_is_the_same_at_every_frame_rate(fps):
    source = Source(fps)
    bright = np.ones((7, 7), np.float32)
    source.show(chances(a=0.8, b=0.1, c=0.05), 0 * bright)
    for _ in range(fps // 3 if fps > 3 else 1):
        smoothed, _, values = source.show(chances(a=0.4, b=0.3, c=0.25), bright)
    passed_s = (fps // 3 if fps > 3 else 1) / fps
    assert passed_s == pytest.approx(1 / 3, abs=0.04)
    np.testing.assert_allclose(smoothed, 1.0 - math.exp(-passed_s / 0.1), rtol=1e-5)
    assert values[0] == pytest.approx(0.4 + 0.4 * math.exp(-passed_s / 0.2), rel=1e-6)


def test_noise_of_a_map_is_reduced_and_movement_is_followed():
    source = Source()
    rng = np.random.default_rng(2)
    raw = [np.full((7, 7), 1.0, np.float32) + rng.normal(0, 0.2, (7, 7)).astype(np.float32) for _ in range(60)]
    smoothed = [source.show(chances(), each)[0] for each in raw]
    assert np.std(np.diff(smoothed[10:], axis=0)) < 0.4 * np.std(np.diff(raw[10:], axis=0))
    moved = np.zeros((7, 7), np.float32)
    moved[3, 3] = 5.0
    for _ in range(9):
        smoothed_map = source.show(chances(), moved)[0]
    assert smoothed_map[3, 3] > 4.5
    assert np.delete(smoothed_map.ravel(), 24).max() < 0.1


def test_every_cut_of_the_demo_resets_and_no_pan_does():
    smoother = TemporalSmoother()
    cuts = []
    for frame in range(round(DEMO_S * 10)):
        time_s = frame / 10
        values = chances(a=0.9, b=0.06, c=0.02) if frame % 2 else chances(d=0.9, e=0.06, f=0.02)
        a_map = np.full((7, 7), frame, np.float32)
        smoothed, top = smoother.update("demo", "class", demo_frame(time_s), frame * S // 10, a_map, values, LABELS)
        if (smoothed == a_map).all():
            assert [score.probability for score in top] == pytest.approx([0.9, 0.06, 0.02])
            cuts.append(time_s)
    durations_s = [scene.duration_s for scene in SCENES]
    assert cuts == list(itertools.accumulate(durations_s[:-1], initial=0.0))


def changed(source, rgb):
    """Returns whether the next frame is treated as another scene."""
    a_map = np.full((7, 7), 1000.0 + source.frame, np.float32)
    return bool((source.show(chances(), a_map, rgb)[0] == a_map).all())


def test_fast_pan_is_not_a_cut():
    cheetah = cv2.resize(demo_frame(7.0), (1280, 960))
    source = Source(rgb=cheetah[:480, :640])
    source.show(chances())
    assert not any(changed(source, cheetah[:480, x : x + 640]) for x in range(0, 640, 32))


def test_flickering_light_is_not_a_cut():
    source = Source()
    source.show(chances())
    rgb = demo_frame(1.0).astype(np.float32)
    lit = [np.clip(rgb * gain, 0, 255).astype(np.uint8) for gain in (0.6, 1.0, 1.4, 0.8, 1.2)]
    assert not any(changed(source, each) for each in lit)


def test_noise_in_the_dark_is_not_a_cut():
    source = Source(rgb=np.zeros((480, 640, 3), np.uint8))
    source.show(chances())
    rng = np.random.default_rng(3)
    noisy = [np.clip(rng.normal(10, 30, (480, 640, 3)), 0, 255).astype(np.uint8) for _ in range(5)]
    assert not any(changed(source, each) for each in noisy)


def test_black_frame_and_its_end_are_cuts():
    source = Source()
    source.show(chances())
    assert changed(source, np.zeros_like(source.rgb))
    assert changed(source, source.rgb)


@pytest.mark.parametrize("jump_ns", [-1, 1 + S, 100 * S])
def test_time_that_goes_back_or_jumps_by_a_second_starts_afresh(jump_ns):
    smoother = TemporalSmoother()
    rgb = demo_frame(1.0)
    smoother.update("file", "class", rgb, 500 * S, np.zeros((7, 7), np.float32), chances(a=1.0), LABELS)
    bright = np.ones((7, 7), np.float32)
    smoothed, top = smoother.update("file", "class", rgb, 500 * S + jump_ns, bright, chances(b=1.0), LABELS)
    np.testing.assert_array_equal(smoothed, bright)
    assert (top[0].label, top[0].probability) == ("b", 1.0)


def test_frames_of_another_size_start_afresh():
    source = Source()
    source.show(chances(a=1.0))
    assert source.show(chances(b=1.0), rgb=demo_frame(1.0)[:400].copy())[2][0] == 1.0


def test_keys_and_layers_have_their_own_maps():
    source = Source()
    dark, bright, fine = (np.full((px, px), value, np.float32) for px, value in ((7, 0), (7, 1), (14, 2)))
    source.show(chances(), dark, key="class")
    np.testing.assert_array_equal(source.show(chances(), bright, key="contrast")[0], bright)
    np.testing.assert_array_equal(source.show(chances(), fine, key="class")[0], fine)


def test_key_used_before_and_after_a_cut_starts_afresh():
    source = Source()
    source.show(chances(), np.zeros((7, 7), np.float32), key="class")
    source.show(chances(), rgb=demo_frame(7.0), key="contrast")
    bright = np.ones((7, 7), np.float32)
    np.testing.assert_array_equal(source.show(chances(), bright, demo_frame(7.0), "class")[0], bright)


def test_frozen_frame_is_stable_and_accepts_further_keys():
    smoother = TemporalSmoother()
    rgb = demo_frame(1.0)

    def update(key, pts_ns, value, probabilities):
        a_map = np.full((7, 7), value, np.float32)
        smoothed, top = smoother.update("camera", key, rgb, pts_ns, a_map, probabilities, LABELS)
        return float(smoothed[0, 0]), top

    update("class", 0, 0.0, chances(a=0.9))
    frozen = update("class", S // 30, 1.0, chances(b=0.9))
    assert 0.0 < frozen[0] < 1.0
    assert update("class", S // 30, 1.0, chances(b=0.9)) == frozen
    assert update("contrast", S // 30, 7.0, chances(b=0.9)) == (7.0, frozen[1])
    assert update("class", S // 30, 1.0, chances(b=0.9)) == frozen


def test_several_keys_per_frame_do_not_speed_up_the_probabilities():
    once, twice = Source(), Source()
    for probabilities in [chances(a=0.9), *[chances(b=0.9)] * 5]:
        one = once.show(probabilities)[2]
        two = twice.show(probabilities, key="class")[2]
        twice.frame -= 1
        assert twice.show(probabilities, key="contrast")[2] == two == one


def test_images_without_times_are_not_mixed():
    source = Source()
    source.show(chances(a=1.0))
    source.frame -= 1
    assert source.show(chances(b=1.0), rgb=demo_frame(7.0))[1][0] == "b"


def test_sources_are_independent():
    smoother = TemporalSmoother()
    rgb, a_map = demo_frame(1.0), np.zeros((7, 7), np.float32)
    for frame in range(10):
        for source_id, probabilities in (("one", chances(a=1.0)), ("two", chances(b=1.0))):
            _, top = smoother.update(source_id, "class", rgb, frame * S // 30, a_map, probabilities, LABELS)
            assert top[0].probability == 1.0


def test_arguments_and_earlier_results_are_not_changed():
    source = Source()
    given, probabilities = np.zeros((7, 7), np.float32), chances(a=0.9)
    given.flags.writeable = probabilities.flags.writeable = False
    first = source.show(probabilities, given)[0]
    second = source.show(chances(b=0.9), np.ones((7, 7), np.float32))[0]
    copy = second.copy()
    source.show(chances(b=0.9), np.ones((7, 7), np.float32))
    assert not first.any()
    np.testing.assert_array_equal(second, copy)
    assert second.dtype == np.float32


def test_memory_is_bounded_for_any_number_of_sources_and_keys():
    import tracemalloc

    smoother = TemporalSmoother()
    rgb = np.zeros((12, 16, 3), np.uint8)
    labels = tuple(map(str, range(1000)))

    def come_and_go(visitors):
        for visitor in visitors:
            a_map = np.zeros((28, 28), np.float32)
            smoother.update(f"visitor {visitor}", visitor, rgb, visitor, a_map, np.full(1000, 0.001), labels)

    come_and_go(range(1000))
    tracemalloc.start()
    before_bytes = tracemalloc.take_snapshot()
    come_and_go(range(1000, 3000))
    grown = sum(entry.size_diff for entry in tracemalloc.take_snapshot().compare_to(before_bytes, "filename"))
    tracemalloc.stop()
    assert grown < 256 * (8_000 + 28 * 28 * 4 + 4_000)
