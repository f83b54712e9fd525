"""The bench is run as its readers run it, short; and its talk with children survives whatever they do."""

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
DEFAULT = "live_cam openvino"
FORWARD = "forward pass openvino"


@pytest.fixture
def run_bench():
    """Runs the bench: `run_bench(*options, environment={})` gives the finished process."""

    def run(*options, environment=None):
        return subprocess.run(
            [sys.executable, SCRIPTS / "bench.py", *options],
            capture_output=True,
            encoding="utf-8",
            # Without a GPU, since it is what a GPU changes that is not looked at here.
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", **(environment or {})},
            timeout=200,
        )

    return run


@pytest.fixture
def bench_child(monkeypatch):
    """The module that talks with children."""
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("bench_child")


@pytest.fixture
def write_child(tmp_path):
    """Writes a child: `write_child(code)` gives the path of a script."""

    def write(code):
        path = tmp_path / "child.py"
        path.write_text(code)
        return str(path)

    return write


@pytest.fixture
def names(run_bench):
    """The names of all rows."""
    return run_bench("--list").stdout.splitlines()


@pytest.mark.slow
def test_it_measures_prints_and_writes_what_it_measured(run_bench, names, tmp_path):
    # It stands for the peers that need what is not there, whether it is installed here or not.
    peer = next(name for name in names if "captum" in name.casefold())
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('torch is not for today')")
    results_file = tmp_path / "bench.json"

    options = ("--quick", "--only", FORWARD, peer, "--json", results_file)
    done = run_bench(*options, environment={"PYTHONPATH": str(tmp_path)})

    assert done.returncode == 0, done.stderr
    assert DEFAULT in done.stdout
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
    assert rows[peer]["skipped"]
    assert f"skipped: {peer}: " in done.stdout
    (stages,) = results["stages"]
    assert stages["size"] == "640x480"
    assert all(stages[name] > 0 for name in ("read_ms", "explain_ms", "overlay_ms", "encode_ms"))
    (road,) = results["road"]
    assert (road["size"], road["viewers"], road["skipped"]) == ("640x480", 1, None)
    assert road["explained_fps"] > 0
    assert road["viewer_fps_min"] > 0
    assert road["age_p50_ms"] <= road["age_p95_ms"]
    assert road["server_cpu_percent"] > 0


def test_an_existing_file_is_not_overwritten(run_bench, tmp_path):
    results_file = tmp_path / "bench.json"
    results_file.write_text("mine")
    done = run_bench("--quick", "--json", results_file)
    assert done.returncode == 1
    assert done.stderr.startswith("bench: ")
    assert "not overwritten" in done.stderr
    assert results_file.read_text() == "mine"


def test_a_row_that_is_not_there_is_a_usage_error(run_bench):
    done = run_bench("--only", "live_cam on an abacus")
    assert done.returncode == 2
    assert "--list" in done.stderr


def test_the_list_names_this_project_and_its_floor_once_each(names):
    assert {DEFAULT, FORWARD} <= set(names)
    assert len(names) == len(set(names))


def test_a_child_that_hangs_is_given_up_and_ended(bench_child, write_child):
    script = write_child("import time; time.sleep(60)")
    begin_s = time.monotonic()
    with bench_child.Child(script) as child, pytest.raises(bench_child.SkippedError, match="no answer within"):
        child.hear(0.5)
    assert time.monotonic() - begin_s < 10


def test_a_child_that_dies_is_skipped_with_its_last_words(bench_child, write_child):
    script = write_child("import sys; sys.exit('no weights today')")
    with bench_child.Child(script) as child, pytest.raises(bench_child.SkippedError, match="1: no weights today"):
        child.ask("1.0", 10.0)


def test_what_a_library_prints_is_no_answer(bench_child, write_child):
    code = f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
    code += "from bench_child import answering; tell = answering(); print('hello'); tell({'ready': True})\n"
    with bench_child.Child(write_child(code)) as child:
        assert child.hear(10.0) == {"ready": True}
