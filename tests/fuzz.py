"""Readers fed with files that coverage-guided mutation makes: no exception but the program's own, no endless loop.

atheris (libFuzzer for Python) follows which lines of ours a file reaches, and mutates those that reach new ones. It
needs the extra `fuzz`; without it the files of `tests/data/fuzz` and the seeds are read once, which is a fast test.

    python tests/fuzz.py TARGET [SECONDS] [SEED] [FOLDER]     FOLDER keeps what was found, for the next time
    python tests/fuzz.py TARGET FILE                          one file again
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sqlite3
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from ffsearch.errors import FFSearchError

HERE: Final = Path(__file__).parent / "data"
LONGEST_S: Final = 30
MOST_BYTES: Final = 64_000
"""Of a file that mutation makes."""


@dataclass(frozen=True)
class Target:
    """What reads a file.

    Args:
        name: Of the file; readers go by its ending.
        read: Reads it; may raise what is a `FFSearchError`.
        seeds: Files to begin with.
        is_archive: Whether a member of the file is mutated rather than its bytes, whose checksums nothing survives.
    """

    name: str
    read: Callable[[Path], object]
    seeds: Callable[[], list[bytes]]
    is_archive: bool = False


# --- readers ---------------------------------------------------------------------------------------------------------


def _table(path: Path) -> None:
    """As `run` and as `predict` read a table."""
    from ffsearch.search.data.files.pieces import open_pieces
    from ffsearch.search.data.files.sources import read_source
    from ffsearch.search.data.files.text import TextSettings
    from ffsearch.search.data.prepare import prepare
    from ffsearch.spaces.schema import DataSpec

    source = read_source(str(path), settings=TextSettings())
    with contextlib.suppress(FFSearchError):
        pieces = open_pieces(path, needed=list(source.frame.columns), id_column=None, encoding=source.encoding)
        assert sum(len(piece.frame) for piece in pieces.rows) <= max(len(source.frame), MOST_BYTES)
    prepare(DataSpec(source=str(path), target=str(source.frame.columns[-1]), test=None), seed=0)


def _images(path: Path) -> None:
    from ffsearch.search.data.prepare import prepare
    from ffsearch.spaces.schema import DataSpec

    prepare(DataSpec(source=str(path), target="label", test=None), seed=0)


def _idx(path: Path) -> None:
    """Labels stand beside images: the first third of the file, so that both are mutated."""
    content = path.read_bytes()
    cut = content[0] if content else 0
    path.with_name("train-labels-idx1-ubyte").write_bytes(content[1 : 1 + cut])
    path.write_bytes(content[1 + cut :])
    _images(path)


def _space(path: Path) -> None:
    from ffsearch.spaces.loader import load_space

    load_space(path)


def _log(path: Path) -> None:
    """As `show` reads a run that is not finished."""
    from ffsearch.search.console.show import show_lines
    from ffsearch.search.folder.reader import load

    show_lines(load(path.parent), n_trials=3)


def _summary(path: Path) -> None:
    """As `show` and a report's text read a run that is finished."""
    from ffsearch.reports.writing import report_of
    from ffsearch.search.console.show import show_lines
    from ffsearch.search.folder.reader import load

    for name, content in _run().items():
        if name in ("log.jsonl", "space.yaml", "environment.json", "data.json"):
            (path.parent / name).write_bytes(content)
    show_lines(load(path.parent), n_trials=3)
    report_of([path.parent], "md", compare=False, lang="en", rows=None)


def _model(path: Path) -> None:
    from ffsearch.search.serving.packaged import load_packaged

    model = load_packaged(path)
    model.predict(pd.DataFrame({name: [1.0, 2.0] for name in model.columns}))


# --- seeds -----------------------------------------------------------------------------------------------------------


def _run() -> dict[str, bytes]:
    """The files of the stored run."""
    with zipfile.ZipFile(HERE / "run.zip") as stored:
        return {name: stored.read(name) for name in stored.namelist()}


def _frame() -> pd.DataFrame:
    k = np.arange(24)
    days = [f"2024-05-{1 + each:02d}" for each in k]
    return pd.DataFrame({"a": k / 4, "b": [None, "x", "y, z"] * 8, "when": days, "y": ["no", "yes"] * 12})


def _saved(write: Callable[[Any], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def _texts() -> list[bytes]:
    plain = _frame().to_csv(index=False)
    return [
        plain.encode(), plain.replace(",", ";").replace(".", ",").encode("latin-1"), plain.encode("utf-16"),
        plain.replace(",", "\t").replace("\n", "\r\n").encode("utf-8-sig"), b"1;2\n3;4\n" * 8, b"sep=|\na|y\n1|2\n" * 6,
    ]  # fmt: skip


def _parquets() -> list[bytes]:
    frame = _frame()
    typed = frame.assign(b=frame["b"].astype("category"), when=pd.to_datetime(frame["when"]), c=frame["a"] > 2)
    return [_saved(lambda file, one=one: one.to_parquet(file)) for one in (frame, typed)]


def _pixels() -> tuple[Any, Any]:
    return np.arange(12 * 4 * 4, dtype=np.uint8).reshape(12, 4, 4), np.arange(12, dtype=np.uint8) % 2


def _npz() -> list[bytes]:
    x, y = _pixels()
    return [_saved(lambda file: np.savez(file, x=x, y=y)), _saved(lambda file: np.savez(file, x_train=x, y_train=y))]


def _idx_pair() -> list[bytes]:
    x, y = _pixels()
    labels = bytes([0, 0, 8, 1, 0, 0, 0, len(y)]) + y.tobytes()
    return [bytes([len(labels)]) + labels + bytes([0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 4, 0, 0, 0, 4]) + x.tobytes()]


def _mat() -> list[bytes]:
    from scipy.io import savemat

    x, y = _pixels()
    arrays = {"X": np.moveaxis(x[..., None], 0, -1), "y": y[:, None]}
    return [
        _saved(lambda file, packed=packed: savemat(file, arrays, do_compression=packed)) for packed in (False, True)
    ]


def _spaces() -> list[bytes]:
    from importlib.resources import files

    shipped = files("ffsearch.spaces")
    return [one.read_bytes() for one in shipped.iterdir() if one.name.endswith(".yaml")]


def _workbook() -> list[bytes]:
    return [_saved(lambda file: _frame().to_excel(file, index=False))]


def _arff() -> list[bytes]:
    head = b"% made\n@relation r\n@attribute a numeric\n@attribute 'b c' {x,'y z'}\n@attribute d date 'yyyy-MM-dd'\n"
    return [head + b"@data\n" + b"1,x,'2024-05-01'\n?,'y z','2024-05-02'\n" * 8, head + b"@data\n{0 1, 1 x}\n" * 12]


def _arrows() -> list[bytes]:
    from pyarrow import feather

    frame = _frame().assign(b=_frame()["b"].astype("category"))
    return [_saved(lambda file, how=how: feather.write_feather(frame, file, compression=how)) for how in (None, "lz4")]


def _databases() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.db")
        with contextlib.closing(sqlite3.connect(path)) as database:
            _frame().to_sql("t", database, index=False)
        return [path.read_bytes()]


def _jsons() -> list[bytes]:
    lines = [json.dumps(row) for row in _frame().to_dict("records")]
    return ["\n".join(lines).encode(), b'{"a": 1, "y": {"b": [1, null]}}\n' * 12]


def _logs() -> list[bytes]:
    lines = _run()["log.jsonl"].splitlines(keepends=True)
    return [b"".join(lines[:4]), b"".join(lines[:2] + lines[-3:])]


TARGETS: Final[Mapping[str, Target]] = {
    "csv": Target("t.csv", _table, _texts),
    "parquet": Target("t.parquet", _table, _parquets),
    "npz": Target("t.npz", _images, _npz, is_archive=True),
    "idx": Target("train-images-idx3-ubyte", _idx, _idx_pair),
    "mat": Target("train_32x32.mat", _images, _mat),
    "yaml": Target("space.yaml", _space, _spaces),
    "xlsx": Target("t.xlsx", _table, _workbook, is_archive=True),
    "arff": Target("t.arff", _table, _arff),
    "feather": Target("t.feather", _table, _arrows),
    "sqlite": Target("t.db", _table, _databases),
    "jsonl": Target("t.jsonl", _table, _jsons),
    "log": Target("log.jsonl", _log, _logs),
    "summary": Target("summary.json", _summary, lambda: [_run()["summary.json"]]),
    "keras": Target("model.keras", _model, lambda: [_run()["model/model.keras"]], is_archive=True),
}


def files_for(name: str) -> dict[str, bytes]:
    """What a target is begun with: seeds, and files that once broke its reader."""
    seeds = {f"seed-{place}": content for place, content in enumerate(TARGETS[name].seeds())}
    folder = HERE / "fuzz" / name
    kept = sorted(folder.iterdir()) if folder.is_dir() else []
    return seeds | {path.name: path.read_bytes() for path in kept}


def is_read_or_refused(name: str, content: bytes) -> None:
    """Read a file as the program does; only what it says itself is let pass."""
    target = TARGETS[name]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, target.name)
        path.write_bytes(content)
        with contextlib.suppress(FFSearchError):
            target.read(path)


# --- coverage-guided -------------------------------------------------------------------------------------------------

READERS: Final = (
    "ffsearch.search.data.prepare",
    "ffsearch.search.data.files.image_files",
    "ffsearch.search.data.files.sources",
    "ffsearch.search.folder.reader",
    "ffsearch.search.serving.packaged",
    "ffsearch.search.console.show",
    "ffsearch.spaces.loader",
)
"""Modules whose lines are followed, with all of ours that they import."""


def mutated_member(content: bytes, most: int, seed: int, mutate: Callable[[bytes, int], bytes]) -> bytes:
    """An archive one member of which is mutated; what is none is mutated itself."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # whatever the archive's own reader has to say of it
        members = {}
    if not members or seed % 8 == 0:
        return bytes(mutate(content, most))
    name = sorted(members)[seed // 8 % len(members)]
    members[name] = bytes(mutate(members[name], max(64, len(members[name]) + 16)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for each, member in members.items():
            archive.writestr(each, member)
    return buffer.getvalue()


def fuzz(name: str, seconds: int, seed: int, folder: Path) -> None:
    """Fuzz one target; libFuzzer ends the process, by 0 where nothing was found."""
    import atheris

    with atheris.instrument_imports(include=["ffsearch"], enable_loader_override=False):
        for reader in READERS:
            importlib.import_module(reader)
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for each, content in files_for(name).items():
        (corpus / each).write_bytes(content)
    options = [
        f"-max_total_time={seconds}", f"-seed={seed}", f"-timeout={LONGEST_S}", "-rss_limit_mb=6000",
        f"-max_len={MOST_BYTES}", f"-artifact_prefix={folder}/", "-print_final_stats=1",
    ]  # fmt: skip
    more: dict[str, Any] = {}
    if TARGETS[name].is_archive:
        more["custom_mutator"] = lambda content, most, draw: mutated_member(content, most, draw, atheris.Mutate)
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda content: is_read_or_refused(name, content), **more)
    atheris.Fuzz()


if __name__ == "__main__":
    asked = [*sys.argv[1:], "", "", "", ""]
    if Path(asked[1]).is_file():
        is_read_or_refused(asked[0], Path(asked[1]).read_bytes())
    else:
        with contextlib.ExitStack() as kept:
            place = asked[3] or kept.enter_context(tempfile.TemporaryDirectory())
            fuzz(asked[0], int(asked[1] or 20), int(asked[2] or 1), Path(place))
