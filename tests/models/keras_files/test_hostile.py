"""Damaged files, and files made to read, write or allocate what they should not."""

from __future__ import annotations

import json
import resource
import shutil
import stat
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tf_keras

from live_cam.errors import ModelError
from live_cam.models.keras_files.load import load_keras_model
from tests.models.keras_files.saving import save

_MEMORY_BYTES = 512 << 20


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """A model in each format."""
    folder = tmp_path_factory.mktemp("originals")
    for library, name in ((tf_keras, "keras2"), (keras, "keras3")):
        image, conv = library.layers.Input((8, 8, 3)), library.layers.Conv2D(4, 3)
        model = library.Sequential([image, conv, library.layers.Flatten(), library.layers.Dense(2, name="dense")])
        save(model, folder / f"{name}.h5")
        save(model, folder / f"{name}.keras")
        if library is tf_keras:
            save(model, folder / "saved_model", save_format="tf")
    return folder


@pytest.fixture
def files(originals, tmp_path):
    """A copy of the models, to damage."""
    return shutil.copytree(originals, tmp_path / "files")


@pytest.fixture
def refused():
    """Asserts that a file gets one line, and takes little memory until then."""

    def refused(path):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(ModelError) as caught:
            load_keras_model(path)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < _MEMORY_BYTES >> 10
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refused


def edit_h5_config(path, change):
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        changed = change(config)
        file.attrs["model_config"] = changed if isinstance(changed, str | bytes) else json.dumps(config)


def edit_zip(path, edit):
    """Rewrites an archive; `edit` maps name and content to new ones."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(*edit(name, data))


def huge(config):
    config["config"]["layers"][-1]["config"]["units"] = 10**9


@pytest.mark.parametrize("name", ["keras2.h5", "keras3.h5", "keras2.keras", "keras3.keras"])
def test_a_file_that_is_cut_short_gets_one_line(files, name, refused):
    whole = (files / name).read_bytes()
    for size in (0, 10, len(whole) // 3, len(whole) // 2, len(whole) - 100):
        (files / name).write_bytes(whole[:size])
        refused(files / name)


@pytest.mark.parametrize("name", ["keras2.h5", "keras3.keras"])
def test_a_file_with_damaged_bytes_opens_or_gets_one_line(files, name):
    whole = np.frombuffer((files / name).read_bytes(), np.uint8)
    rng = np.random.default_rng(4)
    refused = []
    for _ in range(20):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 200)] = rng.integers(0, 256, 200)
        (files / name).write_bytes(damaged.tobytes())
        try:
            load_keras_model(files / name)
        except ModelError as error:
            refused.append(str(error))
    assert refused
    assert not any("\n" in text for text in refused)


@pytest.mark.parametrize(
    "name", ["variables/variables.index", "variables/variables.data-00000-of-00001", "keras_metadata.pb"]
)
def test_a_saved_model_with_a_damaged_file_gets_one_line(files, name, refused):
    path = files / "saved_model" / name
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"\xff" * len(whole)):
        path.write_bytes(content)
        refused(files / "saved_model")
    path.unlink()
    refused(files / "saved_model")


@pytest.mark.parametrize("name", ["keras2.h5", "keras3.h5"])
def test_layers_with_more_weights_than_the_file_are_not_allocated(files, name, refused):
    edit_h5_config(files / name, huge)
    assert "need 144,000,000,000 weights, but the file holds" in refused(files / name) or "145," in refused(
        files / name
    )


def test_layers_with_more_weights_than_the_keras_file_are_not_allocated(files, refused):
    def edit(name, data):
        if name == "config.json":
            huge(config := json.loads(data))
            data = json.dumps(config)
        return name, data

    for name in ("keras2.keras", "keras3.keras"):
        edit_zip(files / name, edit)
        assert "but the file holds" in refused(files / name)
    assert load_keras_model(files / "saved_model").model.count_params()  # nothing waits for 500 GB of weights


def test_weights_that_only_their_declaration_makes_huge_are_not_read(files, refused):
    edit_h5_config(files / "keras2.h5", huge)
    with h5py.File(files / "keras2.h5", "r+") as file:
        group = file["model_weights/dense/dense"]
        for name, shape in (("kernel:0", (144, 10**9)), ("bias:0", (10**9,))):
            del group[name]
            group.create_dataset(name, shape, np.float32, chunks=True, compression="gzip")
    assert "declares 580,000,000" in refused(files / "keras2.h5") or "declares 58" in refused(files / "keras2.h5")


def test_weights_in_other_files_are_not_read(files, refused):
    secret = files / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["kernel"] = np.ones((144, 2), np.float32)
    raw = files / "secret.bin"
    raw.write_bytes(np.ones((144, 2), np.float32).tobytes())

    def external_link(group):
        group["kernel:0"] = h5py.ExternalLink(str(secret), "kernel")

    def virtual(group):
        layout = h5py.VirtualLayout((144, 2), np.float32)
        layout[:] = h5py.VirtualSource(str(secret), "kernel", (144, 2))
        group.create_virtual_dataset("kernel:0", layout)

    def external_storage(group):
        group.create_dataset("kernel:0", (144, 2), np.float32, external=[(str(raw), 0, 1152)])

    def soft_link(group):
        group["kernel:0"] = h5py.SoftLink("/model_weights")

    original = (files / "keras2.h5").read_bytes()
    for write in (external_link, virtual, external_storage, soft_link):
        (files / "keras2.h5").write_bytes(original)
        with h5py.File(files / "keras2.h5", "r+") as file:
            group = file["model_weights/dense/dense"]
            del group["kernel:0"]
            write(group)
        assert "another place" in (text := refused(files / "keras2.h5")) or "another file" in text


def test_groups_that_contain_themselves_end(files):
    with h5py.File(files / "keras2.h5", "r+") as file:
        file["model_weights/dense/again"] = file["model_weights"]
    assert load_keras_model(files / "keras2.h5").model.count_params()


@pytest.mark.parametrize("member", ["../owned", "/tmp/live_cam_owned", "a/../../owned", "..\\owned", "C:owned"])
def test_archives_write_nothing_outside_their_folder(files, member, refused):
    with zipfile.ZipFile(files / "keras3.keras", "a") as archive:
        archive.writestr(member, b"x")
    assert "leads out of its folder" in refused(files / "keras3.keras")


def test_archives_hold_no_links(files, refused):
    link = zipfile.ZipInfo("labels.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(files / "keras3.keras", "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "leads out of its folder" in refused(files / "keras3.keras")


def test_an_archive_that_unpacks_to_far_more_is_not_unpacked(files, refused):
    path = files / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("keras_model.h5", "w") as member:
        for _ in range(200):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    assert "unpacks to 209,715,200" in refused(path)


def test_an_archive_that_declares_less_than_it_holds_gets_one_line(files, refused):
    path = files / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("keras_model.h5", bytes(200 << 20))
    data = path.read_bytes().replace((200 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    path.write_bytes(data)
    assert "damaged" in refused(path)


CONFIGS = {
    "deep": "[" * 100_000,
    "deep objects": '{"class_name": "Sequential", "config": ' * 100_000,
    "not UTF-8": b'{"class_name": "\xff\xfe"}',
    "no object": "[1, 2]",
    "empty": "",
    "no layers": '{"class_name": "Sequential", "config": {"name": "a", "layers": []}}',
    "nested models": '{"class_name": "Sequential", "config": {"layers": [' * 100 + "]}}" * 100,
    "layers of another type": '{"class_name": "Functional", "config": {"layers": [3], "input_layers": []}}',
    "numbers for names": '{"class_name": 3, "config": {"name": [], "layers": {}}}',
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_a_strange_configuration_gets_one_line(files, config, refused):
    edit_h5_config(files / "keras2.h5", lambda _: config if isinstance(config, str) else np.bytes_(config))
    refused(files / "keras2.h5")
    edit_zip(files / "keras3.keras", lambda name, data: (name, config if name == "config.json" else data))
    refused(files / "keras3.keras")


def test_a_graph_with_a_loop_or_a_gap_gets_one_line(files, refused):
    def layer(name, source):
        return {"class_name": "ReLU", "name": name, "config": {"name": name}, "inbound_nodes": [[[source, 0, 0, {}]]]}

    for layers in ([layer("a", "b"), layer("b", "a")], [layer("a", "nowhere")]):
        graph = {"name": "m", "layers": layers, "input_layers": [["a", 0, 0]], "output_layers": [["a", 0, 0]]}
        text = json.dumps({"class_name": "Functional", "config": graph})
        edit_h5_config(files / "keras2.h5", lambda _, text=text: text)
        assert "loop or a gap" in refused(files / "keras2.h5")


def test_nothing_is_computed_while_a_model_is_built(files, refused):
    """An operation on numbers alone would be: here, on terabytes of them."""
    huge = {"class_name": "__numpy__", "config": {"value": [0], "dtype": "U100000000"}}
    for name, args in (("Eye", [10**6]), ("Linspace", [0, 1, 10**12]), ("Add", [huge, 1])):
        node = {"args": args, "kwargs": {}}
        layer = {
            "module": "keras.src.ops.numpy",
            "class_name": name,
            "name": "a",
            "config": {},
            "inbound_nodes": [node],
        }
        graph = {"name": "m", "layers": [layer], "input_layers": [], "output_layers": [["a", 0, 0]]}
        text = json.dumps({"class_name": "Functional", "config": graph})
        edit_zip(files / "keras3.keras", lambda name, data, text=text: (name, text if name == "config.json" else data))
        assert "no input" in (line := refused(files / "keras3.keras")) or "no number" in line


def test_too_many_layers_get_one_line(files, refused):
    def edit(config):
        layer = config["config"]["layers"][2]
        config["config"]["layers"] += [{**layer, "config": {"name": f"flatten_{i}"}} for i in range(10_001)]

    edit_h5_config(files / "keras2.h5", edit)
    assert "more than 5,000 layers" in refused(files / "keras2.h5")


def test_weights_that_are_no_numbers_get_one_line(files, refused):
    with h5py.File(files / "keras2.h5", "r+") as file:
        file["model_weights/dense/dense/kernel:0"][0, 0] = np.nan
    assert "not finite" in refused(files / "keras2.h5")
    with h5py.File(files / "keras2.h5", "r+") as file:
        group = file["model_weights/dense/dense"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", (144, 2), h5py.string_dtype())
    assert "dense/kernel are not finite numbers" in refused(files / "keras2.h5")


def test_weights_of_another_shape_or_number_get_one_line(files, refused):
    with h5py.File(files / "keras2.h5", "r+") as file:
        group = file["model_weights/dense/dense"]
        del group["bias:0"]
        group["bias:0"] = np.zeros(3, np.float32)
    assert "should have the shape (2,)" in refused(files / "keras2.h5")
    with h5py.File(files / "keras3.h5", "r+") as file:
        file["model_weights/dense"].attrs["weight_names"] = ["dense/kernel"]
    assert "has 2 weights, but the file 1" in refused(files / "keras3.h5")
