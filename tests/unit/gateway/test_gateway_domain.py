"""Scores, settings and events: what needs no network."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from osiris_contracts import Chunk
from osiris_gateway.scores import WINDOW, RecentScores
from osiris_gateway.settings import GatewaySettings
from osiris_gateway.sse import event

NOW = datetime(2024, 1, 2, tzinfo=UTC)


@given(st.lists(st.tuples(st.integers(0, 48 * 60), st.floats(0, 10)), max_size=50))
def test_the_mean_is_over_the_last_24_hours(given_scores: list[tuple[int, float]]) -> None:
    scores = RecentScores()
    for minutes, score in sorted(given_scores, reverse=True):
        scores.add(NOW - timedelta(minutes=minutes), score)
    recent = [score for minutes, score in given_scores if timedelta(minutes=minutes) < WINDOW]
    mean, count = scores.of(NOW)
    assert count == len(recent)
    assert mean == (pytest.approx(sum(recent) / len(recent)) if recent else None)


def test_a_key_is_long_and_never_shown() -> None:
    with pytest.raises(ValidationError, match="at least 16"):
        GatewaySettings(api_key="short")
    assert "0123456789abcdef" not in repr(GatewaySettings(api_key="0123456789abcdef"))


def test_an_event_is_one_line_of_data_whatever_the_text() -> None:
    first, second, rest = event(Chunk(index=0, text="a\nb\r\n\n")).split(b"\n", 2)
    assert first == b"event: chunk"
    assert second.startswith(rb'data: {"kind":"chunk","index":0,"text":"a\nb\r\n\n"')
    assert rest == b"\n"
