"""Folders, and ZIPs of them, whose subfolders are classes."""

import shutil

import numpy as np
import pytest
from PIL import Image

from live_cam.errors import SourceError, UsageError
from live_cam.explain.explainer import Explainer
from live_cam.teach.folder import find_takes, teach_folder
from live_cam.types import Frame
from tests.teach.colours import PURPLE, TEAL, paint, paint_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def explainer(colour_models):
    return Explainer(colour_models[0], precision="float32")


def teach(explainer, path):
    done = []
    taught, problems = teach_folder(explainer, path, "mine", lambda *counts: done.append(counts))
    assert done[-1][0] == done[-1][1] == len(done)
    return taught, problems


def test_a_folder_teaches_its_subfolders(explainer, tmp_path):
    taught, problems = teach(explainer, paint_folder(tmp_path / "things"))
    assert (taught.head.labels, problems) == (("purple", "teal"), [])
    assert (taught.accuracy.right_n, taught.accuracy.known_n) == (6, 6)
    assert taught.accuracy_words.startswith("right on 6 of 6 takes that it had not seen (95 % interval 61% to 100%)")
    mine = explainer.with_head(taught.head)
    for colour, label in ((PURPLE, "purple"), (TEAL, "teal")):
        found = mine.explain(Frame(paint(np.random.default_rng(9), colour), 0))
        assert found.top[0].label == label
        assert found.top[0].probability > 0.6


def test_the_map_of_a_taught_class_is_exact(explainer, tmp_path):
    taught, _ = teach(explainer, paint_folder(tmp_path / "things"))
    mine = explainer.with_head(taught.head)
    frame = Frame(paint(np.random.default_rng(9), PURPLE), 0)
    (activation,) = explainer.activations([frame])
    for index in range(2):
        weights = taught.head.head.weights[:, index].astype(np.float64)
        expected = np.maximum(activation @ weights / np.prod(activation.shape[:2]), 0.0)
        found = mine.explain(frame, type(mine.explain(frame).target)(index))
        np.testing.assert_allclose(found.saliency_map, expected, atol=1e-5 * expected.max() + 1e-9)
    logits = activation.mean(axis=(0, 1)) @ taught.head.head.weights + taught.head.head.bias
    np.testing.assert_allclose(mine.explain(frame).logits, logits, rtol=1e-5)
    np.testing.assert_allclose(mine.logits([frame.rgb])[0], logits, atol=1e-4)
    assert mine.weights_digest != explainer.weights_digest


def test_a_zip_teaches_the_same(explainer, tmp_path):
    folder = paint_folder(tmp_path / "things")
    archive = shutil.make_archive(str(tmp_path / "things"), "zip", folder)
    from_folder, from_zip = (teach(explainer, path)[0] for path in (folder, tmp_path / archive))
    np.testing.assert_array_equal(from_folder.head.head.weights, from_zip.head.head.weights)


def test_takes_are_videos_subfolders_and_pictures(tmp_path, gradio_media):
    folder = paint_folder(tmp_path / "things")
    shutil.copy(gradio_media / "videos" / "world.mp4", folder / "teal" / "world.mp4")
    for number in range(50):
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(folder / "purple" / f"{number:02}.png")
    (folder / "purple" / "notes.txt").write_text("no picture")
    (folder / ".hidden").mkdir()
    labels, takes = find_takes(folder, "things")
    assert labels == ["purple", "teal"]
    sizes = {index: sorted(len(take.paths) for take in takes if take.class_index == index) for index in range(2)}
    assert sizes == {0: sorted([4, 4, 4] + [3] * 10 + [2] * 10), 1: [1, 4, 4, 4]}


def test_a_video_is_one_take_of_frames_that_differ(explainer, tmp_path, gradio_media):
    folder = paint_folder(tmp_path / "things")
    shutil.copy(gradio_media / "videos" / "world.mp4", folder / "teal" / "world.mp4")
    taught, problems = teach(explainer, folder)
    assert problems == []
    assert taught.accuracy.known_n == 7


def test_what_cant_be_read_is_named_and_left_out(explainer, tmp_path):
    folder = paint_folder(tmp_path / "things")
    (folder / "teal" / "take 0" / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    taught, (problem,) = teach(explainer, folder)
    assert "cut.jpg" in problem
    assert taught.accuracy.known_n == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: shutil.rmtree(folder / "teal"), "has 1 subfolders; give a folder with one for each of two"),
        (lambda folder: (folder / "empty").mkdir(), "empty has no example; show it, or leave it out"),
        (lambda folder: (folder / ("a" * 60)).mkdir(), "is no name for a class"),
    ],
)
def test_a_folder_that_teaches_nothing_is_refused_in_one_line(explainer, tmp_path, change, message):
    folder = paint_folder(tmp_path / "things")
    change(folder)
    with pytest.raises(UsageError, match=message) as refused:
        teach(explainer, folder)
    assert "\n" not in str(refused.value)


def test_other_files_and_damaged_zips_are_refused(explainer, tmp_path):
    (tmp_path / "text.txt").write_text("text")
    with pytest.raises(SourceError, match="is no folder and no ZIP"):
        teach(explainer, tmp_path / "text.txt")
    archive = tmp_path / shutil.make_archive(str(tmp_path / "a"), "zip", paint_folder(tmp_path / "things"))
    data = bytearray(archive.read_bytes())
    data[40:400] = bytes(360)
    archive.write_bytes(data)
    with pytest.raises(SourceError, match="can't be unpacked"):
        teach(explainer, archive)


def test_a_network_whose_head_is_not_linear_is_refused(colour_models, tmp_path):
    with pytest.raises(UsageError, match="takes no classes of your own"):
        teach(Explainer(colour_models[1]), paint_folder(tmp_path / "things"))
