// Reads a trace with apache-arrow and prints what it sees as JSON.
//
// Usage: node read_trace.mjs TRACE
//
// The output is {"schema": {column: [type, nullable]}, "metadata": {...}, "rows": [{...}]} with
// numbers as decimal strings and ts as nanoseconds since the Unix epoch.
import { readFileSync } from "node:fs";
import { DataType, tableFromIPC } from "apache-arrow";

const table = tableFromIPC(readFileSync(process.argv[2]));
const schema = {};
for (const f of table.schema.fields) schema[f.name] = [String(f.type), f.nullable];

const rows = [];
for (const batch of table.batches) {
  const first = rows.length;
  for (let i = 0; i < batch.numRows; i++) rows.push({});
  table.schema.fields.forEach((field, k) => {
    const vector = batch.getChildAt(k);
    // The getter of a timestamp rounds to milliseconds; its buffer does not.
    const raw = DataType.isTimestamp(field.type) ? vector.data[0].values : null;
    for (let i = 0; i < batch.numRows; i++) {
      const v = vector.get(i);
      if (v !== null) rows[first + i][field.name] = String(raw ? raw[i] : v);
    }
  });
}
console.log(JSON.stringify({ schema, metadata: Object.fromEntries(table.schema.metadata), rows }));
