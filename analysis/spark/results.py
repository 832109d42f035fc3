"""Prints the results of replay.py as JSON, for the test.

Usage: results.py RESULTS

The output is {"traces": {trace: {...}}, "findings": {trace: [[id, severity, verdict, events]]}}.
"""

import json
import sys

import pyarrow.dataset as ds

traces, findings = {}, {}
for row in ds.dataset(sys.argv[1] + "/traces", format="parquet", partitioning="hive").to_table().to_pylist():
    if row["trace"] in traces:
        raise SystemExit(f"{row['trace']} is there twice")
    traces[row["trace"]] = row
for row in ds.dataset(sys.argv[1] + "/findings", format="parquet", partitioning="hive").to_table().to_pylist():
    if row["verdict"] != traces[row["trace"]]["verdict"]:
        raise SystemExit(f"{row['trace']}: a finding lies with {row['verdict']}")
    finding = [row["id"], row["severity"], row["finding_verdict"], " ".join(str(e) for e in row["events"])]
    findings.setdefault(row["trace"], []).append(finding)
json.dump({"traces": traces, "findings": findings}, sys.stdout)
