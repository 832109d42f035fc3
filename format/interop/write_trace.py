"""Writes a trace with pyarrow or polars from the table of columns alone.

Usage: write_trace.py ROWS.json OUT VARIANT

ROWS.json is a list of objects, column name to value; numbers of any size are decimal
strings, ts is nanoseconds since the Unix epoch. VARIANT is one of VARIANTS.
"""

import json
import sys

import pyarrow as pa
import pyarrow.ipc as ipc

UINT = {
    "seq": pa.uint64(), "cpu": pa.uint16(), "pid": pa.uint32(), "tid": pa.uint64(), "irql": pa.uint8(),
    "call_id": pa.uint64(), "adapter": pa.uint64(), "binding": pa.uint64(), "af": pa.uint64(),
    "sap": pa.uint64(), "vc": pa.uint64(), "party": pa.uint64(), "context": pa.uint64(),
    "context2": pa.uint64(), "af_type": pa.uint32(), "af_major": pa.uint32(), "af_minor": pa.uint32(),
    "status": pa.uint32(), "lost": pa.uint64(),
}
NAMES = {"phase": pa.int8(), "function": pa.int16(), "source": pa.int8()}
TEXTS = ["driver", "detail"]
COLUMNS = [
    "seq", "ts", "ticks", "cpu", "pid", "tid", "irql", "phase", "function", "call_id", "driver", "adapter",
    "binding", "af", "sap", "vc", "party", "context", "context2", "af_type", "af_major", "af_minor",
    "status", "lost", "source", "detail",
]
REQUIRED = ["seq", "ts", "phase", "function", "source"]


def column(rows, name, names=None, text=pa.string()):
    values = [row.get(name) for row in rows]
    if name == "ts":
        return pa.array([int(v) for v in values], pa.int64()).cast(pa.timestamp("ns", tz="UTC"))
    if name == "ticks":
        return pa.array([None if v is None else int(v) for v in values], pa.int64())
    if name in UINT:
        return pa.array([None if v is None else int(v) for v in values], UINT[name])
    if name in NAMES:
        index = (names or NAMES)[name]
        if index is None:
            return pa.array(values, text)
        dictionary = sorted(set(values))
        return pa.DictionaryArray.from_arrays(
            pa.array([dictionary.index(v) for v in values], index), pa.array(dictionary, text))
    return pa.array(values, text)


def table(rows, **how):
    arrays = [column(rows, name, **how) for name in COLUMNS]
    fields = [pa.field(n, a.type, nullable=n not in REQUIRED) for n, a in zip(COLUMNS, arrays)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, {"aftrace.schema_version": "1", "aftrace.host": "py"}))


def write(t, out, file, batch=None, **options):
    make = ipc.new_file if file else ipc.new_stream
    with make(out, t.schema, options=ipc.IpcWriteOptions(**options)) as w:
        w.write_table(t, max_chunksize=batch)


def polars(rows, out, file, **options):
    import polars as pl
    frame = pl.from_arrow(table(rows, names={n: None for n in NAMES}))
    frame = frame.with_columns([pl.col(n).cast(pl.Categorical) for n in ("phase", "source")])
    if file:
        frame.write_ipc(out, **options)
    else:
        frame.write_ipc_stream(out, **options)


def sliced(rows, out):
    """Slices of a larger table: offsets do not begin at 0."""
    t = table(rows + rows[:7])
    with ipc.new_stream(out, t.schema) as w:
        for i in range(0, len(rows), 9):
            w.write_table(t.slice(i, min(9, len(rows) - i)))


def replaced(rows, out):
    """Every batch brings dictionaries of its own."""
    half = len(rows) // 2
    a, b = table(rows[:half]), table(rows[half:])
    with ipc.new_stream(out, a.schema) as w:
        w.write_table(a)
        w.write_table(b)


def further(rows, out):
    """A data set: further columns of its own."""
    t = table(rows)
    t = t.append_column("host", pa.array(["h%d" % (i % 3) for i in range(len(rows))]).dictionary_encode())
    t = t.append_column("nested", pa.array([{"a": [i, None], "b": str(i)} for i in range(len(rows))]))
    write(t.select(list(reversed(t.column_names))), out, True)


VARIANTS = {
    "file": lambda r, o: write(table(r), o, True),
    "stream": lambda r, o: write(table(r), o, False, batch=10),
    "zstd": lambda r, o: write(table(r), o, True, compression="zstd"),
    "lz4": lambda r, o: write(table(r), o, True, compression="lz4", batch=20),
    "plain": lambda r, o: write(table(r, names={n: None for n in NAMES}), o, True),
    "large": lambda r, o: write(table(r, text=pa.large_string()), o, False),
    "views": lambda r, o: write(table(r, names={n: None for n in NAMES}, text=pa.string_view()), o, True),
    "unsigned": lambda r, o: write(table(r, names={n: pa.uint32() for n in NAMES}), o, False),
    "wide": lambda r, o: write(table(r, names={n: pa.int64() for n in NAMES}, text=pa.large_string()), o, True),
    "v4": lambda r, o: write(table(r), o, True, metadata_version=ipc.MetadataVersion.V4),
    "sliced": sliced,
    "replaced": replaced,
    "further": further,
    "polars file": lambda r, o: polars(r, o, True),
    "polars zstd": lambda r, o: polars(r, o, True, compression="zstd"),
    "polars lz4": lambda r, o: polars(r, o, True, compression="lz4"),
    "polars stream": lambda r, o: polars(r, o, False),
    "polars old": lambda r, o: polars(r, o, True, compat_level=oldest()),
    "empty": lambda r, o: write(table(r[:0]), o, True),
    "empty stream": lambda r, o: write(table(r[:0]), o, False),
}


def oldest():
    import polars as pl
    return pl.CompatLevel.oldest()


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as f:
        VARIANTS[sys.argv[3]](json.load(f), sys.argv[2])
