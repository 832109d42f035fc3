// Writes a trace with apache-arrow from the table of columns alone.
//
// Usage: node write_trace.mjs ROWS.json OUT file|stream
//
// ROWS.json is a list of objects, column name to value; numbers are decimal strings, ts is
// nanoseconds since the Unix epoch.
import { readFileSync, writeFileSync } from "node:fs";
import {
  Dictionary, Field, Int16, Int64, Int8, RecordBatch, Schema, Struct, Table, TimeUnit, Timestamp, Uint16, Uint32, Uint64,
  Uint8, Utf8, makeBuilder, makeData, tableToIPC,
} from "apache-arrow";

const types = {
  seq: new Uint64(), ts: new Timestamp(TimeUnit.NANOSECOND, "UTC"), ticks: new Int64(), cpu: new Uint16(),
  pid: new Uint32(), tid: new Uint64(), irql: new Uint8(), phase: new Dictionary(new Utf8(), new Int8(), 0),
  function: new Dictionary(new Utf8(), new Int16(), 1), call_id: new Uint64(), driver: new Utf8(), adapter: new Uint64(),
  binding: new Uint64(), af: new Uint64(), sap: new Uint64(), vc: new Uint64(), party: new Uint64(),
  context: new Uint64(), context2: new Uint64(), af_type: new Uint32(), af_major: new Uint32(), af_minor: new Uint32(),
  status: new Uint32(), lost: new Uint64(), source: new Dictionary(new Utf8(), new Int8(), 2), detail: new Utf8(),
};
const required = ["seq", "ts", "phase", "function", "source"];

const [rowsPath, out, format] = process.argv.slice(2);
const rows = JSON.parse(readFileSync(rowsPath, "utf8"));

function column(name, type) {
  if (name === "ts") {
    // The setters of timestamps take milliseconds; the buffer holds nanoseconds.
    return makeData({ type, length: rows.length, nullCount: 0, data: BigInt64Array.from(rows, (r) => BigInt(r.ts)) });
  }
  const builder = makeBuilder({ type, nullValues: [null] });
  for (const row of rows) {
    const v = row[name] ?? null;
    if (v === null || type instanceof Utf8 || type instanceof Dictionary) builder.append(v);
    else builder.append(type.bitWidth === 64 ? BigInt(v) : Number(v));
  }
  return builder.finish().flush();
}

const fields = Object.entries(types).map(([name, type]) => new Field(name, type, !required.includes(name)));
const schema = new Schema(fields, new Map([["aftrace.schema_version", "1"], ["aftrace.host", "js"]]));
const children = fields.map((f) => column(f.name, f.type));
const data = makeData({ type: new Struct(fields), length: rows.length, nullCount: 0, children });
writeFileSync(out, tableToIPC(new Table(schema, [new RecordBatch(schema, data)]), format));
