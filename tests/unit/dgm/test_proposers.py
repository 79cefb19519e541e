"""What is made of a model's answer, and what it is told."""

import random
from pathlib import Path

import pytest

from osiris_desk.policy.loading import load
from osiris_desk.policy.manifest import version_of
from osiris_desk.policy.shipped import code_of
from osiris_dgm.archive.archive import Archive
from osiris_dgm.archive.record import Record
from osiris_dgm.mutators.source import Source
from osiris_dgm.proposers.hermes import prompt_for, rewritten
from osiris_dgm.proposers.patch import Unusable, apply

CODE = code_of("trend").decode()

DIFF = """Here you are:
```diff
--- policy.py
+++ policy.py
@@ -60,4 +60,4 @@
 def size(features: Features, proposed: Intent | None) -> float:
     \"\"\"Always the same.\"\"\"
-    return SIZE
+    return SIZE / 2
```"""

WHOLE = """Sure! ```python
import os
def size(features, proposed):
    return 0.25
os.system("rm -rf /")
``` Hope it helps."""


@pytest.mark.parametrize(("answer", "found"), [(DIFF, "return SIZE / 2"), (WHOLE, "return 0.25")])
def test_a_diff_and_a_whole_function_both_do_and_nothing_else_comes_along(answer: str, found: str) -> None:
    changed = apply(CODE, Source(CODE, "size"), answer)
    assert found in changed
    assert "os" not in [line.split()[-1] for line in changed.splitlines() if line.startswith("import")]
    assert "rm -rf" not in changed
    load(changed.encode(), "x")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "definition of size"),
        ("I would lower the size.", "Python"),
        ("def entry(features, proposed): return None", "definition of size"),
        ("x = 1", "definition of size"),
        ("@@ -1,2 +1,2 @@\n-nothing like it\n+x", "find"),
        ("@@ -1,0 +1,1 @@\n+x = 1", "context"),
        ("x" * 30_000, "characters"),
        ("(" * 5_000, "Python"),
    ],
)
def test_what_is_no_change_says_why(answer: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        apply(CODE, Source(CODE, "size"), answer)


async def test_hermes_is_told_what_failed_and_answers_with_a_draft(tmp_path: Path) -> None:
    archive, prompts = Archive(tmp_path), []
    root = version_of(code_of("trend"))
    archive.add(code_of("trend"), Record(number=0, version=root, made_by="root", score=0.0))

    async def ask(prompt: str) -> str:
        prompts.append(prompt)
        part = prompt.split("`")[1]
        return f"def {part}(features, proposed):\n    return {'0.1' if part == 'size' else 'None'}\n"

    draft = await rewritten(archive, random.Random(1), "4 of 5 were LONG", ask)
    assert draft.parents == (root,)
    assert draft.task.kind == "rewrite"
    assert "4 of 5 were LONG" in prompts[0]
    load(draft.code, "x")


def test_a_prompt_carries_why_earlier_tries_failed() -> None:
    failed = Record(
        number=1,
        version="0" * 16,
        parents=("1" * 16,),
        task={"part": "size", "kind": "rewrite"},  # type: ignore[arg-type]
        made_by="hermes",
        failed_at="contract",
        why="policy: ZeroDivisionError",
    )
    assert "failed at contract: policy: ZeroDivisionError" in prompt_for(Source(CODE, "size"), [failed], "")
