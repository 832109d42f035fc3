package etw

import (
	"context"
	"sync"

	"github.com/aftrace/aftrace/format"
)

// maxQueued is how many rows may wait to be written, about 200 bytes each. When so many do,
// the callback waits: the session's buffers fill, and what does not fit there is lost and
// counted by it.
const maxQueued = 1 << 18

// queue takes rows from the callback to the reader. Both sides keep the memory of their rows.
type queue struct {
	mu    sync.Mutex
	room  sync.Cond
	rows  []format.Event
	ready chan struct{}
	ended bool
	err   error
}

func (q *queue) init() {
	q.ready = make(chan struct{}, 1)
	q.room.L = &q.mu
}

func (q *queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// put adds a row. It waits for room, but not once the queue has ended.
func (q *queue) put(e *format.Event) {
	q.mu.Lock()
	for len(q.rows) >= maxQueued && !q.ended {
		q.room.Wait()
	}
	q.rows = append(q.rows, *e)
	first := len(q.rows) == 1
	q.mu.Unlock()
	if first {
		q.wake()
	}
}

// end says that no more rows come.
func (q *queue) end(err error) {
	q.mu.Lock()
	if !q.ended {
		q.ended, q.err = true, err
	}
	q.mu.Unlock()
	q.room.Broadcast()
	q.wake()
}

// take waits for rows and swaps them for spare. Without rows the queue has ended.
func (q *queue) take(ctx context.Context, spare []format.Event) ([]format.Event, error) {
	for {
		q.mu.Lock()
		if len(q.rows) > 0 {
			rows := q.rows
			q.rows = spare[:0]
			q.mu.Unlock()
			q.room.Broadcast()
			return rows, nil
		}
		ended, err := q.ended, q.err
		q.mu.Unlock()
		if ended {
			return spare[:0], err
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return spare[:0], ctx.Err()
		}
	}
}
