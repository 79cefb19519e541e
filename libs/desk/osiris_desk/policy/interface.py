"""What a policy is: features in, an intent out. Standard library alone, so that a sandbox starts with it in no time."""

from typing import Literal, NamedTuple, Protocol

Action = Literal["adjust", "pass", "abort"]
Side = Literal["LONG", "SHORT"]


class Features(NamedTuple):
    """What a policy sees at a run: nothing that the bars after it could change. Every number is finite.

    Attributes:
        symbol: the instrument.
        bars: how many this run is about.
        open, high, low, close: of these bars together, quote currency, > 0.
        volume: of these bars together, units, >= 0.
        closes: the last closes, 50 at most, those of this run included, oldest first, quote currency.
        run_return: close / open - 1 of this run's bars.
        history_return: the last close / the first of `closes` - 1.
        volatility: root mean square of the log returns of `closes`, a fraction per bar; 0 for one close.
        range_place: where the close lies between low and high, 0 to 1; 0.5 when they are equal.
        quantity: units held; negative when short.
        average_cost: of the position, quote currency; 0 when flat.
        stop_price, target_price: the position's protection, quote currency; None for none.
        unrealised_pnl: of the position, quote currency.
        exposure: the position's value as a fraction of NAV; negative when short, 0 when NAV is not above 0.
        nav: net asset value, quote currency.
        daily_pnl: NAV now less NAV when the UTC day began, quote currency.
    """

    symbol: str
    bars: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    closes: tuple[float, ...]
    run_return: float
    history_return: float
    volatility: float
    range_place: float
    quantity: float
    average_cost: float
    stop_price: float | None
    target_price: float | None
    unrealised_pnl: float
    exposure: float
    nav: float
    daily_pnl: float


class Intent(NamedTuple):
    """What is to be done with the run's instrument; what phi3 proposes comes in the same form.

    Attributes:
        action: adjust: hold a position on `side`; pass: leave everything; abort: be flat.
        side: LONG or SHORT; None unless the action is adjust.
        size: share of the largest position that the gate lets through, 0 to 1; of a proposal, its confidence.
        stop_pct: distance of the stop from the close, 0 to 100 percent; None for none.
        target_pct: distance of the target from the close, 0 to 100 percent; None for none.
        reason: why, 1 to 240 characters.
    """

    action: Action
    side: Side | None
    size: float
    stop_pct: float | None
    target_pct: float | None
    reason: str


class Limits(NamedTuple):
    """Thresholds of the gate. The owner's hold in any case: of two limits the stricter counts.

    Attributes:
        max_position_size_pct: a position stays below this share of NAV, percent, above 0 to 100.
        max_daily_loss_pct: at this loss since the day began nothing new is risked, percent of NAV, above 0 to 100.
    """

    max_position_size_pct: float = 100.0
    max_daily_loss_pct: float = 100.0


class Parts(Protocol):
    """What a `policy.py` defines, each a function of its own. They keep nothing from one run to the next.

    `asked` is what `prompt` returned, and `proposed` what phi3 proposes on it; both None when nobody was asked.
    """

    GATE: Limits

    def prompt(self, features: Features) -> str | None:
        """What phi3 is asked; None: the policy decides alone."""

    def entry(self, features: Features, proposed: Intent | None) -> Side | None:
        """The side to be on; None: leave everything."""

    def exit(self, features: Features, proposed: Intent | None) -> bool:
        """Whether to be flat; goes before `entry`."""

    def size(self, features: Features, proposed: Intent | None) -> float:
        """Share of the largest position that the gate lets through, 0 to 1."""

    def stop(self, features: Features, proposed: Intent | None) -> float | None:
        """Distance of the stop from the close, percent; None for none."""

    def target(self, features: Features, proposed: Intent | None) -> float | None:
        """Distance of the target from the close, percent; None for none."""

    def critique(self, features: Features, intent: Intent, asked: str | None) -> str | None:
        """The situation as the critic is told it; None: the desk acts without a critique."""


class Policy(Protocol):
    """What the desk asks: a `policy.py` in this process, or one behind the pipe of a sandbox."""

    @property
    def limits(self) -> Limits:
        """Thresholds of the gate."""

    def prompt(self, features: Features) -> str | None:
        """What phi3 is asked; None: the policy decides alone."""

    def decide(self, features: Features, proposed: Intent | None) -> Intent:
        """What is to be done."""

    def critique(self, features: Features, intent: Intent, asked: str | None) -> str | None:
        """The situation as the critic is told it; None: the desk acts without a critique."""


class Assembled:
    """The policy that the parts make together."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.limits = parts.GATE
        self.prompt = parts.prompt
        self.critique = parts.critique

    def decide(self, features: Features, proposed: Intent | None) -> Intent:
        """Ask the parts: exit before entry, then the size and the protection."""
        parts = self._parts
        leaves = parts.exit(features, proposed)
        side = None if leaves else parts.entry(features, proposed)
        return Intent(
            "abort" if leaves else "pass" if side is None else "adjust",
            side,
            parts.size(features, proposed),
            parts.stop(features, proposed),
            parts.target(features, proposed),
            proposed.reason if proposed else "The policy decided alone.",
        )
