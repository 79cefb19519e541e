"""The whole mesh in containers: planner, kernel and watchdog do there what they do outside."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from engines import REPOSITORY
from stack import Stack

pytestmark = pytest.mark.timeout(1500)

HOSTILE = REPOSITORY / "tests" / "unit" / "dgm" / "hostile_candidates.py"
METRICS = """
import os, urllib.request
print(urllib.request.urlopen(f"http://127.0.0.1:{os.environ['OSIRIS_PORT']}/metrics").read().decode())
"""
INSIDE = {"gateway", "hermes", "phi3", "tts", "sim", "orchestrator", "trainer", "azr_planner", "dgm"}


def test_the_planner_answers_who_has_a_key(stack: Stack) -> None:
    stack.up("full")
    status, body = stack.ask("/health", port=stack.planner_port)
    assert (status, json.loads(body)["status"]) == (200, "ok"), body
    status, body = stack.ask("/plan", port=stack.planner_port)
    assert status == 200 and json.loads(body)["task"], body
    assert stack.ask("/plan", key="none", port=stack.planner_port)[0] == 401


def test_no_candidate_gets_out_of_the_sandbox_in_its_container(stack: Stack) -> None:
    stack.up("full")
    spec = importlib.util.spec_from_file_location("hostile_candidates", HOSTILE)
    assert spec and spec.loader
    candidates = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(candidates)
    candidates.ATTACKS["none"] = "\n    return True\n"  # it buys, so that a purchase is seen
    attacks = {name: candidates.hostile(name).decode() for name in candidates.ATTACKS}
    said = stack.python("dgm", Path(__file__).with_name("attacks.py").read_text(), json.dumps(attacks))
    assert json.loads(said) == ["none"]


def test_the_kernel_tries_what_it_learns_from_the_desk(stack: Stack) -> None:
    stack.up("full")
    stack.until(lambda: int(stack.redis("XLEN", "dgm.outcomes")) >= 1, 400, "a first try of the kernel")
    root, *tried = stack.cli("dgm", "tree").splitlines()
    assert "root" in root and tried
    stack.until(lambda: learned(stack) >= 1, 30, "the planner to learn from it")


def test_the_watchdog_reads_every_service(stack: Stack) -> None:
    stack.up("full")
    stack.until(lambda: set(memory(stack)) == INSIDE, 60, "the watchdog to read all of them")
    assert all(10 < mib < 2048 for mib in memory(stack).values()), memory(stack)


def test_a_service_that_is_told_to_restart_is_started_anew(stack: Stack) -> None:
    stack.up("full")
    before = stack.started("trainer")
    assert "told trainer to restart" in stack.cli("control", "trainer", "restart")
    stack.until(lambda: stack.started("trainer") > before, 60, "it to end and come back")


def test_the_command_has_a_container_of_its_own(stack: Stack) -> None:
    stack.up("full")
    groups = {group["name"] for each in json.loads(stack.cli("lag", "--json")) for group in each["groups"]}
    assert groups >= {"hermes", "phi3", "trainer", "dgm", "azr_planner"}, groups


def learned(stack: Stack) -> int:
    """From how many tries of the kernel the planner has learned."""
    return int(json.loads(stack.ask("/health", port=stack.planner_port)[1])["outcomes"])


def memory(stack: Stack) -> dict[str, float]:
    """MiB by service, as the watchdog tells it."""
    told = re.findall(
        r'^osiris_watchdog_memory_mib{.*watched="(\w+)".*} (\S+)', stack.python("watchdog", METRICS), re.M
    )
    return {service: float(mib) for service, mib in told}
