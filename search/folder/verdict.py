"""The verdict of a run as summary.json keeps it: the answer in a word, and the findings that say it in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, unsilenced
from ffsearch.search.wording.language import PLAIN, Language, kept

__all__ = ["Verdict"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer.

    Args:
        code: In a word: a member of `evidence.decision.VerdictCode`, or of a study's own.
        findings: What is said of it, in this order.
    """

    code: str
    findings: tuple[Finding, ...]

    def of(self, codes: Iterable[Code]) -> list[Finding]:
        """The findings that have one of these codes, in their own order."""
        wanted = set(codes)
        return [finding for finding in self.findings if finding.code in wanted]

    def text(self, t: Language) -> str:
        """All of it in one paragraph."""
        return " ".join(map(t.says, self.findings))

    def tagged(self, t: Language, *, ignored: Iterable[str] = ()) -> list[str]:
        """Its sentences with their codes, as a terminal and a card show them; those of ignored codes left out."""
        return list(map(t.tagged, unsilenced(self.findings, ignored)))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON, with the sentences in English for people who read the file."""
        return {"code": str(self.code), "text": self.text(PLAIN), "sentences": [kept(one) for one in self.findings]}

    @classmethod
    def of_summary(cls, summary: Mapping[str, Any]) -> Verdict | None:
        """The verdict that a summary has, of this version or an early one; None where it has none."""
        found = summary.get("verdict")
        if found is None:
            return None
        return cls(code=found["code"], findings=tuple(map(Finding.from_dict, found["sentences"])))
