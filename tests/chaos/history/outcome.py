"""What came of it all, once the desk is at rest."""

from pydantic import BaseModel


class Effect(BaseModel):
    """A request that a model has handled."""

    cause: str
    data: str


class Answer(BaseModel):
    """A reply; `text` is an error's code and message."""

    id: str
    cause: str
    failed: bool
    text: str


class Dead(BaseModel):
    """A dead letter; `entry` is its id in the stream it came from."""

    stream: str
    entry: str
    data: str
    reason: str


class Run(BaseModel):
    """A decision of the desk."""

    id: str
    sequence: int
    symbol: str
    first: str
    last: str
    count: int
    order: str | None = None
    proposed: bool = False


class Report(BaseModel):
    """What the venue said of an order; `of` is the kind of execution."""

    order: str
    of: str


class Row(BaseModel):
    """A recorded proposal, assessment or feedback."""

    id: str
    origin: str = ""
    text: str = ""


class Outcome(BaseModel):
    """Everything an oracle needs, as it was at the end."""

    effects: list[Effect] = []
    answers: list[Answer] = []
    dead: list[Dead] = []
    runs: list[Run] = []
    orders: list[str] = []
    reports: list[Report] = []
    waiting_orders: list[str] = []
    open_bars: dict[str, list[str]] = {}
    recorded_runs: list[str] = []
    proposals: list[Row] = []
    assessments: list[Row] = []
    assessment_log: list[str] = []
    feedback: list[Row] = []
    feedback_log: list[str] = []
