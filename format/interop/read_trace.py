"""Reads a trace with pyarrow, or polars, and prints what it sees as JSON.

Usage: read_trace.py TRACE [polars]

The output is {"schema": {column: [type, nullable]}, "metadata": {...}, "rows": [{...}]} with
numbers as decimal strings and ts as nanoseconds since the Unix epoch.
"""

import json
import sys

import pyarrow as pa
import pyarrow.ipc as ipc


def read(path):
    """Returns the table and the metadata, that of single batches included."""
    late = {}
    if path.endswith(".arrow"):
        with pa.memory_map(path) as source:
            reader = ipc.open_file(source)
            batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
            schema = reader.schema
            t = pa.Table.from_batches(batches, schema)
            t.validate(full=True)
            return t, metadata(schema.metadata, late)
    with pa.OSFile(path) as source:
        reader = ipc.open_stream(source)
        batches = []
        while True:
            try:
                batch, custom = reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                break
            late.update(custom or {})
            batches.append(batch)
        t = pa.Table.from_batches(batches, reader.schema)
        t.validate(full=True)
        return t, metadata(reader.schema.metadata, late)


def metadata(first, late):
    md = {k.decode(): v.decode() for k, v in (first or {}).items()}
    md.update({k.decode(): v.decode() for k, v in late.items()})
    return md


def rows(t):
    columns = {}
    for name in t.column_names:
        c = t[name]
        if pa.types.is_dictionary(c.type):
            c = c.cast(pa.string())
        if pa.types.is_timestamp(c.type):
            c = c.cast(pa.int64())
        columns[name] = [None if v is None else str(v) for v in c.to_pylist()]
    return [{n: columns[n][i] for n in columns if columns[n][i] is not None} for i in range(t.num_rows)]


if __name__ == "__main__":
    if sys.argv[2:] == ["polars"]:
        import polars as pl
        frame = (pl.read_ipc if sys.argv[1].endswith(".arrow") else pl.read_ipc_stream)(sys.argv[1])
        frame = frame.with_columns(pl.col("ts").dt.epoch("ns"))
        out = {"rows": [{k: str(v) for k, v in row.items() if v is not None} for row in frame.to_dicts()]}
    else:
        t, md = read(sys.argv[1])
        schema = {f.name: [str(f.type), f.nullable] for f in t.schema}
        out = {"schema": schema, "metadata": md, "rows": rows(t)}
    json.dump(out, sys.stdout)
