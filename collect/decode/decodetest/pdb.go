package decodetest

import "strings"

// Symbol is a symbol of a module: a procedure, or an annotation.
type Symbol struct {
	Procedure  string
	Annotation []string
}

// TMFAnnotations are the annotations of the messages in a TMF text, one each. function, if
// not empty, is that of the procedure before them.
func TMFAnnotations(tmf, function string) []Symbol {
	var list []Symbol
	if function != "" {
		list = append(list, Symbol{Procedure: function})
	}
	header := ""
	var message []string
	for line := range strings.Lines(tmf) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case message != nil:
			if message = append(message, line); line == "}" {
				list = append(list, Symbol{Annotation: append([]string{"TMF:", header}, message...)})
				message = nil
			}
		case strings.HasPrefix(line, "#typev"):
			message = []string{line}
		case line != "" && !strings.HasPrefix(line, "//"):
			header = line
		}
	}
	return list
}

// PDB is a PDB whose modules have these symbols. Blocks are of 512 bytes and lie in an order
// that is not that of the streams.
func PDB(modules ...[]Symbol) []byte {
	const block = 512
	streams := make([][]byte, 4, 4+len(modules))
	var list []byte
	for i, symbols := range modules {
		s := []byte{4, 0, 0, 0}
		for _, y := range symbols {
			var data []byte
			kind := uint16(0x1110)
			if y.Annotation != nil {
				kind = 0x1019
				data = make([]byte, 8)
				le.PutUint16(data[6:], uint16(len(y.Annotation)))
				for _, a := range y.Annotation {
					data = append(append(data, a...), 0)
				}
			} else {
				data = append(make([]byte, 35), y.Procedure...)
				data = append(data, 0)
			}
			for (len(data)+4)%4 != 0 {
				data = append(data, 0)
			}
			s = le.AppendUint16(s, uint16(len(data)+2))
			s = le.AppendUint16(s, kind)
			s = append(s, data...)
		}
		m := make([]byte, 64)
		le.PutUint16(m[34:], uint16(len(streams)))
		le.PutUint32(m[36:], uint32(len(s)))
		m = append(m, "a.obj\x00a.obj\x00"...)
		for len(m)%4 != 0 {
			m = append(m, 0)
		}
		list = append(list, m...)
		if i == 0 { // a module without symbols
			e := make([]byte, 64)
			le.PutUint16(e[34:], 0xFFFF)
			list = append(append(list, e...), "* Linker *\x00\x00"...)
			for len(list)%4 != 0 {
				list = append(list, 0)
			}
		}
		streams = append(streams, s)
	}
	dbi := make([]byte, 64)
	le.PutUint32(dbi, 0xFFFFFFFF)
	le.PutUint32(dbi[4:], 19990903)
	le.PutUint32(dbi[24:], uint32(len(list)))
	streams[3] = append(dbi, list...)

	file := make([]byte, 3*block) // superblock, free block maps
	put := func(b []byte) (blocks []uint32) {
		n := (len(b) + block - 1) / block
		for range n {
			blocks = append(blocks, uint32(len(file)/block))
			file = append(file, make([]byte, block)...)
		}
		for i := range n / 2 { // back to front
			blocks[i], blocks[n-1-i] = blocks[n-1-i], blocks[i]
		}
		for i, k := range blocks {
			copy(file[int(k)*block:], b[i*block:min((i+1)*block, len(b))])
		}
		return blocks
	}
	dir := le.AppendUint32(nil, uint32(len(streams)))
	var places []byte
	for _, s := range streams {
		dir = le.AppendUint32(dir, uint32(len(s)))
		for _, k := range put(s) {
			places = le.AppendUint32(places, k)
		}
	}
	dir = append(dir, places...)
	var dirMap []byte
	for _, k := range put(dir) {
		dirMap = le.AppendUint32(dirMap, k)
	}
	// What lists the blocks of the directory is contiguous.
	at := uint32(len(file) / block)
	file = append(file, dirMap...)
	for len(file)%block != 0 {
		file = append(file, 0)
	}
	copy(file, "Microsoft C/C++ MSF 7.00\r\n\x1aDS\x00\x00\x00")
	le.PutUint32(file[32:], block)
	le.PutUint32(file[36:], 1)
	le.PutUint32(file[40:], uint32(len(file)/block))
	le.PutUint32(file[44:], uint32(len(dir)))
	le.PutUint32(file[52:], at)
	return file
}
