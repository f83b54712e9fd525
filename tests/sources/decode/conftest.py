"""Videos that the decoding tests share."""

from __future__ import annotations

import av
import pytest


@pytest.fixture(scope="session")
def clips(real_videos, tmp_path_factory):
    """The first 75 packets of a camera's video: with the index in front, with it behind, and as Matroska."""
    folder = tmp_path_factory.mktemp("clips")
    muxer_options = {"front.mp4": {"movflags": "faststart"}, "behind.mp4": {}, "film.mkv": {}}
    for name, options in muxer_options.items():
        with av.open(real_videos / "bikes.mp4") as source, av.open(folder / name, "w", options=options) as output:
            stream = output.add_stream_from_template(source.streams.video[0])
            for number, packet in enumerate(source.demux(video=0)):
                if number < 75 and packet.size:
                    packet.stream = stream
                    output.mux(packet)
    return folder
