package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codecs of BodyCompression in Message.fbs.
const (
	codecLZ4  = 0
	codecZSTD = 1
)

// decompressor unpacks the buffers of a body. Its memory is used again for the next one.
type decompressor struct {
	zstd  *zstd.Decoder
	lz4   *lz4.Reader
	in    bytes.Reader
	out   []byte
	plain [][]byte
	own   bool // what is unpacked must survive the next body
}

// buffers unpacks all buffers of r. The sizes they announce are added up and held against
// the budget before the first one is unpacked.
func (d *decompressor) buffers(r *bodyReader, codec int8, budget *int64) ([][]byte, error) {
	if codec != codecLZ4 && codec != codecZSTD {
		return nil, fmt.Errorf("%w: unknown compression codec %d", ErrSchema, codec)
	}
	total := int64(0)
	for i := range r.nBufs {
		b, err := r.raw(i)
		if err != nil {
			return nil, err
		}
		n, err := unpackedSize(b)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			if total += (n + 63) &^ 63; total > *budget {
				return nil, fmt.Errorf("%w: its buffers unpack to more than %d bytes", ErrTooLarge, *budget)
			}
		}
	}
	*budget -= total
	out, plain := d.out, d.plain[:0]
	if d.own || int64(cap(out)) < total {
		out = alignedBytes(total)
	}
	if !d.own {
		d.out = out
	}
	out = out[:cap(out)]
	for i := range r.nBufs {
		b, _ := r.raw(i)
		n, _ := unpackedSize(b)
		switch {
		case n == 0:
			plain = append(plain, nil)
		case n < 0:
			plain = append(plain, b[8:])
		default:
			dst := out[:n:n]
			out = out[(n+63)&^63:]
			if err := d.unpack(dst, b[8:], codec); err != nil {
				return nil, corrupt("buffer %d: %v", i, err)
			}
			plain = append(plain, dst)
		}
	}
	if !d.own {
		d.plain = plain
	}
	return plain, nil
}

// unpackedSize is the size that a buffer announces, -1 if it is not compressed.
func unpackedSize(b []byte) (int64, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if len(b) < 8 {
		return 0, corrupt("compressed buffer of %d bytes", len(b))
	}
	n := int64(binary.LittleEndian.Uint64(b))
	if n < -1 || n > 1<<40 {
		return 0, corrupt("buffer that unpacks to %d bytes", n)
	}
	return n, nil
}

// unpack decompresses src, which must give exactly len(dst) bytes.
func (d *decompressor) unpack(dst, src []byte, codec int8) error {
	if codec == codecZSTD {
		if d.zstd == nil {
			var err error
			d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
			if err != nil {
				return err
			}
		}
		out, err := d.zstd.DecodeAll(src, dst[:0])
		if err == nil && len(out) != len(dst) {
			err = fmt.Errorf("unpacks to %d bytes, announced were %d", len(out), len(dst))
		}
		return err
	}
	d.in.Reset(src)
	if d.lz4 == nil {
		d.lz4 = lz4.NewReader(&d.in)
	} else {
		d.lz4.Reset(&d.in)
	}
	if _, err := io.ReadFull(d.lz4, dst); err != nil {
		return err
	}
	var more [1]byte
	if n, err := d.lz4.Read(more[:]); n != 0 || err != io.EOF {
		return fmt.Errorf("unpacks to more than the %d bytes announced", len(dst))
	}
	return nil
}

func (d *decompressor) close() {
	if d.zstd != nil {
		d.zstd.Close()
		d.zstd = nil
	}
}
