package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aftrace/aftrace/cmd/internal/cli"
)

// copied is the path of a copy of standard input, "" if there is none. Users know it as "-".
type copied string

// seekable replaces "-" in paths by a copy of standard input. done removes it.
func seekable(ctx context.Context, paths []string) (files []string, c copied, done func(), err error) {
	i := slices.Index(paths, "-")
	if i < 0 {
		return paths, "", func() {}, nil
	}
	if slices.Contains(paths[i+1:], "-") {
		return nil, "", nil, errors.New("standard input is named twice")
	}
	path, done, err := cli.Spool(ctx)
	if err != nil {
		return nil, "", nil, cli.Exit(cli.Unreadable, err)
	}
	files = slices.Clone(paths)
	files[i] = path
	return files, copied(path), done, nil
}

func (c copied) name(path string) string {
	if c != "" && path == string(c) {
		return "-"
	}
	return path
}

// rename gives an error the name that the user knows.
func (c copied) rename(err error) error {
	if c == "" {
		return err
	}
	return &renamed{err, strings.ReplaceAll(err.Error(), string(c), "-")}
}

type renamed struct {
	error
	text string
}

func (r *renamed) Error() string { return r.text }
func (r *renamed) Unwrap() error { return r.error }
