"""The page's JavaScript: linter, type checker and unit tests."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import live_cam.web.ui
from live_cam.models.weights.npm import find_npm, install_npm

pytestmark = pytest.mark.slow

CONFIGURATION = Path(__file__).with_name("javascript") / "tsconfig.json"
STATIC = Path(live_cam.web.ui.__file__).with_name("static")


def run_tool(node_folder: Path, *command: str | Path, cwd: Path) -> tuple[int, str]:
    """Runs a tool out of `node_folder`, and returns its exit status and output."""
    environment = {**os.environ, "PATH": f"{Path(find_npm()).parent}{os.pathsep}{os.environ['PATH']}"}
    arguments = [str(word) for word in (node_folder / "node_modules" / ".bin" / command[0], *command[1:])]
    result = subprocess.run(
        arguments, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    return result.returncode, f"\n{result.stdout}{result.stderr}"


def lint(node_folder: Path, scripts: Path) -> tuple[int, str]:
    # The configuration in that folder, since it imports packages from beside itself.
    rules = node_folder / "eslint.config.js"
    return run_tool(node_folder, "eslint", "--max-warnings=0", "--config", rules, ".", cwd=scripts)


def test_the_linter_finds_nothing_in_the_pages_javascript(node_folder):
    status, output = lint(node_folder, STATIC)
    assert status == 0, output


def test_the_linter_finds_nothing_in_the_unit_tests(node_folder):
    status, output = lint(node_folder, node_folder)
    assert status == 0, output


def test_the_unit_tests_of_the_pages_javascript_pass():
    node = Path(find_npm() or install_npm()).with_name("node")
    tests = sorted(CONFIGURATION.parent.glob("*.test.js"))
    assert tests
    result = subprocess.run(
        [node, "--test", *tests], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, f"\n{result.stdout}{result.stderr}"


def test_the_types_in_the_pages_javascript_hold(node_folder):
    status, output = run_tool(node_folder, "tsc", "--project", CONFIGURATION, cwd=STATIC)
    assert status == 0, output


def test_the_linter_finds_a_comparison_that_converts(node_folder, tmp_path):
    (tmp_path / "mistake.js").write_text("export const same = (a, b) => a == b;\n")
    status, output = lint(node_folder, tmp_path)
    assert status == 1
    assert "eqeqeq" in output


def test_the_type_checker_finds_a_number_where_text_belongs(node_folder, tmp_path):
    (tmp_path / "mistake.js").write_text("/** @type {string} */\nexport const text = 1;\n")
    (tmp_path / "tsconfig.json").write_text(json.dumps({"extends": str(CONFIGURATION), "include": ["*.js"]}))
    status, output = run_tool(node_folder, "tsc", "--project", tmp_path, cwd=tmp_path)
    assert status != 0
    assert "mistake.js(2,14): error TS2322" in output
