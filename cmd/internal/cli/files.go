package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Apart is an error of usage if a command that reads inputs and writes outputs would write over
// what it reads, or write two outputs to one file, in whatever way they are named. Pipes and
// terminals, "-" among them, may be both.
func Apart(inputs, outputs []string) error {
	for i, out := range outputs {
		for _, in := range inputs {
			if same(in, out) {
				if in == out {
					return fmt.Errorf("%s is input and output: name another file to write", in)
				}
				return fmt.Errorf("%s, which is read, and %s, which is written, are the same file: name another one to write", in, out)
			}
		}
		for _, other := range outputs[:i] {
			if same(other, out) || out != "-" && absolute(other) == absolute(out) && !Passing(out) {
				return fmt.Errorf("%s: two outputs have this name", out)
			}
		}
	}
	return nil
}

// Once is an error of usage if two of inputs are one file or copies of one, or both standard
// input: what is in it would be there twice.
func Once(inputs []string) error {
	for i, in := range inputs {
		for _, other := range inputs[:i] {
			switch {
			case in == "-" && other == "-":
				return fmt.Errorf("standard input is named twice")
			case same(other, in) && other == in:
				return fmt.Errorf("%s is named twice", in)
			case same(other, in):
				return fmt.Errorf("%s and %s are the same file", other, in)
			case identical(other, in):
				return fmt.Errorf("%s and %s have the same bytes: leave one of them out", other, in)
			}
		}
	}
	return nil
}

// OneStdin is an error of usage if inputs names standard input twice.
func OneStdin(inputs []string) error {
	var streams []string
	for _, in := range inputs {
		if in == "-" {
			streams = append(streams, in)
		}
	}
	return Once(streams)
}

// same says that a and b are names of one file.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil || !x.Mode().IsRegular() {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// identical says that the files a and b have the same bytes. Different ones mostly differ in
// size, or else soon.
func identical(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil || !x.Mode().IsRegular() || x.Size() == 0 {
		return false
	}
	if y, err := os.Stat(b); err != nil || !y.Mode().IsRegular() || y.Size() != x.Size() {
		return false
	}
	var in [2]*os.File
	for i, path := range []string{a, b} {
		f, err := os.Open(path)
		if err != nil {
			return false
		}
		defer f.Close()
		in[i] = f
	}
	var chunks [2][1 << 14]byte
	for {
		n, err := io.ReadFull(in[0], chunks[0][:])
		m, _ := io.ReadFull(in[1], chunks[1][:])
		if !bytes.Equal(chunks[0][:n], chunks[1][:m]) {
			return false
		}
		if err != nil {
			return err == io.EOF || err == io.ErrUnexpectedEOF
		}
	}
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
