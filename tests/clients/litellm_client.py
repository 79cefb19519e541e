"""What a user of `litellm` does, against the desk at OPENAI_BASE_URL. Fails where it does not work."""

import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it asks the internet for prices
import litellm

litellm.telemetry = False
SHARED = {
    "model": "openai/hermes",
    "api_base": os.environ["OPENAI_BASE_URL"],
    "api_key": "none needed on loopback",
    "messages": [{"role": "user", "content": "What is slippage? One sentence."}],
    "max_tokens": 16,
    "temperature": 0,
    "num_retries": 0,
}


def chat() -> None:
    answer = litellm.completion(**SHARED, seed=1, user="a trader")
    assert answer.choices[0].message.content
    assert answer.usage.completion_tokens == 16


def streams() -> None:
    chunks = list(litellm.completion(**SHARED, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == litellm.completion(**SHARED).choices[0].message.content
    assert chunks[-1].usage.prompt_tokens > 0


def structured() -> None:
    schema = {
        "type": "object",
        "properties": {"side": {"enum": ["LONG", "SHORT"]}},
        "required": ["side"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "side", "schema": schema, "strict": True}}
    answer = litellm.completion(**SHARED, response_format=form)
    assert json.loads(answer.choices[0].message.content)["side"] in ("LONG", "SHORT")


def errors() -> None:
    try:
        litellm.completion(**SHARED | {"model": "openai/nobody"})
    except litellm.NotFoundError as error:
        assert "hermes" in str(error)
    else:
        raise AssertionError("expected a model that is not there to be refused")


if __name__ == "__main__":
    for check in (chat, streams, structured, errors):
        check()
        print(check.__name__, "ok")
