"""Tables of servers: read by their address through the command, the password from the environment and never shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

import mariadb
import postgres
from ffsearch.errors import DataError
from ffsearch.search.cli import invoke
from ffsearch.search.data.files.databases import PASSWORD, read_database
from ffsearch.search.data.kinds import Kind
from ffsearch.search.data.prepare import prepare
from ffsearch.spaces.schema import DataSpec

N = 80
TABLE = pd.DataFrame(
    {
        "size": np.arange(N) * 0.5,
        "city": [None if place % 9 == 0 else ["Bern", "S\u00e3o Paulo"][place % 2] for place in range(N)],
        "is_new": np.arange(N) % 3 == 0,
        "day": pd.date_range("2024-01-01", periods=N),
        "y": np.arange(N) * 1.25 + np.arange(N) % 3,
    }
)


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that holds the table, its address without a password."""
    folder = tmp_path_factory.mktemp("server")
    if request.param == "postgresql":
        if postgres.binaries() is None:
            pytest.skip("needs PostgreSQL's initdb and pg_ctl")
        with postgres.running(folder) as server:
            yield filled(server.url())
    elif not mariadb.is_installed():
        pytest.skip("needs MariaDB's mariadbd, mariadb and mariadb-install-db")
    else:
        with mariadb.running(folder) as database:
            yield filled(database.url())


def filled(url: str) -> str:
    engine = sa.create_engine(url)
    TABLE.to_sql("sales", engine, index=False)
    with engine.begin() as connection:
        if engine.name == "postgresql":
            connection.execute(sa.text("CREATE SCHEMA shop"))
            connection.execute(sa.text("CREATE TABLE shop.more AS SELECT * FROM sales"))
    engine.dispose()
    return url.replace(f":{postgres.QUOTED}@", "@").replace("+psycopg", "").replace("+pymysql", "")


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD, postgres.PASSWORD)


def test_a_table_of_a_server_is_that_of_its_csv(address: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    TABLE.to_csv(path, index=False)
    own, expected = (
        prepare(DataSpec(source=source, target="y", test=None), seed=0)
        for source in (f"{address}?table=sales", str(path))
    )
    np.testing.assert_array_equal(own.fit_all().x, expected.fit_all().x)
    assert [one.kind for one in own.columns] == [Kind.NUMBER, Kind.CATEGORY, Kind.BOOLEAN, Kind.DATE]
    assert len(read_database(f"{address}?query=SELECT size, y FROM sales WHERE size > 10")) == N - 21
    if address.startswith("postgresql"):
        assert len(read_database(f"{address}?table=shop.more")) == N


def test_the_command_reads_it_and_nothing_it_leaves_holds_the_password(
    address: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    quick = ["--trials", "1", "--set", "train.max_epochs=2", "--set", "evidence=none"]
    source = f"{address}?table=sales"
    assert invoke(["run", "tabular", "--data", source, "--target", "y", "--out", str(out), *quick]) == 0
    assert invoke(["predict", str(out), source, "--out", str(tmp_path / "answers.csv")]) in (0, 2)
    shown = "".join(capfd.readouterr())
    kept = "".join(path.read_bytes().decode("latin-1") for path in out.rglob("*") if path.is_file())
    assert not any(secret in text for secret in (postgres.PASSWORD, postgres.QUOTED) for text in (shown, kept))


def test_refusals_do_not_show_it(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"has no table 'sale' \(is it 'sales'\?\)"):
        read_database(f"{address}?table=sale")
    monkeypatch.setenv(PASSWORD, f"{postgres.PASSWORD}-wrong")
    with pytest.raises(DataError, match="cannot be read") as refused:
        read_database(f"{address}?table=sales")
    assert postgres.PASSWORD not in str(refused.value)
