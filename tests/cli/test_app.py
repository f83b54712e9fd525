"""Commands, help, renamed options, and what the parser of the options rejects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import live_cam as package
from live_cam.cli.options import ExplainerOptions
from tests.cli.conftest import program

PROGRAM = program(fake=False)
COMMANDS = ("serve", "annotate", "explain", "layers", "cameras", "bench", "doctor")


def test_version(live_cam):
    assert live_cam("--version").stdout == f"live_cam {package.__version__}\n"


def test_help_lists_the_commands_and_that_of_serve_the_sources(live_cam):
    assert all(f"\n  {command} " in live_cam("--help").stdout for command in COMMANDS)
    assert "demo" in live_cam("serve", "--help").stdout


@pytest.mark.parametrize("command", ["serve", "annotate", "explain"])
def test_help_says_that_pictures_are_squeezed_to_the_input(live_cam, command):
    assert "squeezed to the size of its input" in " ".join(live_cam(command, "--help").stdout.split())


@pytest.mark.parametrize("command", [(), *((command,) for command in COMMANDS)])
def test_every_command_accepts_h_for_help(live_cam, command):
    short = live_cam(*command, "-h")
    assert short.status == 0, short.stderr
    assert short.stdout.startswith("Usage: ")
    assert short.stdout == live_cam(*command, "--help").stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
@pytest.mark.parametrize("option", ["--version", "--help"])
def test_a_full_disk_behind_standard_output_is_one_line(option):
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run([*PROGRAM, option], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (
        1,
        "live-cam: standard output can't be written (No space left on device)\n",
    )


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_a_reader_that_has_gone_ends_it_without_a_word():
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run([*PROGRAM, "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_what_the_encoding_of_the_output_lacks_is_escaped():
    code = "import sys; from live_cam.cli import app; app.app = lambda **_: app.echo('→.png'); app.run()"
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "\\u2192.png\n", "")


def test_a_file_whose_name_begins_with_a_dash_is_named_otherwise(live_cam, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("-clip.mp4").touch()
    assert (
        live_cam("-clip.mp4")
        .error(2)
        .endswith("-clip.mp4 reads like an option; if the file is meant, write ./-clip.mp4")
    )


@pytest.mark.parametrize("command", ["serve", "annotate", "explain", "bench"])
def test_the_options_of_the_explainer_come_last_in_the_help(live_cam, command):
    lines = live_cam(command, "--help").stdout.splitlines()
    options = [line.split()[0] for line in lines if line.startswith("  --")]
    own = [
        f"--{name}".replace("_mb", "").replace("_", "-")
        for name in ExplainerOptions.__annotations__
        if name != "second"
    ]
    assert options[-len(own) :] == own


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (("--colour", "red"), ("no such option: --colour", "serve --help")),
        (("demo", "--port", "0"), ("'--port'", "1", "serve --help")),
        (("demo", "--port"), ("'--port' requires an argument",)),
        (("demo", "--view", "front"), ("'front' is not one of 'overlay', 'raw', 'both'",)),
        (("demo", "--visitors", "257"), ("'--visitors'",)),
        (("explain",), ("missing argument 'IMAGE...'", "explain --help")),
        (("annotate", "a.mp4"), ("missing option '-o' / '--output'", "annotate --help")),
        (("explain", "x.jpg", "--score", "guess"), ("'--score'", "'guess' is not one of 'logit', 'probability'")),
        (("explain", "x.jpg", "--recordings", "x"), ("no such option",)),
        (("demo", "--runtime", "abacus"), ("'--runtime'", "'abacus'")),
        (("bench", "--method", "tealeaves"), ("'--method'", "'tealeaves'", "bench --help")),
        (("layers", "extra"), ("unexpected extra argument", "extra", "layers --help")),
    ],
)
def test_options_that_the_parser_rejects(live_cam, words, fragments):
    error = live_cam(*words).error(2)
    assert all(fragment in error for fragment in fragments), error


def test_a_misspelt_command_is_taken_for_a_source_and_the_error_offers_what_to_give(live_cam, free_port):
    error = live_cam("expain", "--no-open", "--port", free_port).error(1)
    assert "expain does not exist; give" in error


def test_renamed_options_of_targets(live_cam, lion):
    former = live_cam("explain", lion, "--versus", "tiger", "--against").error(2)
    assert former == live_cam("explain", lion, "--contrast", "tiger", "--counterfactual").error(2)
    assert "--contrast and --counterfactual" in former
    assert former == live_cam("annotate", "a.mp4", "-o", "out", "--versus=tiger", "--against").error(2)


@pytest.mark.parametrize(
    ("former", "view"),
    [("seen", "overlay"), ("clean", "raw"), ("both", "both"), ("overlay", "overlay"), ("raw", "raw")],
)
def test_renamed_views(parse_serve, tmp_path, former, view):
    assert parse_serve("demo", "--record", tmp_path / "new.mp4", "--view", former).view == view


@pytest.mark.parametrize("option", ["--recordings", "--recordings-dir"])
def test_renamed_directory_of_recordings(parse_serve, option):
    assert parse_serve("demo", option, "videos").recording.directory == Path("videos")


def test_former_names_are_hidden(live_cam):
    text = "".join(live_cam(command, "--help").stdout for command in ("serve", "annotate", "explain"))
    assert not [name for name in ("--versus", "--against", "--recordings ", "seen|", "clean") if name in text]


def test_only_names_of_options_and_views_are_renamed(parse_serve, live_cam, lion, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("seen", "against"):
        Path(name).touch()
    options = parse_serve("seen", "against", "--token", "clean", "--recordings-dir", "recordings")
    assert options.sources == ("seen", "against")
    assert options.token == "clean"
    assert options.recording.directory == Path("recordings")
    assert "'versus'" in live_cam("explain", lion, "--target", "versus").error(2)
