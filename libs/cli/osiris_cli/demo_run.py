"""The demo: a desk of its own, and its messages as lines until enough were seen."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from uuid import UUID

from rich.console import Console

from osiris_cli import console, desk, service_log, stop_signals
from osiris_cli.cycle_view import CycleView, Line
from osiris_cli.desk import Desk
from osiris_cli.errors import CliError
from osiris_cli.settings import CliSettings
from osiris_cli.supervisor import State, Status
from osiris_contracts import EXECUTION, REPLY, Chunk, Decision, ProposalCreated, streams
from osiris_mesh import envelope, feed
from osiris_mesh.connection import Client, connect
from osiris_mesh.replies import WAKE

WATCHED = (streams.PROPOSAL_CREATED, streams.ORCHESTRATOR_REPLIES, streams.ADVICE_GENERATED, streams.MARKET_FILLS)

_POLL_SECONDS = 0.25
_DRAIN_SECONDS = 3.0  # what the throw-away desk still holds is of no use to anybody
_FILL_SECONDS = 5.0  # how long the last order may wait for its fill
_LAST_CYCLE_SECONDS = 20.0  # how long the desk may think on after the last bar
_HOPELESS = 3  # deaths of a service in a row
_LOG_LINES = 3


@dataclass(slots=True)
class Progress:
    """When something last happened, monotonic seconds."""

    started: float = field(default_factory=time.monotonic)
    latest: float = field(default_factory=time.monotonic)
    first_proposal: float | None = None

    def touch(self) -> None:
        """Something happened."""
        self.latest = time.monotonic()

    def on_change(self, status: Status) -> None:
        """A service that became ready is progress; one that dies is not."""
        if status.state is State.READY:
            self.touch()

    @property
    def idle(self) -> float:
        """Seconds since."""
        return time.monotonic() - self.latest


async def run(
    settings: CliSettings, *, proposals: int, patience: float, extra: Mapping[str, str], out: Console
) -> None:
    """Run a fresh desk until it made `proposals` decisions or its bars ended, showing them on `out`.

    Args:
        settings: of the demo's own desk.
        patience: seconds without progress after which it is given up.
        extra: more environment for the services.

    Raises:
        CliError: there was no progress, a service keeps dying, or it was interrupted (exit code 130).
    """
    view, progress = CycleView(proposals, console.text_width(out)), Progress()
    console.show(out, [Line("desk", str(settings.home)), Line("logs", str(settings.logs))])
    with stop_signals.listening() as signals:
        async with (
            _beginning(settings) as after,
            desk.running(
                settings,
                extra=extra,
                fresh=True,
                drain_seconds=_DRAIN_SECONDS,
                hurry=signals.hurry,
                on_change=progress.on_change,
            ) as running,
        ):
            watch = _Watch(settings, running, view, progress, proposals, patience, out)
            if not await signals.until_stop(watch.run(after)):
                raise CliError("interrupted", 130)
            console.show(out, [*view.summary(), _times(progress)])
            if len(view.decisions) < proposals:
                console.show(out, [Line("note", f"the bars ended after {len(view.decisions)} of {proposals} cycles")])


@asynccontextmanager
async def _beginning(settings: CliSettings) -> AsyncIterator[dict[str, bytes]]:
    """A new book for the length of the block; yields where to begin to read.

    A Redis that was there before us may hold streams, which the demo reads on from, but no book: it is somebody's.

    Raises:
        CliError: it holds one.
    """
    if settings.redis_url is None:  # one of the demo's own, empty
        yield dict.fromkeys(WATCHED, feed.START)
        return
    redis: Client = connect(settings.redis_url)
    try:
        if await _books(redis):
            raise CliError(
                "expected a Redis without a desk in it, OSIRIS_REDIS_URL has one and the demo would spoil its book; "
                "name another database, such as …/1, or unset it"
            )
        for stream in (streams.MARKET_TICKS, streams.MARKET_ORDERS, streams.MARKET_FILLS, streams.DESK_COMMANDS):
            if await redis.exists(stream):
                for group in await redis.xinfo_groups(stream):
                    await redis.xgroup_setid(stream, group["name"], "$")
        try:
            yield await feed.last_ids(redis, *WATCHED)
        finally:
            if books := await _books(redis):
                await redis.delete(*books)
    finally:
        await redis.aclose()


async def _books(redis: Client) -> list[bytes]:
    """The saved states of desk and venues."""
    return [key async for key in redis.scan_iter(match="state:*")]


def lines_of(entry: feed.Entry, view: CycleView) -> list[Line]:
    """What one entry of a watched stream shows."""
    message = envelope.parse(entry.fields)
    if entry.stream == streams.PROPOSAL_CREATED:
        created = ProposalCreated.model_validate_json(message.data)
        return view.proposal(created) if created.origin == "orchestrator" else []
    if entry.stream == streams.ADVICE_GENERATED:
        return view.decision(Decision.model_validate_json(message.data))
    if entry.stream == streams.MARKET_FILLS:
        return view.execution(EXECUTION.validate_json(message.data))
    reply = REPLY.validate_json(message.data)
    if isinstance(reply, Chunk) and message.source == "hermes" and message.correlationid:
        return view.critique_piece(UUID(message.correlationid), reply)
    return []


@dataclass(frozen=True, slots=True)
class _Watch:
    """One demo, from its first message to its last."""

    settings: CliSettings
    desk: Desk
    view: CycleView
    progress: Progress
    proposals: int
    patience: float
    out: Console

    async def run(self, after: Mapping[str, bytes]) -> None:
        """Show what comes behind `after` until all was seen. Raises CliError on a desk that will not get there."""
        redis = connect(self.desk.redis_url)
        try:
            with self.out.status("") if self.out.is_terminal else nullcontext() as spinner:
                async for entries in feed.follow(redis, after, block_seconds=_POLL_SECONDS):
                    for entry in entries:
                        self._show(entry)
                    if self._finished():
                        return
                    self._check()
                    if spinner is not None:
                        spinner.update(self._waiting_for())
        finally:
            await redis.aclose()

    def _show(self, entry: feed.Entry) -> None:
        """Print an entry; of the cycles past the last one wanted, nothing but fills."""
        self.progress.touch()
        if WAKE in entry.fields:
            return
        if entry.stream == streams.PROPOSAL_CREATED and self.progress.first_proposal is None:
            self.progress.first_proposal = time.monotonic()
        if len(self.view.decisions) < self.proposals or entry.stream == streams.MARKET_FILLS:
            try:
                lines = lines_of(entry, self.view)
            except ValueError as error:  # a publisher that does not keep the contract
                first = str(error).splitlines()[0]
                lines = [Line("error", f"cannot read {entry.stream} {entry.id}: {first}", "bad")]
            console.show(self.out, lines)

    def _finished(self) -> bool:
        """Whether all was seen: the cycles and their fills, or all that the bars gave."""
        if len(self.view.decisions) >= self.proposals:
            return not self.view.waiting_for_fill or self.progress.idle > _FILL_SECONDS
        bars_ended = self.desk.status("sim").state is State.COMPLETED
        return bars_ended and bool(self.view.decisions) and self.progress.idle > _LAST_CYCLE_SECONDS

    def _check(self) -> None:
        """Give up on a desk that will not get there."""
        dying = [status for status in self.desk.statuses if status.failures >= _HOPELESS]
        if dying or self.progress.idle > self.patience:
            said = "; ".join(
                f"{each.name} is {each.state}{self._last_words(each)}" for each in dying or self._unready()
            )
            waited = "" if dying else f"no progress for {self.patience:g} s: "
            raise CliError(f"{waited}{said or 'every service runs, none says why'}; logs in {self.settings.logs}", 1)

    def _waiting_for(self) -> str:
        if names := ", ".join(each.name for each in self._unready()):
            return f"waiting for {names}"
        return "the desk is at work" if self.view.decisions else "waiting for the first proposal"

    def _unready(self) -> list[Status]:
        return [each for each in self.desk.statuses if each.state not in (State.READY, State.COMPLETED)]

    def _last_words(self, status: Status) -> str:
        code = "" if status.exit_code is None else f" after exit code {status.exit_code}"
        lines = service_log.last_lines(self.settings.logs / f"{status.name}.log", _LOG_LINES)
        return f"{code} ({' | '.join(line.strip() for line in lines)})" if lines else code


def _times(progress: Progress) -> Line:
    total = f"{progress.latest - progress.started:.1f} s in all"
    if progress.first_proposal is None:
        return Line("time", total)
    return Line("time", f"first proposal after {progress.first_proposal - progress.started:.1f} s, {total}")
