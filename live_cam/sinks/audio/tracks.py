"""Streams copied from one file to another as they are, or transcoded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any, Final, TypeAlias, cast

import av
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

TimedPacket: TypeAlias = "tuple[Fraction, Packet[Any]]"
"""The time (s) by which packets are interleaved, and the packet."""

_AAC_RATES_HZ: Final = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}
_OPUS_RATE_HZ: Final = 48000
_LAYOUTS: Final = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
_CHANNEL_BITRATE: Final = 96_000
_SAMPLE_FORMATS: Final = {"aac": "fltp", "libopus": "flt"}
_MIN_GAP_S = 0.05
_MAX_GAP_S = 600.0  # longer ones are taken for wrong timestamps
_SILENCE_SAMPLES = 4096


_KEPT_METADATA: Final = ("language", "title")


class StreamCopy:
    """Copies the packets of a stream."""

    def __init__(
        self, stream: VideoStream | AudioStream | SubtitleStream, target: OutputContainer, allow_negative: bool
    ) -> None:
        """Adds the stream to the target.

        Args:
            stream: A stream of the source.
            target: The file being written.
            allow_negative: Whether the target can hold timestamps below zero.
        """
        self._copy = target.add_stream_from_template(stream)
        _describe_alike(self._copy, stream)
        self._copy.time_base = stream.time_base
        self._is_audio = stream.type == "audio"
        self._min_step = 0 if stream.type == "subtitle" else 1  # several may be shown at a time
        self._allow_negative = allow_negative
        self._last_dts: int | None = None

    def process(self, packet: Packet[Any] | None) -> Iterator[TimedPacket]:
        """Yields the packet, unless its timestamp cannot be written; None marks the end of the stream."""
        if packet is None:
            return
        if self._is_audio:  # frames of video are not decoded in the order of their presentation
            packet.pts = packet.dts if packet.pts is None else packet.pts
            packet.dts = packet.pts if packet.dts is None else packet.dts
        if packet.pts is None:
            return
        if packet.dts is not None and self._last_dts is not None and packet.dts - self._last_dts < self._min_step:
            return
        if packet.pts + (packet.duration or 0) <= 0 and not self._allow_negative:
            return
        if packet.dts is not None:
            self._last_dts = packet.dts
        packet.stream = self._copy
        yield (packet.pts if packet.dts is None else packet.dts) * packet.time_base, packet


class Transcode:
    """Decodes audio and encodes it again, with silence where packets are missing."""

    def __init__(self, stream: AudioStream, target: OutputContainer, encoder: str) -> None:
        """Adds a stream to the target.

        Args:
            stream: A stream of the source.
            target: The file being written.
            encoder: aac or libopus.
        """
        decoder = stream.codec_context
        keeps_rate = encoder == "aac" and decoder.sample_rate in _AAC_RATES_HZ
        rate_hz = decoder.sample_rate if keeps_rate else _OPUS_RATE_HZ
        layout = AudioLayout(_LAYOUTS.get(decoder.layout.nb_channels, "stereo"))
        self._decoder = decoder
        self._stream = cast("AudioStream", target.add_stream(encoder, rate_hz))
        _describe_alike(self._stream, stream)
        self._stream.codec_context.layout = layout
        self._stream.codec_context.format = _SAMPLE_FORMATS[encoder]
        self._stream.codec_context.bit_rate = _CHANNEL_BITRATE * layout.nb_channels
        self._stream.codec_context.time_base = Fraction(1, rate_hz)
        self._new_resampler = partial(AudioResampler, _SAMPLE_FORMATS[encoder], layout, rate_hz)
        self._resampler = self._new_resampler()
        self._input_format: tuple[str, str, int] | None = None
        self._rate_hz = rate_hz
        self._next_s: float | None = None
        self._next_pts = 0

    def process(self, packet: Packet[Any] | None) -> Iterator[TimedPacket]:
        """Yields the transcoded packets that a packet of the source completes; None marks the end of the stream."""
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            frames = []
        for frame in frames:
            yield from self._transcode(frame)
        if packet is None and self._next_s is not None:
            yield from self._resample(None)
            yield from _with_times(self._stream.encode(None))

    def _transcode(self, frame: AudioFrame) -> Iterator[TimedPacket]:
        time_s = frame.time if frame.pts is not None and frame.time is not None else self._next_s or 0.0
        if self._next_s is None:
            self._next_s = time_s
            self._next_pts = round(time_s * self._rate_hz)
        if self._next_s - time_s > _MIN_GAP_S:
            return  # segments that were joined overlap: without this, later sound would lag
        if _MIN_GAP_S < time_s - self._next_s < _MAX_GAP_S:
            yield from self._encode_silence(round((time_s - self._next_s) * self._rate_hz))
            self._next_s = time_s
        self._next_s += frame.samples / frame.sample_rate
        input_format = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._input_format not in (None, input_format):  # a resampler only accepts the format of its first frame
            yield from self._resample(None)
            self._resampler = self._new_resampler()
        self._input_format = input_format
        yield from self._resample(frame)

    def _resample(self, frame: AudioFrame | None) -> Iterator[TimedPacket]:
        for resampled in self._resampler.resample(frame):
            yield from self._encode(resampled)

    def _encode_silence(self, samples: int) -> Iterator[TimedPacket]:
        while samples > 0:
            frame = AudioFrame(
                self._stream.codec_context.format.name,
                self._stream.codec_context.layout.name,
                min(samples, _SILENCE_SAMPLES),
            )
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate = self._rate_hz
            samples -= frame.samples
            yield from self._encode(frame)

    def _encode(self, frame: AudioFrame) -> Iterator[TimedPacket]:
        frame.pts = self._next_pts
        frame.time_base = Fraction(1, self._rate_hz)
        self._next_pts += frame.samples
        yield from _with_times(self._stream.encode(frame))


def _describe_alike(stream: Stream, source: Stream) -> None:
    """Gives a new stream the language, the title and the disposition (default, forced, ...) of that of the source."""
    stream.metadata.update({key: source.metadata[key] for key in _KEPT_METADATA if key in source.metadata})
    stream.disposition = source.disposition


def _with_times(packets: list[Packet[Any]]) -> Iterator[TimedPacket]:
    for packet in packets:
        yield (packet.dts or 0) * packet.time_base, packet
