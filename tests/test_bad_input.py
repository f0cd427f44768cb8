"""Everything a user can get wrong: a clear text in one place, exit code 2, no traceback, nothing written over."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ffsearch.search.cli import invoke
from systems import is_superuser

GOOD = "".join(f"{i % 7},{i % 5},{'yes' if i % 3 else 'no'}\n" for i in range(60))
SPACE = "kind: search\ndata: {source: sklearn:iris}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with a good table in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.csv").write_text("a,b,y\n" + GOOD)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(arguments: list[str], capfd: pytest.CaptureFixture[str], folder: Path) -> str:
    """The text a command line is refused with; it must change nothing on the disk."""
    before = contents(folder)
    code = invoke(arguments)
    told = capfd.readouterr()
    assert code == 2, told.err
    assert "Traceback" not in told.out + told.err
    assert contents(folder) == before
    assert told.err.startswith(("error: ", "Usage: "))
    return told.err


def write(folder: Path, name: str, content: str | bytes) -> None:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


SPACES: dict[str, tuple[str | bytes, str]] = {
    "unknown key": (SPACE + "serach: {trials: 3}\n", r"bad\.yaml:3:1.*serach.*search"),
    "unknown parameter": (SPACE + "space: {deepth: 3}\n", r"bad\.yaml:3.*deepth.*depth"),
    "inverted bounds": (
        SPACE + "space: {depth: {type: int, low: 5, high: 2}}\n",
        r"bad\.yaml:3:42: space\.depth\.high: 2 lies below low 5",
    ),
    "log from zero": (SPACE + "space: {l2: {type: float, low: 0.0, high: 1.0, log: true}}\n", r"log"),
    "unknown activation": (SPACE + "space: {activation: reul}\n", r"reul.*relu"),
    "dropout of one": (SPACE + "space: {dropout: 1.0}\n", r"dropout.*1\.0"),
    "trials not a number": (SPACE + "search: {trials: many}\n", r"search\.trials.*many"),
    "unknown sampler": (SPACE + "search: {sampler: tpee}\n", r"tpee.*tpe"),
    "bad budget": (SPACE + "search: {budget: soon}\n", r"budget.*soon"),
    "loss against task": (
        "data: {source: sklearn:iris, task: regression}\ntrain: {loss: binary_crossentropy}\n", r"regression",
    ),
    "tabs": ("data:\n\tsource: sklearn:iris\n", r"bad\.yaml:2.*[Tt]ab"),
    "not closed": ("data: {source: sklearn:iris\n", r"bad\.yaml:[12]"),
    "a key twice": (SPACE + "kind: search\n", r"kind"),
    "a list": ("- data\n", r"keys"),
    "empty": ("", r"empty"),
    "not UTF-8": (b"data: {source: caf\xe9.csv}\n", r"UTF-8"),
    "no data": ("kind: search\n", r"data"),
    "unknown kind": ("kind: serch\ndata: {source: sklearn:iris}\n", r"serch.*search"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPACES)
def test_space_files(case: str, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content, text = SPACES[case]
    write(here, "bad.yaml", content)
    said = refused(["run", "bad.yaml"], capfd, here)
    assert re.search(text, said), said


def gzipped_but_cut() -> bytes:
    return gzip.compress(("a,b,y\n" + GOOD).encode())[:40]


def table(**columns: object) -> str:
    return str(pd.DataFrame(columns).to_csv(index=False))


ROWS = np.arange(60)
TABLES: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", r"empty"),
    "header only": ("a,b,y\n", r"no (data )?rows|header"),
    "duplicate column names": ("a,a,y\n" + GOOD, r"'a'"),
    "ragged rows": ("a,b,y\n" + GOOD + "1,2,3,4,5\n", r"line 62|row"),
    "binary": (bytes(range(256)) * 20, r"bad\.csv"),
    "NUL bytes": ("a,b,y\n" + GOOD.replace("1,1,yes", "1,\0,yes"), r"NUL"),
    "torn quotes": ('a,b,y\n1,"2,yes\n' + GOOD, r"quote"),
    "one class": (table(a=ROWS % 7, y=["yes"] * 60), r"'y' is 'yes' in every row"),
    "NaN target": (table(a=ROWS % 7, y=[None if i == 4 else i % 2 for i in ROWS]), r"'y'.*missing"),
    "infinite target": (table(a=ROWS % 7, y=[float(i) if i != 9 else float("inf") for i in ROWS]), r"'y'.*infinite"),
    "all missing": (table(a=[None] * 60, y=ROWS % 2), r"no column that can be learnt from"),
    "constant": (table(a=[1] * 60, y=ROWS % 2), r"no column that can be learnt from.*constant"),
    "free text alone": (
        table(a=[f"a note of some length, number {i * 7919} of many" for i in ROWS], y=ROWS % 2),
        r"no column that can be learnt from",
    ),
    "three rows": ("a,y\n1,0\n2,1\n3,0\n", r"rows"),
    "target only": (table(y=ROWS % 2), r"no column that can be learnt from"),
    "cut gzip": (b"", r"gz"),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLES)
def test_tables(case: str, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content, text = TABLES[case]
    name = "bad.csv"
    if case == "cut gzip":
        name, content = "bad.csv.gz", gzipped_but_cut()
    write(here, name, content)
    said = refused(["run", "tabular", "--data", name, "--target", "y"], capfd, here)
    assert re.search(text, said, flags=re.DOTALL), said


FLAGS: dict[str, tuple[list[str], str]] = {
    "no such space": (["run", "tabulr"], r"tabulr.*tabular"),
    "no such file": (["run", "tabular", "--data", "nowhere.csv", "--target", "y"], r"nowhere\.csv"),
    "a folder as data": (["run", "tabular", "--data", ".", "--target", "y"], r"folder"),
    "wrong target": (["run", "tabular", "--data", "good.csv", "--target", "yy"], r"'yy'.*'y'"),
    "no target": (["run", "tabular", "--data", "good.csv", "--set", "data.target=null"], r"target.*a, b, y|--target"),
    "data in place of a space": (["run", "sklearn:irises"], r"irises.*iris"),
    "unknown sklearn table": (["run", "tabular", "--data", "sklearn:irises"], r"irises.*iris"),
    "bad --set": (["run", "tabular", "--set", "search.sampler"], r"path=value"),
    "--set of nothing": (["run", "tabular", "--set", "search.smpler=tpe"], r"smpler.*sampler"),
    "negative seed": (["run", "tabular", "--seed", "-1"], r"seed"),
    "no trials": (["run", "tabular", "--trials", "0"], r"--trials"),
    "bad budget": (["run", "tabular", "--budget", "soon"], r"--budget.*soon"),
    "objective against task": (
        ["run", "tabular", "--data", "good.csv", "--target", "y", "--set", "search.objective=rmse"], r"rmse.*binary",
    ),
    "huge share": (["run", "tabular", "--set", "data.test=1.5"], r"data\.test.*1\.5"),
    "more folds than rows": (
        ["run", "tabular", "--data", "good.csv", "--target", "y", "--set", "data.valid={folds: 90}"], r"90 folds",
    ),
    "groups not there": (["run", "tabular", "--set", "data.groups=clinic"], r"clinic"),
    "unknown flag": (["run", "tabular", "--trails", "3"], r"--trails"),
    "unknown command": (["rnu"], r"rnu"),
    "run folder is a file": (["run", "tabular", "--out", "good.csv"], r"good\.csv is a file"),
    "show without runs": (["show"], r"runs"),
    "show of no run": (["show", "nowhere"], r"nowhere"),
    "report of no run": (["report", "nowhere"], r"nowhere"),
}  # fmt: skip


@pytest.mark.parametrize("case", FLAGS)
def test_flags(case: str, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments, text = FLAGS[case]
    said = refused(arguments, capfd, here)
    assert re.search(text, said, flags=re.DOTALL), said


def test_a_folder_that_is_no_run(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (here / "letters").mkdir()
    write(here, "letters/dear.txt", "hello")
    assert "not a run folder" in refused(["run", "tabular", "--out", "letters"], capfd, here)
    assert "not a run folder" in refused(["run", "tabular", "--out", "letters", "--fresh"], capfd, here)


def test_all_faults_of_a_space_come_at_once(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(here, "bad.yaml", "data: {sorce: x}\nspace: {depth: 0}\nsearch: {trials: -3}\n")
    said = refused(["run", "bad.yaml"], capfd, here)
    assert all(word in said for word in ("sorce", "depth", "trials"))


@pytest.mark.parametrize("make", [lambda p: p.chmod(0o000)], ids=["no right to read"])
def test_a_file_that_may_not_be_read(
    make: Callable[[Path], None], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if is_superuser():
        pytest.skip("root may read everything")
    write(here, "closed.csv", "a,y\n1,2\n")
    make(here / "closed.csv")
    assert invoke(["run", "tabular", "--data", "closed.csv", "--target", "y"]) == 2
    assert "closed.csv" in capfd.readouterr().err


def test_two_tables_are_not_one(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    told = refused(["run", "good.csv", "--data", "other.csv", "--target", "y"], capfd, here)
    assert "Two tables are named: 'good.csv' and --data 'other.csv'" in " ".join(told.split())


@pytest.mark.parametrize("target", ["price, EUR", '"price, EUR"'])
def test_a_target_may_have_a_comma_in_its_name(target: str, here: Path) -> None:
    (here / "t.csv").write_text('a,b,"price, EUR"\n' + GOOD)
    assert invoke(["init", "t.csv", "--target", target, "--out", "t.yaml"]) == 0
    assert 'target: "price, EUR"' in (here / "t.yaml").read_text().replace("'", '"')
