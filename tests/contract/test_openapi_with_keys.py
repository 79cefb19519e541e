"""Where keys are asked for, the gateway keeps its OpenAPI document too, for whoever calls."""

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.support.gateways import added
from tests.support.processes import Process

from osiris_mesh.connection import connect
from osiris_mesh.presence import alive

pytestmark = pytest.mark.slow


async def test_each_caller_gets_what_is_documented_for_it(redis_url: str, tmp_path: Path) -> None:
    everything = await added(redis_url, "app", scopes=("admin",))
    feedback_only = await added(redis_url, "critic", scopes=("feedback",))
    redis = connect(redis_url)
    with Process("gateway", redis_url, tmp_path) as gateway:
        await gateway.ready()
        (present,) = await alive(redis, "gateway")
        await redis.aclose()
        schema = schemathesis.openapi.from_url(f"{present.probe_url}/docs/openapi.json")
        for operation in (found.ok() for found in schema.get_all_operations()):
            keyless, takes_feedback = operation.path == "/health", operation.path == "/feedback/phi3"
            call(operation, {}, lets_in=keyless)
            if not operation.path.startswith("/stream/"):  # they never end
                call(operation, {"Authorization": f"Bearer {everything}"}, lets_in=True)
            call(operation, {"Authorization": f"Bearer {feedback_only}"}, lets_in=keyless or takes_feedback)


def call(operation: schemathesis.schemas.APIOperation, headers: dict[str, str], *, lets_in: bool) -> None:
    """Call it in many ways, with all of schemathesis' checks; among them that no other key opens it."""

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def keeps_its_word(case: schemathesis.Case) -> None:
        for name in ("Authorization", "X-API-Key"):
            case.headers.pop(name, None)
        # a schema cannot say that a text is base64 of a WAV file; what is none gets 400
        beyond = [positive_data_acceptance] if case.path == "/speak" else []
        response = case.call_and_validate(headers=headers, excluded_checks=[not_a_server_error, *beyond])
        if response.status_code not in (404, 405):  # another route, or none
            refused = 403 if headers else 401
            assert (response.status_code == refused) != lets_in

    keeps_its_word()
