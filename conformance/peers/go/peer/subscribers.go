package main

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/micro/go-micro/v2/errors"
	"github.com/micro/go-micro/v2/metadata"
)

// Multi subscribes with both of its methods.
type Multi struct{}

// First hears every message of test.multi.
func (*Multi) First(ctx context.Context, m *Request) error {
	return heard(ctx, "test.multi", "Multi.First", m)
}

// Second hears every message of test.multi, too.
func (*Multi) Second(ctx context.Context, m *Request) error {
	return heard(ctx, "test.multi", "Multi.Second", m)
}

func onEvent(ctx context.Context, m *Request) error { return heard(ctx, "test.events", "Func", m) }
func onQueue(ctx context.Context, m *Request) error { return heard(ctx, "test.queue", "Func", m) }

func onTopic(topic string) func(context.Context, *Request) error {
	return func(ctx context.Context, m *Request) error { return heard(ctx, topic, "Func", m) }
}

// heard prints one line a message: event TOPIC SUBSCRIBER NAME k=v …, the metadata sorted. The name `fail` fails.
func heard(ctx context.Context, topic, who string, m *Request) error {
	md, _ := metadata.FromContext(ctx)
	var pairs []string
	for key, value := range md {
		pairs = append(pairs, key+"="+value)
	}
	sort.Strings(pairs)
	fmt.Println("event", topic, who, m.Name, strings.Join(pairs, " "))
	if m.Name == "fail" {
		return errors.BadRequest("test.subscriber", "told to fail")
	}
	return nil
}
