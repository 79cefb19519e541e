"""How a subscription works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """The numbers behind the promise of delivery.

    Attributes:
        lease_seconds: silence after which an instance's work is taken over.
        max_deliveries: attempts before the dead-letter stream.
        effect_seconds: how long a message id is remembered.
        answers_kept: answers that are remembered as well, of the whole group.
        workers: entries handled at once.
        drain_seconds: how long what is being handled may go on once the subscription is told to stop.
        patience_seconds: how long Redis may refuse to hand out the stream before the service gives up.
    """

    lease_seconds: float
    max_deliveries: int
    effect_seconds: int
    answers_kept: int
    workers: int
    drain_seconds: float
    patience_seconds: float
