"""The decoder process of a picture or video that somebody sent.

    python -m live_cam.sources.decode.upload_process PATH

It writes the messages of `worker_process.py`: a picture is a video of one frame, which is repeated if it moves.
"""

from __future__ import annotations

import sys
from pathlib import Path

from live_cam.child_process import setup_child
from live_cam.errors import SourceError
from live_cam.sources.decode.messages import MAX_MEMORY_BYTES, OUT_OF_MEMORY, MessageWriter
from live_cam.sources.decode.worker_process import send_video
from live_cam.sources.pictures.formats import format_of
from live_cam.sources.pictures.reader import read_frames
from live_cam.sources.pictures.scale import scale_down

# None of those that open other files and addresses by themselves, as playlists (HLS, DASH, concat, SDP) do.
_VIDEO_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,av1,obu,ivf,ogg,asf,flv,mjpeg,dv,"
    "mxf,yuv4mpegpipe"
)
_TICKS_PER_S = 1000


def main() -> None:
    """Decodes the file that the argument names."""
    path = sys.argv[1]
    setup_child(MAX_MEMORY_BYTES)
    messages = MessageWriter()
    try:
        if format_of(Path(path)) is None:
            send_video(path, True, messages, _VIDEO_FORMATS)
        else:
            _send_picture(Path(path), messages)
    except BrokenPipeError:
        return
    except SourceError as error:
        messages.send({"error": str(error).removeprefix(f"{path} ")})
    except MemoryError:
        messages.send({"error": f"{OUT_OF_MEMORY}; send a smaller one"})


def _send_picture(path: Path, messages: MessageWriter) -> None:
    """Sends the frames of a picture: of one that moves again and again, else the only one, and the end.

    Raises:
        SourceError: It can't be read.
        BrokenPipeError: The parent closed the pipe.
    """
    pts = 0
    while True:
        for frame in read_frames(path):
            rgb = scale_down(frame.rgb)
            if pts == 0:
                messages.send(_header(rgb.shape[1], rgb.shape[0]))
            duration = round(frame.duration_s * _TICKS_PER_S)
            messages.send_frame(rgb, {"pts": pts, "duration": duration})
            pts += duration
        if not duration:
            return messages.send({"problem": ""})


def _header(width_px: int, height_px: int) -> dict[str, object]:
    return {
        "width_px": width_px,
        "height_px": height_px,
        "time_base": f"1/{_TICKS_PER_S}",
        "rate_fps": 0.0,
        "sample_aspect_ratio": "1",
        "duration_s": None,
        "num_frames": None,
    }


if __name__ == "__main__":
    main()
