package host

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// fakeRegistry is a registry in memory.
type fakeRegistry struct {
	keys map[string]map[string]any // by path in lower case
	name map[string]string         // as it was written
	deny string                    // a path with this in it may not be written
	log  []string                  // what was changed
}

func newRegistry() *fakeRegistry {
	return &fakeRegistry{keys: map[string]map[string]any{}, name: map[string]string{}}
}

func (r *fakeRegistry) Values(key string) (map[string]any, error) {
	v, ok := r.keys[strings.ToLower(key)]
	if !ok {
		return nil, fmt.Errorf("registry key %s: %w", key, fs.ErrNotExist)
	}
	c := map[string]any{}
	for k, x := range v {
		c[k] = x
	}
	return c, nil
}

func (r *fakeRegistry) Keys(key string) ([]string, error) {
	if _, ok := r.keys[strings.ToLower(key)]; !ok {
		return nil, fmt.Errorf("registry key %s: %w", key, fs.ErrNotExist)
	}
	var names []string
	for k := range r.keys {
		rest, ok := strings.CutPrefix(k, strings.ToLower(key)+`\`)
		if ok && !strings.Contains(rest, `\`) {
			full := r.name[k]
			names = append(names, full[strings.LastIndex(full, `\`)+1:])
		}
	}
	slices.Sort(names)
	return names, nil
}

func (r *fakeRegistry) allowed(key string) error {
	if r.deny != "" && strings.Contains(strings.ToLower(key), r.deny) {
		return &CallError{Call: "registry key", Object: key, Code: codeAccessDenied}
	}
	return nil
}

func (r *fakeRegistry) Set(key, name string, value any) error {
	if err := r.allowed(key); err != nil {
		return err
	}
	parts := strings.Split(key, `\`)
	for i := range parts {
		p := strings.Join(parts[:i+1], `\`)
		if r.keys[strings.ToLower(p)] == nil {
			r.keys[strings.ToLower(p)], r.name[strings.ToLower(p)] = map[string]any{}, p
		}
	}
	r.keys[strings.ToLower(key)][name] = value
	r.log = append(r.log, key[strings.LastIndex(key, `\`)+1:]+" "+name)
	return nil
}

func (r *fakeRegistry) Unset(key, name string) error {
	delete(r.keys[strings.ToLower(key)], name)
	return nil
}

func (r *fakeRegistry) Delete(key string) error {
	if err := r.allowed(key); err != nil {
		return err
	}
	for k := range r.keys {
		if k == strings.ToLower(key) || strings.HasPrefix(k, strings.ToLower(key)+`\`) {
			delete(r.keys, k)
		}
	}
	r.log = append(r.log, "delete "+key[strings.LastIndex(key, `\`)+1:])
	return nil
}

// fakeControl is a host with sessions.
type fakeControl struct {
	mu       sync.Mutex
	sessions map[string]Session
	enabled  []string
	start    error
	enable   error
	query    error
	lost     uint32 // buffers that could not be written
}

func (c *fakeControl) Start(s Settings) (Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.check(); err != nil {
		return Session{}, err
	}
	if c.start != nil {
		return Session{}, c.start
	}
	if _, ok := c.sessions[s.Name]; ok {
		return Session{}, &CallError{Call: "StartTraceW", Object: s.Name, Code: codeAlreadyExists}
	}
	x := Session{Name: s.Name, File: s.File, Mode: s.Mode, BufferKB: max(s.BufferKB, 4), MinBuffers: 2, MaxBuffers: 22, Buffers: 4, FreeBuffers: 3}
	c.sessions[s.Name] = x
	return x, nil
}

func (c *fakeControl) Query(name string) (Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.query != nil {
		return Session{}, c.query
	}
	x, ok := c.sessions[name]
	if !ok {
		return Session{}, &CallError{Call: "ControlTraceW", Object: name, Code: codeInstanceNotFound}
	}
	return x, nil
}

func (c *fakeControl) Update(s Settings) (Session, error) { return c.Query(s.Name) }
func (c *fakeControl) Flush(string) error                 { return nil }

func (c *fakeControl) Stop(name string) (Session, error) {
	x, err := c.Query(name)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, name)
	x.BuffersWritten++
	x.LogBuffersLost += c.lost
	return x, err
}

func (c *fakeControl) List() (list []Session, err error) {
	for _, s := range c.sessions {
		list = append(list, s)
	}
	return list, nil
}

func (c *fakeControl) Enable(_ Session, p Provider) error {
	c.enabled = append(c.enabled, p.String())
	return c.enable
}
func (c *fakeControl) Disable(Session, Provider) error { return nil }
