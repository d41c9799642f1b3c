package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/micro/go-micro/v2/client"
	"github.com/micro/go-micro/v2/errors"
	"github.com/micro/go-micro/v2/metadata"
	"github.com/micro/go-micro/v2/server"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Say is the greeter of the manual.
type Say struct{}

// Hello answers "Hello NAME".
func (*Say) Hello(_ context.Context, req *Request, rsp *Response) error {
	rsp.Msg = "Hello " + req.Name
	return nil
}

// Example is the service of the manual's quick start.
type Example struct{}

// Call answers "Hello NAME".
func (*Example) Call(_ context.Context, req *Request, rsp *Response) error {
	rsp.Msg = "Hello " + req.Name
	return nil
}

// Helloworld is the service that `micro new` of the manual writes.
type Helloworld struct{ Example }

// Foo has the empty message in both directions: `{}` in JSON, no bytes in protobuf.
type Foo struct{}

// Bar answers nothing.
func (*Foo) Bar(context.Context, *Empty, *Empty) error { return nil }

// Test holds one method for each thing a caller must get right.
type Test struct{ client client.Client }

// Echo answers what it was sent: every scalar type, 64-bit ones included.
func (*Test) Echo(_ context.Context, req *All, rsp *All) error {
	*rsp = *req
	return nil
}

// Headers answers the metadata of the request, as go-micro hands it to a handler (title-cased keys).
func (*Test) Headers(ctx context.Context, _ *Empty, rsp *Headers) error {
	md, _ := metadata.FromContext(ctx)
	rsp.Headers = md
	return nil
}

// Fail fails in the way the request asks for.
func (*Test) Fail(_ context.Context, req *FailRequest, _ *Empty) error {
	switch req.Kind {
	case "plain":
		return fmt.Errorf("%s", req.Detail)
	case "status":
		return status.Error(codes.Code(req.Code), req.Detail)
	case "panic":
		panic(req.Detail)
	case "eof":
		return io.EOF
	case "deadline":
		return context.DeadlineExceeded
	}
	return errors.New(req.Id, req.Detail, req.Code)
}

// Sleep answers after `count` milliseconds, or stops when the caller gives up.
func (*Test) Sleep(ctx context.Context, req *Number, rsp *Response) error {
	select {
	case <-time.After(time.Duration(req.Count) * time.Millisecond):
		rsp.Msg = "slept"
		return nil
	case <-ctx.Done():
		fmt.Println("sleep cancelled:", ctx.Err())
		return ctx.Err()
	}
}

// Publish publishes a Request on a topic, in the content type and with the metadata that are asked for.
func (t *Test) Publish(ctx context.Context, req *PublishRequest, _ *Empty) error {
	var opts []client.MessageOption
	if req.ContentType != "" {
		opts = append(opts, client.WithMessageContentType(req.ContentType))
	}
	md := req.Metadata
	if md == nil {
		md = map[string]string{} // else this call's own metadata would travel with the message
	}
	message := t.client.NewMessage(req.Topic, &Request{Name: req.Name}, opts...)
	return t.client.Publish(metadata.NewContext(ctx, md), message)
}

// Relay calls another service with the context of this call and answers that service's JSON.
func (t *Test) Relay(ctx context.Context, req *RelayRequest, rsp *Response) error {
	answer, err := caller{t.client, req.ContentType, req.Address}.call(ctx, req.Service, req.Endpoint, req.Json)
	rsp.Msg = answer
	return err
}

// Count streams 0 to count-1.
func (*Test) Count(_ context.Context, stream server.Stream) error {
	asked := new(Number)
	if err := stream.Recv(asked); err != nil {
		return err
	}
	for i := int64(0); i < asked.Count; i++ {
		if err := stream.Send(&Number{Count: i}); err != nil {
			return err
		}
	}
	return nil
}

// CountFail streams as Count does, then fails.
func (t *Test) CountFail(ctx context.Context, stream server.Stream) error {
	if err := t.Count(ctx, stream); err != nil {
		return err
	}
	return errors.New("test.count", "enough", 418)
}

// Chat answers each message until the caller ends the stream.
func (*Test) Chat(_ context.Context, stream server.Stream) error {
	for {
		heard := new(Request)
		if err := stream.Recv(heard); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(&Response{Msg: "you said " + heard.Name}); err != nil {
			return err
		}
	}
}
