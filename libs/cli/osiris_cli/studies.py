"""What a backtest or a look-ahead check is asked for on the command line: bars, policy, rules, and who answers."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from osiris_cli.errors import CliError
from osiris_contracts import SYMBOL_PATTERN, ErrorReply, GenerateRequest, GenerateResult, ModelId, streams
from osiris_desk.answers import Recorder
from osiris_desk.backtest import Nobody, backtest
from osiris_desk.market import dates
from osiris_desk.market.bars import Bars
from osiris_desk.market.bundled import bundled_csv
from osiris_desk.market.csv_file import CsvError, read, symbol_of
from osiris_desk.policy.loading import MOST_CODE_BYTES, LoadedPolicy, PolicyRefused, load
from osiris_desk.policy.manifest import CODE, version_of
from osiris_desk.policy.shipped import NAMES, TREND, shipped
from osiris_desk.policy.signing import KeyUnusable
from osiris_desk.policy.store import PolicyStore
from osiris_mesh import Bus, Refused
from osiris_versions import NoVersion

MODEL_SECONDS = 60.0
_PROBED_BARS = 100


class Chosen(NamedTuple):
    """A policy, and what to tell of its choice."""

    policy: LoadedPolicy
    asks_models: bool
    said: str


def bars_of(
    files: Sequence[Path], symbols: Sequence[str], first: str | None, last: str | None
) -> tuple[dict[str, Bars], list[str]]:
    """The bars by symbol, and what is to be said of rows left out; without files those that are bundled.

    Raises:
        CliError: a file gives no bars, or there are more or fewer symbols than files.
    """
    files = files or [bundled_csv()]
    if symbols and len(symbols) != len(files):
        raise CliError(f"expected a --symbol for each of {len(files)} files, or none, got {len(symbols)}")
    bars: dict[str, Bars] = {}
    said = []
    try:
        start = dates.parse(first) if first else None
        end = dates.parse_end(last) if last else None
        for place, file in enumerate(files):
            found = read(file)
            symbol = symbols[place] if symbols else symbol_of(file)
            if not re.fullmatch(SYMBOL_PATTERN, symbol):
                raise CliError(f"expected a symbol of 1 to 12 of A-Z, 0-9, dot, hyphen, was '{symbol}'")
            part = found.bars.between(start, end)
            if symbol in bars:
                raise CliError(f"expected a symbol once, {symbol} comes from {file} again; name them with --symbol")
            if not len(part):
                raise CliError(f"expected bars from {first or 'the first'} to {last or 'the last'}, {file} has none")
            bars[symbol] = part
            if found.report:
                said.append(f"{file}: {found.report}")
    except (CsvError, ValueError) as error:
        raise CliError(str(error)) from None
    return bars, said


def policy_of(name: str | None, store: PolicyStore, bars: Mapping[str, Bars], *, models: bool) -> Chosen:
    """The policy that `name` names: shipped, a version in the store, or a folder; without one the store's current.

    Without models to ask, a current policy that asks them gives way to the shipped one that needs none.

    Raises:
        CliError: there is no such policy, or it must not be used.
    """
    policy = _current(store) if name is None else _named(name, store)
    asks = _asks(policy, bars)
    if name is None and asks and not models:
        said = f"the current policy, {policy.version}, asks phi3; without --replay or --model {TREND} decides instead"
        return Chosen(shipped(TREND), False, said)
    if asks and not models:
        raise CliError(f"expected --replay or --model: the policy {policy.version} asks phi3")
    return Chosen(policy, asks, "")


class LiveModels:
    """The models of a running desk, asked one question at a time."""

    def __init__(self, runner: asyncio.Runner, bus: Bus, recorder: Recorder | None) -> None:
        self._runner = runner
        self._bus = bus
        self._recorder = recorder

    def phi3(self, request: GenerateRequest) -> GenerateResult | ErrorReply:
        """Ask phi3."""
        return self._ask("phi3", request)

    def hermes(self, request: GenerateRequest) -> GenerateResult | ErrorReply:
        """Ask hermes."""
        return self._ask("hermes", request)

    def _ask(self, model: ModelId, request: GenerateRequest) -> GenerateResult | ErrorReply:
        asked = self._bus.ask(streams.REQUESTS_OF[model], request, timeout=MODEL_SECONDS, priority="batch")
        try:
            answer = self._runner.run(asked)
        except Refused as refusal:
            return refusal.reply()
        if self._recorder:
            self._recorder.add(model, request, answer)
        return answer


@contextmanager
def live_models(redis_url: str, record: Path | None) -> Iterator[LiveModels]:
    """The models of the desk on that Redis; their answers go to `record` too."""
    recorder = Recorder(record) if record else None
    with asyncio.Runner() as runner:
        bus = Bus(redis_url, "cli")
        runner.run(bus.__aenter__())
        try:
            yield LiveModels(runner, bus, recorder)
        finally:
            runner.run(bus.__aexit__(None, None, None))
            if recorder:
                recorder.close()


def _current(store: PolicyStore) -> LoadedPolicy:
    try:
        return store.current()
    except (NoVersion, PolicyRefused, KeyUnusable) as error:
        raise CliError(f"the current policy: {error}") from None


def _named(name: str, store: PolicyStore) -> LoadedPolicy:
    """A folder of one's own needs no signature: whoever names it here means to run it."""
    try:
        if name in NAMES:
            return shipped(name)
        if (Path(name) / CODE).is_file():
            with (Path(name) / CODE).open("rb") as file:
                code = file.read(MOST_CODE_BYTES + 1)
            return load(code, version_of(code))
        return store.load(name)
    except NoVersion as error:
        raise CliError(f"expected a policy: {', '.join(NAMES)}, a folder with {CODE}, or a version; {error}") from None
    except (PolicyRefused, KeyUnusable) as error:
        raise CliError(str(error)) from None


def _asks(policy: LoadedPolicy, bars: Mapping[str, Bars]) -> bool:
    """Whether it asks phi3 anything in its first runs."""
    nobody = Nobody()
    symbol, part = next(iter(bars.items()))
    backtest(policy, {symbol: part.where(slice(0, _PROBED_BARS))}, models=nobody)
    return nobody.asked > 0
