"""The verdict of a run as summary.json keeps it: the answer in a word, and the findings that say it in full."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import WithJsonSchema
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_plain_validator_function

from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, unsilenced
from ffsearch.search.wording.language import PLAIN, Language

__all__ = ["KeptFinding", "Verdict", "finding_kept"]


class _Kept:
    """Has pydantic read a finding by `Finding.from_dict`, and not look at what it holds."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return no_info_plain_validator_function(finding_kept)


def finding_kept(kept: Any) -> Finding:
    """The finding that a file keeps; its text as it was written where this version has no words for it.

    Raises:
        ValueError: If it is none.
    """
    try:
        finding = Finding.from_dict(kept)
        PLAIN.says(finding)
    except _NO_FINDING as error:
        if isinstance(kept, dict) and isinstance(kept.get("text"), str):
            return Finding(Code.AS_WRITTEN, {"text": kept["text"]})
        raise ValueError(f"it is no finding ({type(error).__name__}: {error})") from error
    return finding


_NO_FINDING: Final = (AttributeError, LookupError, TypeError, ValueError, OverflowError)
"""What comes out of words that lack a value, or have one of another type."""


KeptFinding = Annotated[Finding, _Kept(), WithJsonSchema({"type": "object"})]
"""A finding, which files keep with its English sentence."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer.

    Args:
        code: In a word.
        text: In English, as the version that wrote it said it.
        sentences: What is said of it, in this order: findings, each with its `code`, `values` and `text`.
    """

    code: str
    text: str
    sentences: tuple[KeptFinding, ...]

    @classmethod
    def of_findings(cls, code: str, findings: Iterable[Finding]) -> Verdict:
        """The verdict that these findings make.

        Args:
            code: A member of `evidence.decision.VerdictCode`, or of a study's own.
            findings: In the order they are said in.
        """
        sentences = tuple(findings)
        return cls(code=str(code), text=" ".join(map(PLAIN.says, sentences)), sentences=sentences)

    def said(self, t: Language) -> str:
        """All of it in one paragraph."""
        return " ".join(map(t.says, self.sentences))

    def of(self, codes: Iterable[Code]) -> list[Finding]:
        """The findings that have one of these codes, in their own order."""
        wanted = set(codes)
        return [finding for finding in self.sentences if finding.code in wanted]

    def tagged(self, t: Language, *, ignored: Iterable[str] = ()) -> list[str]:
        """Its sentences with their codes, as a terminal and a card show them; those of ignored codes left out."""
        return list(map(t.tagged, unsilenced(self.sentences, ignored)))
