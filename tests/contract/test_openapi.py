"""Whatever is sent, the gateway answers as its OpenAPI document says, and never with a 5xx (schemathesis).

2,000 examples in all, the same in every run: as many of each operation, half of them as the document wants them, half
not. The models are fakes that answer at once, so that a 5xx has no excuse but a deadline that the client set itself.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from tests.support.openapi import with_cases
from tests.support.processes import Process

from osiris_contracts import Problem
from osiris_contracts.openai import OpenAIError
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXAMPLES = 2_000
FAKE = "tests.support.quiet_model"
LEFT_OUT = [
    not_a_server_error,  # asserted here, where a deadline excuses it
    negative_data_rejection,  # a number may come as text, or as true or false; and 413 is no refusal to it
]
DEADLINE = "X-Osiris-Deadline-Ms"
SPEECH = ("/speak", "/v1/audio/speech")
"""Nobody speaks here: what is asked right is answered with 503."""


@pytest.fixture
async def gateway_url(redis_url: str, repository: Path, tmp_path: Path) -> AsyncIterator[str]:
    """A gateway with both models behind it."""
    async with AsyncExitStack() as stack:
        running = [
            stack.enter_context(Process(name, redis_url, tmp_path, name, module=FAKE, PYTHONPATH=str(repository)))
            for name in ("hermes", "phi3")
        ]
        running.append(stack.enter_context(Process("gateway", redis_url, tmp_path)))
        for process in running:
            await process.ready()
        redis = connect(redis_url)
        (present,) = await alive(redis, "gateway")
        await redis.aclose()
        assert present.probe_url
        yield present.probe_url


async def test_the_gateway_keeps_its_openapi_document(gateway_url: str) -> None:
    schema = schemathesis.openapi.from_url(f"{gateway_url}/docs/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    endless = [each for each in operations if each.path.startswith("/stream/")]  # tests/integration/test_feeds.py
    assert (len(operations), len(endless)) == (18, 2)
    operations = [each for each in operations if each not in endless]
    sent, session = 0, requests.Session()
    with_body = [operation for operation in operations if operation.body]
    share = -(-EXAMPLES // (2 * len(with_body)))

    def keeps_its_word(case: schemathesis.Case) -> None:
        nonlocal sent
        sent += 1
        # a schema cannot say that a text is base64 of a WAV file; what is none gets 400
        beyond = [positive_data_acceptance] if case.path == "/speak" else []
        response = case.call_and_validate(excluded_checks=[*LEFT_OUT, *beyond], session=session)
        hurried = response.status_code == 504 and DEADLINE in (case.headers or {})
        mute = response.status_code == 503 and case.path in SPEECH
        assert response.status_code < 500 or hurried or mute, (case.as_curl_command(), response.text)
        if response.status_code >= 400:
            error = OpenAIError if case.path.startswith("/v1/") else Problem
            error.model_validate_json(response.content)

    for operation in operations:
        with_cases(operation, share, keeps_its_word)
    assert sent >= EXAMPLES
