// Package format is the aftrace trace: one row is one crossing of the boundary between a
// driver and NDIS. It holds the event, the Arrow schema (version 1), the writer, the
// reader, salvage and merge. It does not know where events come from or what they mean.
//
// # Files
//
// A trace is Arrow IPC: a file (.arrow, the format also called Feather 2) or a stream
// (.arrows). A live capture writes a stream, because its whole batches survive a crash, and
// Compact makes a file of it. The footer of a file and the end-of-stream marker of a stream
// prove a trace complete. Without them every whole batch is read and Reader.Truncated says
// so; that is no error. Data that contradicts itself is one: Next hands out the whole
// batches before it and then returns an *Error with its offset.
//
// The names of phases, functions and sources are dictionaries with signed indices. The
// Writer puts the whole vocabulary into them at the start and they never grow. Schema
// returns the schema; docs/trace-format.md says what the columns mean.
//
// # Units and nulls
//
// Time stamps are nanoseconds since the Unix epoch, UTC. Ticks are counts of the raw clock
// of the source, MetaTickFrequency of which make a second. Handles, statuses and AF types
// are the numbers that were seen; 0 is a value like any other. A nullable column carries a
// value in a row only if its bit is set in Has. What the fields of an Event or the elements
// of a Batch hold without it means nothing, and the Writer writes zeros in its place.
//
// # Safety
//
// The Reader takes input from anywhere. It checks the framing, every length, offset and
// index and the schema itself, before the Arrow library sees any of it, and counts all
// memory of a batch against ReaderOptions.MaxBatchBytes before it asks for it. It accepts
// what other tools write: columns in any order, nullable columns left out, strings plain,
// large, as views or in dictionaries of any index type, integers of any width, time stamps
// of any unit, LZ4 and ZSTD, and columns it does not know, which it keeps as Arrow arrays.
// What is wrong with single rows is repaired and counted, see Reader.Defects. After that,
// all values are in range and all strings valid UTF-8.
//
// # Errors
//
// Whatever refuses an input is an *Error: path, offset, reason, and a hint what to do. It
// wraps ErrNotTrace, ErrSchema, ErrVersion, ErrCorrupt, ErrTooLarge or an error of the
// operating system. An event that a Writer refuses is ErrEvent.
//
// # Concurrency
//
// Readers and Writers are for one goroutine each. Different ones are independent. A Batch,
// and the arrays of further columns, are valid until the next call of Next.
package format
