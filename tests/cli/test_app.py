"""Commands, help, renamed options, and what the parser of the options rejects."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import live_cam as package
from live_cam.cli.app import app
from live_cam.cli.options import ExplainerOptions
from tests.cli.conftest import program

PROGRAM = program(fake=False)
COMMANDS = ("serve", "annotate", "explain", "layers", "cameras", "bench", "doctor")


def test_version(live_cam):
    assert live_cam("--version").stdout == live_cam("-V").stdout == f"live_cam {package.__version__}\n"


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
        (("demo", "--port", "65536"), ("'--port'", "65535", "serve --help")),
        (("demo", "--port"), ("'--port' requires an argument",)),
        (("demo", "--view", "front"), ("'front' is not one of 'overlay', 'raw', 'both'",)),
        (("demo", "--visitors", "257"), ("'--visitors'",)),
        (("explain",), ("missing argument 'IMAGE'", "explain --help")),
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


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("exlpain", "x.jpg", "-o", "out.png"), "`live-cam explain`"),
        (("Doctor",), "`live-cam doctor`"),
        (("demmo", "--no-open"), "`live-cam demo`"),
        (("serve", "demo", "webcm"), "webcam"),
        (("demo", "--recrod", "new.mp4"), "--record"),
        (("--vesion",), "--version"),
        (("explain", "x.jpg", "--method", "gradCAM"), "gradcam"),
        (("demo", "--runtime", "openvin"), "openvino"),
        (("explain", "x.jpg", "--layer", "conv5"), "conv5_block3_out"),
        (("demo", "--layer", "Conv4_block6_ot"), "conv4_block6_out"),
        (("bench", "--layer", "conv4_block2_1_rel"), "conv4_block2_1_relu"),
    ],
)
def test_a_misspelt_word_is_answered_with_what_was_meant(live_cam, words, meant):
    error = live_cam(*words).error(2)
    assert re.search(f"did you mean {re.escape(meant)}(,| or |\\?)", error), error


def test_what_resembles_nothing_is_taken_for_a_source(live_cam):
    assert "nowhere does not exist; give" in live_cam("nowhere").error(1)
    assert live_cam("explain", "x.jpg", "--layer", "tealeaves").error(2).endswith("`live-cam layers` lists them")


def test_a_file_is_a_source_whatever_command_its_name_resembles(parse_serve, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("demos", "webcam"):
        Path(name).touch()
    assert parse_serve("demos", "webcam").sources == ("demos", "webcam")


@pytest.mark.parametrize("word", ["webcam", "camera"])
def test_words_for_the_first_camera(parse_serve, word):
    assert parse_serve(word, "--mirror").sources == ("0",)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_in_the_help_are_understood(command):
    group = typer.main.get_command(app)
    text = group.commands[command].epilog  # type: ignore[attr-defined]
    lines = [line.split() for line in text.splitlines() if line.startswith("  live-cam")]
    assert lines
    for _, *words in lines:
        name, rest = (words[0], words[1:]) if words[:1] == [command] else ("serve", words)
        assert name == command
        group.commands[name].make_context(name, rest)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        ((), "live-cam [OPTIONS] COMMAND [ARGS]..."),
        (("serve",), "live-cam serve [OPTIONS] [SOURCE]..."),
        (("explain",), "live-cam explain [OPTIONS] IMAGE..."),
        (("check",), "live-cam check [OPTIONS] MODEL IMAGE..."),
    ],
)
def test_usage_lines_name_the_program_and_its_arguments(live_cam, words, usage):
    assert live_cam(*words, "--help").stdout.splitlines()[0] == f"Usage: {usage}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("live-cam exp", {"explain"}),
        ("live-cam demo --mirr", {"--mirror"}),
        ("live-cam explain --method grad", {"gradcam", "gradcam++"}),
    ],
)
def test_the_shell_completes_commands_options_and_values(line, expected):
    environment = {
        **os.environ,
        "_LIVE_CAM_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    ended = subprocess.run(PROGRAM, env=environment, capture_output=True, text=True, check=False)
    assert set(ended.stdout.split()) == expected


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
    assert options.page.token == "clean"
    assert options.recording.directory == Path("recordings")
    assert "'versus'" in live_cam("explain", lion, "--target", "versus").error(2)
