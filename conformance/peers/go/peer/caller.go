package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/micro/go-micro/v2/client"
)

// publishGrace is how long `peer publish` stays alive, as go-micro's HTTP broker delivers in the background.
const publishGrace = 300 * time.Millisecond

// caller calls as a go-micro client would; contentType and address may be empty.
type caller struct {
	client      client.Client
	contentType string
	address     string
}

// messages makes the request and the response of a method; every other method is taken for a greeter.
func messages(endpoint string) (request, response interface{}) {
	switch endpoint {
	case "Foo.Bar":
		return new(Empty), new(Empty)
	case "Calls.Of":
		return new(Request), new(CallCount)
	case "Test.Echo":
		return new(All), new(All)
	case "Test.Fail":
		return new(FailRequest), new(Empty)
	case "Test.Headers":
		return new(Empty), new(Headers)
	case "Test.Publish":
		return new(PublishRequest), new(Empty)
	case "Test.Relay":
		return new(RelayRequest), new(Response)
	case "Test.Sleep":
		return new(Number), new(Response)
	}
	return new(Request), new(Response)
}

func (c caller) call(ctx context.Context, service, endpoint, body string) (string, error) {
	in, out := messages(endpoint)
	if body != "" {
		if err := json.Unmarshal([]byte(body), in); err != nil {
			return "", err
		}
	}
	if err := c.client.Call(ctx, c.request(service, endpoint, in), out, c.options()...); err != nil {
		return "", err
	}
	answer, err := json.Marshal(out)
	return string(answer), err
}

func (c caller) count(ctx context.Context, service, n, endpoint string) error {
	number, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		return err
	}
	request := c.request(service, endpoint, &Empty{}, client.StreamingRequest())
	stream, err := c.client.Stream(ctx, request, c.options()...)
	if err != nil {
		return err
	}
	defer stream.Close()
	if err := stream.Send(&Number{Count: number}); err != nil {
		return err
	}
	for {
		m := new(Number)
		if err := stream.Recv(m); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		fmt.Println(m.Count)
	}
}

func (c caller) publish(ctx context.Context, topic, name string) error {
	var opts []client.MessageOption
	if c.contentType != "" {
		opts = append(opts, client.WithMessageContentType(c.contentType))
	}
	if err := c.client.Publish(ctx, c.client.NewMessage(topic, &Request{Name: name}, opts...)); err != nil {
		return err
	}
	fmt.Println("ok")
	time.Sleep(publishGrace)
	return nil
}

func (c caller) request(service, endpoint string, body interface{}, opts ...client.RequestOption) client.Request {
	if c.contentType != "" {
		opts = append(opts, client.WithContentType(c.contentType))
	}
	return c.client.NewRequest(service, endpoint, body, opts...)
}

func (c caller) options() []client.CallOption {
	if c.address == "" {
		return nil
	}
	return []client.CallOption{client.WithAddress(c.address)}
}
