"""Whatever is sent, the gateway answers as its OpenAPI document says, and never with a 500 (schemathesis)."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from tests.support.processes import Process

from osiris_contracts import Problem
from osiris_contracts.openai import OpenAIError
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

pytestmark = pytest.mark.slow


async def test_the_gateway_keeps_its_openapi_document(redis_url: str, tmp_path: Path) -> None:
    redis = connect(redis_url)
    with Process("gateway", redis_url, tmp_path) as gateway:
        await gateway.ready()
        (present,) = await alive(redis, "gateway")
        await redis.aclose()
        assert present.probe_url
        schema = schemathesis.openapi.from_url(f"{present.probe_url}/docs/openapi.json")
        operations = [found.ok() for found in schema.get_all_operations()]
        assert len(operations) == 16
        endless = [each for each in operations if each.path.startswith("/stream/")]  # tests/integration/test_feeds.py
        assert len(endless) == 2
        for operation in (each for each in operations if each not in endless):

            @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
            @given(case=operation.as_strategy())
            def keeps_its_word(case: schemathesis.Case) -> None:
                response = case.call_and_validate(excluded_checks=[not_a_server_error])
                assert response.status_code in (503, *range(200, 500)), response.text  # no model is loaded here
                if response.status_code >= 400:
                    error = OpenAIError if case.path.startswith("/v1/") else Problem
                    error.model_validate_json(response.content)

            keeps_its_word()
