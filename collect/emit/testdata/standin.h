#pragma once
/* What aftrace.h needs of Windows, for a build on another system. The call that writes an
   event prints its descriptor and its data. */
#include <stddef.h>
#include <stdint.h>
typedef uint8_t UCHAR;
typedef uint16_t USHORT;
typedef uint32_t ULONG;
typedef int32_t LONG;
typedef int64_t LONG64;
typedef uint64_t ULONG64, ULONGLONG;
typedef uintptr_t ULONG_PTR;
typedef uint64_t REGHANDLE;
#define __inline inline
typedef struct { ULONG Data1; USHORT Data2, Data3; UCHAR Data4[8]; } GUID;
typedef struct { USHORT Id; UCHAR Version, Channel, Level, Opcode; USHORT Task; ULONGLONG Keyword; } EVENT_DESCRIPTOR;
typedef struct { ULONGLONG Ptr; ULONG Size, Reserved; } EVENT_DATA_DESCRIPTOR;
ULONG StandInRegister(const GUID *provider, REGHANDLE *handle);
ULONG StandInWrite(REGHANDLE handle, const EVENT_DESCRIPTOR *event, ULONG count, const EVENT_DATA_DESCRIPTOR *data);
extern int StandInEnabled;
#define AFTRACE_REGISTER(g, h)    StandInRegister((g), (h))
#define AFTRACE_UNREGISTER(h)     (void)(h)
#define AFTRACE_ENABLED(h)        ((h) == 7 && StandInEnabled)
#define AFTRACE_WRITE(h, d, n, v) StandInWrite((h), (d), (n), (v))
#define AFTRACE_CPU()             5
#define AFTRACE_PID()             4
#define AFTRACE_TID()             4242
#ifndef STANDIN_IRQL
#define STANDIN_IRQL 2
#endif
#define AFTRACE_IRQL()            STANDIN_IRQL
#define AFTRACE_TICKS()           123456789
#define AFTRACE_COUNT(p)          (++*(p))
