"""The trainer tells of nights that are gone, and of the corrections that none has looked at."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.support.metrics import told
from tests.support.processes import Process, until
from tests.unit.trainer.rows import proposal

from osiris_contracts import Feedback, streams
from osiris_mesh import Bus
from osiris_trainer.night import command
from osiris_trainer.night.history import Night, Nights

HOUR = timedelta(hours=1)


def correction(number: int, transaction: int) -> Feedback:
    """One of an hour ago, of a proposal that is known."""
    return Feedback(
        feedback_id=UUID(int=number),
        transaction_id=UUID(int=transaction),
        received_at=datetime.now(UTC) - HOUR + timedelta(seconds=number),
        feedback_type="correction",
        feedback_content="too tight",
        prompt=f"SPY close {500 + transaction}",
        original_proposal=proposal(0.6),
        corrected_proposal=proposal(2 + number / 100),
    )


@pytest.fixture
def night(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--once` works in this process: what is skipped needs none of the libraries that train."""
    settings = {"REDIS_URL": redis_url, "HOME": str(tmp_path), "NIGHT_PRECISION": "f32"}
    for name, value in settings.items():
        monkeypatch.setenv(f"OSIRIS_{name}", value)
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "1")  # set by the night, and as they were after the test
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setattr(command, "_NEEDED", ())


@pytest.mark.usefixtures("night")
async def test_corrections_wait_until_a_night_looks_at_them_and_every_night_is_told(
    redis_url: str, tmp_path: Path
) -> None:
    tables = tmp_path / "data" / "lancedb"
    async with Bus(redis_url, "test") as bus:
        with Process("trainer", redis_url, tmp_path) as trainer:
            await trainer.ready()

            async def soon(**expected: float) -> dict[str, float]:
                """The metrics, once they are as expected."""

                async def so() -> dict[str, float] | None:
                    found = await told(bus.redis, "trainer")
                    return found if all(found.get(f"osiris_{name}") == expected[name] for name in expected) else None

                return await until(so, timeout=60, what=str(expected))

            first = await soon(corrections_waiting=0, corrections_oldest_waiting_seconds=0, **{"nights{failed}": 0})
            assert not any(name.startswith("osiris_night_") for name in first)
            for number in range(3):
                await bus.publish(streams.FEEDBACK_SUBMITTED, correction(number, number))
            waiting = await soon(corrections_waiting=3)
            assert 3500 < waiting["osiris_corrections_oldest_waiting_seconds"] < 3700

            assert await asyncio.to_thread(command.once) == 0
            await soon(corrections_waiting=0, **{"nights{skipped}": 1})

            late = correction(3, 2).model_copy(update={"received_at": datetime.now(UTC)})
            await bus.publish(streams.FEEDBACK_SUBMITTED, late)  # of the last proposal again: three as before
            await soon(corrections_waiting=1)
            assert await asyncio.to_thread(command.once) == 0
            await soon(corrections_waiting=0, **{"nights{skipped}": 1})

            await asyncio.to_thread(_add_nights, tables)
            ended = await soon(**{"nights{failed}": 1, "nights{published}": 1, "nights{refused}": 1})
    assert (ended["osiris_night_win_rate{published}"], ended["osiris_night_win_rate{refused}"]) == (0.9, 0.5)
    assert "osiris_night_win_rate{skipped}" not in ended
    assert ended["osiris_night_seconds{failed}"] == 60
    assert ended["osiris_night_seconds{published}"] == 7200
    assert ended["osiris_night_ended_timestamp_seconds{refused}"] == datetime(2026, 11, 24, 3, tzinfo=UTC).timestamp()


def _add_nights(tables: Path) -> None:
    nights, two = Nights(tables), datetime(2026, 11, 24, 2, tzinfo=UTC)
    nights.add(Night(night="a", started_at=two, ended_at=two + HOUR, ending="refused", reason="no", win_rate=0.5))
    next_day = two + 24 * HOUR
    nights.add(Night(night="b", started_at=next_day, ended_at=next_day + 2 * HOUR, ending="published", win_rate=0.9))
    failed = next_day + 3 * HOUR
    nights.add(
        Night(night="c", started_at=failed, ended_at=failed + HOUR / 60, ending="failed", reason="OSError: disk full")
    )
