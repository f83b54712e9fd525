"""`live-cam why`."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from live_cam.api.measure import measure_with
from live_cam.api.picture_set.batches import explain_full_batch
from live_cam.report import explaining, measuring
from live_cam.sources.demo_scenes import WRITING
from live_cam.sources.pictures.reader import read_rgb
from tests.report.planted import MARK_PX, WIDTH, paint_folder, write_model

DIE_IN_THE_THIRD_BATCH = """
import os, signal
from live_cam.__main__ import main
from live_cam.report import explaining

explain_batch, batches = explaining.explain_full_batch, []

def explain_or_die(*args):
    batches.append(args)
    if len(batches) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return explain_batch(*args)

explaining.explain_full_batch = explain_or_die
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return paint_folder(tmp_path_factory.mktemp("why") / "shapes")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def why(live_cam, model):
    """Runs `live-cam why` with the model."""
    return lambda *words: live_cam("why", *words, "--model", model, "--precision", "float32")


def lines_of(report):
    return sorted((report / "results.jsonl").read_bytes().splitlines())


def hide_script(text):
    return text[: text.rindex("<script>")]


@pytest.mark.slow
def test_a_planted_shortcut_is_found_out(why, folder, tmp_path):
    report = tmp_path / "report"
    result = why(folder, "-o", report, "--json")
    assert result.status == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["pictures"] == 28
    assert (said["accuracy"]["right_n"], said["accuracy"]["known_n"]) == (24, 28)
    (suspicion,) = said["suspected_shortcuts"]
    assert (suspicion["class"], suspicion["place"]) == ("red", "the upper right corner")
    assert suspicion["share"] > 0.9

    page = (report / "index.html").read_text("utf-8")
    first, *others = page.split("may rest on ")[1:]
    assert first.startswith("the upper right corner</h3>")
    assert others == []
    assert page.index("Suspected shortcuts") < page.index(">Mistakes<") < page.index(">Most uncertain<")

    with (report / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    wrong = {row["file"] for row in rows if row["correct"] == "0"}
    assert wrong == {f"blue/blue{number:02}.png" for number in range(8, 12)}
    assert all(row["predicted"] == "red" for row in rows if row["file"] in wrong)
    with np.load(report / "maps.npz") as arrays:
        assert arrays["maps"].shape == (28, 8, 12)
        strongest = arrays["maps"][arrays["files"].tolist().index("red/red00.png")].argmax()
    assert np.unravel_index(strongest, (8, 12))[1] >= 8
    assert sorted(path.name for path in report.iterdir()) == [
        "index.html", "maps.npz", "results.csv", "results.jsonl", "settings.json",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_to_the_same_results(why, folder, model, tmp_path, monkeypatch):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert why(folder, "-o", whole).status == 0
    words = ("why", folder, "-o", killed, "--model", model, "--precision", "float32")
    assert subprocess.run([sys.executable, "-c", DIE_IN_THE_THIRD_BATCH, *words], capture_output=True).returncode == -9
    lines, maps = killed / "results.jsonl", killed / ".maps.part"
    assert len(lines_of(killed)) == 16
    lines.write_bytes(lines.read_bytes()[:-40])  # cut in its last line, with a map and a half for which there is none
    with maps.open("ab") as file:
        file.write(bytes(4 * 8 * 12 + 7))

    explained = []
    with monkeypatch.context() as patch:
        note = lambda *args: (explained.extend(args[1]), explain_full_batch(*args))[1]  # noqa: E731
        patch.setattr(explaining, "explain_full_batch", note)
        assert why(folder, "-o", killed).status == 0
        assert len(explained) == 28 - 15
        assert lines_of(killed) == lines_of(whole)
        for name in ("results.jsonl", "results.csv", "index.html", "maps.npz"):
            assert (killed / name).read_bytes() == (whole / name).read_bytes()
        explained.clear()
        assert why(folder, "-o", killed).status == 0
        assert explained == []
    assert lines_of(killed) == lines_of(whole)


@pytest.mark.slow
def test_new_and_changed_pictures_are_explained_and_removed_ones_forgotten(why, folder, tmp_path):
    pictures, report = tmp_path / "pictures", tmp_path / "report"
    shutil.copytree(folder, pictures)
    assert why(pictures, "-o", report).status == 0
    shutil.copy(pictures / "red" / "red00.png", pictures / "green" / "green00.png")
    shutil.copy(pictures / "red" / "red01.png", pictures / "green" / "new.png")
    (pictures / "blue" / "blue00.png").unlink()
    assert "28 pictures, 22 of 28 right" in why(pictures, "-o", report).stdout
    with (report / "results.csv").open(newline="") as file:
        said = {row["file"]: row["predicted"] for row in csv.DictReader(file)}
    assert (said["green/green00.png"], said["green/new.png"]) == ("red", "red")
    assert "blue/blue00.png" not in said
    with np.load(report / "maps.npz") as arrays:
        lines = [json.loads(line) for line in (report / "results.jsonl").read_bytes().splitlines()]
        for name, number in zip(arrays["files"], arrays["lines"], strict=True):
            assert lines[number]["file"] == name
            assert arrays["maps"][number].max() == pytest.approx(lines[number]["map"]["max"], abs=1e-6)


@pytest.mark.slow
def test_broken_and_hostile_files_are_told_and_shown_as_text(why, folder, tmp_path, model):
    pictures, report = tmp_path / "<i>pictures", tmp_path / "report"
    shutil.copytree(folder / "blue", pictures / "<b>blue")
    shutil.copy(folder / "red" / "red00.png", pictures / "<b>blue" / "=<img src=x onerror=alert(1)>\u202e.png")
    (pictures / "<b>blue" / "<s>cut.png").write_bytes((folder / "red" / "red00.png").read_bytes()[:60])
    labels = tmp_path / "labels.txt"
    labels.write_text("</script><script>alert(1)</script>\n<u>green\n<b>blue\n")
    result = why(pictures, "-o", report, "--labels", labels)
    assert result.status == 1
    assert [line for line in result.stderr.splitlines() if "left out" in line and "<s>cut.png" in line]
    assert "13 pictures, 8 of 13 right" in result.stdout
    page = hide_script((report / "index.html").read_text("utf-8"))
    for tag in ("<img src=x", "<s>", "<i>", "<u>", "<b>blue", "<script>", "\u202e"):
        assert tag not in page
    assert "&lt;s&gt;cut.png" in page
    assert "&lt;img src=x onerror=alert(1)&gt;\\u202e.png" in page
    assert "\n'" not in (report / "results.csv").read_text()  # the name starts with its folder
    assert len(lines_of(report)) == 13


@pytest.mark.slow
def test_truth_from_a_table_or_none_at_all(why, folder, tmp_path, caplog):
    pictures, table = tmp_path / "flat", tmp_path / "truth.csv"
    pictures.mkdir()
    for path in folder.glob("*/*[0-3].png"):
        shutil.copy(path, pictures)
    table.write_text("path,label\nred00.png,Red\nblue10.png,BLUE\ngreen01.png,gren\nother.png,red\n")
    result = why(pictures, "-o", tmp_path / "report", "--truth", table)
    assert result.status == 0, result.stderr
    assert "1 of 2 right" in result.stdout
    lost, unknown = caplog.messages
    assert "truth.csv names 1 files that are no pictures in" in lost
    assert unknown.startswith("no class is called 'gren'; did you mean 'green'")
    result = why(pictures, "-o", tmp_path / "other")
    assert (result.status, " right\n" in result.stdout) == (0, False)
    assert "no true classes are known" in (tmp_path / "other" / "index.html").read_text("utf-8")


@pytest.mark.slow
def test_a_report_of_other_settings_or_another_folder_is_not_touched(why, folder, tmp_path):
    report, full = tmp_path / "report", tmp_path / "full"
    assert why(folder, "-o", report).status == 0
    before = {path.name: path.read_bytes() for path in report.iterdir()}
    error = why(folder, "-o", report, "--method", "layercam").error(1)
    assert "was made with another method; give another folder or remove it" in error
    assert {path.name: path.read_bytes() for path in report.iterdir()} == before
    (report / "results.jsonl").write_text("mine\n")
    assert "results.jsonl is damaged" in why(folder, "-o", report).error(1)
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    assert "holds other files; give a new folder" in why(folder, "-o", full).error(1)


@pytest.mark.slow
def test_metrics_and_boxes_stand_beside_baselines_and_go_on_after_a_kill(why, folder, tmp_path, monkeypatch):
    pictures, report, boxes = tmp_path / "pictures", tmp_path / "report", tmp_path / "boxes.csv"
    for name in ("red/red00.png", "red/red01.png", "green/green00.png"):
        (pictures / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / name, pictures / name)
    boxes.write_text(f"path,left,top,right,bottom\nred/red00.png,{WIDTH - MARK_PX},0,{WIDTH},{MARK_PX}\n")
    words = (pictures, "-o", report, "--metrics", "--boxes", boxes, "--json")

    measured = []
    monkeypatch.setattr(measuring, "measure_with", lambda *args: (measured.append(args), measure_with(*args))[1])
    said = json.loads(why(*words).stdout)["metrics"]
    assert len(measured) == 3
    of_map, random = said["map"], said["random"]
    assert (of_map["deletion"]["n"], of_map["relevance_mass"]["n"]) == (3, 1)
    assert of_map["deletion"]["mean"] < random["deletion"]["mean"]
    assert of_map["deletion"]["standard_error"] > 0.0
    assert of_map["relevance_mass"]["mean"] > 0.9 > 3 * random["relevance_mass"]["mean"]
    assert (of_map["relevance_mass"]["standard_error"], of_map["pointing_game"]["mean"]) == (None, 1.0)
    assert random["randomization"] == said["centre"]["randomization"] == {"mean": 1.0, "standard_error": 0.0, "n": 3}
    assert of_map["randomization"]["mean"] < 0.9
    with (report / "results.csv").open(newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert float(rows["red/red00.png"]["relevance_mass"]) == of_map["relevance_mass"]["mean"]
    assert rows["red/red01.png"]["relevance_mass"] == ""
    deletions = [float(row["deletion"]) for row in rows.values()]
    assert np.mean(deletions) == pytest.approx(of_map["deletion"]["mean"], abs=1e-5)
    page = hide_script((report / "index.html").read_text("utf-8"))
    table = page[page.index("Metrics of the maps") :]
    assert "Petsiuk 2018" in table
    assert re.search(r"randomised weights, rank correlation, low \(Adebayo 2018\)</th>\s*<td>-?0\.\d+ ", table)

    lines = report / "metrics.jsonl"
    whole = lines.read_bytes()
    lines.write_bytes(whole[:-9])
    assert json.loads(why(*words).stdout)["metrics"] == said
    assert len(measured) == 4
    assert lines.read_bytes() == whole


@pytest.fixture
def written_over(tmp_path, gradio_media):
    """A folder of photographs that ship in packages, each as it is, and with the demo's line of writing over it."""
    import skimage

    ink = read_rgb(WRITING)[:, :, 0].astype(np.float32)
    opacity = np.zeros((224, 224, 1), np.float32)
    opacity[98 : 98 + ink.shape[0], 3 : 3 + ink.shape[1], 0] = ink / 510
    names = "coffee.png camera.png astronaut.png chelsea.png rocket.jpg brick.png motorcycle_left.png moon.png"
    paths = [Path(skimage.__file__).parent / "data" / name for name in names.split()]
    paths += [gradio_media / "images" / name for name in ("lion.jpg", "cheetah.jpg", "cheetah1.jpg", "tower.jpg")]
    paths.append(gradio_media / "images" / "bus.png")
    for path in paths:
        photograph = cv2.resize(read_rgb(path), (224, 224), interpolation=cv2.INTER_AREA).astype(np.float32)
        written = photograph + opacity * (255 - photograph)
        for kind, rgb in (("clean", photograph), ("written", written)):
            Image.fromarray(rgb.astype(np.uint8)).save(tmp_path / f"{path.stem}-{kind}.png")
    return tmp_path


@pytest.mark.slow
def test_the_writing_that_resnet50_takes_for_cartons_is_suspected_and_no_other_class(live_cam, written_over):
    report = written_over / "report"
    result = live_cam("why", written_over, "-o", report, "--json")
    assert result.status == 0, result.stderr
    (suspicion,) = json.loads(result.stdout)["suspected_shortcuts"]
    assert suspicion["class"] == "carton"
    top, bottom = (int(number) for number in re.findall(r"\d+", suspicion["place"]))
    assert top <= 50 <= bottom, "the writing runs from 44 to 60 % of the height"
    with (report / "results.csv").open(newline="") as file:
        cartons = [row["file"] for row in csv.DictReader(file) if row["predicted"] == "carton"]
    assert len(cartons) >= 5
    assert all("-written" in name for name in cartons)


def test_what_is_wrong_is_said_before_anything_slow(live_cam, tmp_path):
    assert "does not exist; give a folder of pictures" in live_cam("why", tmp_path / "no", "-o", tmp_path / "r").error(
        1
    )
    Image.new("RGB", (9, 9)).save(tmp_path / "1.png")
    error = live_cam("why", tmp_path, "-o", tmp_path / "1.png", "--weights", "none.npz").error(2)
    assert "is a file; give a folder for the report" in error
    assert "is the folder of the pictures" in live_cam("why", tmp_path, "-o", f"{tmp_path}/.").error(2)
    table = tmp_path / "truth.csv"
    table.write_text("2.png,lion\n")
    error = live_cam("why", tmp_path, "-o", tmp_path / "r", "--truth", table, "--weights", "none.npz").error(2)
    assert "names no picture in" in error
    assert not (tmp_path / "r").exists()
