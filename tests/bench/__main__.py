"""`make bench`: every figure measured in this run, so that its ratios hold on any machine."""

import importlib
import sys

SUBJECTS = {
    "fanout": ("tests.bench.fanout", "GET /stream/desk to 200 clients"),
    "decode": ("tests.bench.decode", "engine decode"),
    "priorities": ("tests.bench.priorities", "interactive work before a long batch queue"),
    "feedback": ("tests.bench.feedback", "20,000 events into the feedback store"),
    "fewshot": ("tests.bench.fewshot", "a hidden rule, with corrections before the prompt and without"),
    "replay": ("tests.bench.replay", "sim replay into Redis"),
    "backtest": ("tests.bench.backtest", "backtest of a year of hourly bars"),
    "speech": ("tests.bench.speech", "speech"),
}


def main(names: list[str]) -> None:
    """Measure the named subjects, all by default."""
    unknown = set(names) - set(SUBJECTS)
    if unknown:
        sys.exit(f"expected any of {', '.join(SUBJECTS)}, got {', '.join(sorted(unknown))}")
    for name in names or SUBJECTS:
        module, title = SUBJECTS[name]
        print(f"\n{title}")
        for label, value in importlib.import_module(module).measure().items():
            print(f"  {label:<44} {value:>12,.2f}")


main(sys.argv[1:])
