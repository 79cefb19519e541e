"""The voice on a real Redis: order, priority, replacement, cancelling, and what a crash in mid-text does."""

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from tests.support.processes import Process, until
from tests.support.serving import replies
from tests.support.voice import clips, speaking, text_of, wav_of

from osiris_contracts import AudioClip, SpeechRequest, SpeechResult, streams, wav
from osiris_mesh import Bus, Refused
from osiris_mesh.connection import connect
from osiris_mesh.tasks import end

LONG = text_of(25)


async def spoken(bus: Bus, request: SpeechRequest, **options: Any) -> tuple[list[AudioClip], SpeechResult]:
    """The clips the asker gets, and the result."""
    found: list[AudioClip] = []
    async with aclosing(bus.replies_to(streams.TTS_REQUESTS, request, timeout=60, **options)) as answers:
        async for reply in answers:
            if isinstance(reply, SpeechResult):
                return found, reply
            assert isinstance(reply, AudioClip)
            found.append(reply)
    raise AssertionError("expected a result")


async def begun(redis: Any, count: int = 1) -> None:
    async def there() -> bool:
        return await redis.xlen(streams.AUDIO_BYTES) >= count

    await until(there, what=f"{count} clips")


async def test_a_text_comes_sentence_by_sentence_on_stream_channel_and_reply(redis_url: str) -> None:
    redis = connect(redis_url)
    channel = redis.pubsub()
    await channel.subscribe(streams.AUDIO_BYTES)
    async with speaking(redis_url), Bus(redis_url, "test") as bus:
        request = SpeechRequest(text="EURUSD fell 0.4 %. Wait for the close, then sell!", ticker="EURUSD")
        heard, result = await spoken(bus, request, id="one")
        assert [clip.text for clip in heard] == ["EURUSD fell 0.4 %.", "Wait for the close, then sell!"]
        assert [(clip.index, clip.last, clip.request_id) for clip in heard] == [(0, False, "one"), (1, True, "one")]
        for clip in heard:
            sound = wav.read(wav_of(clip))
            assert (sound.encoding, sound.bits, sound.channels, sound.sample_rate) == ("pcm", 16, 1, clip.sample_rate)
            assert sound.seconds == clip.seconds > 0.5
            assert max(sound.frames) > 0
        assert result.clips == 2
        assert result.seconds == pytest.approx(sum(clip.seconds for clip in heard))
        assert 0 < result.synthesis_seconds < result.seconds
        assert await clips(redis) == heard
        said = [message["data"].decode() async for message in _messages(channel, 3)]
        assert said == [clip.wav_b64 for clip in heard]
        again, _ = await spoken(bus, request.model_copy(update={"stream": False}), id="two")
        assert again == [] and len(await clips(redis)) == 4
    await channel.aclose()
    await redis.aclose()


async def _messages(channel: Any, count: int) -> Any:
    for _ in range(count):
        message = await channel.get_message(timeout=5)
        if message and message["type"] == "message":
            yield message


async def test_any_redis_client_may_ask(redis_url: str) -> None:
    redis = connect(redis_url)
    async with speaking(redis_url):
        await redis.xadd(streams.TTS_REQUESTS, {"data": '{"text": "Hello."}', "replyto": "mine"})
        kinds = [each["kind"] for each in await replies(redis, "mine", 2)]
        assert kinds == ["clip", "spoken"]
        await redis.xadd(streams.TTS_REQUESTS, {"data": '{"text": "..."}', "replyto": "mine"})
        refused = (await replies(redis, "mine", 3))[-1]
        assert refused["code"] == "invalid_request" and "letter" in refused["message"]
    await redis.aclose()


async def test_interactive_goes_first_and_requests_are_not_mixed(redis_url: str) -> None:
    redis = connect(redis_url)
    async with speaking(redis_url), Bus(redis_url, "test") as bus:
        for name in ("a", "b", "c"):
            await bus.publish(streams.TTS_REQUESTS, SpeechRequest(text=LONG if name == "a" else text_of(3)), id=name)
        await begun(redis)
        alert, _ = await spoken(bus, SpeechRequest(text=text_of(2)), id="alert", priority="interactive")
        order = [clip.request_id for clip in await clips(redis)]
        assert len(alert) == 2 and "b" not in order, "an alert waits for no queue"
        await begun(redis, 25 + 3 + 3 + 2)
    found = await clips(redis)
    assert list(dict.fromkeys(clip.request_id for clip in found if clip.request_id != "alert")) == ["a", "b", "c"]
    for name, count in (("a", 25), ("b", 3), ("c", 3)):
        assert [clip.index for clip in found if clip.request_id == name] == list(range(count))
    await redis.aclose()


async def test_a_newer_request_of_the_ticker_replaces_one_not_begun(redis_url: str) -> None:
    redis = connect(redis_url)
    async with speaking(redis_url), Bus(redis_url, "test") as bus:
        first = asyncio.create_task(spoken(bus, SpeechRequest(text=LONG, ticker="SPY"), id="first"))
        await begun(redis)
        old = asyncio.create_task(spoken(bus, SpeechRequest(text="Old.", ticker="SPY"), id="old"))
        other = asyncio.create_task(spoken(bus, SpeechRequest(text="Other.", ticker="EURUSD"), id="other"))

        async def queued() -> bool:
            return await bus.backlog(streams.TTS_REQUESTS, "tts") >= 3

        await until(queued)
        new = asyncio.create_task(spoken(bus, SpeechRequest(text="New.", ticker="SPY"), id="new"))
        with pytest.raises(Refused, match="newer") as refused:
            await old
        assert refused.value.code == "replaced"
        await asyncio.gather(first, other, new)
    assert list(dict.fromkeys(clip.request_id for clip in await clips(redis))) == ["first", "other", "new"]
    await redis.aclose()


async def test_cancelling_stops_within_a_sentence(redis_url: str) -> None:
    redis = connect(redis_url)
    async with speaking(redis_url), Bus(redis_url, "test") as bus:
        async with aclosing(bus.replies_to(streams.TTS_REQUESTS, SpeechRequest(text=LONG), timeout=60)) as answers:
            first = await anext(answers)
        assert isinstance(first, AudioClip)
        heard, _ = await spoken(bus, SpeechRequest(text="Next."), id="next")
        order = [clip.request_id for clip in await clips(redis)]
        assert order[-1] == "next" and len(heard) == 1
        assert len(order) < 20, "it went on for long after it was cancelled"
    await redis.aclose()


async def test_the_event_loop_is_not_held_up(redis_url: str) -> None:
    gaps: list[float] = []

    async def tick() -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(loop.time() - last)
            last = loop.time()

    async with speaking(redis_url), Bus(redis_url, "test") as bus:
        ticking = asyncio.create_task(tick())
        await spoken(bus, SpeechRequest(text=LONG, stream=False))
        await end(ticking)
    assert len(gaps) > 20
    assert sorted(gaps)[len(gaps) // 2] < 0.05


async def test_a_request_that_cannot_be_spoken_so_is_refused(redis_url: str) -> None:
    async with speaking(redis_url), Bus(redis_url, "test") as bus:
        with pytest.raises(Refused, match=r"installed \(heart\), got nobody"):
            await spoken(bus, SpeechRequest(text="Hello.", voice="nobody"))
        with pytest.raises(Refused, match="RIFF"):
            await spoken(bus, SpeechRequest(text="Hello.", ref_wav_b64="aGVsbG8="))
        slow, _ = await spoken(bus, SpeechRequest(text="Hello to all of you.", speed=0.5))
        fast, _ = await spoken(bus, SpeechRequest(text="Hello to all of you.", speed=2))
        assert slow[0].seconds > 2 * fast[0].seconds


async def test_a_tts_killed_in_mid_text_loses_nothing_and_says_nothing_twice(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    channel = redis.pubsub()
    await channel.subscribe(streams.AUDIO_BYTES)
    fields = {"data": json.dumps({"text": text_of(60)}), "id": "long", "replyto": "mine"}
    with Process("tts", redis_url, tmp_path) as tts:
        await tts.ready()
        await redis.xadd(streams.TTS_REQUESTS, fields)
        for count in (3, 15):
            await begun(redis, count)
            tts.kill()
            tts.start()
            await tts.ready()
        found = await replies(redis, "mine", 61)
    result = SpeechResult.model_validate(found[-1])
    said = await clips(redis)
    assert [clip.index for clip in said] == list(range(60))
    assert [AudioClip.model_validate(each) for each in found[:-1]] == said
    assert result.clips == 60
    assert result.seconds == pytest.approx(sum(clip.seconds for clip in said))
    heard = [message["data"].decode() async for message in _messages(channel, 61)]
    assert heard == [clip.wav_b64 for clip in said]
    await channel.aclose()
    await redis.aclose()
