"""phi3 and hermes as processes, reached by plain XADD, with the real model."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.desk import services
from tests.support.processes import until

from osiris_contracts import Chunk, GenerateRequest, GenerateResult, Proposal, streams
from osiris_inference.model_store import ModelStore
from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.proposing import MAX_TOKENS, proposal_schema
from osiris_inference.protocol import GenerationRequest, Message
from osiris_mesh import Bus, Refused


async def reply(redis: Any, stream: str) -> dict[str, Any]:
    async def there() -> Any:
        return await redis.xrange(stream)

    ((_, fields),) = await until(there, timeout=60)
    return {name.decode(): value.decode() for name, value in fields.items()}


async def test_phi3_answers_a_plain_entry_with_a_valid_proposal_and_hermes_streams(
    redis_url: str, tmp_path: Path, models_root: Path
) -> None:
    async with services(redis_url, tmp_path / "home", models_root, "phi3", "hermes"), Bus(redis_url, "test") as bus:
        await bus.redis.xadd(
            "phi3.requests", {"data": '{"prompt":"SPY rose 1 %.","ticker":"SPY"}', "replyto": "my.replies"}
        )
        plain = await reply(bus.redis, "my.replies")
        result = GenerateResult.model_validate_json(plain["data"])
        assert result.proposal and result.proposal.ticker == "SPY"
        assert json.loads(result.text) == result.proposal.model_dump(mode="json")
        assert result.model_version.startswith("smollm2-135m-instruct-q8-")
        assert (plain["type"], plain["source"]) == ("GenerateResult", "phi3")

        asked = GenerateRequest(prompt="What is a stop order?", max_length=40, stream=True, seed=1)
        got = [each async for each in bus.replies_to(streams.HERMES_REQUESTS, asked, timeout=60)]
        chunks = [each for each in got if isinstance(each, Chunk)]
        assert isinstance(got[-1], GenerateResult)
        usage = got[-1].usage
        assert 0 <= usage.queue_seconds <= usage.first_token_seconds < 30
        assert [each.index for each in chunks] == list(range(len(chunks)))
        assert len(chunks) > 5
        assert "".join(each.text for each in chunks) == got[-1].text

        again = await bus.ask(streams.PHI3_REQUESTS, GenerateRequest(prompt="SPY fell 1 %.", ticker="SPY"), timeout=60)
        assert again.usage.cached_tokens > 0.8 * again.usage.prompt_tokens  # phi3's examples
        (phi3,) = await bus.instances("phi3")
        async with httpx.AsyncClient() as http:
            metrics = (await http.get(f"{phi3.probe_url}/metrics", follow_redirects=True)).text
        for name in ('tokens_total{kind="cached"}', "queue_seconds_count 2.0", "first_token_seconds_sum", "slots 8.0"):
            assert f"osiris_engine_{name}" in metrics

        long = GenerateRequest(prompt="word " * 1700, ticker="SPY")  # fits without phi3's own examples
        assert (await bus.ask(streams.PHI3_REQUESTS, long, timeout=60)).proposal
        with pytest.raises(Refused, match=r"at most 2047 tokens \(context 2048\), got \d+"):
            await bus.ask(streams.PHI3_REQUESTS, GenerateRequest(prompt="word " * 5000), timeout=60)


@pytest.mark.slow
@pytest.mark.timeout(400)  # two minutes on a slow day
async def test_200_random_prompts_and_seeds_give_200_valid_proposals(models_root: Path) -> None:
    engine = OnnxEngine(ModelStore(models_root).embedded(), OnnxEngineConfig(slots=8, context=1024, waiting=200))
    await engine.load()

    async def propose(seed: int) -> Proposal:
        request = GenerationRequest(
            id=str(seed),
            prompt=(Message("user", random_prompt(seed)),),
            max_tokens=MAX_TOKENS,
            temperature=(seed % 5) / 2.5,
            seed=seed,
            json_schema=proposal_schema("SPY" if seed % 3 == 0 else None, 128 + seed),
        )
        text = "".join([chunk.text async for chunk in engine.generate(request)])
        return Proposal.model_validate_json(text)

    proposals = await asyncio.gather(*(propose(seed) for seed in range(200)))
    await engine.close()
    assert len(proposals) == 200
    assert {each.action for each in proposals} >= {"adjust", "pass"}
    assert all(each.ticker == "SPY" for each in proposals[::3])


def random_prompt(seed: int) -> str:
    """Words, numbers, emoji, and what could break out of JSON or a chat template."""
    generator = random.Random(seed)
    alphabet = ["SPY", " rose ", "0.3 %", "\n", '"', "\\", "{}", "<|im_end|>", "語", "🙂", "ß", " stop ", "null"]
    return "".join(generator.choice(alphabet) for _ in range(generator.randint(1, 60)))
