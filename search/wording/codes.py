"""All codes of findings: what ffsearch can find, each with a code that stays, a key for its words and a severity.

The first digit says where it comes from; the group `range` of the words names the ranges.

A code is public: it is in files, in `ignore:` of a space and in docs/findings.md. It is never given another meaning,
and a code that is given up is not given out again. The words stand in `words/*.toml` under the group `found`, by the
key; the page of a code stands in `pages.toml`.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Code", "Severity"]


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    """So it is, and nothing is to be done."""
    NOTICE = "notice"
    """So it was understood or done, and another way was possible."""
    WARNING = "warning"
    """It can make the answer wrong, or better than it will be on new rows."""


class Code(StrEnum):
    """What can be found. Its value is the code, `FFS301`; its key, `leak`, is that of its words."""

    severity: Severity

    def __new__(cls, code: str, severity: Severity = Severity.INFO) -> Code:
        """A member; the severity is that of all findings of the code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.severity = severity
        return member

    @property
    def key(self) -> str:
        """The name under which its words stand, `leak`."""
        return self.name.lower()

    # 1xx: how the table was read and split, and which task it gives
    AS_WRITTEN = "FFS100", Severity.NOTICE

    # 2xx: what a column is, and why

    # 3xx: what in the data can make an answer wrong, or too good
    LEAK = "FFS301", Severity.WARNING

    # 4xx: how training went, and why trials ended
    TRIAL_STOPPED = "FFS401"
    TRIAL_COMPLETED = "FFS402"
    TRIAL_PRUNED = "FFS403"
    TRIAL_DIVERGED = "FFS404", Severity.NOTICE
    TRIAL_BUDGET = "FFS405", Severity.NOTICE
    TRIAL_FAILED = "FFS406", Severity.WARNING
    WORKER_LOST = "FFS407", Severity.WARNING

    # 5xx: what the evidence lacks

    # 6xx: the verdict
    ANSWER_NETWORK = "FFS601"
    ANSWER_BOOSTING = "FFS602"
    ANSWER_LINEAR = "FFS603"
    ANSWER_NOTHING = "FFS604"
    ANSWER_NOT_SETTLED = "FFS605"
    OVER_NOTHING = "FFS611"
    NETWORK_OVER_LINEAR = "FFS612"
    NETWORK_OVER_BOOSTING = "FFS613"
    BOOSTING_OVER_LINEAR = "FFS614"
    TOPOLOGY_SURE = "FFS621"
    SMALLER_NETWORK = "FFS622"
    WHAT_SETTLES = "FFS631"
    UNTIL_SETTLED = "FFS632"
    NOTHING_SEALED = "FFS641", Severity.WARNING

    # 7xx: what to try next
    USE_BOOSTING = "FFS701"
    USE_LINEAR = "FFS702"
    LOOK_ELSEWHERE = "FFS703"
    TRY_BINS = "FFS704"
    TRY_SMALLER = "FFS705"
    RUN_EVIDENCE = "FFS706"
    AT_THE_EDGE = "FFS711"
    SEARCH_LONGER = "FFS712"
    MORE_TRIALS = "FFS713"
    NO_MORE_TRIALS = "FFS714"
    MANY_DIVERGED = "FFS715", Severity.NOTICE
    UNEQUAL_CLASSES = "FFS721"
    SCALE_PROBABILITIES = "FFS722"
    MORE_ROWS_OF_SLICE = "FFS723"

    # 8xx: the capacity study
    DEPTH_DEEPER = "FFS801"
    DEPTH_WIDER = "FFS802"
    DEPTH_SATURATED = "FFS803"
    DEPTH_EITHER = "FFS804"
    DEPTH_NOT_SETTLED = "FFS805"
    DEPTH_AGAINST_WIDE = "FFS811"
    OTHER_DEPTH = "FFS812"
    BUDGET_REVERSES = "FFS813"
    MORE_PARAMETERS = "FFS814"
    STUDY_SETTLED_BY = "FFS821"
    DEEP_UNTRAINED = "FFS831", Severity.NOTICE
    RATE_AT_EDGE = "FFS832", Severity.NOTICE
