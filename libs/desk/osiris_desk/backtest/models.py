"""Who answers for phi3 and hermes in a backtest."""

from typing import Protocol

from osiris_contracts import ErrorReply, GenerateRequest, GenerateResult


class Models(Protocol):
    """The models as a backtest asks them."""

    def phi3(self, request: GenerateRequest) -> GenerateResult | ErrorReply:
        """A proposal."""

    def hermes(self, request: GenerateRequest) -> GenerateResult | ErrorReply | None:
        """A critique; None: nobody critiques, and the desk acts without."""


class Nobody:
    """No models: what a policy asks phi3 fails, and no critique is written."""

    def phi3(self, request: GenerateRequest) -> ErrorReply:
        """Refuse."""
        return ErrorReply(code="model_not_loaded", message="expected a model, this backtest has none")

    def hermes(self, request: GenerateRequest) -> None:
        """Say nothing."""
