package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// fingerprint names the kind of defect that a finding shows: the same rule broken in the
// same way by the same driver. It is the same in another recording of the same defect, so
// it holds no handle, row, time, path or number, and findings that only differ in those
// share it. Baselines, suppressions and SARIF's partialFingerprints go by it.
func fingerprint(f *Finding) string {
	driver := ""
	if f.Driver != nil {
		driver = *f.Driver
	}
	text := strings.Join([]string{"f1", f.Rule, f.AtFault, numberless(driver), numberless(f.Message)}, "\n")
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// numberless is s with every number and handle replaced by #. What is not joined to a word
// counts as a number: the name of a type like Q2931 stays.
func numberless(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if !isDigit(s[i]) || i > 0 && isWord(s[i-1]) {
			b.WriteByte(s[i])
			i++
			continue
		}
		if strings.HasPrefix(s[i:], "0x") {
			i += 2
			for i < len(s) && isHex(s[i]) {
				i++
			}
		} else {
			for i < len(s) && (isDigit(s[i]) || s[i] == '.' && i+1 < len(s) && isDigit(s[i+1])) {
				i++
			}
			// The unit of a time changes with its size.
			for _, unit := range []string{"ns", "µs", "ms", "s", "m", "h"} {
				if rest, ok := strings.CutPrefix(s[i:], unit); ok && (rest == "" || !isWord(rest[0])) {
					i += len(unit)
					break
				}
			}
		}
		b.WriteByte('#')
	}
	return b.String()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func isWord(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
