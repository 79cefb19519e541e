"""Calls of an operation of an OpenAPI document in many ways (schemathesis)."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import APIOperation


def with_cases(operation: APIOperation, examples: int, keeps_its_word: Callable[[Case], None]) -> None:
    """Check `examples` calls as the document wants them, and as many that it does not; the same in every run.

    What takes no body has few examples, and none that are wrong.
    """
    for mode in GenerationMode if operation.body else (GenerationMode.POSITIVE,):

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def called(case: Case) -> None:
            keeps_its_word(case)

        called()
