"""Writes the Grafana dashboards: `python tools/dashboards.py` (make dashboards)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "deploy" / "grafana" / "dashboards"
_WIDTH, _HEIGHT = 8, 8
_A_ROW = 24 // _WIDTH


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Attributes:
        unit: as Grafana names it.
        lines: what is drawn: PromQL, and what it is called.
    """

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]


def _quantiles(metric: str, by: str) -> tuple[tuple[str, str], ...]:
    """The median and what one in twenty exceeds."""
    return tuple(
        (f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket[5m])))", f"{name} {{{{{by}}}}}")
        for share, name in ((0.5, "p50"), (0.95, "p95"))
    )


def _by(metric: str, label: str, how: str = "sum") -> tuple[tuple[str, str], ...]:
    return ((f"{how} by ({label}) ({metric})", f"{{{{{label}}}}}"),)


BOARDS = {
    "mesh": (
        "Osiris: the mesh",
        Panel("Lag: entries nobody was handed yet", "short", _by("osiris_lag", "stream", "max")),
        Panel("Handed out and not finished", "short", _by("osiris_pending", "stream", "max")),
        Panel("Oldest unfinished entry", "s", _by("osiris_oldest_pending_seconds", "stream", "max")),
        Panel("Dead letters", "short", _by("osiris_dead_letters", "stream", "max")),
        Panel("Handled a second", "ops", _by("rate(osiris_handled_total[1m])", "stream")),
        Panel("Time in the handler", "s", _quantiles("osiris_handler_seconds", "stream")),
        Panel("Attempts that raised, a second", "ops", _by("rate(osiris_failed_total[5m])", "stream")),
        Panel("Delivered again, a second", "ops", _by("rate(osiris_retried_total[5m])", "stream")),
        Panel("Being handled", "short", _by("osiris_in_flight", "stream")),
    ),
    "models": (
        "Osiris: the models",
        Panel(
            "Tokens a second",
            "short",
            (("sum by (job, kind) (rate(osiris_engine_tokens_total[1m]))", "{{job}} {{kind}}"),),
        ),
        Panel("Answers over HTTP", "s", _quantiles("osiris_gateway_answer_seconds", "model")),
        Panel("First token", "s", _quantiles("osiris_engine_first_token_seconds", "job")),
        Panel("Wait for a slot", "s", _quantiles("osiris_engine_queue_seconds", "job")),
        Panel(
            "Requests in the batch",
            "short",
            (
                ("sum by (job) (osiris_engine_running)", "{{job}} running"),
                ("sum by (job) (osiris_engine_waiting)", "{{job}} waiting"),
                ("sum by (job) (osiris_engine_slots)", "{{job}} slots"),
            ),
        ),
        Panel(
            "Refused", "ops", (("sum by (model, code) (rate(osiris_gateway_refused_total[5m]))", "{{model}} {{code}}"),)
        ),
        Panel(
            "Memory: VRAM of a GPU, or a service's own",
            "mbytes",
            (
                ("max by (watched, subject) (osiris_watchdog_memory_mib)", "{{watched}} {{subject}}"),
                ("max(osiris_watchdog_limit_mib)", "limit"),
            ),
        ),
        Panel(
            "Peak of one request",
            "bytes",
            (
                ("max by (job) (osiris_engine_memory_predicted_bytes)", "{{job}} predicted"),
                ("max by (job) (osiris_engine_memory_budget_bytes)", "{{job}} budget"),
            ),
        ),
        Panel("Cached prompt beginnings", "bytes", _by("osiris_engine_cache_bytes", "job")),
        Panel("One sentence spoken", "s", _quantiles("osiris_speech_sentence_seconds", "job")),
    ),
    "desk": (
        "Osiris: the desk",
        Panel(
            "Equity", "currencyUSD", (("max(osiris_desk_equity)", "equity"), ("max(osiris_desk_equity_high)", "high"))
        ),
        Panel(
            "Gain or loss",
            "currencyUSD",
            (("max(osiris_desk_daily_pnl)", "today"), ("max(osiris_desk_realised_pnl)", "realised")),
        ),
        Panel("Runs an hour", "short", _by("increase(osiris_desk_runs_total[1h])", "status")),
        Panel("Time of a run by stage", "s", _quantiles("osiris_desk_stage_seconds", "stage")),
        Panel("Orders an hour", "short", _by("increase(osiris_desk_orders_total[1h])", "side")),
        Panel(
            "What the watchdog did, a day",
            "short",
            (("sum by (watched, event) (increase(osiris_watchdog_acts_total[1d]))", "{{watched}} {{event}}"),),
        ),
    ),
    "learning": (
        "Osiris: what it learns",
        Panel("Training: nights by how they ended", "short", _by("osiris_nights", "ending", "max")),
        Panel("Training: how long the last night took", "s", _by("osiris_night_seconds", "ending", "max")),
        Panel(
            "Training: what the gate found, a version is nearer to the correction",
            "percentunit",
            _by("osiris_night_win_rate", "ending", "max"),
        ),
        Panel(
            "Training: corrections that no night has looked at",
            "short",
            (("max(osiris_corrections_waiting)", "corrections"),),
        ),
        Panel(
            "Training: how long the oldest of them waits",
            "s",
            (("max(osiris_corrections_oldest_waiting_seconds)", "the oldest"),),
        ),
        Panel(
            "Training: new versions of a model that took over, or were refused",
            "short",
            (
                (
                    "sum by (job, result) (increase(osiris_model_swaps_total[1d]))",
                    "{{job}} {{result}}",
                ),
            ),
        ),
        Panel(
            "The version that answers",
            "short",
            (("max by (job, version) (osiris_model_info)", "{{job}} {{version}}"),),
        ),
        Panel(
            "Policy: tries a day, and the stage that they did not pass",
            "short",
            (
                ("sum(increase(osiris_dgm_generations_total[1d]))", "generations"),
                ("sum by (failed_at) (increase(osiris_dgm_tried_total[1d]))", "tried, failed at {{failed_at}}"),
            ),
        ),
        Panel(
            "Policy: versions promoted and rolled back",
            "short",
            (
                ("max(osiris_dgm_promoted)", "promoted"),
                ("max(osiris_dgm_rolled_back)", "rolled back"),
                ("max(osiris_dgm_rollbacks_in_a_row)", "rolled back in a row"),
            ),
        ),
        Panel("Policy: where a promotion stands", "short", _by("osiris_dgm_stage", "stage", "max")),
        Panel("The policy that decides", "short", _by("osiris_desk_policy_info", "version", "max")),
    ),
}


def render(uid: str) -> str:
    """The JSON of one dashboard."""
    title, *panels = BOARDS[uid]
    board = {
        "uid": f"osiris-{uid}",
        "title": title,
        "tags": ["osiris"],
        "timezone": "utc",
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "schemaVersion": 39,
        "panels": [_panel(number, panel) for number, panel in enumerate(panels) if isinstance(panel, Panel)],
    }
    return json.dumps(board, indent=2) + "\n"


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, _A_ROW)
    source = {"type": "prometheus", "uid": "prometheus"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": source,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0 if panel.unit != "currencyUSD" else None},
            "overrides": [],
        },
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": source, "expr": expression, "legendFormat": name}
            for index, (expression, name) in enumerate(panel.lines)
        ],
    }


if __name__ == "__main__":
    for name in BOARDS:
        (FOLDER / f"{name}.json").write_text(render(name))
