"""The command line as a person types it: real processes, real weights."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time

import httpx
import numpy as np
import pytest
from PIL import Image

import live_cam
from live_cam.explain.weights import find_weights
from live_cam.web.addresses import own_addresses


def run(*words: object, cwd=None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "live_cam", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=cwd)


def assert_told_in_one_line(result, status: int, *fragments: str) -> None:
    assert result.returncode == status, result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("live-cam: ")
    for fragment in fragments:
        assert fragment in lines[0]
    assert result.stdout == ""


@pytest.fixture(scope="module", autouse=True)
def weights_at_hand():
    """So that no process under test has a progress bar to show."""
    find_weights()


@pytest.fixture(scope="module")
def lion(gradio_media):
    return gradio_media / "images" / "lion.jpg"


@pytest.fixture(scope="module")
def cheetah(gradio_media):
    return gradio_media / "images" / "cheetah.jpg"


def test_it_tells_its_version():
    assert run("--version").stdout == f"live_cam {live_cam.__version__}\n"


def test_help_names_the_commands_and_serve_help_the_sources():
    assert all(word in run("--help").stdout for word in ("serve", "explain", "layers", "bench", "doctor"))
    assert "demo" in run("serve", "--help").stdout


@pytest.mark.parametrize("command", [(), ("serve",), ("explain",)])
def test_the_short_word_for_help_is_known_to_all_commands(command):
    short = run(*command, "-h")
    assert short.returncode == 0, short.stderr
    assert short.stdout == run(*command, "--help").stdout


@pytest.mark.slow
def test_the_address_that_others_use_is_told_beside_our_own():
    port = free_port()
    command = [sys.executable, "-m", "live_cam", "demo", "--no-open", "--host", "0.0.0.0", "--port", str(port)]
    with subprocess.Popen([*command, "--token", "a b"], stdout=subprocess.PIPE, text=True) as live_cam_:
        try:
            own, others = (live_cam_.stdout.readline() for _ in range(2))
            read_stats(live_cam_, port, token="a b")
        finally:
            live_cam_.send_signal(signal.SIGINT)
            assert live_cam_.wait(20) == 0
    assert f"http://127.0.0.1:{port}/?token=a%20b " in own
    (address,) = own_addresses() or ["no network"]
    assert address in others
    if address != "no network":
        assert others == f"For others on the network: http://{address}:{port}/?token=a%20b\n"


@pytest.mark.slow
def test_a_camera_that_is_not_there_is_told_in_the_terminal_and_in_stats_and_waited_for():
    port = free_port()
    command = [sys.executable, "-m", "live_cam", "97", "--no-open", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as live_cam_:
        try:
            assert "there is no camera /dev/video97" in live_cam_.stderr.readline()
            while (told := read_stats(live_cam_, port)["source"])["state"] == "starting":
                time.sleep(0.2)
            assert told["state"] in ("lost", "reconnecting")
            assert "/dev/video97" in told["message"]
        finally:
            live_cam_.send_signal(signal.SIGINT)
            assert live_cam_.wait(20) == 0


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (("demo", "--size", "large"), ("'large'", "1280x720")),
        (("demo", "--size", "0x480"), ("'0x480'", "1280x720")),
        (("demo", "browser"), ("browser", "no other source")),
        (("demo",) * 17, ("17", "16")),
        (("demo", "--mirror"), ("--mirror", "leave that out")),
        (("gopher://admin:hunter2@cam/",), ("gopher",)),
    ],
)
def test_sources_and_wishes_that_make_no_sense(words, fragments):
    result = run(*words, "--no-open", "--port", free_port())
    assert_told_in_one_line(result, 2, *fragments)
    assert "hunter2" not in result.stderr


def test_a_missing_file():
    assert_told_in_one_line(run("nowhere.mp4", "--no-open", "--port", free_port()), 1, "nowhere.mp4")


def test_a_corrupt_file(tmp_path):
    path = tmp_path / "spoilt.mp4"
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(500))
    assert_told_in_one_line(run(path, "--no-open", "--port", free_port()), 1, "spoilt.mp4")


def test_a_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_told_in_one_line(run("demo", "--no-open", "--port", port), 1, str(port), "--port")


@pytest.mark.parametrize(
    "words",
    [
        ("--colour", "red"),
        ("demo", "--port", "0"),
        ("explain",),
        ("explain", "x.jpg", "--score", "guess"),
        ("demo", "--runtime", "abacus"),
        ("demo", "--method", "tealeaves"),
    ],
)
def test_wrong_usage(words):
    result = run(*words)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_an_unknown_label_is_told_before_anything_slow(lion):
    assert_told_in_one_line(run("explain", lion, "--target", "cheeta"), 2, "'cheeta'", "'cheetah'")


def test_a_class_against_itself_is_wrong_usage(lion):
    assert_told_in_one_line(run("explain", lion, "--target", "lion", "--versus", "291"), 2, "--versus")
    assert_told_in_one_line(run("explain", lion, "--versus", "tiger", "--against"), 2, "--against")


def test_one_result_file_for_several_pictures_is_wrong_usage(lion, cheetah, tmp_path):
    assert_told_in_one_line(run("explain", lion, cheetah, "-o", tmp_path / "out.png"), 2, "one IMAGE")
    assert_told_in_one_line(run("explain", lion, "-o", tmp_path / "out.jpg"), 2, ".png")


def test_nothing_of_the_users_is_overwritten(lion, tmp_path):
    path = tmp_path / "precious.png"
    path.write_bytes(b"precious")
    assert_told_in_one_line(run("explain", lion, "-o", path), 1, "precious.png", "not overwritten")
    assert path.read_bytes() == b"precious"


@pytest.mark.slow
def test_an_unknown_layer(lion):
    assert_told_in_one_line(run("explain", lion, "--layer", "conv5_block3_outt"), 2, "conv5_block3_out,")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--device", "TOASTER"), "OpenVINO reaches no device 'TOASTER' on this machine; it reaches CPU"),
        (("--device", "CPU", "--runtime", "tensorflow"), "--device names a device of OpenVINO's"),
        (("--method", "layercam-fused", "--layer", "conv1_relu"), "leave --layer out"),
        (("--method", "eigencam", "--target", "lion"), "eigencam explains no class in particular"),
    ],
)
def test_words_that_contradict_each_other_or_this_machine(lion, words, told):
    assert_told_in_one_line(run("explain", lion, *words), 2, told)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "layer", "shape"),
    [
        ("layercam-fused", "conv3_block4_out+conv4_block6_out+conv5_block3_out", [28, 28]),
        ("eigencam", "conv5_block3_out", [7, 7]),
    ],
)
def test_another_method_is_what_is_computed_and_named(lion, method, layer, shape):
    told = json.loads(run("explain", lion, "--json", "--method", method).stdout)
    assert (told["method"], told["layer"], told["map"]["shape"]) == (method, layer, shape)
    assert told["map"]["max"] > 0.0


def test_layers_lists_what_can_be_explained_with_sizes():
    lines = run("layers").stdout.splitlines()
    assert lines[0].split() == ["layer", "height", "width", "channels"]
    rows = [line.split() for line in lines[1:]]
    assert rows[0] == ["conv1_conv", "112", "112", "64"]
    assert ["conv4_block6_out", "14", "14", "1024"] in rows
    assert rows[-1] == ["conv5_block3_out", "7", "7", "2048", "(the", "default)"]
    assert not {"avg_pool", "predictions", "conv1_pad"} & {row[0] for row in rows}


@pytest.mark.slow
def test_bench_times_the_step_against_a_forward_pass_of_the_same_kind():
    result = run("bench", "--json", "--precision", "float32")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    kind = [told[key] for key in ("layer", "method", "score", "runtime", "precision", "device")]
    assert kind == ["conv5_block3_out", "gradcam", "logit", "openvino", "float32", "CPU"]
    for name in ("step_ms", "forward_ms"):
        assert 1.0 < told[name]["median"] <= told[name]["p95"]
    assert told["ratio"] == pytest.approx(told["step_ms"]["median"] / told["forward_ms"]["median"], abs=0.01)
    # What it measures varies with the machine's mood; that an explanation costs no second pass does not.
    assert told["ratio"] < 1.5


@pytest.mark.slow
def test_wrong_weights(lion, tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, **{"conv1_conv/kernel": np.zeros((3, 3), np.float32)})
    assert_told_in_one_line(run("explain", lion, "--weights", path), 1, "other.npz", "conv1_conv/kernel")


@pytest.mark.slow
def test_json_gives_one_object_a_picture_and_a_bad_picture_spoils_no_other(lion, cheetah, tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    result = run("explain", lion, text, cheetah, "--json", "--runtime", "tensorflow", "--precision", "bfloat16")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "text.jpg" in result.stderr
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["image"] == str(lion)
    assert (first["target"], second["target"]) == ("lion", "cheetah")
    assert [set(score) for score in first["top"]] == [{"index", "label", "probability"}] * 3
    assert first["top"][0]["probability"] == pytest.approx(0.98, abs=0.01)
    rest = {key: first[key] for key in ("versus", "layer", "method", "score", "runtime", "precision")}
    assert rest == {
        "versus": None,
        "layer": "conv5_block3_out",
        "method": "gradcam",
        "score": "logit",
        "runtime": "tensorflow",
        "precision": "bfloat16",
    }
    assert first["map"]["shape"] == [7, 7]


@pytest.mark.slow
def test_picture_and_map_are_written(lion, tmp_path):
    picture, saved = tmp_path / "out.png", tmp_path / "out.npz"
    result = run("explain", lion, "-o", picture, "--save-map", saved, "--target", "tiger", "--versus", "lion", "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["target"], told["versus"]) == ("tiger", "lion")
    with np.load(saved) as arrays:
        assert arrays["map"].dtype == np.float32
        assert list(arrays["map"].shape) == told["map"]["shape"]
        assert arrays["map"].max() == pytest.approx(told["map"]["max"], abs=1e-6)
        assert arrays["map"].min() >= 0
        assert arrays["logits"].shape == (1000,)
        assert arrays["logits"].argmax() == 291
    with Image.open(picture) as written, Image.open(lion) as original:
        assert written.size == original.size


@pytest.mark.slow
def test_what_speaks_against_a_class_is_another_map_than_what_speaks_for_it(lion, tmp_path):
    maps = {}
    for name, words in {"for": (), "against": ("--against",)}.items():
        saved = tmp_path / f"{name}.npz"
        result = run("explain", lion, "--target", "tiger", *words, "--json", "--save-map", saved)
        assert result.returncode == 0, result.stderr
        told = json.loads(result.stdout)
        assert (told["target"], told["against"]) == ("tiger", name == "against")
        with np.load(saved) as arrays:
            maps[name] = arrays["map"]
    assert maps["for"].max() > 0 < maps["against"].max()
    assert not np.any((maps["for"] > 0) & (maps["against"] > 0)), "at the default layer each is what the other left out"


@pytest.mark.slow
def test_a_person_reads_the_result_in_words(lion):
    result = run("explain", lion, "--versus", "tiger", "--runtime", "openvino", "--precision", "float32")
    assert result.stdout.splitlines()[0].endswith("lion, not tiger")
    assert "98.5%  lion" in result.stdout


def test_the_doctor_looks_at_everything_and_changes_nothing(tmp_path):
    result = run("doctor", cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    for word in ("Python 3.", "tensorflow", "gradio", "websockets", "weights", "camera", "free"):
        assert word in result.stdout
    assert list(tmp_path.iterdir()) == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_stats(process, port, token="none"):
    """Gives what /stats tells, as soon as it answers."""
    limit_s = time.monotonic() + 240
    while process.poll() is None:
        assert time.monotonic() < limit_s
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/stats", headers={"Authorization": f"Bearer {token}"})
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            assert answer.status_code == 200
            return answer.json()
    pytest.fail("it has ended")
