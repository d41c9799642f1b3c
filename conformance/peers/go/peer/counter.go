package main

import (
	"context"
	"sync"

	"github.com/micro/go-micro/v2/server"
)

// counter counts the calls of each method, so that a test can tell one try from two and see a cancelled call.
type counter struct {
	mu    sync.Mutex
	calls map[string]CallCount
}

func newCounter() *counter { return &counter{calls: map[string]CallCount{}} }

func (c *counter) of(method string) CallCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[method]
}

// wrap counts a call when it arrives, as a caller that gives up must not hide that the method ran.
func (c *counter) wrap(next server.HandlerFunc) server.HandlerFunc {
	return func(ctx context.Context, req server.Request, rsp interface{}) error {
		method := req.Endpoint()
		c.add(method, func(n *CallCount) { n.Calls++ })
		err := next(ctx, req, rsp)
		if err != nil {
			c.add(method, func(n *CallCount) { n.Failed++ })
		}
		if ctx.Err() == context.Canceled {
			c.add(method, func(n *CallCount) { n.Cancelled++ })
		}
		return err
	}
}

func (c *counter) add(method string, change func(*CallCount)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := c.calls[method]
	change(&count)
	c.calls[method] = count
}

// Calls is served without being registered, as go-micro's own Debug is: what the peer registers is what was recorded.
type Calls struct{ calls *counter }

// Of answers how often a method (`Test.Fail`) was called since the start, and how that ended.
func (c *Calls) Of(_ context.Context, req *Request, rsp *CallCount) error {
	*rsp = c.calls.of(req.Name)
	return nil
}
