"""Reads an .etl file with the Python package etl-parser, for comparison with this package.

    compare_etl_parser.py FILE         one JSON object a record, in file order
    compare_etl_parser.py --time FILE  number of records and seconds for parsing alone

etl-parser leaves out the first buffer, knows neither ERROR, INSTANCE nor compressed buffers,
and of MESSAGE records only those whose options are GUID and SYSTEMINFO.
Needs what requirements.txt beside this file names.
"""

import json
import sys
import time
import uuid

try:
    from etl.etl import IEtlFileObserver, build_from_stream
except ImportError as e:
    sys.exit(f"etl-parser is not installed: {e}")


def guid(g):
    g = g.inner
    return str(uuid.UUID(fields=(g.data1, g.data2, g.data3, g.data4[0], g.data4[1],
                                 int.from_bytes(bytes(g.data4[2:]), "big"))))


class Print(IEtlFileObserver):
    def put(self, **record):
        json.dump(record, sys.stdout)
        sys.stdout.write("\n")

    def on_event_record(self, event):
        h = event.source.event_header
        d = h.event_descriptor
        self.put(kind={"EVENT_HEADER_EVENT32": "EVENT32", "EVENT_HEADER_EVENT64": "EVENT64"}[str(h.marker.type.enum)],
                 provider=guid(h.provider_id), id=d.Id, version=d.Version, channel=d.Channel, level=d.Level,
                 opcode=d.Opcode, task=d.Task, keyword=d.Keyword, clock=h.timestamp, pid=event.get_process_id(),
                 tid=event.get_thread_id(), activity=guid(h.activity_id),
                 items=[{"type": i.ext_type, "data": bytes(i.data_item).hex()} for i in event.source.extended_data or []],
                 data=bytes(event.source.user_data).hex())

    def on_trace_record(self, event):
        h = event.source.event_header
        c = h["class"]
        self.put(kind={"TRACE_HEADER_TYPE_FULL_HEADER32": "FULL32", "TRACE_HEADER_TYPE_FULL_HEADER64": "FULL64"}[str(h.marker.type.enum)],
                 provider=guid(h.guid), id=c.type, version=c.version, level=c.level, clock=h.timestamp,
                 pid=event.get_process_id(), tid=event.get_thread_id(), data=bytes(event.source.user_data).hex())

    def on_perfinfo_trace(self, event):
        h = event.source
        self.put(kind={"PERFINFO_TRACE_MARKER_32": "PERFINFO32", "PERFINFO_TRACE_MARKER_64": "PERFINFO64"}[str(h.marker.type.enum)],
                 id=int(h.header.group) << 8 | h.header.type, version=h.marker.version, clock=h.timestamp,
                 data=bytes(h.mof_data).hex())

    def on_system_trace(self, event):
        h = event.source.system_header
        names = {"SYSTEM_TRACE_MARKER_32": "SYSTEM32", "SYSTEM_TRACE_MARKER_64": "SYSTEM64",
                 "COMPACT_TRACE_MARKER_32": "COMPACT32", "COMPACT_TRACE_MARKER_64": "COMPACT64"}
        self.put(kind=names[str(h.marker.type.enum)], id=int(h.header.group) << 8 | h.header.type, version=h.marker.version,
                 clock=h.system_time, pid=event.get_process_id(), tid=event.get_thread_id(),
                 data=bytes(event.source.mof_data).hex())

    def on_win_trace(self, event):
        h = event.source.event_header
        self.put(kind="MESSAGE", provider=guid(h.provider_id), id=h.event_id, pid=event.get_process_id(),
                 tid=event.get_thread_id(), data=bytes(event.source.user_data).hex())


class Count(IEtlFileObserver):
    def __init__(self):
        self.n = 0

    def on_event_record(self, event):
        self.n += 1

    on_trace_record = on_perfinfo_trace = on_system_trace = on_win_trace = on_event_record


def main(args):
    timed = args[:1] == ["--time"]
    if len(args) != 1 + timed:
        sys.exit(__doc__)
    with open(args[-1], "rb") as f:
        data = f.read()
    if not timed:
        build_from_stream(data).parse(Print())
        return
    count = Count()
    start = time.perf_counter()
    build_from_stream(data).parse(count)
    print(count.n, time.perf_counter() - start)


if __name__ == "__main__":
    main(sys.argv[1:])
