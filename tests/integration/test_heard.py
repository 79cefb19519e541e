"""What the voice says of a market is what a listener writes down: Whisper, in an environment of its own."""

import asyncio
import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.conftest import REPOSITORY
from tests.support.processes import until
from tests.support.voice import clips, speaking, wav_of

from osiris_contracts import SpeechRequest, streams
from osiris_mesh import Bus
from osiris_mesh.connection import connect
from osiris_tts.spoken_form import spoken_form

pytestmark = pytest.mark.slow

PYTHON = REPOSITORY / ".venv-ears/bin/python"
MOST_WRONG = 0.10
SENTENCES = (
    "EURUSD fell 0.4 % on 2 h of heavy volume.",
    "The proposal follows the trend, and the stop is wide enough for the volatility.",
    "We are long 100 shares at $187.50, and the stop is 2.5 % below.",
    "The target is 1.0850, 25 bps above the close.",
    "S&P 500 futures rose 1.2 % before the open.",
    "Risk/reward is 1:3, so the score is 7/10.",
    "Revenue was $3.2B vs. $3.1B expected.",
    "At 14:30 the CPI print beat the forecast by 0.1 %.",
    "Gold trades near 1,950 dollars, and the dollar is weak.",
    "Sell AAPL now; the drawdown is 5 % and the confidence is low.",
)


def words(text: str) -> list[str]:
    """As they are compared: what is written in digits and signs is said in words, and letters stand together."""
    said = spoken_form(text).lower().replace("-", " ")
    return re.findall(r"[a-z']+", re.sub(r"(?<=\b[a-z])\.(?=[a-z]\b)", "", said))


def word_errors(expected: list[str], heard: list[str]) -> int:
    """Words that were left out, put in or changed (Levenshtein 1966)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(expected, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1]


def test_word_errors_are_counted() -> None:
    assert word_errors(["a", "b", "c", "d"], ["a", "x", "c", "d", "e"]) == 2
    assert word_errors(["a", "b"], []) == 2


async def test_ten_market_sentences_are_heard_as_they_were_meant(redis_url: str, tmp_path: Path) -> None:
    assert PYTHON.exists(), "expected the listener's environment: run the tests with make test"
    redis = connect(redis_url)
    async with speaking(redis_url), Bus(redis_url, "test") as bus:
        for sentence in SENTENCES:
            await bus.publish(streams.TTS_REQUESTS, SpeechRequest(text=sentence))

        async def all_said() -> bool:
            return await redis.xlen(streams.AUDIO_BYTES) == len(SENTENCES)

        await until(all_said, timeout=60, what="every sentence")
    said = await clips(redis)
    await redis.aclose()
    assert [clip.text for clip in said] == list(SENTENCES)
    files = [tmp_path / f"{number}.wav" for number in range(len(said))]
    for file, clip in zip(files, said, strict=True):
        file.write_bytes(wav_of(clip))
    command = [str(PYTHON), str(REPOSITORY / "tests/ears/transcribe.py"), *map(str, files)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    pairs = [(words(each), words(heard)) for each, heard in zip(SENTENCES, json.loads(done.stdout), strict=True)]
    wrong = [word_errors(*pair) for pair in pairs]
    report = "\n".join(
        f"{errors} {' '.join(meant)} | {' '.join(heard)}" for errors, (meant, heard) in zip(wrong, pairs, strict=True)
    )
    print(report)
    assert sum(wrong) / sum(len(meant) for meant, _ in pairs) <= MOST_WRONG, report
