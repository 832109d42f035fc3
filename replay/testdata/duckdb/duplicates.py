"""Finds duplicate registrations of an address family in a trace, and nothing else, with one
DuckDB query over what pyarrow maps of the file.

    python duplicates.py [--runs N] TRACE.arrow

It prints, as JSON, the number of duplicates and the seconds of each run. A run opens the
file anew. DuckDB has one thread, like the replay that it is compared with.
"""

import argparse
import json
import time

import duckdb
import pyarrow as pa
import pyarrow.ipc as ipc

# Of two successful registrations of one AF on one adapter the second is a duplicate, unless
# the adapter was closed by the binding that made the first one. The adapter of a binding is
# in the call that opens it.
QUERY = """
WITH calls AS (
  SELECT e.function, e.binding AS asked, r.binding AS given, e.adapter, e.af_type, e.seq, r.seq AS done
  FROM rows e JOIN rows r ON e.call_id = r.call_id
  WHERE e.phase = 'enter' AND r.phase = 'return' AND coalesce(r.status, 0) = 0
    AND e.function IN ('NdisOpenAdapterEx', 'NdisCloseAdapterEx',
      'NdisCmRegisterAddressFamilyEx', 'NdisMCmRegisterAddressFamilyEx')
), claims AS (
  SELECT c.seq, c.done, c.asked, c.af_type, coalesce(c.adapter, o.adapter) AS adapter,
    (SELECT min(x.seq) FROM calls x WHERE x.function = 'NdisCloseAdapterEx'
      AND x.asked = c.asked AND x.seq > c.seq) AS gone
  FROM calls c LEFT JOIN calls o ON o.function = 'NdisOpenAdapterEx' AND o.given = c.asked
  WHERE c.function LIKE '%RegisterAddressFamilyEx'
)
SELECT count(DISTINCT b.seq) FROM claims a JOIN claims b
  ON a.adapter = b.adapter AND a.af_type = b.af_type AND a.seq < b.seq
WHERE a.gone IS NULL OR a.gone > b.done
"""


def run(path):
    begun = time.perf_counter()
    with pa.memory_map(path) as source:
        rows = ipc.open_file(source).read_all()
        with duckdb.connect(config={"threads": 1}) as db:
            db.register("rows", rows)
            (duplicates,) = db.execute(QUERY).fetchone()
    return duplicates, time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("trace")
    args = parser.parse_args()
    runs = [run(args.trace) for _ in range(args.runs)]
    print(json.dumps({"duplicates": runs[0][0], "seconds": [seconds for _, seconds in runs]}))


main()
