"""Recorded answers: the same question has the same answer, whoever asks."""

from pathlib import Path

import pytest

from osiris_contracts import ErrorReply, GenerateRequest, GenerateResult, Usage
from osiris_desk.answers import Recorder, RecordingUnreadable, key_of, read
from osiris_desk.backtest import Recorded

ASKED = GenerateRequest(prompt="EURUSD rose 0.3 %.", ticker="EURUSD", seed=7)


def answer(text: str) -> GenerateResult:
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    return GenerateResult(model_id="hermes", model_version="v1", text=text, finish_reason="stop", usage=usage)


def test_what_was_recorded_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "answers.jsonl"
    recorder = Recorder(path)
    recorder.add("hermes", ASKED, answer("one"))
    recorder.add("phi3", ASKED, answer("another model"))
    recorder.close()
    again = Recorder(path)  # it goes on behind what is there
    again.add("hermes", ASKED.model_copy(update={"prompt": "GBPUSD"}), answer("two"))
    again.close()
    recording = read(path)
    assert len(recording) == 3
    assert recording.answer("hermes", ASKED) == answer("one")
    assert recording.answer("phi3", ASKED) == answer("another model")
    missing = recording.answer("hermes", GenerateRequest(prompt="never asked"))
    assert isinstance(missing, ErrorReply)
    assert missing.message == "expected an answer to this request in answers.jsonl, it has none"


def test_the_same_seed_goes_before_the_first_answer(tmp_path: Path) -> None:
    """Another policy's runs have other seeds; they are answered all the same."""
    recorder = Recorder(tmp_path / "answers.jsonl")
    for seed, text in ((1, "one"), (2, "two"), (2, "two again")):
        recorder.add("hermes", ASKED.model_copy(update={"seed": seed}), answer(text))
    recording = read(tmp_path / "answers.jsonl")
    found = [recording.find("hermes", ASKED.model_copy(update={"seed": seed})) for seed in (1, 2, 3)]
    assert found == [answer("one"), answer("two"), answer("one")]


def test_a_question_is_all_but_its_seed_and_whether_it_is_streamed() -> None:
    assert key_of("phi3", ASKED) == key_of("phi3", ASKED.model_copy(update={"seed": 1, "stream": True}))
    others = [ASKED.model_copy(update=change) for change in ({"prompt": "x"}, {"ticker": "X"}, {"temperature": 1.0})]
    assert len({key_of("phi3", each) for each in (ASKED, *others)} | {key_of("hermes", ASKED)}) == 5


def test_a_line_that_a_killed_writer_left_unfinished_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    Recorder(path).add("hermes", ASKED, answer("one"))
    with path.open("ab") as file:
        file.write(b'{"key": "')
    assert len(read(path)) == 1
    Recorder(path).add("hermes", ASKED.model_copy(update={"prompt": "x"}), answer("two"))
    with pytest.raises(RecordingUnreadable, match="expected a recorded answer in line 2"):
        read(path)  # it is told, not dropped, once something stands behind it


@pytest.mark.parametrize("text", ["x\n", "{}\n", '{"key": "k", "seed": 1, "model": "hermes", "reply": {}}\n'])
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(text)
    with pytest.raises(RecordingUnreadable, match=r"expected a recorded answer in line 1 of .*answers\.jsonl"):
        read(path)
    with pytest.raises(RecordingUnreadable, match=r"expected a recording at .*none: No such file"):
        read(tmp_path / "none")


def test_a_backtest_counts_what_it_found_and_what_it_lacked(tmp_path: Path) -> None:
    Recorder(tmp_path / "answers.jsonl").add("phi3", ASKED, answer("one"))
    models = Recorded(read(tmp_path / "answers.jsonl"))
    assert models.phi3(ASKED) == answer("one")
    assert isinstance(models.phi3(GenerateRequest(prompt="never asked")), ErrorReply)
    assert models.hermes(ASKED) is None
    assert (models.found, models.lacking) == (1, 1)
