"""The explainer of programs and notebooks, with the real network."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import live_cam
from live_cam.errors import SourceError, UsageError
from live_cam.sources.pictures.reader import read_rgb
from live_cam.types import Explanation, Frame, Target

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notebook_explainer(weights):
    return live_cam.Explainer()


@pytest.fixture(scope="module")
def lion(gradio_media):
    return gradio_media / "images" / "lion.jpg"


def test_a_path_an_opened_file_an_array_and_a_frame_have_the_same_result(notebook_explainer, explainer, lion):
    rgb = read_rgb(lion)
    expected = explainer.explain(Frame(rgb.copy(), 0))
    with Image.open(lion) as opened:
        for image in (lion, str(lion), opened, rgb, rgb / 255, Frame(rgb, 0)):
            result = notebook_explainer.explain(image)
            assert isinstance(result, live_cam.Result)
            assert isinstance(result, Explanation)
            assert np.array_equal(result.map, expected.saliency_map)
            assert (result.map.dtype, result.map.shape) == (np.float32, (7, 7))
            assert result.top == expected.top
            assert result.top[0].label == "lion"
            assert result.overlay().shape == rgb.shape


def test_a_class_is_explained_by_label_number_or_target(notebook_explainer, lion):
    maps = [notebook_explainer.explain(lion, target).map for target in ("tiger", 292, np.int64(292), Target(292))]
    assert all(np.array_equal(found, maps[0]) for found in maps)
    assert not np.array_equal(maps[0], notebook_explainer.explain(lion).map)
    result = notebook_explainer.explain(lion, "tiger", contrast="lion")
    assert (result.target_label, result.contrast_label) == ("tiger", "lion")
    assert not np.array_equal(maps[0], result.map)


def test_a_list_has_a_list_of_results_and_an_iterator_an_iterator_that_reads_ahead_of_nothing(
    notebook_explainer, photographs
):
    expected = [notebook_explainer.explain(rgb) for rgb in photographs.values()]
    read = []

    def frames():
        for label, rgb in photographs.items():
            read.append(label)
            yield rgb

    results = notebook_explainer.explain(frames())
    assert isinstance(results, Iterator)
    assert read == []
    for number, result in enumerate(results):
        assert read == list(photographs)[: number + 1]
        assert np.array_equal(result.map, expected[number].map)
    listed = notebook_explainer.explain(list(photographs.values()))
    assert [result.top for result in listed] == [result.top for result in expected]
    assert [result.top for result in notebook_explainer.explain(tuple(photographs.values()))] == [
        result.top for result in expected
    ]
    assert notebook_explainer.explain([]) == []


def test_an_error_names_the_image(notebook_explainer, lion, tmp_path):
    with pytest.raises(UsageError, match=r"^image 1 has no pixels"):
        notebook_explainer.explain([lion, np.zeros((0, 0, 3), np.uint8)])
    with pytest.raises(SourceError, match=r"missing\.jpg does not exist"):
        notebook_explainer.explain([lion, tmp_path / "missing.jpg"])
    results = notebook_explainer.explain(iter([lion, np.full((4, 4), np.nan)]))
    assert next(results).top[0].label == "lion"
    with pytest.raises(UsageError, match=r"^image 1 has values that are NaN"):
        next(results)


def test_a_class_that_does_not_exist_is_an_error_before_an_image_is_read(notebook_explainer):
    for arguments in ({"target": -1}, {"target": "lino"}, {"contrast": 1000}, {"target": True}):
        with pytest.raises(UsageError, match=r"class"):
            notebook_explainer.explain(iter([None]), **arguments)


def test_an_open_file_and_a_set_are_no_images(notebook_explainer, lion):
    with lion.open("rb") as file, pytest.raises(UsageError, match="not BufferedReader"):
        notebook_explainer.explain(file)
    with pytest.raises(UsageError, match="not set"):
        notebook_explainer.explain({lion})


def test_several_threads_get_the_results_of_one(notebook_explainer, photographs):
    images = list(photographs.values())
    expected = notebook_explainer.explain(images)
    with ThreadPoolExecutor(4) as threads:
        for number, result in enumerate(threads.map(notebook_explainer.explain, images * 4)):
            assert np.array_equal(result.map, expected[number % len(images)].map)
            assert repr(result) == repr(expected[number % len(images)])
            assert result._repr_png_() == expected[number % len(images)]._repr_png_()


def test_a_pickled_result_shows_itself_where_there_is_no_network(notebook_explainer, lion, tmp_path):
    result = notebook_explainer.explain(lion)
    (tmp_path / "result.pickle").write_bytes(pickle.dumps(result))
    code = (
        "import pickle, sys; result = pickle.load(open(sys.argv[1], 'rb')); result.save(sys.argv[2]);"
        "print(result.top[0].label, {'tensorflow', 'openvino'} & sys.modules.keys())"
    )
    words = [sys.executable, "-c", code, tmp_path / "result.pickle", tmp_path / "out.png"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.stderr) == ("lion set()\n", "")
    with Image.open(tmp_path / "out.png") as saved, Image.open(io.BytesIO(result._repr_png_())) as shown:
        assert np.array_equal(np.asarray(saved), result.overlay())
        assert shown.format == "PNG"
