"""Who answers for phi3 and hermes in a backtest."""

from typing import Protocol

from osiris_contracts import ErrorReply, GenerateRequest, GenerateResult
from osiris_desk.answers import Recording


class Models(Protocol):
    """The models as a backtest asks them."""

    def phi3(self, request: GenerateRequest) -> GenerateResult | ErrorReply:
        """A proposal."""

    def hermes(self, request: GenerateRequest) -> GenerateResult | ErrorReply | None:
        """A critique; None: nobody critiques, and the desk acts without."""


class Nobody:
    """No models: what a policy asks phi3 fails, and no critique is written.

    Attributes:
        asked: questions to phi3 so far.
    """

    def __init__(self) -> None:
        self.asked = 0

    def phi3(self, request: GenerateRequest) -> ErrorReply:
        """Refuse."""
        self.asked += 1
        return ErrorReply(code="model_not_loaded", message="expected a model, this backtest has none")

    def hermes(self, request: GenerateRequest) -> None:
        """Say nothing."""


class Recorded:
    """Answers out of a recording. What phi3 was never asked fails its run; what hermes was not, nobody critiques.

    Attributes:
        found: answers that were there.
        lacking: questions to phi3 without one.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.found = 0
        self.lacking = 0

    def phi3(self, request: GenerateRequest) -> GenerateResult | ErrorReply:
        """The recorded proposal."""
        answer = self._recording.answer("phi3", request)
        if isinstance(answer, GenerateResult):
            self.found += 1
        else:
            self.lacking += 1
        return answer

    def hermes(self, request: GenerateRequest) -> GenerateResult | None:
        """The recorded critique."""
        return self._recording.find("hermes", request)
