package main

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/cmd/internal/cli"
)

// copied has the copies of standard input and pipes, and the names that users know them by.
type copied map[string]string

// seekable replaces what can be read only once in paths by copies. done removes them.
func seekable(ctx context.Context, paths []string) (files []string, c copied, done func(), err error) {
	if err := cli.OneStdin(paths); err != nil {
		return nil, nil, nil, err
	}
	files, c = slices.Clone(paths), copied{}
	done = func() {
		for path := range c {
			os.Remove(path)
		}
	}
	for i, path := range paths {
		if !cli.Passing(path) {
			continue
		}
		file, _, err := cli.Spool(ctx, path)
		if err != nil {
			done()
			return nil, nil, nil, cli.Exit(cli.Unreadable, err)
		}
		files[i], c[file] = file, path
	}
	return files, c, done, nil
}

func (c copied) name(path string) string {
	if name, ok := c[path]; ok {
		return name
	}
	return path
}

// rename gives an error the names that the user knows.
func (c copied) rename(err error) error {
	if len(c) == 0 {
		return err
	}
	text := err.Error()
	for path, name := range c {
		text = strings.ReplaceAll(text, path, name)
	}
	return &renamed{err, text}
}

type renamed struct {
	error
	text string
}

func (r *renamed) Error() string { return r.text }
func (r *renamed) Unwrap() error { return r.error }
