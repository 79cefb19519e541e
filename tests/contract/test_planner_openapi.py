"""Whatever is sent, the planner answers as its OpenAPI document says, and never with a 5xx (schemathesis)."""

from pathlib import Path

import pytest
import requests
import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from tests.support.openapi import with_cases
from tests.support.processes import Process

from osiris_contracts import GateRejection, Problem
from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

EXAMPLES = 15
"""Of each operation and mode."""
LEFT_OUT = [
    negative_data_rejection,  # a number may come as text, or as true or false
    positive_data_acceptance,  # a schema cannot say that high >= low, or that a period needs so many bars
]


async def test_the_planner_keeps_its_openapi_document(redis_url: str, tmp_path: Path) -> None:
    with Process("azr_planner", redis_url, tmp_path) as process:
        await process.ready()
        redis = connect(redis_url)
        (present,) = await alive(redis, "azr_planner")
        await redis.aclose()
        schema = schemathesis.openapi.from_url(f"{present.probe_url}/docs/openapi.json")
        operations = [found.ok() for found in schema.get_all_operations()]
        assert len(operations) == 7
        session = requests.Session()
        seen: set[int] = set()

        def keeps_its_word(case: schemathesis.Case) -> None:
            response = case.call_and_validate(excluded_checks=LEFT_OUT, session=session)
            seen.add(response.status_code)
            if response.status_code >= 400:
                told = GateRejection if response.status_code == 409 else Problem
                told.model_validate_json(response.content)

        for operation in operations:
            with_cases(operation, EXAMPLES, keeps_its_word)
        assert {200, 422} <= seen
        assert process.poll() is None
