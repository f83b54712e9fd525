"""From the packets of one file to those of another: as they are, or decoded and encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any, Final, cast

import av
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

_AAC_RATES_HZ: Final = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}
_OPUS_RATE_HZ: Final = 48000
_LAYOUTS: Final = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
_CHANNEL_BITRATE: Final = 96_000
_FORMATS: Final = {"aac": "fltp", "libopus": "flt"}
_SHORTEST_GAP_S = 0.05
_LONGEST_GAP_S = 600.0  # longer ones are taken for wrong time stamps
_SILENCE_SAMPLES = 4096


class CopiedTrack:
    """A stream whose packets are written as they are."""

    def __init__(self, stream: VideoStream | AudioStream, target: OutputContainer, may_precede: bool) -> None:
        """Adds the stream.

        Args:
            stream: That of the source.
            target: What is written.
            may_precede: Whether packets with times below zero can be written.
        """
        self._copy = target.add_stream_from_template(stream)
        self._copy.time_base = stream.time_base
        self._is_sound = stream.type == "audio"
        self._may_precede = may_precede
        self._dts: int | None = None

    def take(self, packet: Packet[Any] | None) -> Iterator[tuple[Fraction, Packet[Any]]]:
        """Gives the packet with the time (s) at which it is to be written; None is for the end."""
        if packet is None:
            return
        if self._is_sound:  # of pictures, the order in which they are decoded is another one
            packet.pts = packet.dts if packet.pts is None else packet.pts
            packet.dts = packet.pts if packet.dts is None else packet.dts
        if packet.pts is None or (packet.dts is not None and self._dts is not None and packet.dts <= self._dts):
            return
        if packet.pts + (packet.duration or 0) <= 0 and not self._may_precede:
            return
        if packet.dts is not None:
            self._dts = packet.dts
        packet.stream = self._copy
        yield (packet.pts if packet.dts is None else packet.dts) * packet.time_base, packet


class EncodedTrack:
    """Sound that is decoded and encoded anew; where packets are missing, it is silent."""

    def __init__(self, stream: AudioStream, target: OutputContainer, encoder: str) -> None:
        """Adds the stream.

        Args:
            stream: That of the source.
            target: What is written.
            encoder: aac or libopus.
        """
        heard = stream.codec_context
        rate_hz = _OPUS_RATE_HZ if encoder == "libopus" or heard.sample_rate not in _AAC_RATES_HZ else heard.sample_rate
        layout = AudioLayout(_LAYOUTS.get(heard.layout.nb_channels, "stereo"))
        self._decoder = heard
        self._stream = cast("AudioStream", target.add_stream(encoder, rate_hz))
        self._stream.codec_context.layout = layout
        self._stream.codec_context.format = _FORMATS[encoder]
        self._stream.codec_context.bit_rate = _CHANNEL_BITRATE * layout.nb_channels
        self._stream.codec_context.time_base = Fraction(1, rate_hz)
        self._new_resampler = partial(AudioResampler, _FORMATS[encoder], layout, rate_hz)
        self._resampler = self._new_resampler()
        self._kind: tuple[str, str, int] | None = None
        self._rate_hz = rate_hz
        self._due_s: float | None = None
        self._pts = 0

    def take(self, packet: Packet[Any] | None) -> Iterator[tuple[Fraction, Packet[Any]]]:
        """Gives what a packet of the source becomes, and when (s) that is to be written; None is for the end."""
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            frames = []
        for frame in frames:
            yield from self._encoded(frame)
        if packet is None and self._due_s is not None:
            yield from self._resampled(None)
            yield from self._timed(self._stream.encode(None))

    def _encoded(self, frame: AudioFrame) -> Iterator[tuple[Fraction, Packet[Any]]]:
        at_s = frame.time if frame.pts is not None and frame.time is not None else self._due_s or 0.0
        if self._due_s is None:
            self._due_s = at_s
            self._pts = round(at_s * self._rate_hz)
        if _SHORTEST_GAP_S < at_s - self._due_s < _LONGEST_GAP_S:
            yield from self._silence(round((at_s - self._due_s) * self._rate_hz))
            self._due_s = at_s
        self._due_s += frame.samples / frame.sample_rate
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._kind not in (None, kind):  # a resampler takes only what is like its first frame
            yield from self._resampled(None)
            self._resampler = self._new_resampler()
        self._kind = kind
        yield from self._resampled(frame)

    def _resampled(self, frame: AudioFrame | None) -> Iterator[tuple[Fraction, Packet[Any]]]:
        for resampled in self._resampler.resample(frame):
            yield from self._placed(resampled)

    def _silence(self, samples: int) -> Iterator[tuple[Fraction, Packet[Any]]]:
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
            yield from self._placed(frame)

    def _placed(self, frame: AudioFrame) -> Iterator[tuple[Fraction, Packet[Any]]]:
        frame.pts = self._pts
        frame.time_base = Fraction(1, self._rate_hz)
        self._pts += frame.samples
        yield from self._timed(self._stream.encode(frame))

    @staticmethod
    def _timed(packets: list[Packet[Any]]) -> Iterator[tuple[Fraction, Packet[Any]]]:
        for packet in packets:
            yield (packet.dts or 0) * packet.time_base, packet
