// Command peer is an unmodified go-micro v2.9.1 service and client with every kind of endpoint and subscriber.
//
//	peer [go-micro flags]             serves, until it is stopped
//	peer call SERVICE ENDPOINT JSON   one unary call with the typed client; prints the answer as JSON, or the error
//	peer count SERVICE N [ENDPOINT]   one server stream; prints each number
//	peer publish TOPIC NAME           publishes one Request; prints ok
//
// Environment:
//
//	PEER_HANDLERS      comma-separated handlers to serve (default: say,example,foo,test; helloworld besides)
//	PEER_SUBSCRIBE=no  no subscribers, and so no broker port
//	PEER_TOPIC         one more topic to subscribe to
//	PEER_NAME          service name, where no --server_name is given
//	PEER_CONTENT_TYPE  content type of call, count and publish
//	PEER_ADDRESS       node to call, instead of asking the registry
//	PEER_META          metadata of call, as k=v,k=v
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/micro/go-micro/v2"
	"github.com/micro/go-micro/v2/metadata"
	"github.com/micro/go-micro/v2/server"
)

const defaultName = "go.micro.srv.greeter"

func main() {
	args := command()
	calls := newCounter()
	service := micro.NewService(
		micro.Name(envOr("PEER_NAME", defaultName)),
		micro.WrapHandler(calls.wrap),
	)
	service.Init()

	if err := run(service, calls, args); err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// command takes a subcommand and its arguments off os.Args, where go-micro would read them as its own.
func command() []string {
	args := os.Args[1:]
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return nil
	}
	os.Args = os.Args[:1]
	return args
}

func run(service micro.Service, calls *counter, args []string) error {
	if len(args) == 0 {
		if err := register(service, calls); err != nil {
			return err
		}
		return service.Run()
	}
	ctx := withMetadata(context.Background(), os.Getenv("PEER_META"))
	caller := caller{service.Client(), os.Getenv("PEER_CONTENT_TYPE"), os.Getenv("PEER_ADDRESS")}
	switch {
	case args[0] == "call" && len(args) >= 3:
		answer, err := caller.call(ctx, args[1], args[2], strings.Join(args[3:], " "))
		if err == nil {
			fmt.Println(answer)
		}
		return err
	case args[0] == "count" && len(args) >= 3:
		return caller.count(ctx, args[1], args[2], argOr(args, 3, "Test.Count"))
	case args[0] == "publish" && len(args) == 3:
		return caller.publish(ctx, args[1], args[2])
	}
	return fmt.Errorf("no such command: %s (see the head of main.go)", strings.Join(args, " "))
}

// register adds the handlers PEER_HANDLERS names and, unless it is told not to, the subscribers.
func register(service micro.Service, calls *counter) error {
	handlers := map[string]interface{}{
		"say":        new(Say),
		"example":    new(Example),
		"helloworld": new(Helloworld),
		"foo":        new(Foo),
		"test":       &Test{client: service.Client()},
	}
	s := service.Server()
	if err := s.Handle(s.NewHandler(&Calls{calls}, server.InternalHandler(true))); err != nil {
		return err
	}
	for _, name := range strings.Split(envOr("PEER_HANDLERS", "say,example,foo,test"), ",") {
		handler, ok := handlers[name]
		if !ok {
			return fmt.Errorf("PEER_HANDLERS: no handler %q", name)
		}
		if err := s.Handle(s.NewHandler(handler)); err != nil {
			return err
		}
	}
	if os.Getenv("PEER_SUBSCRIBE") == "no" {
		return nil
	}
	return subscribe(s)
}

func subscribe(s server.Server) error {
	if err := micro.RegisterSubscriber("test.events", s, onEvent); err != nil {
		return err
	}
	if err := micro.RegisterSubscriber("test.queue", s, onQueue, server.SubscriberQueue("workers")); err != nil {
		return err
	}
	if topic := os.Getenv("PEER_TOPIC"); topic != "" {
		if err := micro.RegisterSubscriber(topic, s, onTopic(topic)); err != nil {
			return err
		}
	}
	return micro.RegisterSubscriber("test.multi", s, new(Multi))
}

func withMetadata(ctx context.Context, pairs string) context.Context {
	if pairs == "" {
		return ctx
	}
	md := metadata.Metadata{}
	for _, pair := range strings.Split(pairs, ",") {
		if kv := strings.SplitN(pair, "=", 2); len(kv) == 2 {
			md[kv[0]] = kv[1]
		}
	}
	return metadata.NewContext(ctx, md)
}

func envOr(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func argOr(args []string, i int, otherwise string) string {
	if i < len(args) {
		return args[i]
	}
	return otherwise
}
