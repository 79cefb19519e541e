"""How large an entry may be, where its answer may go, and what is kept of one that is too large."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from osiris_contracts import GenerateRequest, streams
from osiris_mesh.deadletter import CUT_BYTES, CUT_FIELDS, letter
from osiris_mesh.envelope import MAX_ATTRIBUTE_BYTES, MAX_ENTRY_BYTES, MAX_FIELDS, MalformedEnvelope, parse, size_of
from osiris_mesh.errors import explain

TOO_LARGE = {
    "bytes": {b"data": b"x" * MAX_ENTRY_BYTES},
    "name": {b"data": b"{}", b"x" * MAX_ENTRY_BYTES: b""},
    "fields": {b"data": b"{}", **{str(number).encode(): b"" for number in range(MAX_FIELDS)}},
}


@given(st.dictionaries(st.binary(max_size=20), st.binary(max_size=50)))
def test_an_entry_of_any_bytes_is_read_or_refused_in_words(entry: dict[bytes, bytes]) -> None:
    try:
        assert parse(entry).data == entry[b"data"]
    except MalformedEnvelope as error:
        assert str(error).startswith("expected")


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_what_is_too_large_is_refused_and_its_letter_is_small(kind: str) -> None:
    entry = TOO_LARGE[kind]
    with pytest.raises(MalformedEnvelope, match=r"expected (an entry of )?at most"):
        parse(entry)
    kept = letter(entry, entry_id="1-0", group="hermes", reason="too large", deliveries=1)
    assert kept["dead-cut"] == f"{size_of(entry)} bytes in {len(entry)} fields"
    assert len(kept) <= CUT_FIELDS + 6
    assert sum(len(name) + len(value) for name, value in kept.items()) < 2 * CUT_BYTES * (CUT_FIELDS + 6)


def test_what_has_the_right_size_is_kept_whole() -> None:
    entry = {b"data": b"no JSON", b"mine": b"x" * 100_000}
    kept = letter(entry, entry_id="1-0", group="hermes", reason="no JSON", deliveries=1)
    assert {name: kept[name] for name in entry} == entry
    assert "dead-cut" not in kept


@pytest.mark.parametrize("name", ["id", "correlationid", "replyto", "traceparent", "deadline"])
def test_an_attribute_has_its_length(name: str) -> None:
    with pytest.raises(MalformedEnvelope, match=f"expected attribute '{name}' of at most {MAX_ATTRIBUTE_BYTES} bytes"):
        parse({b"data": b"{}", name.encode(): b"1" * (MAX_ATTRIBUTE_BYTES + 1)})


@pytest.mark.parametrize("digits", [16, 400, 999])
def test_a_deadline_beyond_all_calendars_is_refused(digits: int) -> None:
    with pytest.raises(MalformedEnvelope, match="expected attribute 'deadline' in unix milliseconds"):
        parse({b"data": b"{}", b"deadline": b"9" * digits})


DESKS_OWN = (
    "market.ticks",
    "market.ticks:dead",
    "hermes.requests:interactive",
    "phi3.feedback.submitted",
    "control.hermes",
    "state:orchestrator",
    "effect:hermes:1",
    "presence:hermes",
    "lease:sim.EURUSD",
)


@pytest.mark.parametrize("name", DESKS_OWN)
def test_no_answer_goes_where_the_desk_works(name: str) -> None:
    """A stream that answers go to vanishes a day after the last of them: it must not be one of the desk's."""
    with pytest.raises(MalformedEnvelope, match=f"got '{name}', the desk's own"):
        parse({b"data": b"{}", b"replyto": name.encode()})


@pytest.mark.parametrize(
    "name", ["my.replies", "replies.gateway-1", "answers.1", "app:replies", "state", "market.tick"]
)
def test_answers_go_anywhere_else(name: str) -> None:
    assert parse({b"data": b"{}", b"replyto": name.encode()}).replyto == name


def test_every_stream_is_the_desks_own() -> None:
    """A stream that is added to the contracts is protected with the others."""
    names = [value for name, value in vars(streams).items() if name.isupper() and isinstance(value, str)]
    others = {streams.ORCHESTRATOR_REPLIES, streams.DESK_GROUP, streams.DEFAULT_PRIORITY}
    assert [name for name in names if not streams.is_the_desks_own(name) and name not in others] == []


def test_an_explanation_does_not_tell_what_was_sent() -> None:
    with pytest.raises(ValidationError) as caught:
        GenerateRequest.model_validate_json('{"prompt": ["my secret plan"], "max_length": 0}')
    told = explain(caught.value)
    assert "secret" not in told
    assert "max_length: Input should be greater than or equal to 1" in told
