// Opens result tables with apache-arrow and prints what it sees of each column as JSON.
//
// Usage: node read_tables.mjs FILE...
//
// The output is that of read_tables.py. The package reads both formats of Arrow, no Parquet.
import { readFileSync } from "node:fs";
import { DataType, tableFromIPC } from "apache-arrow";

const weight = (v) => (typeof v === "string" ? BigInt(Buffer.byteLength(v)) : BigInt(v));

const seen = {};
for (const path of process.argv.slice(2)) {
  const table = tableFromIPC(readFileSync(path));
  const columns = (seen[path] = {});
  table.schema.fields.forEach((field, k) => {
    let sum = 0n, nulls = 0, length = 0;
    for (const batch of table.batches) {
      const vector = batch.getChildAt(k);
      // The getter of a timestamp rounds to milliseconds; its buffer does not.
      const raw = DataType.isTimestamp(field.type) ? vector.data[0].values : null;
      nulls += vector.nullCount;
      for (let i = 0; i < batch.numRows; i++) {
        const v = vector.get(i);
        if (v === null) continue;
        if (raw) sum += raw[i];
        else if (DataType.isList(field.type)) for (const x of v) (sum += weight(x)), length++;
        else sum += weight(v);
      }
    }
    columns[field.name] = [String(nulls), String(sum)];
    if (DataType.isList(field.type)) columns[field.name].push(String(length));
  });
}
console.log(JSON.stringify(seen));
