"""Looks up every pinned version among the known vulnerabilities: `python tools/audit.py PIP_AUDIT LOCK…`.

Exits with 1 when there is a vulnerability, with 0 when there is none, and with 0 and a notice when nobody could be
asked: a machine without internet must not fail for that, and must not say that all is well either.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

SECONDS = 600


def ask(pip_audit: str, lock: str) -> dict[str, Any] | None:
    """What pip-audit says of a lock file; None when it could not ask."""
    command = [pip_audit, "-r", lock, "--no-deps", "--disable-pip", "--progress-spinner", "off", "-f", "json"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
        report: dict[str, Any] = json.loads(asked.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None
    return report


def verdict(lock: str, report: dict[str, Any] | None) -> tuple[int, list[str]]:
    """The exit code, and what to tell."""
    packages = report["dependencies"] if report else []
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    told = len(packages) - len(skipped)
    if not told:
        return 0, [f"{lock}: NOT AUDITED, the data on vulnerabilities is not reachable from here"]
    found = [
        f"{lock}: {package['name']} {package['version']}: {each['id']}, fixed in {', '.join(each['fix_versions'])}"
        for package in packages
        for each in package.get("vulns", ())
    ]
    lines = found or [f"{lock}: no known vulnerability in {told} packages"]
    if skipped:
        lines.append(f"{lock}: nothing is known of {', '.join(skipped)}")
    return (1 if found else 0), lines


def main(pip_audit: str, locks: Sequence[str]) -> int:
    """Audit every lock file; returns the worst exit code."""
    worst = 0
    for lock in locks:
        code, lines = verdict(lock, ask(pip_audit, lock))
        print("\n".join(lines))
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python tools/audit.py PIP_AUDIT LOCK…")
    sys.exit(main(sys.argv[1], sys.argv[2:]))
