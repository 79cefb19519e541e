"""A hidden rule in 60 corrections, and whether held-out proposals keep it: phi3 with few-shot off and on.

The rule: the stop is never tighter than 2 %, the target at least 1.5 times the stop. What is counted for `pass` and
`abort`, which have neither, is nothing: only proposals to adjust can keep it.
"""

import asyncio
import random
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from osiris_cli.embedded_redis import EmbeddedRedis
from osiris_contracts import Feedback, GenerateRequest, GenerateResult, Proposal, streams
from osiris_mesh import Bus, logs
from osiris_phi3.app import build
from osiris_phi3.settings import Phi3Settings

CORRECTIONS, HELD_OUT = 60, 20
TAUGHT = ("EURUSD", "SPY", "OIL", "XAU", "NVDA", "BTC", "TLT", "AAPL")
UNSEEN = ("MSFT", "GBPUSD", "SILVER", "ETH")
NOW = datetime(2024, 1, 2, tzinfo=UTC)


def situation(chance: random.Random, ticker: str) -> tuple[str, bool]:
    """A market summary as the desk writes them, and whether it rises."""
    up = chance.random() < 0.5
    close, volatility = chance.uniform(1, 600), chance.uniform(0.05, 0.4)
    sign = 1 if up else -1
    fast, slow = sign * chance.uniform(0.3, 1.0), sign * chance.uniform(0.6, 2.0)
    place = chance.uniform(75, 98) if up else chance.uniform(2, 25)
    words = "up" if up else "down"
    prompt = "\n".join(
        (
            f"{ticker} close {close:.6g}",
            f"Return {fast:+.2f}% in 5 bars, {slow:+.2f}% in 20: trend {words}",
            f"Volatility {volatility:.2f}% a bar",
            f"Range {close * 0.99:.6g} to {close * 1.01:.6g}, close at {place:.0f}% of it",
            "Position none",
            "NAV 100000, today +0.00",
            "",
            f"Propose what to do with {ticker} now: adjust, pass or abort.",
        )
    )
    return prompt, up


def correction(chance: random.Random, number: int, tickers: Sequence[str] = TAUGHT) -> Feedback:
    """What an owner who follows the rule would have proposed."""
    ticker = chance.choice(tickers)
    prompt, up = situation(chance, ticker)
    stop = round(chance.uniform(2, 4), 1)
    return Feedback(
        transaction_id=UUID(int=number),
        feedback_id=UUID(int=number),
        received_at=NOW + timedelta(minutes=number),
        feedback_type="correction",
        feedback_content="The stop was too tight.",
        corrected_proposal=Proposal(
            ticker=ticker,
            action="adjust",
            side="LONG" if up else "SHORT",
            new_stop_pct=stop,
            new_target_pct=round(stop * chance.uniform(1.6, 2.2), 1),
            confidence=0.7,
            rationale=f"The trend is {'up' if up else 'down'}: a wide stop, and a target that pays for it.",
        ),
        prompt=prompt,
        schema_version="1.1",
    )


def keeps_the_rule(proposal: Proposal) -> bool:
    """Stop at least 2 %, target at least 1.5 times the stop."""
    stop, target = proposal.new_stop_pct, proposal.new_target_pct
    return stop is not None and target is not None and stop >= 2 and target >= 1.5 * stop


async def _answers(url: str, home: Path, mode: str) -> list[GenerateResult]:
    chance = random.Random(2)
    settings = Phi3Settings.model_validate({"redis_url": url, "home": home, "few_shot": mode})
    async with build(settings).running(), Bus(url, "bench") as bus:
        asked = []
        for number in range(HELD_OUT):
            ticker = UNSEEN[number % len(UNSEEN)]
            request = GenerateRequest(prompt=situation(chance, ticker)[0], ticker=ticker)
            asked.append(bus.ask(streams.PHI3_REQUESTS, request, timeout=300))
        return await asyncio.gather(*asked)


async def _compare(url: str, home: Path) -> dict[str, float]:
    chance = random.Random(1)
    async with Bus(url, "bench") as bus:
        for number in range(1, CORRECTIONS + 1):
            await bus.publish(streams.FEEDBACK_SUBMITTED, correction(chance, number))
    found: dict[str, float] = {"corrections": CORRECTIONS, "held-out prompts": HELD_OUT}
    for mode in ("off", "on"):
        answers = await _answers(url, home, mode)
        proposals = [Proposal.model_validate_json(answer.text) for answer in answers]  # an invalid one would raise
        adjusts = [each for each in proposals if each.action == "adjust"]
        usage = [answer.usage for answer in answers]
        found |= {
            f"{mode}: valid, %": 100 * len(proposals) / HELD_OUT,
            f"{mode}: adjusts, %": 100 * len(adjusts) / HELD_OUT,
            f"{mode}: rule kept, % of all": 100 * sum(map(keeps_the_rule, proposals)) / HELD_OUT,
            f"{mode}: corrections shown, mean": sum(
                len(answer.few_shot.corrections) for answer in answers if answer.few_shot
            )
            / HELD_OUT,
            f"{mode}: prompt tokens, mean": sum(each.prompt_tokens for each in usage) / HELD_OUT,
            f"{mode}: of these known before, %": 100
            * sum(each.cached_tokens for each in usage)
            / sum(each.prompt_tokens for each in usage),
        }
    return found


def measure() -> dict[str, float]:
    """How often held-out proposals keep the rule."""
    logs.configure("warning", "console", "bench")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with EmbeddedRedis(folder / "redis", persistent=False) as redis:
            return asyncio.run(_compare(redis.url, folder / "home"))
