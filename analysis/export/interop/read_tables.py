"""Opens result tables with one reader and prints what it sees of each column as JSON.

Usage: read_tables.py pyarrow|polars|duckdb|pandas FILE...

The output is {file: {column: [nulls, sum]}} with numbers as decimal strings. The sum of a
column of text is that of its UTF-8 bytes; of times, of nanoseconds since the Unix epoch; of
truth, how often it is true; of lists, that of their values, and their number is a third
value.
"""

import json
import os
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq


def table(path):
    """Reads any of the files with pyarrow, and has it check every offset and length."""
    if path.endswith(".parquet"):
        t = pq.read_table(path)
    else:
        with pa.memory_map(path) as source:
            t = (ipc.open_file if path.endswith(".arrow") else ipc.open_stream)(source).read_all()
    t.validate(full=True)
    return t


def weigh(values):
    """The sum of Python values of one type, without rounding."""
    total = 0
    for v in values:
        if v is not None:
            total += len(v.encode()) if isinstance(v, str) else int(v)
    return str(total)


def see_pyarrow(path):
    seen = {}
    t = table(path)
    for name in t.column_names:
        c = t[name]
        nulls = str(c.null_count)
        if pa.types.is_list(c.type):
            values = pc.list_flatten(c)
            seen[name] = [nulls, weigh(values.to_pylist()), str(len(values))]
            continue
        if pa.types.is_timestamp(c.type):
            if c.type != pa.timestamp("ns", tz="UTC"):
                raise TypeError(f"{path}: {name} is {c.type}")
            c = c.cast(pa.int64())
        seen[name] = [nulls, weigh(c.to_pylist())]
    return seen


def see_polars(path):
    import polars as pl

    ext = os.path.splitext(path)[1]
    t = {".arrow": pl.read_ipc, ".arrows": pl.read_ipc_stream, ".parquet": pl.read_parquet}[ext](path)
    seen = {}
    for c in t.get_columns():
        nulls = str(c.null_count())
        if isinstance(c.dtype, pl.List):
            values = [v for row in c.to_list() if row is not None for v in row]
            seen[c.name] = [nulls, weigh(values), str(len(values))]
            continue
        if isinstance(c.dtype, pl.Datetime):
            if c.dtype != pl.Datetime("ns", "UTC"):
                raise TypeError(f"{path}: {c.name} is {c.dtype}")
            c = c.dt.epoch("ns")
        seen[c.name] = [nulls, weigh(c.to_list())]
    return seen


def see_duckdb(path):
    """The queries run in DuckDB over the table of pyarrow; Parquet it reads itself too."""
    import duckdb

    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.register("t", table(path))
    seen = query(db, "t")
    if path.endswith(".parquet"):
        quoted = path.replace("'", "''")
        if query(db, f"read_parquet('{quoted}')") != seen:
            raise ValueError(f"{path}: DuckDB reads it in another way than pyarrow")
    return seen


def query(db, source):
    seen = {}
    for name, kind, *_ in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall():
        column = '"' + name + '"'
        lengths = []
        if kind == "VARCHAR[]":
            weight, lengths = f"list_sum(list_transform({column}, lambda x: strlen(x)))", [f"len({column})"]
        elif kind.endswith("[]"):
            weight, lengths = f"list_sum({column})", [f"len({column})"]
        elif kind == "VARCHAR":
            weight = f"strlen({column})"
        elif kind.startswith("TIMESTAMP"):
            weight = f"epoch_ns({column})"
        else:
            weight = column
        sums = [f"coalesce(sum(({w})::HUGEINT), 0)::VARCHAR" for w in [weight, *lengths]]
        nulls = f"(count(*) - count({column}))::VARCHAR"
        seen[name] = list(db.execute(f"SELECT {nulls}, {', '.join(sums)} FROM {source}").fetchone())
    return seen


def see_pandas(path):
    """With the types of Arrow: NumPy has no 64-bit integers with nulls."""
    import pandas as pd

    if path.endswith(".arrow"):
        t = pd.read_feather(path, dtype_backend="pyarrow")
    elif path.endswith(".parquet"):
        t = pd.read_parquet(path, dtype_backend="pyarrow")
    else:
        t = table(path).to_pandas(types_mapper=pd.ArrowDtype)
    seen = {}
    for name in t.columns:
        c = t[name]
        nulls = str(int(c.isna().sum()))
        kind = c.dtype.pyarrow_dtype
        present = c.dropna()
        if pa.types.is_list(kind):
            values = [v for row in present for v in row]
            seen[name] = [nulls, weigh(values), str(len(values))]
            continue
        if pa.types.is_timestamp(kind):
            present = present.astype("int64[pyarrow]")
        seen[name] = [nulls, weigh(present.tolist())]
    return seen


if __name__ == "__main__":
    see = {"pyarrow": see_pyarrow, "polars": see_polars, "duckdb": see_duckdb, "pandas": see_pandas}[sys.argv[1]]
    json.dump({path: see(path) for path in sys.argv[2:]}, sys.stdout)
