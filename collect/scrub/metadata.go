package scrub

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/aftrace/aftrace/format"
)

// The beginnings of values that say what made a trace and nothing of where. What follows
// them, like the suffix of a kernel that somebody built, is dropped.
var (
	systemName  = regexp.MustCompile(`^(Windows build [0-9]+|Windows( [0-9.]+)?|(Linux|linux|windows)( [0-9.]+)?)`)
	programName = regexp.MustCompile(`^[a-z]{1,20}( [a-z]{1,20})?$`)
	versionName = regexp.MustCompile(`^(\(devel\)|v[0-9]+\.[0-9]+\.[0-9]+)`)
)

// metadata is that of the output, and the keys that are not in it. Keys that the schema does
// not define are dropped, and so is a value of another form than its key has.
func (s *Scrubber) metadata() (format.Metadata, []string) {
	md := format.Metadata{}
	var dropped []string
	in := s.in.Metadata()
	for _, key := range slices.Sorted(maps.Keys(in)) {
		value, ok := in[key], true
		if !s.keep[key] {
			value, ok = s.metaValue(key, value)
		}
		if ok {
			md[key] = value
		} else if key != format.MetaStatusNames && key != format.MetaAFTypeNames {
			dropped = append(dropped, key)
		}
	}
	if s.o.ToolVersion != "" {
		md[format.MetaToolVersion] = s.o.ToolVersion
	}
	return md, dropped
}

func (s *Scrubber) metaValue(key, value string) (string, bool) {
	matching := func(r *regexp.Regexp) (string, bool) {
		m := r.FindString(value)
		return m, m != ""
	}
	switch key {
	case format.MetaSchemaVersion:
		return value, true
	case format.MetaHost, format.MetaBootID:
		if value == "" {
			return "", true
		}
		kind := "host"
		if key == format.MetaBootID {
			kind = "boot"
		}
		return s.names.token(kind, []byte(value)), true
	case format.MetaOS:
		return matching(systemName)
	case format.MetaCollector:
		return matching(programName)
	case format.MetaToolVersion:
		return matching(versionName)
	case format.MetaLevel:
		return value, value == "api" || value == "export"
	case format.MetaStarted, format.MetaEnded:
		t, err := time.Parse(time.RFC3339Nano, value)
		if err != nil || t.Year() < 1678 || t.Year() > 2261 {
			return "", false
		}
		return format.FormatTime(time.Unix(0, s.shifted(t.UnixNano()))), true
	case format.MetaTickFrequency, format.MetaOrderUncertainty, format.MetaLostEvents, format.MetaLostBuffers:
		_, err := strconv.ParseUint(value, 10, 64)
		return value, err == nil
	}
	// The session's settings name it, and the names of statuses and AF types are ours.
	return "", false
}
