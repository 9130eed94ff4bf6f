"""Take down spoken orders, on our own machine."""

import functools

from faster_whisper import WhisperModel


@functools.cache
def _model() -> WhisperModel:
    return WhisperModel("large-v3", device="cpu", compute_type="int8")


def take_down(path: str) -> str:
    segments, _ = _model().transcribe(path)
    return " ".join(segment.text.strip() for segment in segments)
