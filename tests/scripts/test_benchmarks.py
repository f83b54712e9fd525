"""The benchmarks: each part in a short form; `python -m scripts.benchmarks.main` runs the long one."""

from __future__ import annotations

import copy
import json
import os
import sys

import pytest

from scripts.benchmarks import end_to_end, main, rounds, stages
from scripts.benchmarks.child import Child, SkippedError

DEFAULT = "live_cam openvino"
FORWARD = "forward pass openvino"
# The server of the end-to-end benchmark, with a fake in place of the network.
FAKE_SERVER = """
import sys
from scripts.benchmarks import frames, server
from tests.conftest import FakeExplainer
server.main(frames.parse_size(sys.argv[1]), FakeExplainer(0.01))
"""


@pytest.fixture(scope="module")
def listed():
    """The contestants of this machine and the reference, as a child process lists them."""
    return rounds.list_contestants()


@pytest.fixture
def listed_once(listed, monkeypatch):
    """Lists the contestants without another child process."""
    monkeypatch.setattr(rounds, "list_contestants", lambda: copy.deepcopy(listed))


@pytest.mark.slow
def test_contestants_are_measured_and_written(monkeypatch, capsys, tmp_path, listed, listed_once):
    # A peer whose import fails, whether it is installed or not; and no GPU, which would change the default.
    peer = next(each.name for each in listed[0] if "captum" in each.name.casefold())
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('torch is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    results_file = tmp_path / "results.json"

    main.main(["--quick", "--no-end-to-end", "--only", FORWARD, peer, "--json", str(results_file)])

    printed = capsys.readouterr().out
    assert DEFAULT in printed
    assert f"skipped: {peer}: " in printed
    results = json.loads(results_file.read_text())
    assert results["machine"]["cores"] == os.cpu_count()
    assert results["reference"] == DEFAULT
    rows = {row["name"]: row for row in results["contestants"]}
    assert set(rows) == {DEFAULT, FORWARD, peer}
    ours, forward = rows[DEFAULT], rows[FORWARD]
    assert ours["skipped"] is None
    assert ours["calls"] >= 6
    assert 0 < ours["median_ms"] <= ours["p95_ms"]
    assert ours["ratio_to_reference"] == 1.0
    assert ours["map_correlation"] == 1.0
    assert ours["class_index"] == forward["class_index"] == 291
    assert ours["ratio_to_forward"] > 0
    assert forward["map_correlation"] is None
    assert "torch is broken" in rows[peer]["skipped"]


def test_stages_add_up_to_a_frame(fake_explainer):
    row = stages.measure_stages(fake_explainer(0.002), (320, 240), 0.1)
    assert row["size"] == "320x240"
    assert row["frames"] > 0
    assert row["explain_ms"] > 2
    assert all(row[name] > 0 for name in ("read_ms", "overlay_ms", "encode_ms", "jpeg_kib"))


@pytest.mark.slow
def test_end_to_end_counts_what_viewers_receive():
    lines: list[str] = []
    (row,) = end_to_end.measure_end_to_end(
        [(320, 240)], [2], 1.0, lines.append, server=("-c", FAKE_SERVER), warm_up_s=0.5
    )
    assert (row["size"], row["viewers"], row["skipped"]) == ("320x240", 2, None)
    assert row["explained_fps"] > 0
    assert 0 < row["viewer_fps_min"] <= row["viewer_fps_median"]
    assert row["encode_latency_p50_ms"] <= row["encode_latency_p95_ms"]
    assert row["server_cpu_percent"] > 0
    assert row["viewers_cpu_us_per_frame"] > 0
    if sys.platform == "linux":
        assert 0 < row["loop_cpu_us_per_frame"] * row["viewer_fps_median"] * 2 < 1e6, "one thread takes one core"
    assert row["runtime"] == "fake"
    assert lines == ["end to end: starting at 320x240", "end to end: 320x240, 2 viewers"]


def test_a_server_that_does_not_start_is_skipped():
    server = ("-c", "import sys; sys.exit('no weights')")
    (row,) = end_to_end.measure_end_to_end([(320, 240)], [1], 1.0, lambda _: None, server=server)
    assert row == {"size": "320x240", "viewers": None, "skipped": "the server: died with exit status 1: no weights"}


def test_an_existing_file_is_not_overwritten(capsys, tmp_path):
    results_file = tmp_path / "results.json"
    results_file.write_text("mine")
    with pytest.raises(SystemExit, match="1"):
        main.main(["--quick", "--json", str(results_file)])
    error = capsys.readouterr().err
    assert error.startswith("benchmarks: ")
    assert "not overwritten" in error
    assert results_file.read_text() == "mine"


def test_an_unknown_row_is_a_usage_error(capsys, listed_once):
    with pytest.raises(SystemExit, match="2"):
        main.main(["--only", "live_cam on an abacus"])
    assert "--list" in capsys.readouterr().err


def test_the_list_contains_this_project_and_its_forward_pass_once(capsys):
    main.main(["--list"])
    names = capsys.readouterr().out.splitlines()
    assert {DEFAULT, FORWARD} <= set(names)
    assert len(names) == len(set(names))


def test_ratios_compare_within_a_round():
    def contestant(name, *rounds_ms, forward=None):
        return rounds.Contestant(name, forward, {}, rounds_ms=[[ms] for ms in rounds_ms], map=[0.0, 1.0])

    # The machine slows down to a tenth in the second round, and both contestants with it.
    fast, slow = contestant("fast", 1.0, 10.0), contestant("slow", 2.0, 20.0, forward="fast")
    row = rounds.summary([fast, slow], "fast")[1]
    assert (row["ratio_to_reference"], row["ratio_to_forward"], row["median_ms"]) == (2.0, 2.0, 11.0)


def test_a_child_that_hangs_is_skipped_and_killed():
    with Child("-c", "import time; time.sleep(600)") as child, pytest.raises(SkippedError, match="no response within"):
        child.receive(0.2)
    assert child._process.returncode is not None


def test_a_child_that_dies_is_skipped_with_its_error():
    with (
        Child("-c", "import sys; sys.exit('no weights')") as child,
        pytest.raises(SkippedError, match="1: no weights"),
    ):
        child.request("1.0", 30.0)


def test_what_a_library_prints_is_no_response():
    code = "from scripts.benchmarks.child import open_responses; respond = open_responses(); "
    code += "print('hello'); respond({'ready': True})"
    with Child("-c", code) as child:
        assert child.receive(30.0) == {"ready": True}


@pytest.mark.slow
def test_the_step_on_a_gpu_is_compared_with_its_forward_pass(tiny_network, monkeypatch, capsys, tmp_path):
    from scripts.benchmarks import gpu

    monkeypatch.setattr(gpu, "empty_network", lambda: tiny_network)
    monkeypatch.setattr(gpu, "DEFAULT_LAYER", "high")
    monkeypatch.setattr(gpu, "CONFIGURATIONS", [("float32", True, 1), ("bfloat16", False, 2)])
    gpu.main(["--turn", "0", "--json", str(tmp_path / "gpu.json")])
    results = json.loads((tmp_path / "gpu.json").read_text())
    xla, plain = results["rows"]
    assert (xla["precision"], xla["xla"], xla["batch_size"]) == ("float32", True, 1)
    assert plain["frames_per_s"] == pytest.approx(2000 / plain["step_ms"])
    assert all(row["ratio"] > 0 for row in (xla, plain))
    assert f"| bfloat16 | plain | 2 | {plain['step_ms']:.2f} |" in capsys.readouterr().out

    monkeypatch.setattr(gpu, "CONFIGURATIONS", gpu.CONFIGURATIONS[::-1])  # the one that XLA does not compile anew
    gpu.main(["--turn", "0", "--limit", "0"])
    assert "| bfloat16 | plain | 2 |" in (printed := capsys.readouterr().out)
    assert "| float32" not in printed
