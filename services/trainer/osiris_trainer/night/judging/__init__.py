"""The gate: the artefact that would be served against the one that is, on corrections neither was trained on."""

from osiris_trainer.night.judging.deciding import Compared, decide
from osiris_trainer.night.judging.judge import Judgement, judge
from osiris_trainer.night.judging.verdict import Cost, Criteria, FieldCompared, SetCompared, Verdict

__all__ = ["Compared", "Cost", "Criteria", "FieldCompared", "Judgement", "SetCompared", "Verdict", "decide", "judge"]
