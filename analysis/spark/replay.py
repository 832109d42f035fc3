"""Replays the traces of a fleet on a Spark cluster.

    spark-submit replay.py --traces DIR   --out RESULTS [--emit findings]
    spark-submit replay.py --table EVENTS --out RESULTS [--emit findings]

DIR is a folder of traces, one for each host and boot, that every worker sees under this
path. EVENTS is a Parquet table of rows as afreplay export --out events=FILE writes it, with
the columns host and boot_id: each combination is replayed by itself, in the order of seq.

Every trace goes through `afreplay filter`, which must be on the workers (--afreplay). The
results are two tables of Parquet, both partitioned by verdict:

    RESULTS/traces    a row for each trace: what became of it, after how many attempts
    RESULTS/findings  the rows of the table that --emit names, with those of the trace

The verdict is conforms, violations, inconclusive or failed. A trace is failed if it cannot
be read, or if the replay of it dies or takes longer than --timeout: twice, since it is tried
again once. Its error is in RESULTS/traces; the job goes on and exits with 3 at its end.
"""

import argparse
import os
import stat
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc

VERDICTS = {0: "conforms", 1: "violations", 4: "inconclusive"}
FAILED = "failed"
UNREADABLE = 3  # exit code of afreplay
ATTEMPTS = 2
TABLES = ("findings", "spans", "objects", "verdicts")

# Columns of a trace with the types that afreplay reads (docs/trace-format.md).
EVENT_COLUMNS = {
    **dict.fromkeys(("seq", "tid", "call_id", "adapter", "binding", "af", "sap", "vc", "party", "context", "context2", "lost"), pa.uint64()),
    "ts": pa.timestamp("ns", tz="UTC"),
    "ticks": pa.int64(),
    "cpu": pa.uint16(),
    "irql": pa.uint8(),
    **dict.fromkeys(("pid", "af_type", "af_major", "af_minor", "status"), pa.uint32()),
    **dict.fromkeys(("phase", "function", "driver", "source", "detail", "host", "boot_id"), pa.utf8()),
}

# What is known of a trace. These columns are in both tables.
TRACE_COLUMNS = [
    pa.field("trace", pa.utf8(), False),
    pa.field("host", pa.utf8()),
    pa.field("boot_id", pa.utf8()),
    pa.field("verdict", pa.utf8(), False),
]
# Only in the table of traces.
OUTCOME_COLUMNS = [
    pa.field("attempts", pa.int32(), False),
    pa.field("rows", pa.int64(), False),
    pa.field("error", pa.utf8()),
]
IS_TRACE = "is_trace"


def spark_type(t):
    """Spark has no unsigned numbers and counts time in microseconds; a handle needs 64 bits."""
    if t == pa.uint64():
        return pa.decimal128(20, 0)
    if t in (pa.uint8(), pa.uint16(), pa.uint32()):
        return pa.int64()
    if pa.types.is_timestamp(t):
        return pa.timestamp("us", tz="UTC")
    if pa.types.is_list(t):
        return pa.list_(spark_type(t.value_type))
    return t


def result_name(name):
    """The verdict of a finding is not that of its trace."""
    return "finding_verdict" if name == "verdict" else name


def table_columns(afreplay, emit):
    """The columns of the table that afreplay writes, of a trace without rows."""
    sink = pa.BufferOutputStream()
    needed = pa.schema([pa.field(n, EVENT_COLUMNS[n], False) for n in ("seq", "ts", "phase", "function", "source")])
    with ipc.new_stream(sink, needed):
        pass
    run = subprocess.run([afreplay, "filter", "--emit", emit], input=sink.getvalue().to_pybytes(), capture_output=True)
    if run.returncode not in VERDICTS:
        raise SystemExit(f"{afreplay} filter: exit code {run.returncode}: {run.stderr.decode(errors='replace')}")
    own = {"trace", "host", "boot_id"}
    return [f for f in ipc.open_stream(run.stdout).schema if f.name not in own]


class Replay:
    """What the workers do. It is sent to them, so it holds values only."""

    def __init__(self, afreplay, emit, options, timeout, columns):
        self.command = [afreplay, "filter", "--emit", emit, *options]
        self.timeout = timeout
        self.columns = columns
        fields = list(TRACE_COLUMNS) + [pa.field(IS_TRACE, pa.bool_(), False)] + list(OUTCOME_COLUMNS)
        fields += [pa.field(result_name(c.name), spark_type(c.type)) for c in columns]
        self.schema = pa.schema(fields)

    def attempt(self, path, out):
        """Replays the trace at path into the file out. Returns verdict, error, whether out counts."""
        with open(path, "rb") as trace, tempfile.TemporaryFile() as errors:
            run = subprocess.Popen(self.command, stdin=trace, stdout=out, stderr=errors)
            try:
                code = run.wait(self.timeout)
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
                return FAILED, f"no result after {self.timeout} s", False
            finally:
                if run.poll() is None:  # the task is cancelled
                    run.kill()
                    run.wait()
            errors.seek(0)
            error = errors.read(1 << 16).decode(errors="replace").strip()
        if code in VERDICTS:
            return VERDICTS[code], None, True
        if code < 0:
            return FAILED, f"afreplay was ended by signal {-code}: {error}", False
        return FAILED, error or f"afreplay ended with exit code {code}", code == UNREADABLE

    def world(self, path, trace, host, boot):
        """Yields batches for a trace: its rows of the table, then the row about it.

        The rows go through a file, so that memory does not grow with them, and those of an
        attempt that failed half-way are not passed on.
        """
        for attempts in range(1, ATTEMPTS + 1):
            with tempfile.TemporaryFile() as out:
                try:
                    verdict, error, counts = self.attempt(path, out)
                except FileNotFoundError as e:
                    if e.filename == self.command[0]:
                        raise  # no trace can be replayed here
                    verdict, error, counts = FAILED, str(e), False
                except OSError as e:
                    verdict, error, counts = FAILED, str(e), False
                if verdict == FAILED and attempts < ATTEMPTS:
                    continue
                rows = 0
                about = (trace, host, boot, verdict)
                # A trace that breaks off at its very beginning has not even a table.
                if counts and os.fstat(out.fileno()).st_size > 0:
                    out.seek(0)
                    for batch in ipc.open_stream(out):
                        rows += batch.num_rows
                        yield self.rows(batch, about)
                yield self.outcome(about, attempts, rows, error)
                return

    def rows(self, batch, about):
        n = batch.num_rows
        known = dict(zip((f.name for f in TRACE_COLUMNS), about))
        known.update({IS_TRACE: False, "attempts": 0, "rows": 0, "error": None})
        known = {name: pa.repeat(pa.scalar(v, self.schema.field(name).type), n) for name, v in known.items()}
        for c in self.columns:
            known[result_name(c.name)] = convert(batch.column(c.name), spark_type(c.type))
        return pa.RecordBatch.from_arrays([known[name] for name in self.schema.names], schema=self.schema)

    def outcome(self, about, attempts, rows, error):
        row = dict(zip((f.name for f in TRACE_COLUMNS), about))
        row.update({IS_TRACE: True, "attempts": attempts, "rows": rows, "error": error})
        return pa.RecordBatch.from_pylist([row], schema=self.schema)

    def files(self, batches):
        """For mapInArrow: each row is the path of a trace, and its name in the results."""
        for batch in batches:
            for path, trace in zip(batch.column("path").to_pylist(), batch.column("trace").to_pylist()):
                host, boot = origin(path)
                yield from self.world(path, trace, host, boot)

    def groups(self, batches):
        """For mapInArrow: rows of traces, sorted by host, boot_id and seq.

        The rows of a host and boot go to a file until another begins; it must be read twice
        if the first attempt fails.
        """
        key, spool, writer = None, None, None
        try:
            for batch in batches:
                batch = events(batch)
                keys = list(zip(batch.column("host").to_pylist(), batch.column("boot_id").to_pylist()))
                start = 0
                while start < len(keys):
                    end = start + 1
                    while end < len(keys) and keys[end] == keys[start]:
                        end += 1
                    if keys[start] != key:
                        if writer is not None:
                            writer.close()
                            yield from self.group(spool, key)
                            spool.close()
                        key, spool = keys[start], tempfile.NamedTemporaryFile(suffix=".arrows")
                        writer = ipc.new_stream(spool.name, batch.schema)
                    writer.write_batch(batch.slice(start, end - start))
                    start = end
            if writer is not None:
                writer.close()
                yield from self.group(spool, key)
        finally:
            if spool is not None:
                spool.close()

    def group(self, spool, key):
        host, boot = key
        yield from self.world(spool.name, f"{host or ''}/{boot or ''}", host, boot)


def convert(column, kind):
    if pa.types.is_decimal(kind):  # pyarrow has no cast from 64-bit numbers to fewer digits than they may need
        column = column.cast(pa.decimal128(20, 0))
    elif pa.types.is_list(kind):
        return pa.ListArray.from_arrays(column.offsets, convert(column.values, kind.value_type), mask=column.is_null() if column.null_count else None)
    elif pa.types.is_timestamp(kind):
        return pc.floor_temporal(column, unit="microsecond").cast(kind, safe=False)
    return column.cast(kind)


def origin(path):
    """Host and boot of a trace, None where it does not say or cannot be read."""
    try:
        with pa.OSFile(path) as f:
            # After its mark a file begins as a stream does, even one that breaks off before its footer.
            f.seek(8 if f.read(6) == b"ARROW1" else 0)
            schema = ipc.open_stream(f).schema
    except (OSError, pa.ArrowInvalid):
        return None, None
    said = schema.metadata or {}
    text = lambda key: said[key].decode(errors="replace") if key in said else None
    return text(b"aftrace.host"), text(b"aftrace.boot_id")


def events(batch):
    """The columns of a trace, with the types that Spark took away."""
    names = [n for n in batch.schema.names if n in EVENT_COLUMNS]
    return pa.RecordBatch.from_arrays([batch.column(n).cast(EVENT_COLUMNS[n]) for n in names], names=names)


def find(folder):
    """The traces in a folder and below, the largest first: they take longest.

    They are those of afreplay run FOLDER/...: no partly written ones, which begin with a dot,
    and no pipes. What cannot be read, a folder too, is a trace that will have failed.
    """
    found = []

    def add(path, size):
        found.append((-size, os.path.abspath(path), os.path.relpath(path, folder)))

    def unreadable(e):
        if e.filename == folder:
            raise SystemExit(f"{folder}: {e.strerror}")
        add(e.filename, 0)

    for parent, _, names in os.walk(folder, onerror=unreadable):
        for name in names:
            if name.startswith(".") or not name.lower().endswith((".arrow", ".arrows")):
                continue
            path = os.path.join(parent, name)
            try:
                status = os.stat(path)
            except OSError:
                add(path, 0)
                continue
            if stat.S_ISREG(status.st_mode):
                add(path, status.st_size)
    return [(path, trace) for _, path, trace in sorted(found)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = p.add_mutually_exclusive_group(required=True)
    source.add_argument("--traces", metavar="DIR", help="a folder of traces, the same on all workers")
    source.add_argument("--table", metavar="EVENTS", help="a Parquet table of rows with host and boot_id")
    p.add_argument("--out", required=True, help="folder of the results; it must not have any yet")
    p.add_argument("--emit", choices=TABLES, default="findings", help="the table beside that of traces")
    p.add_argument("--afreplay", default="afreplay", help="the command on the workers")
    p.add_argument("--option", action="append", default=[], metavar="FLAG", help="a flag for afreplay filter, such as --option=--allow-loss; may be repeated")
    p.add_argument("--timeout", type=float, default=3600, help="seconds that a trace may take")
    p.add_argument("--partitions", type=int, default=0, help="tasks to split the work into; 0 lets the job choose")
    args = p.parse_args()

    from pyspark import StorageLevel
    from pyspark.sql import SparkSession
    from pyspark.sql.pandas.types import from_arrow_schema

    spark = (
        SparkSession.builder.appName("aftrace replay")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.legacy.parquet.nanosAsLong", "true")  # times of events have nanoseconds
        .getOrCreate()
    )
    work = Replay(args.afreplay, args.emit, args.option, args.timeout, table_columns(args.afreplay, args.emit))
    schema = from_arrow_schema(work.schema)
    if args.traces:
        traces = find(args.traces)
        if not traces:
            raise SystemExit(f"{args.traces}: no .arrow or .arrows file in it")
        # Small tasks, so that a worker that dies takes little work with it.
        slices = args.partitions or min(len(traces), max(64, 16 * spark.sparkContext.defaultParallelism))
        dealt = [traces[i] for k in range(slices) for i in range(k, len(traces), slices)]
        paths = spark.createDataFrame(spark.sparkContext.parallelize(dealt, slices), "path string, trace string")
        results = paths.mapInArrow(work.files, schema)
    else:
        rows = spark.read.parquet(args.table)
        rows = rows.select([c for c in rows.columns if c in EVENT_COLUMNS])
        for key in ("host", "boot_id", "seq"):
            if key not in rows.columns:
                raise SystemExit(f"{args.table}: it has no column {key}")
        split = [args.partitions] if args.partitions else []
        rows = rows.repartition(*split, "host", "boot_id").sortWithinPartitions("host", "boot_id", "seq")
        results = rows.mapInArrow(work.groups, schema)

    # Both tables come from one pass. What a lost worker held of it is computed again.
    results = results.persist(StorageLevel.DISK_ONLY)
    about = [f.name for f in TRACE_COLUMNS]
    of_traces = results.where(IS_TRACE).select(*about, *(f.name for f in OUTCOME_COLUMNS))
    of_rows = results.where(f"NOT {IS_TRACE}").select(*about, *(result_name(c.name) for c in work.columns))
    for name, table in (("traces", of_traces), (args.emit, of_rows)):
        # Few files of a good size, whatever the number of tasks.
        table.hint("rebalance", "verdict").write.partitionBy("verdict").parquet(os.path.join(args.out, name))

    counts = dict(of_traces.groupBy("verdict").count().collect())
    total = sum(counts.values())
    print(f"{total} traces: " + ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items())))
    if args.traces and total != len(traces):
        raise SystemExit(f"{len(traces)} traces went in, {total} came out")
    spark.stop()
    return 3 if counts.get(FAILED) else 0


if __name__ == "__main__":
    sys.exit(main())
