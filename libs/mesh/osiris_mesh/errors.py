"""What can go wrong with a request over the mesh."""

from osiris_contracts import ErrorCode, ErrorReply


class Refused(Exception):
    """A request that will not be served however often it is tried; its sender gets the reason as an ErrorReply."""

    def __init__(self, code: ErrorCode, message: str, details: dict[str, object] | None = None) -> None:
        """`message` says what was expected, what came and what to do."""
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.details = details

    def reply(self) -> ErrorReply:
        """The refusal as the message its sender gets."""
        return ErrorReply.model_validate({"code": self.code, "message": self.message, "details": self.details})

    @classmethod
    def of(cls, reply: ErrorReply) -> "Refused":
        """The refusal that `reply` tells of, on the sender's side."""
        details = reply.details if isinstance(reply.details, dict) else None
        return cls(reply.code, reply.message, dict(details) if details else None)


class LeaseLost(Exception):
    """Another instance has taken over; this one must stop before it does anything else."""


class RedisLost(Exception):
    """Redis was away, or refused a stream, for longer than the service waits: it must end, to be started anew."""


class Misconfigured(Exception):
    """What the service was told cannot be done; whoever runs it must tell it otherwise."""
