"""The oracle is no rubber stamp: a good history passes, and each way to break a promise is found."""

from typing import Any

import pytest
from tests.chaos.history.history import Event
from tests.chaos.history.oracle import Verdict, judge
from tests.chaos.history.outcome import Answer, Dead, Effect, Outcome, Report, Row, Run

Facts = dict[str, Any]


def invoke(at: float, work: str, what: str, **facts: Any) -> Event:
    return Event(at, "invoke", {"work": work, "what": what, **facts})


def ack(at: float, work: str, **facts: Any) -> Event:
    return Event(at, "ack", {"work": work, **facts})


def bars(symbol: str, *numbers: int) -> list[Event]:
    found = []
    for number in numbers:
        work = f"[w{100 + number}]"
        found.append(invoke(10 + number, work, "tick", symbol=symbol, time=f"2026-01-01T00:{number:02}:00+00:00"))
        found.append(ack(10.5 + number, work, entry=f"{number}-0"))
    return found


def decision(number: int, first: int, last: int, **facts: Any) -> Run:
    return Run(
        **{
            "id": f"run {number}",
            "sequence": number,
            "symbol": "A",
            "first": f"2026-01-01T00:{first:02}:00+00:00",
            "last": f"2026-01-01T00:{last:02}:00+00:00",
            "count": last - first + 1,
        }
        | facts
    )


EVENTS = [
    invoke(1.0, "[w1]", "hermes", expects="yes"),
    ack(1.1, "[w1]", entry="1-0"),
    invoke(2.0, "[w2]", "generate", expects="no"),
    ack(2.5, "[w2]", text="no"),
    invoke(3.0, "[w3]", "propose", expects="buy"),
    ack(3.5, "[w3]", text="buy", transaction="t3"),
    invoke(4.0, "[w4]", "feedback"),
    ack(4.5, "[w4]"),
    invoke(5.0, "[w5]", "poison", stream="hermes.requests"),
    ack(5.5, "[w5]", entry="5-0"),
    *bars("A", 1, 2, 3, 4, 5),
    Event(30.0, "healed", {"seconds": 1.0}),
]
OUTCOME = Outcome(
    effects=[Effect(cause="chaos-w1", data="[w1] now?"), Effect(cause="m2", data="[w2] now?")],
    answers=[Answer(id="a1", cause="chaos-w1", failed=False, text="yes")],
    dead=[Dead(stream="hermes.requests", entry="5-0", data="{", reason="no JSON")],
    runs=[decision(1, 1, 2, order="o1", proposed=True), decision(2, 3, 4)],
    orders=["o1"],
    reports=[Report(order="o1", of="order")],
    open_bars={"A": ["2026-01-01T00:05:00+00:00"]},
    recorded_runs=["run 1", "run 2"],
    proposals=[Row(id="t3", origin="gateway", text="[w3] what?"), Row(id="run 1", origin="orchestrator")],
    assessments=[Row(id="t3")],
    assessment_log=["t3"],
    feedback=[Row(id="f4", text="[w4] well done")],
    feedback_log=["f4"],
)


def judged(events: list[Event] = EVENTS, **changed: Any) -> Verdict:
    return judge(events, OUTCOME.model_copy(update=changed))


def broken(events: list[Event] = EVENTS, **changed: Any) -> set[str]:
    return {violation.kind for violation in judged(events, **changed).violations}


def test_a_history_that_kept_every_promise_has_no_violation() -> None:
    verdict = judged()
    assert verdict.violations == []
    assert verdict.counts["acknowledged"] == 10
    assert verdict.counts["excused"] == 0


@pytest.mark.parametrize(
    "gone",
    [
        "answers",
        "effects",
        "dead",
        "orders",
        "reports",
        "open_bars",
        "recorded_runs",
        "proposals",
        "assessments",
        "assessment_log",
        "feedback",
        "feedback_log",
    ],
)
def test_whatever_is_missing_is_lost(gone: str) -> None:
    assert "lost" in broken(**{gone: type(getattr(OUTCOME, gone))()})


@pytest.mark.parametrize(
    "twice", ["effects", "dead", "orders", "reports", "recorded_runs", "proposals", "assessments", "assessment_log"]
)
def test_whatever_is_there_twice_is_doubled(twice: str) -> None:
    assert broken(**{twice: [*getattr(OUTCOME, twice), getattr(OUTCOME, twice)[0]]}) == {"doubled"}


def test_feedback_under_a_second_id_is_doubled() -> None:
    rows = [*OUTCOME.feedback, Row(id="f5", text="[w4] well done")]
    assert broken(feedback=rows, feedback_log=["f4", "f5"]) == {"doubled"}


def test_a_request_sent_once_is_answered_once() -> None:
    again = [*OUTCOME.answers, Answer(id="a2", cause="chaos-w1", failed=False, text="yes")]
    assert broken(answers=again) == {"doubled"}
    sent_twice = [invoke(0.5, "[w1]", "hermes", expects="yes"), *EVENTS]
    assert broken(sent_twice, answers=again) == set()


def test_a_call_that_came_again_with_its_key_had_its_effect_once() -> None:
    again = [*OUTCOME.effects, Effect(cause="m2b", data="[w2] now?")]
    sent_again = [invoke(1.5, "[w2]", "generate", expects="no"), *EVENTS]
    assert broken(sent_again, effects=again) == set()  # each attempt was a call of its own
    with_key = [event if event.at != 2.0 else invoke(2.0, "[w2]", "generate", anew=False) for event in sent_again]
    assert broken(with_key, effects=again) == {"doubled"}


def test_a_request_that_had_its_effect_is_not_dead() -> None:
    dead = [*OUTCOME.dead, Dead(stream="hermes.requests", entry="1-0", data="[w1] now?", reason="its worker died")]
    assert broken(dead=dead) == {"doubled"}


def test_a_dead_request_counts_as_settled() -> None:
    dead = [*OUTCOME.dead, Dead(stream="hermes.requests", entry="1-0", data="[w1] now?", reason="its worker died")]
    assert broken(dead=dead, answers=[], effects=OUTCOME.effects[1:]) == set()


@pytest.mark.parametrize(
    "changed",
    [
        {"answers": [OUTCOME.answers[0].model_copy(update={"text": "maybe"})]},
        {"answers": [*OUTCOME.answers, Answer(id="a2", cause="somebody", failed=False, text="yes")]},
        {"effects": [*OUTCOME.effects, Effect(cause="m9", data="[w9] now?")]},
        {"orders": ["o1", "o2"], "reports": [*OUTCOME.reports, Report(order="o2", of="order")]},
        {"reports": [*OUTCOME.reports, Report(order="o2", of="order")]},
        {"recorded_runs": ["run 1", "run 2", "run 3"]},
        {"proposals": [*OUTCOME.proposals, Row(id="t9", origin="gateway", text="[w9] what?")]},
        {"proposals": [*OUTCOME.proposals, Row(id="run 9", origin="orchestrator")]},
        {"feedback": [*OUTCOME.feedback, Row(id="f9", text="[w9] 5")], "feedback_log": ["f4", "f9"]},
        {"runs": [OUTCOME.runs[0], decision(2, 3, 4, count=3)]},
    ],
)
def test_what_nobody_asked_for_is_invented(changed: Facts) -> None:
    assert broken(**changed) == {"invented"}


def test_another_answer_over_http_is_invented() -> None:
    wrong = [event for event in EVENTS if event.facts.get("text") != "no"]
    assert broken([*wrong, ack(2.5, "[w2]", text="maybe")]) == {"invented"}


def test_decisions_out_of_order_are_reordered() -> None:
    assert broken(runs=[decision(2, 3, 4), OUTCOME.runs[0]]) == {"reordered"}
    assert broken(runs=[decision(1, 3, 4, order="o1", id="run 1"), decision(2, 1, 2)]) == {"reordered"}


def test_a_bar_in_two_decisions_is_doubled() -> None:
    assert "doubled" in broken(runs=[OUTCOME.runs[0], decision(2, 2, 4)])


def test_a_bar_that_a_decision_skipped_is_lost() -> None:
    assert broken(runs=[OUTCOME.runs[0], decision(2, 3, 4, count=1)]) == {"lost"}


def test_a_gap_in_the_numbers_of_decisions_is_found() -> None:
    assert broken(runs=[OUTCOME.runs[0], decision(3, 3, 4, id="run 2")]) == {"reordered"}


def test_a_desk_that_does_not_heal_or_ends_quietly_breaks_its_promise() -> None:
    assert broken([*EVENTS, Event(99.0, "unhealed", {"left": "hermes is behind"})]) == {"unhealed"}
    assert broken([*EVENTS, Event(99.0, "abandon", {"work": "[w9]", "reason": "Unavailable: 503"})]) == {"unhealed"}
    assert broken([*EVENTS, Event(99.0, "abandon", {"work": "[w9]", "reason": "PermissionError: 404"})]) == set()
    stormy = [*EVENTS, Event(99.5, "nemesis", {"op": "kill", "target": "phi3"})]
    assert broken([*stormy, Event(99.0, "abandon", {"work": "[w9]", "reason": "Unavailable: 503"})]) == set()
    assert broken([*EVENTS, Event(9.0, "ended", {"process": "phi3", "code": 0})]) == {"ended"}
    assert broken([*EVENTS, Event(9.0, "ended", {"process": "phi3", "code": 1})]) == set()
    assert broken([*EVENTS, Event(9.0, "ended", {"process": "phi3", "code": 1, "asked": True})]) == {"ended"}
    assert broken([*EVENTS, Event(9.0, "refused", {"work": "[w2]", "status": 500, "body": "oops"})]) == {"refused"}


def crash(since: float | None, until: float, lost: int) -> Event:
    return Event(until, "redis_restarted", {"since": since, "until": until, "lost": lost, "power": False})


def test_what_redis_lost_is_not_held_against_the_desk() -> None:
    nothing = {"answers": [], "effects": OUTCOME.effects[1:]}
    assert broken([*EVENTS, crash(1.05, 1.2, 3)], **nothing) == set()
    assert broken([*EVENTS, crash(1.15, 1.2, 3)], **nothing) == {"lost"}  # it was acknowledged before
    assert broken([*EVENTS, crash(0.2, 0.9, 3)], **nothing) == {"lost"}  # it was sent afterwards
    assert judged([*EVENTS, crash(1.05, 1.2, 3)], **nothing).counts["excused"] == 1
    assert broken([*EVENTS, crash(None, 1.2, 0)], **nothing) == {"lost"}
    assert broken([*EVENTS, crash(None, 1.2, 3)]) == {"lost"}  # fsync always loses nothing


def test_a_flush_excuses_what_was_sent_before_it_but_nothing_that_is_there_twice() -> None:
    flushed = [*EVENTS, Event(9.0, "flushed", {})]
    gone = {"answers": [], "effects": [], "dead": [], "feedback": [], "feedback_log": []}
    assert broken(flushed, **gone) == set()
    assert broken(flushed, **gone, open_bars={}) == {"lost"}  # the bars came after it
    assert broken(flushed, **(gone | {"feedback": OUTCOME.feedback * 2})) == {"doubled"}
