"""What a user of the official `openai` client does, against the desk at OPENAI_BASE_URL; fails where that fails."""

import json

import openai
from pydantic import BaseModel, Field

client = openai.OpenAI(api_key="none needed on loopback", max_retries=0)
ASK = [{"role": "user", "content": "What is a protective stop? One sentence."}]


def models() -> None:
    assert [model.id for model in client.models.list()] == ["hermes", "phi3"]
    assert client.models.retrieve("phi3").owned_by == "osiris"


def chat() -> None:
    raw = client.chat.completions.with_raw_response.create(model="hermes", messages=ASK, max_tokens=24, seed=7)
    assert "queue;dur=" in raw.headers["server-timing"] and "mesh;dur=" in raw.headers["server-timing"]
    first = raw.parse()
    again = client.chat.completions.create(model="hermes", messages=ASK, max_tokens=24, seed=7)
    assert first.choices[0].message.content == again.choices[0].message.content != ""
    assert first.choices[0].finish_reason == "length"
    assert first.usage.completion_tokens == 24
    assert first.usage.total_tokens == first.usage.prompt_tokens + 24
    several = client.chat.completions.create(model="hermes", messages=ASK, max_tokens=8, n=3, seed=7)
    texts = [choice.message.content for choice in several.choices]
    assert [choice.index for choice in several.choices] == [0, 1, 2] and len(set(texts)) > 1
    assert first.choices[0].message.content.startswith(texts[0])


def stops() -> None:
    count = [{"role": "user", "content": "Count: one, two, three, four, five, six."}]
    whole = client.chat.completions.create(model="hermes", messages=count, max_tokens=30, temperature=0)
    word = whole.choices[0].message.content.split()[3]
    cut = client.chat.completions.create(model="hermes", messages=count, max_tokens=30, temperature=0, stop=[word])
    assert cut.choices[0].message.content == whole.choices[0].message.content.partition(word)[0]
    assert cut.choices[0].finish_reason == "stop"


def streams() -> None:
    options = {"model": "hermes", "messages": ASK, "max_tokens": 16, "temperature": 0}
    whole = client.chat.completions.create(**options)
    chunks = list(client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content
    assert sum(map(bool, pieces)) > 8
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage.completion_tokens == 16
    two = list(client.chat.completions.create(**options, stream=True, n=2))
    assert {choice.index for chunk in two for choice in chunk.choices} == {0, 1}


def logprobs() -> None:
    answer = client.chat.completions.create(
        model="hermes", messages=ASK, max_tokens=5, temperature=0, logprobs=True, top_logprobs=3
    )
    tokens = answer.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == answer.choices[0].message.content
    for token in tokens:
        assert len(token.top_logprobs) == 3
        assert token.top_logprobs[0].logprob == token.logprob <= 0  # greedy takes the likeliest


def structured() -> None:
    class Verdict(BaseModel):
        symbol: str = Field(max_length=8)
        score: int = Field(ge=0, le=10)

    ask = [{"role": "user", "content": "Score the trade: long SPY, stop 2 %."}]
    parsed = client.chat.completions.parse(model="hermes", messages=ask, response_format=Verdict, seed=1)
    assert 0 <= parsed.choices[0].message.parsed.score <= 10
    free = client.chat.completions.create(
        model="hermes", messages=ask, response_format={"type": "json_object"}, max_tokens=200, seed=3
    )
    if free.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(free.choices[0].message.content), dict)
    proposal = client.chat.completions.create(model="phi3", messages=[{"role": "user", "content": "SPY fell 1 %."}])
    assert json.loads(proposal.choices[0].message.content)["action"] in ("adjust", "pass", "abort")


def tools() -> None:
    quote = {
        "type": "function",
        "function": {
            "name": "get_quote",
            "description": "The last price of a symbol.",
            "parameters": {
                "type": "object",
                "properties": {"symbol": {"enum": ["SPY", "EURUSD"]}},
                "required": ["symbol"],
                "additionalProperties": False,
            },
        },
    }
    messages = [{"role": "user", "content": "What does EURUSD cost?"}]
    options = {"model": "hermes", "tools": [quote], "max_tokens": 60, "temperature": 0}
    asked = client.chat.completions.create(messages=messages, tool_choice="required", **options)
    message = asked.choices[0].message
    assert asked.choices[0].finish_reason == "tool_calls" and message.content is None
    (call,) = message.tool_calls
    assert call.function.name == "get_quote"
    assert json.loads(call.function.arguments)["symbol"] in ("SPY", "EURUSD")
    chunks = list(client.chat.completions.create(messages=messages, tool_choice="required", stream=True, **options))
    (streamed,) = (chunk.choices[0].delta.tool_calls[0] for chunk in chunks if chunk.choices[0].delta.tool_calls)
    assert streamed.function.arguments == call.function.arguments
    assert not any(chunk.choices[0].delta.content for chunk in chunks)
    answered = [*messages, message, {"role": "tool", "tool_call_id": call.id, "content": "1.0831"}]
    final = client.chat.completions.create(messages=answered, tool_choice="none", **options)
    assert final.choices[0].message.content


def completions() -> None:
    raw = client.completions.create(
        model="hermes", prompt=["The capital of France is", "2 + 2 ="], max_tokens=4, temperature=0, logprobs=1
    )
    assert raw.choices[0].text.startswith(" Paris")
    assert len(raw.choices[1].logprobs.tokens) == 4
    pieces = client.completions.create(
        model="hermes", prompt="The capital of France is", max_tokens=4, temperature=0, stream=True
    )
    assert "".join(piece.choices[0].text for piece in pieces) == raw.choices[0].text


def speech() -> None:
    say = {"model": "tts-1", "voice": "coral", "input": "The trend is up. The stop is tight."}
    raw = client.audio.speech.with_raw_response.create(**say, response_format="wav")
    assert raw.headers["content-type"] == "audio/wav"
    assert float(raw.headers["x-osiris-audio-seconds"]) > 0.5
    assert raw.content[:4] == b"RIFF"
    samples = client.audio.speech.create(**say, response_format="pcm").content
    assert len(raw.content) == 44 + len(samples) > 48_000
    with client.audio.speech.with_streaming_response.create(**say, response_format="flac", speed=1.5) as response:
        pieces = list(response.iter_bytes())
    assert pieces[0][:4] == b"fLaC" and 1000 < sum(map(len, pieces)) < len(samples)
    assert len(client.audio.speech.create(**say).content) > 1000  # mp3, as the API has it
    try:
        client.audio.speech.create(**say | {"voice": "nobody"})
    except openai.BadRequestError as error:
        assert "heart" in error.message
    else:
        raise AssertionError("expected an unknown voice to be refused")


def errors() -> None:
    for model, kind, code in (("gpt-4", openai.NotFoundError, "model_not_found"),):
        try:
            client.chat.completions.create(model=model, messages=ASK)
        except kind as error:
            assert error.code == code and "hermes" in error.message
        else:
            raise AssertionError(f"expected {kind}")
    for fields, param in (({"temperature": 3}, "temperature"), ({"frequency_penalty": 1}, "frequency_penalty")):
        try:
            client.chat.completions.create(model="hermes", messages=ASK, **fields)
        except openai.BadRequestError as error:
            assert error.param == param and error.type == "invalid_request_error"
        else:
            raise AssertionError(f"expected {fields} to be refused")
    try:
        client.chat.completions.create(model="hermes", messages=[{"role": "user", "content": "word " * 9000}])
    except openai.BadRequestError as error:
        assert error.code == "context_length_exceeded"
    else:
        raise AssertionError("expected a prompt beyond the context to be refused")


if __name__ == "__main__":
    for check in (models, chat, stops, streams, logprobs, structured, tools, completions, speech, errors):
        check()
        print(check.__name__, "ok")
