"""Tables of databases: an address that names a table or holds a query, or a file of SQLite or DuckDB.

    sqlite:///shop.db?table=sales                     postgresql://me@host/db?table=shop.sales
    sqlite:///shop.db?query=SELECT a, y FROM sales    duckdb:///shop.duckdb?table=sales

Addresses stand in space files and run folders, so a password has no place in them: it is taken from the environment.
Nothing is written: files are opened for reading alone, and a query is one SELECT.
"""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlencode

from ffsearch.errors import DataError
from ffsearch.search.base.secrets import without_passwords
from ffsearch.search.base.texts import first_line

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PASSWORD", "address_of", "is_address", "read_database"]

PASSWORD: Final = "FFSEARCH_DATA_PASSWORD"
"""The environment variable with the password of a database that a table is read from."""

_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}
"""What speaks to a server whose address names no driver: those that our extras install."""

_ADDRESS: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+]*)://", re.IGNORECASE)
_QUERY: Final = re.compile(r"\s*(?:select|with)\b(?:[^;]|;\s*$)*", re.IGNORECASE)
_HOW: Final = "Write sqlite:///FILE.db?table=NAME, or ?query=SELECT ... in its place."


def is_address(source: str) -> bool:
    """Whether a source is written as an address, `scheme://`."""
    return _ADDRESS.match(source) is not None


def address_of(path: Path, payload: bytes) -> str | None:
    """The address of a file that is a database; None where it is none."""
    if payload.startswith(b"SQLite format 3\0"):
        return f"sqlite:///{_in_address(path)}"
    if payload[8:12] == b"DUCK":
        return f"duckdb:///{_in_address(path)}"
    return None


def _in_address(path: Path | str) -> str:
    """A path as an address has it, whose signs of its own are escaped."""
    return str(path).replace("%", "%25").replace("?", "%3F").replace("#", "%23")


def read_database(source: str) -> pd.DataFrame:
    """The rows of a table or query.

    Args:
        source: An address; without a table a database that holds but one gives that.

    Raises:
        DataError: If it is no database that can be read, or has no such table.
    """
    address, _, asked = source.partition("?")
    scheme = address.partition("://")[0].lower()
    if scheme in ("http", "https", "ftp", "s3", "gs", "file"):
        raise DataError(
            f"{without_passwords(source)} is an address of the web, and tables are read from files: download it first "
            "(curl -LO ADDRESS), and give the file."
        )
    if without_passwords(source) != source:
        raise DataError(
            f"{without_passwords(source)} holds a password, and addresses stand in space files and run folders. Leave "
            f"it out, and set {PASSWORD} in the environment."
        )
    options = dict(parse_qsl(asked, keep_blank_values=True)) if "query=" not in asked else _with_query(asked)
    table, query = options.pop("table", None), options.pop("query", None)
    if table is not None and query is not None:
        raise DataError(f"{source} names a table and a query. Leave one of them out.")
    if query is not None and _QUERY.fullmatch(query) is None:
        raise DataError(f"{query!r} is not one SELECT. {_HOW}")
    read = _read_duckdb if scheme == "duckdb" else _read_sqlalchemy
    return read(f"{address}?{urlencode(options)}" if options else address, table=table, query=query)


def _with_query(asked: str) -> dict[str, str]:
    """Options of which the last is a query, which may hold any sign."""
    before, _, query = asked.partition("query=")
    return {**dict(parse_qsl(before)), "query": unquote(query)}


def _refuse_no_file(path: str) -> None:
    if not Path(path).is_file():
        raise DataError(f"There is no database {path!r}. {_HOW}")


def _chosen(tables: list[str], wanted: str | None, database: str) -> str:
    """The table that is meant.

    Raises:
        DataError: If it is not there, or none is named and there are several.
    """
    if wanted in tables:
        return str(wanted)
    if wanted is None and len(tables) == 1:
        return tables[0]
    shown = ", ".join(map(repr, tables[:20])) or "none"
    near = get_close_matches(str(wanted), tables, n=1)
    told = f"has no table {wanted!r}{f' (is it {near[0]!r}?)' if near else ''}" if wanted else "holds several tables"
    raise DataError(f"{database} {told}. Its tables: {shown}. Name one: {database}?table=NAME.")


def _read_sqlalchemy(address: str, *, table: str | None, query: str | None) -> pd.DataFrame:
    import pandas as pd
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

    try:
        url = sa.make_url(address)
        if url.get_backend_name() == "sqlite" and url.database:
            _refuse_no_file(url.database)
            url = url.set(database=f"file:{_in_address(url.database)}").update_query_dict({"mode": "ro", "uri": "true"})
        elif os.environ.get(PASSWORD):
            url = url.set(password=os.environ[PASSWORD])
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        engine = sa.create_engine(url)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise DataError(f"{address} is no address of a database: {first_line(error)}. {_HOW}") from None
    except ImportError as error:
        raise DataError(
            f"What speaks to {address} is not installed ({error}): pip install 'ffsearch[postgres]' "
            "or 'ffsearch[mysql]'."
        ) from None
    try:
        with engine.connect() as connection:
            if query is not None:
                return pd.read_sql_query(sa.text(query.replace(":", r"\:")), connection)
            inspected = sa.inspect(connection)
            names = [*inspected.get_table_names(), *inspected.get_view_names()]
            schema, _, own = (table or "").rpartition(".")
            if schema and table not in names and schema in inspected.get_schema_names():
                names = [*inspected.get_table_names(schema), *inspected.get_view_names(schema)]
                chosen = sa.table(_chosen(names, own, address), schema=schema)
            else:
                chosen = sa.table(_chosen(names, table, address))
            return pd.read_sql_query(sa.select(sa.text("*")).select_from(chosen), connection)
    except (SQLAlchemyError, ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        hidden = without_passwords(first_line(getattr(error, "orig", None) or error), of=str(url))
        raise DataError(f"{address} cannot be read: {hidden}. Check its address, table and query.") from None
    finally:
        engine.dispose()


def _read_duckdb(address: str, *, table: str | None, query: str | None) -> pd.DataFrame:
    try:
        import duckdb
    except ImportError:
        raise DataError(
            f"{address} is a database of DuckDB, and what reads it is not installed: pip install 'ffsearch[duckdb]'."
        ) from None
    from ffsearch.search.data.files.frames import as_pandas

    path = address.partition("?")[0].removeprefix("duckdb:///")
    path = path if Path(path).is_file() else unquote(path)
    _refuse_no_file(path)
    try:
        connection = duckdb.connect(path, read_only=True)
    except duckdb.Error as error:
        raise DataError(f"{path!r} is no database of DuckDB that can be read: {first_line(error)}.") from None
    try:
        if query is None:
            name = _chosen([row[0] for row in connection.execute("SHOW TABLES").fetchall()], table, address)
            query = f"SELECT * FROM {_quoted(name)}"
        result: Any = connection.sql(query).to_arrow_table()
        return as_pandas(result, what=address)
    except duckdb.Error as error:
        raise DataError(f"{address} cannot be read: {first_line(error)}. Check its table and query.") from None
    finally:
        connection.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
