import cv2
import numpy as np
import pytest

from live_cam.render.colormaps import color_table
from live_cam.render.overlay import overlay
from live_cam.render.sheet import blend_jet, draw_cells, draw_sheet
from live_cam.types import OverlayStyle


def test_a_raw_map_is_square_cells_of_one_colour_from_the_least_value_to_the_greatest():
    saliency_map = np.array([[3.0, 5.0, 7.0], [4.0, 3.0, 6.0]], np.float32)
    cells = draw_cells(saliency_map, 200)
    assert cells.shape == (200, 300, 3)
    of_cells = cells.reshape(2, 100, 3, 100, 3).transpose(0, 2, 1, 3, 4).reshape(6, -1, 3)
    viridis = color_table("viridis")[:, 0]
    for cell, level in zip(of_cells, (0, 128, 255, 64, 0, 192), strict=True):
        assert np.array_equal(cell, np.broadcast_to(viridis[level], cell.shape))


@pytest.mark.parametrize("shape", [(1, 1), (7, 7), (100, 3)])
def test_a_flat_raw_map_has_the_lowest_colour(shape):
    cells = draw_cells(np.full(shape, 2.0, np.float32), 60)
    assert len(cells) == 60
    assert np.array_equal(np.unique(cells.reshape(-1, 3), axis=0), color_table("viridis")[0])


def test_a_sheet_shows_photograph_map_and_overlay_from_left_to_right(make_frame, make_explanation, photograph):
    frame, explanation = make_frame(photograph), make_explanation()
    sheet = draw_sheet(frame, explanation)
    height, width = photograph.shape[:2]
    assert np.array_equal(sheet[:height, :width], photograph)
    assert np.array_equal(sheet[:height, -width:], overlay(frame, explanation, OverlayStyle()))
    gap = (sheet.shape[1] - 2 * width - height) // 2
    cells = sheet[:height, width + gap : width + gap + height]
    assert np.array_equal(cells, draw_cells(explanation.saliency_map, height))
    assert sheet[height:].min() < 60, "what is explained and the top classes"


def test_jet_is_added_as_in_the_example_of_keras(make_frame, make_explanation, photograph):
    explanation = make_explanation()
    large = cv2.resize(explanation.saliency_map / 2.0, photograph.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    jet = cv2.applyColorMap((large * 255).astype(np.uint8), cv2.COLORMAP_JET)[..., ::-1]
    expected = photograph + 0.4 * jet.astype(np.float32)
    expected = (expected - expected.min()) / np.ptp(expected) * 255
    blended = blend_jet(make_frame(photograph), explanation)
    assert np.abs(blended - expected).max() < 4.0
    assert np.array_equal(draw_sheet(make_frame(photograph), explanation, jet=True)[: len(blended), -320:], blended)


def test_without_evidence_nothing_is_drawn_in_jet_either(make_frame, make_explanation, photograph):
    assert np.array_equal(blend_jet(make_frame(photograph), make_explanation(evidence=0.0)), photograph)


@pytest.fixture
def photograph():
    return cv2.resize(np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8), (320, 240))
