"""Images are built and run: the side-car answers, the voice speaks, the desk trades, dies and comes back."""

import io
import json
import time
import wave
from concurrent.futures import ThreadPoolExecutor

import pytest
from stack import Stack

pytestmark = pytest.mark.timeout(1500)

MARKET = "EURUSD fell 0.4 % on 2 h of heavy volume; we are long."
LOG = "/app/home/data/phi3_feedback_log.jsonl"


def test_health(stack: Stack) -> None:
    stack.up("sidecar")
    status, body = stack.ask("/health")
    told = json.loads(body)
    assert (status, told["status"], told["device"]) == (200, "ok", "cpu"), told
    status, body = stack.ask("/generate/", {"prompt": "What is a stop?", "max_length": 16})
    assert status == 200 and json.loads(body)["generated_text"]


def test_who_has_no_key_is_refused(stack: Stack) -> None:
    stack.up("sidecar")
    status, body = stack.ask("/generate/", {"prompt": "What is a stop?"}, key="none")
    assert status == 401, body


def test_nothing_in_a_container_is_root_or_can_write_to_it(stack: Stack) -> None:
    stack.up("sidecar")
    for service in ("gateway", "hermes", "phi3", "trainer", "redis"):
        said = stack.compose(
            "exec", "-T", service, "sh", "-c", "id -u; touch /opt/x 2>&1 || true; grep CapEff /proc/1/status"
        )
        user, *rest = said.splitlines()
        assert user != "0" and "Read-only file system" in rest[0], said
        assert rest[-1].split()[1].strip("0") == "", said


def test_speak(stack: Stack) -> None:
    stack.up("cpu")
    status, body = stack.ask("/speak", {"text": "The desk is open."})
    assert status == 200, body
    with wave.open(io.BytesIO(body)) as clip:
        assert clip.getframerate() >= 16_000
        assert 0.5 < clip.getnframes() / clip.getframerate() < 10


def test_the_loop_goes_on_when_containers_die_and_loses_nothing(stack: Stack) -> None:
    stack.up("cpu")
    stack.until(lambda: decisions(stack) >= 1, 180, "a first cycle of the desk")

    made = decisions(stack)
    asked = [json.loads(stack.ask("/propose_trade_adjustments/", {"prompt": MARKET})[1])["transaction_id"]]
    time.sleep(2)  # what is younger may not be in Redis' file yet: OSIRIS_REDIS_FSYNC
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(stack.ask, "/generate/", {"prompt": f"Say {n}.", "max_length": 24}) for n in range(8)]
        before = {name: stack.started(name) for name in ("hermes", "trainer", "redis", "orchestrator")}
        for name in before:
            stack.kill(name)
        assert {status for status, _ in (each.result() for each in answers)} == {200}
    stack.until(lambda: all(stack.started(name) > at for name, at in before.items()), 60, "them to come back")
    assert decisions(stack) >= made, "Redis lost some"

    made = decisions(stack)
    stack.until(lambda: decisions(stack) > made, 120, "the desk to go on")
    asked.append(json.loads(stack.ask("/propose_trade_adjustments/", {"prompt": MARKET})[1])["transaction_id"])
    stack.until(lambda: set(asked) <= recorded(stack), 60, "the trainer to have it")
    assert dead(stack) == 0


def test_volumes_outlive_down_and_up(stack: Stack) -> None:
    stack.up("cpu")
    stack.until(lambda: decisions(stack) >= 1, 180, "a cycle of the desk")
    status, body = stack.ask("/propose_trade_adjustments/", {"prompt": MARKET})
    assert status == 200, body
    asked = json.loads(body)["transaction_id"]
    stack.until(lambda: asked in recorded(stack), 60, "the trainer to have it")
    made, model = decisions(stack), model_made(stack)

    stack.down()
    stack.up("cpu")
    assert decisions(stack) >= made and asked in recorded(stack) and model_made(stack) == model
    stack.until(lambda: decisions(stack) > made, 180, "the desk to go on where it was")


def decisions(stack: Stack) -> int:
    return int(stack.redis("XLEN", "advice.generated"))


def dead(stack: Stack) -> int:
    return sum(
        int(stack.redis("XLEN", f"{name}:dead")) for name in ("hermes.requests", "phi3.requests", "market.ticks")
    )


def recorded(stack: Stack) -> set[str]:
    lines = stack.compose("exec", "-T", "trainer", "sh", "-c", f"cat {LOG} 2>/dev/null || true").splitlines()
    return {json.loads(line)["transaction_id"] for line in lines if line.strip()}


def model_made(stack: Stack) -> str:
    return stack.compose("exec", "-T", "phi3", "sh", "-c", "find /app/models -name model.onnx -printf '%T@ %s'")
