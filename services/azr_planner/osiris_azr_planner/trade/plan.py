"""ENTER, EXIT or HOLD, with the orders that it takes, and why."""

from dataclasses import dataclass

from osiris_azr_planner.trade.confidence import confidence
from osiris_azr_planner.trade.risk import latent_risk
from osiris_azr_planner.trade.sizing import LEAST_CONTRACTS, contracts, size
from osiris_contracts import Leg, TradeAction, TradeQuestion

ENTER_BELOW_RISK, ENTER_ABOVE_CONFIDENCE = 0.25, 0.7
EXIT_ABOVE_RISK, EXIT_BELOW_CONFIDENCE = 0.7, 0.4


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, with numbers as they are, not rounded."""

    action: TradeAction
    risk: float
    confidence: float
    reasons: tuple[str, ...]
    legs: tuple[Leg, ...] = ()


def make_plan(question: TradeQuestion) -> Plan:
    """Be long when it is calm and goes well, flat when it is wild or goes badly, else change nothing.

    Short is never a wish: what is sold was held.
    """
    risk = latent_risk(question.equity_curve)
    sure = confidence(question.n_successes, question.n_failures)
    if risk > EXIT_ABOVE_RISK or sure < EXIT_BELOW_CONFIDENCE:
        return _exit(question, risk, sure)
    if risk < ENTER_BELOW_RISK and sure > ENTER_ABOVE_CONFIDENCE:
        return _enter(question, risk, sure)
    calm = f"risk {risk:.3f} is not below {ENTER_BELOW_RISK}"
    good = f"confidence {sure:.3f} is not above {ENTER_ABOVE_CONFIDENCE}"
    missing = [calm] * (risk >= ENTER_BELOW_RISK) + [good] * (sure <= ENTER_ABOVE_CONFIDENCE)
    return Plan("HOLD", risk, sure, (*missing, "nothing asks for an exit"))


def _exit(question: TradeQuestion, risk: float, sure: float) -> Plan:
    wild = f"risk {risk:.3f} is above {EXIT_ABOVE_RISK}"
    bad = f"confidence {sure:.3f} is below {EXIT_BELOW_CONFIDENCE}"
    reasons = [wild] * (risk > EXIT_ABOVE_RISK) + [bad] * (sure < EXIT_BELOW_CONFIDENCE)
    if not question.position:
        reasons.append("nothing is held, so nothing is sold")
    return Plan("EXIT", risk, sure, tuple(reasons), _closing(question))


def _enter(question: TradeQuestion, risk: float, sure: float) -> Plan:
    close = question.bars[-1].close
    wanted = contracts(size(risk, question.equity_curve[-1]), close, question.instrument)
    missing = wanted - max(question.position, 0.0)
    reasons = (
        f"risk {risk:.3f} is below {ENTER_BELOW_RISK}",
        f"confidence {sure:.3f} is above {ENTER_ABOVE_CONFIDENCE}",
    )
    if missing < LEAST_CONTRACTS:
        short_of = f"{wanted:.6g} are wanted and {question.position:.6g} held, less than {LEAST_CONTRACTS} is missing"
        return Plan("HOLD", risk, sure, (*reasons, short_of))
    buy = Leg(instrument=question.instrument, side="BUY", size=missing, price=close, reduces=False)
    legs = (*_closing(question), buy) if question.position < 0 else (buy,)
    return Plan("ENTER", risk, sure, reasons, legs)


def _closing(question: TradeQuestion) -> tuple[Leg, ...]:
    if not question.position:
        return ()
    return (
        Leg(
            instrument=question.instrument,
            side="SELL" if question.position > 0 else "BUY",
            size=abs(question.position),
            price=question.bars[-1].close,
            reduces=True,
        ),
    )
