"""Tables of ranges as files."""

from dataclasses import asdict

import numpy as np
import pytest

from live_cam.errors import ModelError
from live_cam.explain.runtime.int8.table import TABLES, ConvolutionRanges, RangeTable, find_table, rounded_scales
from live_cam.models.imagenet import IMAGENET_RESNET50
from live_cam.models.preprocessing import CAFFE, NONE
from live_cam.models.weights.archive import IMAGENET_DIGEST

LAYER = "last"


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    scales = {"a": rounded_scales(rng.uniform(0.1, 10.0, 64)), "b": rounded_scales(rng.uniform(0.1, 10.0, 256))}
    convolutions = {"a": ConvolutionRanges((0.0, 2.5), None), "b": ConvolutionRanges((-1.0, 3.0), (-4.0, 5.0))}
    preprocessing = {name: list(each) if isinstance(each, tuple) else each for name, each in asdict(CAFFE).items()}
    return RangeTable("digest", LAYER, preprocessing, convolutions, scales, "pictures", {"top1": 0.97})


def test_a_table_reads_as_it_was_written(table, tmp_path):
    path = tmp_path / "table.npz"
    table.write(path)
    read = RangeTable.read(path)
    assert (read.convolutions, read.agreement, read.pictures) == (table.convolutions, {"top1": 0.97}, "pictures")
    for name, scales in table.scales.items():
        assert np.array_equal(read.scales[name], scales)
    assert read.key == table.key


def test_scales_are_rounded_to_eighths_of_octaves():
    scales = np.geomspace(1 / 1000, 1000, 99)
    assert np.abs(np.log2(rounded_scales(scales) / scales)).max() <= 1 / 16 + 1e-6


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"a text"])
def test_a_file_that_is_no_table_is_one_line(tmp_path, content):
    path = tmp_path / "table.npz"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"is no table of ranges .*live-cam calibrate") as error:
        RangeTable.read(path)
    assert len(str(error.value).splitlines()) == 1


def test_a_table_is_found_for_the_weights_layer_and_preprocessing_that_it_was_made_for(table, tmp_path):
    path = tmp_path / "table.npz"
    table.write(path)
    assert find_table("digest", LAYER, CAFFE, [tmp_path / "none.npz", path]) == path
    assert find_table("other", LAYER, CAFFE, [path]) is None
    assert find_table("digest", "another", CAFFE, [path]) is None
    assert find_table("digest", LAYER, NONE, [path]) is None


def test_the_package_has_the_table_of_the_published_weights():
    path = find_table(IMAGENET_DIGEST, IMAGENET_RESNET50.default_layer, CAFFE, [])
    assert path is not None
    assert path.parent == TABLES
    assert path.stat().st_size < 60_000
    table = RangeTable.read(path)
    assert len(table.convolutions) == 53 - 5
    assert sum(each.written is not None for each in table.convolutions.values()) == 18
    for word in ("150 crops", "astronaut.png", "bikes.mp4"):
        assert word in table.pictures
