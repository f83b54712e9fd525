"""`annotate` and `why` on a cluster: what one machine makes, whichever worker is lost meanwhile."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from live_cam.cli.cluster import complete_ray
from live_cam.cli.options import ExplainerOptions
from live_cam.cluster import archive
from live_cam.cluster.pieces import PieceExplainer
from live_cam.errors import LiveCamError
from tests import processes
from tests.cluster.conftest import worker_pids
from tests.videos import read_video, write_video

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]

_SIZE_PX = 96, 64


def _frames(count: int, seed: int) -> list[np.ndarray]:
    """Returns frames whose classes change from one to the next."""
    rng = np.random.default_rng(seed)
    return [cv2.resize(rng.integers(0, 256, (4, 6, 3), np.uint8), _SIZE_PX) for _ in range(count)]


_CLEAN_CUTS = "open-gop=1:scenecut=0:keyint=25:bframes=3"
_NO_CLEAN_CUTS = "intra-refresh=1:scenecut=0:keyint=25:bframes=0"


@pytest.fixture(scope="module")
def short_videos(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("videos")
    return [write_video(folder / f"{number}.mp4", _frames(count, number)) for number, count in enumerate((20, 11), 1)]


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file() and path.suffix != ".mp4"
    }


@pytest.mark.parametrize(
    ("groups", "options", "in_pieces"),  # and with a worker that is lost meanwhile
    [
        (_CLEAN_CUTS, (), True),
        (_NO_CLEAN_CUTS, ("--every", 3, "--classes", "a,b,c", "--subtitles"), False),
    ],
    ids=["clean cuts", "no clean cuts"],
)
def test_a_cluster_writes_the_frames_and_sidecars_of_one_machine(
    live_cam, cluster, model, short_videos, tmp_path, kill_worker, monkeypatch, groups, options, in_pieces
):
    long = write_video(tmp_path / "long.mp4", _frames(260, 0), encoder_options={"x264-params": groups})
    here, spread = tmp_path / "here", tmp_path / "spread"
    words = ("annotate", long, *short_videos, "--model", model, "--preprocess", "0..1", *options)
    live_cam(*words, "-o", here)
    explainers = []

    class Kept(PieceExplainer):
        def __init__(self, *args):
            super().__init__(*args)
            explainers.append(self)

    monkeypatch.setattr(archive, "PieceExplainer", Kept)
    killed: list[int] = []
    ended = threading.Event()
    killer = threading.Thread(target=_kill_in_the_midst, args=(spread, kill_worker, killed, ended))
    if in_pieces:
        killer.start()
    try:
        result = live_cam(*words, "-o", spread, "--ray", cluster, "--json")
    finally:
        ended.set()
    if in_pieces:
        killer.join()
    files = json.loads(result.stdout)["files"]
    assert [each["state"] for each in files] == ["done"] * 3, result.stderr
    assert len(killed) == in_pieces
    assert [not each.is_unfit for each in explainers] == [in_pieces]
    assert _contents(spread) == _contents(here)
    for path in (long, *short_videos):
        ours, theirs = read_video(spread / path.name), read_video(here / path.name)
        assert ours.pts == theirs.pts
        assert all(map(np.array_equal, ours.frames, theirs.frames))
    assert not worker_pids("ExplainerActor")


def _kill_in_the_midst(folder: Path, kill_worker, killed: list[int], ended: threading.Event) -> None:
    """Kills a worker once the long video is being written."""
    while not killed and not ended.wait(0.02):
        if any(folder.glob(".*/made/*.mp4")):
            killed.append(kill_worker("ExplainerActor"))


def test_a_cluster_writes_the_report_of_one_machine(live_cam, cluster, model, tmp_path):
    folder = tmp_path / "pictures"
    for number, rgb in enumerate(_frames(70, 3)):
        (folder / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb).save(folder / "ab"[number % 2] / f"{number}.png")
    (folder / "b" / "empty.png").touch()
    here, spread = tmp_path / "here", tmp_path / "spread"
    words = ("why", folder, "--model", model, "--preprocess", "0..1")
    alone = live_cam(*words, "-o", here)
    result = live_cam(*words, "-o", spread, "--ray", cluster)
    assert result.stdout.replace("spread", "here") == alone.stdout
    assert result.stderr == alone.stderr
    assert (spread / "results.jsonl").read_text().count("\n") == 70
    assert _contents(spread) == _contents(here)


def test_work_goes_to_another_worker_three_times_and_then_fails_alone(cluster, model, tmp_path):
    from live_cam.cli.cluster import workers_of

    options = ExplainerOptions(model=str(model), preprocess="0..1")
    with workers_of(cluster, options) as workers:
        deadly = workers.submit(_end_process, tmp_path)
        others = [workers.submit(_count, number) for number in range(20)]
        with pytest.raises(LiveCamError, match="it has ended 3 workers"):
            deadly.result(60)
        assert [each.result(60) for each in others] == list(range(20))
        with pytest.raises(LiveCamError, match="ValueError on a worker: no such thing"):
            workers.submit(_fail).result(60)
    assert len(list(tmp_path.iterdir())) == 3


def _end_process(actor, folder):
    (folder / str(os.getpid())).touch()
    os.kill(os.getpid(), signal.SIGKILL)


def _count(actor, number):
    return number


def _fail(actor):
    raise ValueError("no such\nthing")


def test_what_is_no_cluster_is_one_line(live_cam, short_videos, tmp_path, free_port, monkeypatch):
    (tmp_path / "cameras.txt").write_text("http://127.0.0.1:1/\n")
    Image.new("RGB", _SIZE_PX).save(tmp_path / "1.png")
    weights = ("--weights", "none.npz")  # which would be told first if the model were opened first
    address = f"127.0.0.1:{free_port}"
    for words in (
        ("annotate", short_videos[0], "-o", tmp_path / "out.mp4", *weights, "--ray"),
        ("why", tmp_path, "-o", tmp_path / "report", *weights, "--ray"),
        ("serve", tmp_path / "cameras.txt", *weights, "--port", processes.free_port(), "--ray"),
    ):
        assert f"no Ray cluster answers at {address} (Connection refused)" in live_cam(*words, address).error(1)
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "ray", None)
            missing = live_cam(*words).error(2)
        assert missing == "live-cam: --ray needs Ray; install it with: pip install 'live-cam[ray]'"
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("--ray clips -o out", "--ray local clips -o out"),
        ("clips -o out --ray", "clips -o out --ray local"),
        ("--ray 10.0.0.5:6379 clips", "--ray 10.0.0.5:6379 clips"),
        ("--ray auto clips", "--ray auto clips"),
        ("--ray -o out", "--ray local -o out"),
        ("--ray [fd00::1]:6379", "--ray [fd00::1]:6379"),
    ],
)
def test_the_address_is_left_out_where_none_follows(words, completed):
    assert " ".join(complete_ray(words.split())) == completed
