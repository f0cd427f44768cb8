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
    ENCODING_GUESSED = "FFS101", Severity.NOTICE
    NO_HEADER = "FFS102", Severity.NOTICE
    TEST_LEFT_OUT = "FFS103", Severity.NOTICE
    EXTRA_COLUMNS = "FFS104", Severity.NOTICE
    ROWS_LIMITED = "FFS105", Severity.NOTICE
    READ_TOGETHER = "FFS106"
    LABEL_ZERO = "FFS107"
    OTHER_VERSIONS = "FFS108", Severity.NOTICE
    TARGET_SPELT = "FFS109", Severity.NOTICE
    NUMBER_BINS = "FFS110", Severity.NOTICE
    TARGET_KNOWN = "FFS111", Severity.NOTICE
    SIGNS = "FFS112", Severity.NOTICE
    TARGETS_LEFT_OUT = "FFS113", Severity.WARNING
    SHEET_READ = "FFS114", Severity.NOTICE
    TOTAL_ROW = "FFS115", Severity.WARNING
    ROWS_WEIGH = "FFS116", Severity.NOTICE
    TASK_STATED = "FFS121"
    TASK_SEVERAL_TARGETS = "FFS122"
    TASK_TWO_VALUES = "FFS123"
    TASK_CLASSES = "FFS124"
    TASK_FRACTIONS = "FFS125"
    TASK_FEW_NUMBERS = "FFS126", Severity.NOTICE
    TASK_MANY_NUMBERS = "FFS127"

    # 2xx: what a column is, and why
    NUMBERS = "FFS201"
    TEXTS = "FFS202"
    DATES = "FFS203"
    TWO_VALUES = "FFS204"
    ORDERED = "FFS205"
    PIXELS = "FFS206"
    CONSTANT = "FFS211"
    EMPTY = "FFS212"
    COUNTER = "FFS213"
    NAMED_ID = "FFS214"
    NAMES_ROWS = "FFS215"
    FREE_TEXT = "FFS216"
    SAME_CELLS = "FFS217"
    NAMED_IN = "FFS218"
    COUNTER_USED = "FFS219", Severity.NOTICE
    ROW_NAMES = "FFS220"
    TIMES = "FFS207"
    STATED = "FFS221"
    CODES = "FFS222", Severity.NOTICE
    RARE_LEVELS = "FFS223", Severity.NOTICE
    SPELT = "FFS224", Severity.NOTICE
    KEPT = "FFS225"
    NOT_USED = "FFS231", Severity.NOTICE

    # 3xx: what in the data can make an answer wrong, or too good
    LEAK = "FFS301", Severity.WARNING
    COPIES = "FFS302", Severity.WARNING
    COPIES_OF_TEST = "FFS303", Severity.WARNING
    RARE_CLASS = "FFS304", Severity.WARNING
    CLASS_ABSENT = "FFS305", Severity.WARNING
    UNKNOWN_CLASS = "FFS306", Severity.WARNING
    SAME_GROUPS = "FFS307", Severity.WARNING
    DATES_IN_DOUBT = "FFS308", Severity.WARNING
    ODD_CELLS = "FFS309", Severity.WARNING
    INFINITE_CELLS = "FFS310", Severity.WARNING
    NEARLY_CONSTANT = "FFS311", Severity.NOTICE
    SAME_LINE = "FFS312", Severity.NOTICE
    MAY_BE_GROUPS = "FFS313", Severity.WARNING
    MAY_BE_TIME = "FFS314", Severity.NOTICE
    FEW_GROUPS_SEALED = "FFS315", Severity.WARNING
    ROUGH_CELLS = "FFS316", Severity.NOTICE
    SENTINEL = "FFS317", Severity.WARNING
    SHORT_YEARS = "FFS318", Severity.NOTICE
    VARIANTS = "FFS319", Severity.WARNING
    CLOCK_IN_DOUBT = "FFS320", Severity.NOTICE

    # 4xx: how training went, and why trials ended
    TRIAL_STOPPED = "FFS401"
    TRIAL_COMPLETED = "FFS402"
    TRIAL_PRUNED = "FFS403"
    TRIAL_DIVERGED = "FFS404", Severity.NOTICE
    TRIAL_BUDGET = "FFS405", Severity.NOTICE
    TRIAL_FAILED = "FFS406", Severity.WARNING
    NETWORK_LOST = "FFS407", Severity.WARNING
    RUN_FINISHED = "FFS411"
    TRIAL_LOST = "FFS412", Severity.NOTICE
    IDLE_WORKERS = "FFS413", Severity.NOTICE
    WORKER_GONE = "FFS414", Severity.WARNING
    NODE_JOINED = "FFS415"
    PROGRAMS_NOT_KEPT = "FFS416", Severity.NOTICE
    PROGRAMS_DAMAGED = "FFS417", Severity.NOTICE
    TEMPERATURE_IN_MODEL = "FFS421"
    ROW_INTERVALS = "FFS422"
    THRESHOLD_IN_MODEL = "FFS423"

    # 5xx: what the evidence lacks
    FINALISTS_UNTRAINED = "FFS501", Severity.WARNING
    REPEATS_CUT = "FFS502", Severity.NOTICE
    ROWS_UNLEARNT = "FFS503", Severity.NOTICE
    CHANGES_UNLEARNT = "FFS504", Severity.NOTICE
    CHANGES_LEFT_OUT = "FFS505"
    CHANGE = "FFS506"
    THRESHOLD_UNLEARNT = "FFS507", Severity.WARNING
    BASELINE_ROWS = "FFS511", Severity.NOTICE
    BASELINE_IMPROVING = "FFS512", Severity.NOTICE
    BASELINE_LEFT_OUT = "FFS513", Severity.WARNING
    BASELINE_SPLITS = "FFS514", Severity.NOTICE
    STEP_LONG = "FFS515", Severity.NOTICE
    TABLE_DAMAGED = "FFS516", Severity.WARNING

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
    AVERAGE_ANSWERS = "FFS623"
    WHAT_SETTLES = "FFS631"
    UNTIL_SETTLED = "FFS632"
    NOT_COMPARED = "FFS633"
    LEARNT_UNSEEN = "FFS634"
    NOTHING_SEALED = "FFS641", Severity.WARNING
    ONE_UNIT_SEALED = "FFS642", Severity.WARNING

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
    THRESHOLD_NOT_ASKED = "FFS724"

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
    GAIN_CHANGES = "FFS815"
    STUDY_SETTLED_BY = "FFS821"
    TRAINED_LONGER = "FFS822"
    AT_HALF = "FFS823"
    DEEP_UNTRAINED = "FFS831", Severity.NOTICE
    RATE_AT_EDGE = "FFS832", Severity.NOTICE
    CELL_MISSING = "FFS841", Severity.NOTICE
    SHARDS_MERGED = "FFS851"
    SHARDS_NOT_CHECKED = "FFS852", Severity.NOTICE

    # 9xx: rows that a model answers
    CELLS_UNREAD = "FFS901", Severity.WARNING
    READ_OTHERWISE = "FFS902", Severity.WARNING
    LEVELS_UNSEEN = "FFS903", Severity.WARNING
    CELLS_MISSING = "FFS904", Severity.NOTICE
    OUT_OF_RANGE = "FFS905", Severity.NOTICE
