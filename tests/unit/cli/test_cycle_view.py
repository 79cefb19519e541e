"""What a person sees of a cycle: messages in, lines out."""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from osiris_cli.cycle_view import CycleView, Line, StreamedText
from osiris_contracts import (
    BarRange,
    BookView,
    Chunk,
    Critique,
    Decision,
    Fill,
    GateVerdict,
    Order,
    OrderRejection,
    PositionView,
    Proposal,
    ProposalCreated,
)

RUN, OTHER_RUN, ORDER = UUID(int=1), UUID(int=2), UUID(int=3)
OPEN = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
CLOSE = datetime(2024, 1, 2, 18, 30, tzinfo=UTC)
PROPOSAL = Proposal(
    ticker="SPY", action="adjust", side="LONG", new_stop_pct=2, new_target_pct=4.5, confidence=0.7, rationale="Breadth."
)
BARS = BarRange(first=OPEN, last=CLOSE, count=5, open=471.2, high=473, low=470.1, close=472.65)


def created(run_id: UUID = RUN) -> ProposalCreated:
    return ProposalCreated(
        transaction_id=run_id,
        created_at=OPEN,
        origin="orchestrator",
        prompt="…",
        proposal=PROPOSAL,
        model_version="embedded",
        bars=BARS,
        verdict=GateVerdict(accepted=True),
    )


def decision(run_id: UUID = RUN, **facts: object) -> Decision:
    book = BookView(
        cash=100_000,
        nav=100_000,
        realised_pnl=0,
        daily_pnl=0,
        fees=0,
        position=PositionView(quantity=0, average_cost=0),
    )
    defaults = {
        "run_id": run_id,
        "sequence": 1,
        "symbol": "SPY",
        "status": "accepted",
        "bars": BARS,
        "proposal": PROPOSAL,
        "verdict": GateVerdict(accepted=True),
        "critique": Critique(text="The stop is wide. Score: 7/10", score=7, model_version="embedded"),
        "order": Order(order_id=ORDER, symbol="SPY", side="BUY", quantity=21, stop_price=463.2, target_price=493.92),
        "book": book,
        "policy_version": "1",
    }
    return Decision.model_validate(defaults | facts)


def fill(**facts: object) -> Fill:
    defaults = {
        "order_id": ORDER,
        "symbol": "SPY",
        "side": "BUY",
        "quantity": 21,
        "price": 471.93,
        "fee": 1.5,
        "timestamp": CLOSE,
        "reason": "order",
    }
    return Fill.model_validate(defaults | facts)


def test_a_cycle_reads_from_proposal_to_fill() -> None:
    view = CycleView(cycles=3, width=40)
    lines = [
        *view.proposal(created()),
        *view.critique_piece(RUN, Chunk(index=0, text="The stop is wide for an hourly")),
        *view.critique_piece(RUN, Chunk(index=1, text=" bar. Score: 7/10")),
        *view.decision(decision()),
        *view.execution(fill()),
    ]
    assert lines == [
        Line("", "cycle 1 of 3 · SPY", "title"),
        Line("bars", "2024-01-02 14:30 → 2024-01-02 18:30   5 bars   471.2 → 472.65 (low 470.1, high 473)"),
        Line("proposal", "adjust LONG   stop 2%   target 4.5%   confidence 0.70"),
        Line("", "“Breadth.”", "quiet"),
        Line("gate", "accepted", "good"),
        Line("critic", "The stop is wide for an hourly bar."),
        Line("", "Score: 7/10"),
        Line("score", "7/10"),
        Line("order", "BUY 21 SPY   stop 463.2   target 493.92"),
        Line("equity", "100,000.00   today +0.00   flat"),
        Line("fill", "BUY 21 SPY at 471.93   2024-01-02 18:30   fee 1.50"),
    ]


def test_a_decision_that_nobody_saw_coming_is_shown_whole() -> None:
    lines = CycleView().decision(decision())
    assert [line.label for line in lines] == ["", "bars", "proposal", "", "gate", "critic", "score", "order", "equity"]
    assert Line("critic", "The stop is wide. Score: 7/10") in lines


def test_a_rejection_says_why() -> None:
    verdict = GateVerdict(accepted=False, reasons=("stop 2% is past the limit of 1%", "confidence 0.7 is below 0.8"))
    lines = CycleView(width=200).decision(decision(status="rejected", verdict=verdict, order=None, critique=None))
    assert Line("gate", "rejected: stop 2% is past the limit of 1%; confidence 0.7 is below 0.8", "bad") in lines
    assert "order" not in [line.label for line in lines]


def test_a_failed_cycle_shows_its_error() -> None:
    failed = decision(status="failed", proposal=None, verdict=None, critique=None, order=None, error="phi3 is silent")
    lines = CycleView().decision(failed)
    assert [line.label for line in lines] == ["", "bars", "error", "equity"]
    assert Line("error", "phi3 is silent", "bad") in lines


def test_a_critique_without_a_score_says_so() -> None:
    unscored = Critique(text="Fine.", score=None, model_version="embedded")
    assert Line("score", "none given") in CycleView().decision(decision(critique=unscored))


def test_a_piece_that_comes_twice_shows_once() -> None:
    """A worker that took a request over sends its pieces again."""
    view = CycleView()
    view.proposal(created())
    view.critique_piece(RUN, Chunk(index=0, text="Once\n"))
    assert view.critique_piece(RUN, Chunk(index=0, text="Once\n")) == []
    assert view.critique_piece(RUN, Chunk(index=1, text="more\n")) == [Line("", "more")]


def test_pieces_of_an_unknown_run_are_left_out() -> None:
    assert CycleView().critique_piece(RUN, Chunk(index=0, text="x\n")) == []


def test_two_cycles_at_once_are_told_apart() -> None:
    view = CycleView()
    view.proposal(created())
    assert view.proposal(created(OTHER_RUN))[0] == Line("", "cycle 2 · SPY", "title")
    assert view.decision(decision())[0] == Line("", "cycle 1 · SPY", "title")


def test_it_knows_whether_an_order_still_waits_for_the_venue() -> None:
    view = CycleView()
    assert not view.waiting_for_fill
    view.decision(decision())
    assert view.waiting_for_fill
    view.execution(OrderRejection(order_id=ORDER, symbol="SPY", reason="no such symbol", timestamp=None))
    assert not view.waiting_for_fill


def test_stops_targets_and_protections_are_told_apart() -> None:
    view = CycleView()
    assert view.execution(fill(reason="stop", side="SELL"))[0].text.startswith("stop hit: SELL 21 SPY at 471.93")
    assert view.execution(fill(reason="target", side="SELL"))[0].tone == "good"
    protection = fill(reason="protection", side=None, quantity=0, fee=0)
    assert view.execution(protection) == [Line("fill", "SPY protection set at 471.93   2024-01-02 18:30")]


def test_the_summary_counts() -> None:
    view = CycleView()
    view.decision(decision())
    view.execution(fill())
    view.execution(fill(reason="protection", side=None, quantity=0, fee=0))
    richer = decision().book.model_copy(update={"nav": 100_250.5})
    view.decision(decision(OTHER_RUN, sequence=2, status="passed", order=None, critique=None, book=richer))
    assert view.summary() == [
        Line("", "summary", "title"),
        Line("cycles", "2: 1 accepted, 1 passed"),
        Line("critic", "mean score 7.0/10 over 1"),
        Line("fills", "1, fees 1.50"),
        Line("equity", "100,000.00 → 100,250.50 (+250.50)", "good"),
    ]


def test_a_summary_of_nothing_is_short() -> None:
    assert [line.text for line in CycleView().summary()] == ["summary", "none", "0, fees 0.00"]


@given(text=st.text(alphabet="ab \n", max_size=300), cuts=st.lists(st.integers(0, 300)), width=st.integers(5, 60))
def test_streamed_text_loses_no_word_however_it_is_cut(text: str, cuts: list[int], width: int) -> None:
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    streamed = StreamedText(width)
    lines = [line for start, end in pairwise(edges) for line in streamed.feed(text[start:end])] + streamed.flush()
    assert all(len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    short_enough = [word for word in text.split() if len(word) <= width]
    if len(short_enough) == len(text.split()):
        assert " ".join(lines).split() == text.split()
