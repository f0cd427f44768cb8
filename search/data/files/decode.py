"""Bytes of a file to UTF-8 text: unpacked, known not to be something else, in the encoding found out or said."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import struct
import zipfile
import zlib
from typing import Final

from ffsearch.errors import DataError
from ffsearch.search.base.memory import machine_memory
from ffsearch.search.wording.codes import Code
from ffsearch.search.wording.finding import Finding, found

__all__ = ["as_utf8", "marked_encoding", "refuse_large_archive", "refuse_too_large", "unpacked"]

_PIECE_BYTES: Final = 1 << 24
"""Decoded at once when looking for a fault: a whole file as text would need up to four times its size again."""

_LARGEST_SHARE: Final = 0.5
"""choice: the file's text, its frame and the matrix made of it are in memory for a while together."""

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN: Final = (
    (b"%PDF", "a PDF document", "export the table as CSV"),
    (b"BZh", "packed by bzip2", "unpack it first; .gz is read as it is"),
    (b"\xfd7zXZ", "packed by xz", "unpack it first; .gz is read as it is"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", "unpack it first; .gz is read as it is"),
    (b"\x80\x04", "a pickle, which can run any program", "write the table as Parquet or CSV"),
    (b"\x80\x05", "a pickle, which can run any program", "write the table as Parquet or CSV"),
    (b"\x93NUMPY", "a NumPy array", "save it as CSV or Parquet with column names"),
    (b"\x89HDF", "an HDF5 file", "save the table as Parquet or CSV"),
    (b"version https://git-lfs", "a pointer of Git LFS", "fetch the file it points to: git lfs pull"),
)
_MARKUP: Final = (
    (re.compile(rb"<(?:!doctype\s+html|html|head|body|script|title|meta|table|div)\b", re.IGNORECASE), "a web page"),
    (re.compile(rb"<(?:\?xml|!doctype)\b", re.IGNORECASE), "a document of XML"),
)
_BEFORE_MARKUP: Final = re.compile(rb"(?:\xef\xbb\xbf|\s|<!--.*?-->)*", re.DOTALL)
_MARKUP_ADVICE: Final = {
    "a web page": "the download gave a page in place of the file; fetch the file itself",
    "a document of XML": "export the table as CSV",
}
_PARQUET_MARK: Final = b"PAR1"


def is_parquet(payload: bytes) -> bool:
    """Whether bytes begin and end as those of a Parquet file do; a table may have a column `PAR1`."""
    return (
        payload.startswith(_PARQUET_MARK) and payload.endswith(_PARQUET_MARK) and len(payload) > 2 * len(_PARQUET_MARK)
    )


def unpacked(payload: bytes, name: str) -> bytes:
    """The bytes inside a gzip file, or the same bytes if they are not packed.

    Raises:
        DataError: If the packed file is cut off or damaged, or what is in it is too large; no more of it than that
            limit is unpacked to find out.
    """
    if not payload.startswith(b"\x1f\x8b"):
        return payload
    pieces: list[bytes] = []
    n_bytes = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(payload)) as file:
            while piece := file.read(_PIECE_BYTES):
                pieces.append(piece)
                n_bytes += len(piece)
                refuse_too_large(n_bytes, name, at_least=True)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} is a damaged or cut-off gzip file ({error}). Copy or download it again.") from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def refuse_too_large(n_bytes: int, name: str, *, at_least: bool = False) -> None:
    """Refuse what unpacks to more than this machine can work with: a small file may hold a very large one.

    Args:
        n_bytes: Size when unpacked.
        name: The file's name.
        at_least: Whether it may be more.

    Raises:
        DataError: With both sizes, and what to do.
    """
    memory = machine_memory()
    if n_bytes > _LARGEST_SHARE * memory:
        raise DataError(
            f"{name} unpacks to {'more than' if at_least else 'about'} {n_bytes / 1e9:.1f} GB, and this machine has "
            f"{memory / 1e9:.1f} GB of memory, of which a table may take half. Take a part of its rows or columns."
        )


def refuse_large_archive(payload: bytes, name: str) -> None:
    """Refuse a ZIP archive, such as a workbook or an `.npz`, whose members unpack to too much.

    Raises:
        DataError: As `refuse_too_large`; a damaged archive is left to its reader.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            n_bytes = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, OverflowError, OSError, ValueError, struct.error):
        return
    refuse_too_large(n_bytes, name)


def as_utf8(payload: bytes, name: str, *, encoding: str | None) -> tuple[bytes, str, list[Finding]]:
    """The text in UTF-8 without a byte order mark, its encoding, and a notice where that was chosen among several.

    Args:
        payload: The unpacked bytes.
        name: The file's name, for errors.
        encoding: What the user says; None tries the mark, then UTF-8, then cp1252, then Latin-1.

    Raises:
        DataError: If the bytes are no text, or not in the encoding that was said.
    """
    _refuse_foreign(payload, name)
    marked = marked_encoding(payload)
    codec = marked or "utf-8" if encoding is None else _known(encoding)
    if not codec.startswith(("utf-16", "utf-32")) and b"\0" in payload:
        raise DataError(
            f"{name} has a NUL byte in line {_line_at(payload, payload.index(0))}: it is no text, or text in UTF-16. "
            "Save it as UTF-8, or say data.encoding: utf-16."
        )
    fault = _fault_line(payload, codec)
    if fault is None:
        return _reencoded(payload, codec), codec, []
    if encoding is not None or marked is not None:
        raise DataError(
            f"{name} cannot be read as {codec}: line {fault} has bytes that do not belong to it. "
            "Say another data.encoding, or save the file as UTF-8."
        )
    # cp1252 is Latin-1 plus the quotes and dashes of Windows; five bytes have no meaning in it.
    codec = "cp1252" if _fault_line(payload, "cp1252") is None else "latin-1"
    return _reencoded(payload, codec), codec, [found(Code.ENCODING_GUESSED, name=name, line=fault, codec=codec)]


def _refuse_foreign(payload: bytes, name: str) -> None:
    """Refuse what its first bytes show to be something else.

    Raises:
        DataError: With what it is, and what to do.
    """
    for magic, what, advice in _FOREIGN:
        if payload.startswith(magic):
            raise DataError(f"{name} is {what}, not a table of text: {advice}.")
    before = _BEFORE_MARKUP.match(payload)
    for pattern, what in _MARKUP:
        if pattern.match(payload, before.end() if before else 0):
            raise DataError(f"{name} is {what}, not a table of text: {_MARKUP_ADVICE[what]}.")


def marked_encoding(payload: bytes) -> str | None:
    """The encoding whose byte order mark a text begins with, or None."""
    return next((codec for mark, codec in _MARKS if payload.startswith(mark)), None)


def _known(encoding: str) -> str:
    """Python's own name of a text encoding."""
    try:
        "".encode(encoding)  # refuses codecs that are not for text, as `lookup` does not
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise DataError(
            f"data.encoding: {encoding!r} is no encoding that Python knows. Say utf-8, cp1252, latin-1 or utf-16."
        ) from None


def _fault_line(payload: bytes, codec: str) -> int | None:
    """The line of the first bytes that do not belong to the encoding, or None."""
    decoder = codecs.getincrementaldecoder(codec)()
    for start in range(0, len(payload), _PIECE_BYTES):
        piece = payload[start : start + _PIECE_BYTES]
        try:
            decoder.decode(piece, final=start + _PIECE_BYTES >= len(payload))
        except UnicodeError as error:
            return _line_at(payload, start + getattr(error, "start", 0))
    return None


def _reencoded(payload: bytes, codec: str) -> bytes:
    text = payload if codec in {"utf-8", "utf-8-sig"} else payload.decode(codec).encode("utf-8")
    while text.startswith(codecs.BOM_UTF8):  # files that were put together have several
        text = text.removeprefix(codecs.BOM_UTF8)
    return text


def _line_at(payload: bytes, position: int) -> int:
    return payload.count(b"\n", 0, position) + 1
