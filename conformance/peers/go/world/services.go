package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/ioutil"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang/protobuf/proto"
	"github.com/gorilla/websocket"
	"github.com/micro/go-micro/v2"
	"github.com/micro/go-micro/v2/api"
	goapi "github.com/micro/go-micro/v2/api/proto"
	"github.com/micro/go-micro/v2/broker"
	"github.com/micro/go-micro/v2/debug/service/handler"
	"github.com/micro/go-micro/v2/errors"
	"github.com/micro/go-micro/v2/metadata"
	"github.com/micro/go-micro/v2/registry"
	"github.com/micro/go-micro/v2/server"
	gsrv "github.com/micro/go-micro/v2/server/grpc"
	"github.com/micro/go-micro/v2/web"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"micro.example/peers/world/pb"
)

func debugHandler(s micro.Service) interface{} { return handler.NewHandler(s.Client()) }

// probes are the names under which one catch-all gRPC server is announced: it
// accepts every method and tells which path, type and bytes arrived.
var probes = []string{
	"go.micro.api.foo", "go.micro.api.foo.bar", "go.micro.api.foo.bar.baz",
	"go.micro.api.v1.foo", "go.micro.api.v1", "go.micro.api.v1.foo.bar", "go.micro.api.v2.foo", "go.micro.api.v10.foo",
	"go.micro.api.V1", "go.micro.api.v1a", "go.micro.api.v1.2",
	"go.micro.api.Foo", "go.micro.api.FOO", "go.micro.api.foo-bar", "go.micro.api.foo_bar", "go.micro.api.foo~x",
	"go.micro.api.greeter", "go.micro.api.service.greeter", "go.micro.api.123", "go.micro.api.é", "go.micro.api._private", "go.micro.api.rpc",
	"go.micro.api.stats", "go.micro.api.favicon.ico",
	"com.example.api.foo", "com.example.foo", "go.micro.srv.foo", "go.micro.srv.api.foo", "go.micro.foo",
	"staging.api.foo", "myapp.staging.api.foo", "api.api.foo", "foo", "com-example-foo", "go.micro.api.go.micro.api.foo",
	"com.example.api.api.foo",
}

// httpProbes are plain HTTP servers that tell their registry name.
var httpProbes = []string{
	"px.api.foo", "px.api.foo.bar", "px.api.v1", "px.api.v1.foo", "px.api.v2.foo", "px.api.v10.foo", "px.api.Foo", "px.api.FOO", "px.api.foo-bar",
	"px.api.foo_bar", "px.api.V1", "px.api.v1a", "px.api.v1.2", "px.api.greeter", "px.api.service", "px.api.123", "px.api.é", "px.api._private",
	"px.api.foo~x", "px.api.rpc", "px.api",
}

func makers() map[string]maker {
	m := map[string]maker{
		"probes": probeMaker(probes),
		"later.probe": func(w *world, _ string) (stopper, error) {
			return probeMaker([]string{"go.micro.api.later"})(w, "")
		},
		"later.routes": func(w *world, _ string) (stopper, error) {
			return grpcService("1.0.0", func(w *world, s server.Server) {
				handle(s, &Late{}, api.WithEndpoint(&api.Endpoint{Name: "Late.Get", Handler: "rpc", Method: []string{"GET"}, Path: []string{"/late/{id}"}}))
			})(w, "go.micro.api.lateroutes")
		},
		"dead": func(w *world, _ string) (stopper, error) {
			return records(w, nil, entry("go.micro.api.dead", "1.0.0", "1", "127.0.0.1:1"))
		},
		"httpprobes": func(w *world, _ string) (stopper, error) {
			var stops []stopper
			for _, n := range httpProbes {
				stop, err := httpRecord(plain(n))(w, n)
				if err != nil {
					return nil, err
				}
				stops = append(stops, stop)
			}
			return func() {
				for _, s := range stops {
					s()
				}
			}, nil
		},
		// one node that answers and one that refuses
		"half": func(w *world, _ string) (stopper, error) {
			stop, err := probeMaker([]string{"go.micro.api.half"})(w, "")
			if err != nil {
				return nil, err
			}
			more, err := records(w, stop, entry("go.micro.api.half", "1.0.0", "2", "127.0.0.1:1"))
			return more, err
		},
		"go.micro.api.halfweb": func(w *world, name string) (stopper, error) {
			stop, err := httpRecord(plain("halfweb"))(w, name)
			if err != nil {
				return nil, err
			}
			return records(w, stop, entry(name, "1.0.0", "2", "127.0.0.1:1"))
		},
		"go.micro.api.echo":     grpcService("1.0.0", echoSetup),
		"go.micro.srv.echo":     grpcService("1.0.0", echoSetup),
		"go.micro.api.raw":      grpcService("1.0.0", func(w *world, s server.Server) { handle(s, &Raw{}) }),
		"go.micro.api.fail":     grpcService("1.0.0", func(w *world, s server.Server) { pb.RegisterFailHandler(s, &Fail{w}) }),
		"go.micro.api.slow":     grpcService("1.0.0", func(w *world, s server.Server) { pb.RegisterSlowHandler(s, &Slow{w}) }),
		"go.micro.api.streamer": grpcService("1.0.0", func(w *world, s server.Server) { pb.RegisterStreamerHandler(s, &Streamer{}) }),
		"go.micro.api.example":  grpcService("1.0.0", exampleSetup("")),
		"go.micro.srv.example":  grpcService("1.0.0", exampleSetup("")),
		"go.micro.api.ver@1":    grpcService("1.0.0", exampleSetup("v1 ")),
		"go.micro.api.ver@2":    grpcService("2.0.0", exampleSetup("v2 ")),
		"go.micro.api.mucp":     mucpService("1.0.0", exampleSetup("mucp ")),
		"go.micro.api.apih":     grpcService("1.0.0", func(w *world, s server.Server) { handle(s, &Apih{}) }),
		"go.micro.api.routes":   grpcService("1.0.0", routesSetup),
		"go.micro.api.library":  grpcService("1.0.0", func(w *world, s server.Server) { pb.RegisterLibraryHandler(s, &Library{}) }),
		"go.micro.srv.outside": grpcService("1.0.0", func(w *world, s server.Server) {
			handle(s, &Outside{}, api.WithEndpoint(&api.Endpoint{Name: "Outside.Get", Handler: "rpc", Method: []string{"GET"}, Path: []string{"/outside/get"}}))
		}),
		"go.micro.api.events":   grpcService("1.0.0", func(w *world, s server.Server) { handle(s, &Events{w}) }),
		"consumers":             consumers,
		"go.micro.api.plain":    httpRecord(plain("plain")),
		"go.micro.api.v1.plain": httpRecord(plain("v1.plain")),
		"go.micro.api.proxied": httpRecord(plain("proxied"),
			route("/static/", "proxy", "GET,POST", "/static/**"),
			route("/page", "http", "GET", "/page"),
			route("/socket", "web", "GET", "/socket"),
			route("/publish", "event", "GET,POST", "/publish/**")),
		"hosted.test":      httpRecord(plain("hosted.test")),
		"hosted.test:8080": httpRecord(plain("hosted.test:8080")),
		"deadweb": func(w *world, _ string) (stopper, error) {
			return records(w, nil, entry("go.micro.api.deadweb", "1.0.0", "1", "127.0.0.1:1"))
		},
		"go.micro.web.site": webService,
		"go.micro.api.site": webService,
		"foo.web.bar":       webService,
		"go.micro.web.host": webService,
	}
	return m
}

func route(name, handler, method, path string) *registry.Endpoint {
	return &registry.Endpoint{Name: name, Request: &registry.Value{}, Response: &registry.Value{}, Metadata: map[string]string{
		"endpoint": name, "handler": handler, "method": method, "path": path,
	}}
}

func handle(s server.Server, h interface{}, opts ...server.HandlerOption) {
	if err := s.Handle(s.NewHandler(h, opts...)); err != nil {
		fatal(err)
	}
}

// ---- catch-all gRPC server ----

type anyMethod struct{}

func (anyMethod) ProcessMessage(context.Context, server.Message) error { return nil }

func (anyMethod) ServeRequest(ctx context.Context, req server.Request, rsp server.Response) error {
	b, err := req.Read()
	if err != nil {
		return err
	}
	if !strings.Contains(req.ContentType(), "json") {
		return rsp.Write(b)
	}
	v := map[string]interface{}{"content_type": req.ContentType()}
	if ts := grpc.ServerTransportStreamFromContext(ctx); ts != nil {
		v["path"] = ts.Method()
	}
	if utf8.Valid(b) {
		v["body"] = string(b)
	} else {
		v["body_b64"] = base64.StdEncoding.EncodeToString(b)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return rsp.Write(out)
}

func probeMaker(names []string) maker {
	return func(w *world, _ string) (stopper, error) {
		// the server registers itself under a private name; the probes are records that point to it
		s := gsrv.NewServer(server.Name("world.probe."+strconv.Itoa(len(names))), server.Id(names[0]), server.Address("127.0.0.1:0"), server.Registry(w.reg),
			server.RegisterTTL(60*time.Second), server.RegisterInterval(20*time.Second), server.WithRouter(anyMethod{}))
		if err := s.Start(); err != nil {
			return nil, err
		}
		addr := s.Options().Address
		var svcs []*registry.Service
		for _, n := range names {
			svcs = append(svcs, entry(n, "1.0.0", "1", addr))
		}
		return records(w, func() { s.Stop() }, svcs...)
	}
}

// ---- echo ----

type Echo struct{ w *world }

func echoSetup(w *world, s server.Server) { pb.RegisterEchoHandler(s, &Echo{w}) }

func (*Echo) Call(ctx context.Context, req *pb.All, rsp *pb.All) error {
	proto.Merge(rsp, req)
	return nil
}
func (*Echo) Default(ctx context.Context, req *pb.Empty, rsp *pb.All) error { return nil }
func (e *Echo) Nil(ctx context.Context, req *pb.Empty, rsp *pb.Empty) error { return nil }
func (*Echo) Meta(ctx context.Context, req *pb.Empty, rsp *pb.MetaReply) error {
	md, _ := metadata.FromContext(ctx)
	rsp.Metadata = md
	return nil
}
func (*Echo) Big(ctx context.Context, req *pb.BigRequest, rsp *pb.BigReply) error {
	rsp.Text = strings.Repeat("x", int(req.Size))
	return nil
}
func (*Echo) Len(ctx context.Context, req *pb.BigReply, rsp *pb.LenReply) error {
	rsp.Size = int64(len(req.Text))
	return nil
}

// ---- exact payload ----

// Raw tells the JSON payload byte for byte.
type Raw struct{}

type RawReply struct {
	At  string `json:"at"`
	Raw string `json:"raw"`
}

func (*Raw) Call(ctx context.Context, req *json.RawMessage, rsp *RawReply) error {
	rsp.At, rsp.Raw = "Raw.Call", string(*req)
	return nil
}

// Fields tells the x-api-field-* metadata besides the payload.
func (*Raw) Fields(ctx context.Context, req *json.RawMessage, rsp *map[string]interface{}) error {
	md, _ := metadata.FromContext(ctx)
	f := map[string]string{}
	for k, v := range md {
		if strings.HasPrefix(strings.ToLower(k), "x-api-") {
			f[k] = v
		}
	}
	*rsp = map[string]interface{}{"raw": string(*req), "fields": f}
	return nil
}

// Null answers JSON null.
func (*Raw) Null(ctx context.Context, req *json.RawMessage, rsp *map[string]interface{}) error {
	return nil
}

// Text answers text with characters that JSON encoders treat differently.
func (*Raw) Text(ctx context.Context, req *json.RawMessage, rsp *map[string]interface{}) error {
	*rsp = map[string]interface{}{"html": "<a href='x'>&</a>", "line": "\u2028", "uni": "é☃😀", "ctl": "\u0001\t\n", "slash": "a/b"}
	return nil
}

// ---- example ----

type Example struct{ prefix string }

func exampleSetup(prefix string) func(w *world, s server.Server) {
	return func(w *world, s server.Server) { pb.RegisterExampleHandler(s, &Example{prefix}) }
}

func (e *Example) Call(ctx context.Context, req *pb.CallRequest, rsp *pb.CallReply) error {
	rsp.Msg = e.prefix + "Hello " + req.Name
	return nil
}

// ---- errors ----

type Fail struct{ w *world }

func (f *Fail) Call(ctx context.Context, req *pb.FailRequest, rsp *pb.Empty) error {
	if req.Key != "" {
		f.w.count(req.Key)
	}
	id := req.Id
	if id == "" {
		id = "world.fail"
	}
	switch req.Kind {
	case "bad_request":
		return errors.BadRequest(id, req.Detail)
	case "unauthorized":
		return errors.Unauthorized(id, req.Detail)
	case "forbidden":
		return errors.Forbidden(id, req.Detail)
	case "not_found":
		return errors.NotFound(id, req.Detail)
	case "method_not_allowed":
		return errors.MethodNotAllowed(id, req.Detail)
	case "timeout":
		return errors.Timeout(id, req.Detail)
	case "conflict":
		return errors.Conflict(id, req.Detail)
	case "internal":
		return errors.InternalServerError(id, req.Detail)
	case "new":
		return errors.New(id, req.Detail, req.Code)
	case "plain":
		return fmt.Errorf("%s", req.Detail)
	case "panic":
		panic(req.Detail)
	case "status":
		return status.Error(codes.Code(req.Code), req.Detail)
	case "json":
		return fmt.Errorf(`{"id":%q,"code":%d,"detail":%q,"status":"from text"}`, id, req.Code, req.Detail)
	case "empty":
		return &errors.Error{}
	}
	return nil
}

// ---- slow ----

type Slow struct{ w *world }

func (s *Slow) Call(ctx context.Context, req *pb.SlowRequest, rsp *pb.SlowReply) error {
	if req.Key != "" {
		s.w.count(req.Key)
	}
	select {
	case <-time.After(time.Duration(req.Ms) * time.Millisecond):
	case <-ctx.Done():
		if req.Key != "" {
			s.w.count(req.Key + ".cancelled")
		}
		return errors.Timeout("world.slow", "cancelled")
	}
	rsp.Slept = req.Ms
	return nil
}

// ---- streams ----

type Streamer struct{}

func (*Streamer) Count(ctx context.Context, req *pb.StreamRequest, s pb.Streamer_CountStream) error {
	for i := int64(0); i < req.Count; i++ {
		if err := s.Send(&pb.StreamReply{Index: i + 1, Text: req.Text}); err != nil {
			return err
		}
	}
	return nil
}
func (*Streamer) Collect(ctx context.Context, s pb.Streamer_CollectStream) error {
	var n int64
	var text string
	for {
		m, err := s.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		n++
		text += m.Text
		if m.Text == "end" {
			break
		}
	}
	return s.SendMsg(&pb.StreamReply{Index: n, Text: text})
}
func (*Streamer) PingPong(ctx context.Context, s pb.Streamer_PingPongStream) error {
	var n int64
	for {
		m, err := s.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if m.Text == "fail" {
			return errors.BadRequest("world.stream", "asked to fail")
		}
		if m.Text == "bye" {
			return nil
		}
		n++
		if err := s.Send(&pb.StreamReply{Index: n, Text: m.Text}); err != nil {
			return err
		}
	}
}
func (*Streamer) Break(ctx context.Context, req *pb.StreamRequest, s pb.Streamer_BreakStream) error {
	if err := s.Send(&pb.StreamReply{Index: 1, Text: req.Text}); err != nil {
		return err
	}
	return errors.InternalServerError("world.stream", "broken")
}

// ---- go.api.Request handlers ----

// Apih answers with the go.api.Request it got. Query keys steer it: status,
// hdr=Name:Value (repeatable), reply (body), type, err (code), plainerr.
type Apih struct{}

func (*Apih) Call(ctx context.Context, req *goapi.Request, rsp *goapi.Response) error {
	get := func(k string) string {
		if p := req.Get[k]; p != nil && len(p.Values) > 0 {
			return p.Values[0]
		}
		return ""
	}
	if e := get("err"); e != "" {
		n, _ := strconv.Atoi(e)
		return errors.New("world.apih", "asked to fail", int32(n))
	}
	if e := get("plainerr"); e != "" {
		return fmt.Errorf("%s", e)
	}
	if s := get("status"); s != "" {
		n, _ := strconv.Atoi(s)
		rsp.StatusCode = int32(n)
	}
	rsp.Header = map[string]*goapi.Pair{}
	if p := req.Get["hdr"]; p != nil {
		for _, kv := range p.Values {
			ps := strings.SplitN(kv, ":", 2)
			h := rsp.Header[ps[0]]
			if h == nil {
				h = &goapi.Pair{Key: ps[0]}
				rsp.Header[ps[0]] = h
			}
			h.Values = append(h.Values, ps[1])
		}
	}
	if t := get("type"); t != "" {
		rsp.Header["Content-Type"] = &goapi.Pair{Key: "Content-Type", Values: []string{t}}
	}
	if _, ok := req.Get["reply"]; ok {
		rsp.Body = get("reply")
		return nil
	}
	b, err := json.Marshal(map[string]interface{}{
		"method": req.Method, "path": req.Path, "url": req.Url, "body": req.Body,
		"header": pairs(req.Header), "get": pairs(req.Get), "post": pairs(req.Post),
	})
	rsp.Body = string(b)
	return err
}

// ---- routes by endpoint metadata ----

type Routes struct{}

func (*Routes) say(ctx context.Context, at string, req *json.RawMessage, rsp *RouteReply) error {
	rsp.At, rsp.Raw = at, string(*req)
	md, _ := metadata.FromContext(ctx)
	for k, v := range md {
		if strings.HasPrefix(strings.ToLower(k), "x-api-") {
			if rsp.Fields == nil {
				rsp.Fields = map[string]string{}
			}
			rsp.Fields[k] = v
		}
	}
	return nil
}

type RouteReply struct {
	At     string            `json:"at"`
	Raw    string            `json:"raw"`
	Fields map[string]string `json:"fields,omitempty"`
}

func (r *Routes) Get(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Get", q, p)
}
func (r *Routes) Camel(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Camel", q, p)
}
func (r *Routes) Dotted(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Dotted", q, p)
}
func (r *Routes) Items(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Items", q, p)
}
func (r *Routes) Rest(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Rest", q, p)
}
func (r *Routes) RestEnd(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.RestEnd", q, p)
}
func (r *Routes) Star(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Star", q, p)
}
func (r *Routes) DStar(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.DStar", q, p)
}
func (r *Routes) Shelf(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Shelf", q, p)
}
func (r *Routes) Cancel(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Cancel", q, p)
}
func (r *Routes) CancelID(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.CancelID", q, p)
}
func (r *Routes) Exact(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Exact", q, p)
}
func (r *Routes) Regex(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Regex", q, p)
}
func (r *Routes) BadRegex(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.BadRegex", q, p)
}
func (r *Routes) HalfRegex(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.HalfRegex", q, p)
}
func (r *Routes) NoMethod(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.NoMethod", q, p)
}
func (r *Routes) NoHandler(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.NoHandler", q, p)
}
func (r *Routes) HostStar(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.HostStar", q, p)
}
func (r *Routes) HostName(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.HostName", q, p)
}
func (r *Routes) Multi(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Multi", q, p)
}
func (r *Routes) Body(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Body", q, p)
}
func (r *Routes) File(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.File", q, p)
}
func (r *Routes) Upper(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Upper", q, p)
}
func (r *Routes) Over(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Over", q, p)
}
func (r *Routes) OverLit(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.OverLit", q, p)
}
func (r *Routes) ViaMeta(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.ViaMeta", q, p)
}
func (r *Routes) ViaOther(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.ViaOther", q, p)
}
func (r *Routes) Fixed(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return r.say(c, "Routes.Fixed", q, p)
}

// Apir is reached through a route whose handler is api.
type Apir struct{ Apih }

func routesSetup(w *world, s server.Server) {
	ep := func(name, handler, method, path, host, body string) server.HandlerOption {
		e := &api.Endpoint{Name: name, Handler: handler, Body: body, Description: "route " + name}
		if method != "" {
			e.Method = strings.Split(method, ",")
		}
		if path != "" {
			e.Path = strings.Split(path, ",")
		}
		if host != "" {
			e.Host = strings.Split(host, ",")
		}
		return api.WithEndpoint(e)
	}
	handle(s, &Routes{},
		ep("Routes.Get", "rpc", "GET", "/r/get/{id}", "", ""),
		ep("Routes.Camel", "rpc", "GET,POST", "/r/camel/{userId}", "", ""),
		ep("Routes.Dotted", "rpc", "GET,POST", "/r/dotted/{user.name}", "", ""),
		ep("Routes.Items", "rpc", "GET,POST,PUT,PATCH,DELETE", "/r/items/{id}/of/{item_id}", "", ""),
		ep("Routes.Rest", "rpc", "GET", "/r/rest/{rest=**}", "", ""),
		ep("Routes.RestEnd", "rpc", "GET", "/r/restend/{rest=**}/end", "", ""),
		ep("Routes.Star", "rpc", "GET", "/r/star/*", "", ""),
		ep("Routes.DStar", "rpc", "GET", "/r/dstar/**", "", ""),
		ep("Routes.Shelf", "rpc", "GET", "/r/{name=shelves/*}", "", ""),
		ep("Routes.Cancel", "rpc", "POST", "/r/thing:cancel", "", ""),
		ep("Routes.CancelID", "rpc", "POST", "/r/byid/{id}:cancel", "", ""),
		ep("Routes.Exact", "rpc", "POST", "/r/exact", "", ""),
		ep("Routes.Regex", "rpc", "GET", "^/r/re/[0-9]+$", "", ""),
		ep("Routes.BadRegex", "rpc", "GET", `^/r/bad/\d+$`, "", ""),
		ep("Routes.HalfRegex", "rpc", "GET", "/r/half$", "", ""),
		ep("Routes.NoMethod", "rpc", "", "/r/nomethod", "", ""),
		ep("Routes.NoHandler", "", "GET", "/r/nohandler", "", ""),
		ep("Routes.HostStar", "rpc", "GET", "/r/hoststar", "*", ""),
		ep("Routes.HostName", "rpc", "GET", "/r/hostname", "api.example.com", ""),
		ep("Routes.Multi", "rpc", "GET,POST", "/r/multi1,/r/multi2/{x}", "", ""),
		ep("Routes.Body", "rpc", "PUT", "/r/body/{id}", "", "payload"),
		ep("Routes.File", "rpc", "GET", "/r/file.json", "", ""),
		ep("Routes.Upper", "rpc", "GET", "/r/Upper", "", ""),
		ep("Routes.Over", "rpc", "GET", "/r/over/{x}", "", ""),
		ep("Routes.OverLit", "rpc", "GET", "/r/over/lit", "", ""),
		ep("Routes.ViaMeta", "meta", "GET", "/r/viameta", "", ""),
		ep("Routes.ViaOther", "cloudevents", "GET,POST", "/r/viaother", "", ""),
		ep("Routes.Fixed", "rpc", "GET", "/favicon.ico,/r/fixed", "", ""),
	)
	handle(s, &Apir{}, ep("Apir.Call", "api", "GET,POST", "/r/api/{id}", "", ""))
}

type Late struct{ Routes }

func (l *Late) Get(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return l.say(c, "Late.Get", q, p)
}

// Outside has a metadata route although it is not under the served prefix.
type Outside struct{}

func (*Outside) Get(c context.Context, q *json.RawMessage, p *RouteReply) error {
	return new(Routes).say(c, "Outside.Get", q, p)
}

// Library has the routes the code generator made of google.api.http options.
type Library struct{}

func (*Library) GetMessage(c context.Context, q *pb.LibRequest, p *pb.LibReply) error {
	p.Method, p.Got = "GetMessage", q
	return nil
}
func (*Library) GetUser(c context.Context, q *pb.LibRequest, p *pb.LibReply) error {
	p.Method, p.Got = "GetUser", q
	return nil
}
func (*Library) MakeUser(c context.Context, q *pb.LibRequest, p *pb.LibReply) error {
	p.Method, p.Got = "MakeUser", q
	return nil
}
func (*Library) PutUser(c context.Context, q *pb.LibRequest, p *pb.LibReply) error {
	p.Method, p.Got = "PutUser", q
	return nil
}
func (*Library) DropUser(c context.Context, q *pb.LibRequest, p *pb.LibReply) error {
	p.Method, p.Got = "DropUser", q
	return nil
}
func (*Library) Shelf(c context.Context, q *pb.LibRequest, p *pb.LibReply) error {
	p.Method, p.Got = "Shelf", q
	return nil
}

// ---- events ----

// Events offers the received events through an RPC.
type Events struct{ w *world }

type EventsRequest struct {
	Topic string `json:"topic"`
}
type EventsReply struct {
	Events []*record `json:"events"`
}

func (e *Events) List(ctx context.Context, q *EventsRequest, p *EventsReply) error {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	p.Events = e.w.recorded(q.Topic, "")
	return nil
}

var topics = []string{
	"go.micro.api", "go.micro.api.user", "go.micro.api.v1.user", "go.micro.api.publish", "go.micro.api.User", "go.micro.api.user-x", "go.micro.api.v1",
	"com.example.api.user", "go.micro.evt.api.user", "go.micro.evt.user", "go.micro.srv.user", "domain.api.user", "go.micro.api.a b", "go.micro.api.rpc",
}

func consumers(w *world, _ string) (stopper, error) {
	var subs []broker.Subscriber
	for via, b := range map[string]broker.Broker{"http": w.http, "nats": w.nats} {
		if b == nil {
			continue
		}
		for _, t := range topics {
			via, t := via, t
			if via == "nats" && strings.Contains(t, " ") {
				continue
			}
			s, err := b.Subscribe(t, func(e broker.Event) error {
				w.take(via, t, e.Message())
				return nil
			})
			if err != nil {
				return nil, err
			}
			subs = append(subs, s)
		}
	}
	if w.nats != nil {
		// everything under the default prefix, whatever the topic
		for _, t := range []string{"go.micro.api", "go.micro.api.>"} {
			s, err := w.nats.Subscribe(t, func(e broker.Event) error {
				w.take("nats-all", e.Message().Header["Micro-Topic"], e.Message())
				return nil
			})
			if err != nil {
				return nil, err
			}
			subs = append(subs, s)
		}
	}
	// one consumer through the server, as an ordinary service writes it
	srv := gsrv.NewServer(server.Name("go.micro.srv.consumer"), server.Address("127.0.0.1:0"), server.Registry(w.reg), server.Broker(w.http),
		server.RegisterTTL(60*time.Second), server.RegisterInterval(20*time.Second))
	err := srv.Subscribe(srv.NewSubscriber("go.micro.api.typed", func(ctx context.Context, ev *goapi.Event) error {
		md, _ := metadata.FromContext(ctx)
		h := map[string]string{}
		for k, v := range md {
			h[k] = v
		}
		w.keep(&record{Via: "server", Topic: "go.micro.api.typed", Header: h,
			Event: &eventView{Name: ev.Name, ID: ev.Id, Timestamp: ev.Timestamp, Header: pairs(ev.Header), Data: ev.Data}})
		return nil
	}))
	if err != nil {
		return nil, err
	}
	if err := srv.Start(); err != nil {
		return nil, err
	}
	return func() {
		srv.Stop()
		for _, s := range subs {
			s.Unsubscribe()
		}
	}, nil
}

// ---- plain HTTP ----

var upgrader = websocket.Upgrader{
	CheckOrigin:  func(*http.Request) bool { return true },
	Subprotocols: []string{"chat", "b"},
}

// plain tells the HTTP request it got; the last path segment steers it.
func plain(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		segs := strings.Split(strings.TrimSuffix(r.URL.Path, "/"), "/")
		last := segs[len(segs)-1]
		switch {
		case last == "ws" || last == "socket":
			wsEcho(w, r)
			return
		case last == "cors":
			w.Header().Set("Access-Control-Allow-Origin", "http://backend.test")
		case last == "cookies":
			w.Header().Add("Set-Cookie", "a=1; Path=/")
			w.Header().Add("Set-Cookie", "b=2; Path=/")
		case last == "chunks":
			w.Header().Set("Content-Type", "text/plain")
			for i := 0; i < 3; i++ {
				fmt.Fprintf(w, "chunk %d\n", i)
				w.(http.Flusher).Flush()
			}
			return
		case last == "redirect":
			http.Redirect(w, r, "/elsewhere?x=1", 302)
			return
		case last == "gone":
			if h, ok := w.(http.Hijacker); ok {
				c, _, _ := h.Hijack()
				c.Close()
				return
			}
		case last == "big":
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Write([]byte(strings.Repeat("0123456789abcdef", 65536)))
			return
		case last == "hop":
			w.Header().Set("Keep-Alive", "timeout=9")
			w.Header().Set("Proxy-Authenticate", "Basic")
			w.Header().Set("X-Kept", "yes")
		case len(last) == 3 && last[0] >= '2' && last[0] <= '5':
			if n, err := strconv.Atoi(last); err == nil {
				w.Header().Set("X-Status-Asked", last)
				w.WriteHeader(n)
				if n != 204 && n != 304 {
					fmt.Fprintf(w, "status %d", n)
				}
				return
			}
		}
		body, _ := ioutil.ReadAll(r.Body)
		hs := map[string][]string{}
		for k, v := range r.Header {
			hs[k] = v
		}
		v := map[string]interface{}{
			"server": name, "method": r.Method, "uri": r.RequestURI, "host": r.Host, "headers": hs,
			"length": r.ContentLength, "te": r.TransferEncoding,
		}
		if utf8.Valid(body) {
			v["body"] = string(body)
		} else {
			v["body_b64"] = base64.StdEncoding.EncodeToString(body)
		}
		var tr []string
		for k := range r.Trailer {
			tr = append(tr, k)
		}
		sort.Strings(tr)
		if len(tr) > 0 {
			v["trailer"] = tr
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Server", name)
		b, _ := json.Marshal(v)
		w.Write(b)
	})
}

func wsEcho(w http.ResponseWriter, r *http.Request) {
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	hello, _ := json.Marshal(map[string]interface{}{
		"uri": r.RequestURI, "host": r.Host, "xff": r.Header["X-Forwarded-For"], "base": r.Header["X-Micro-Web-Base-Path"], "proto": c.Subprotocol(),
	})
	c.WriteMessage(websocket.TextMessage, hello)
	for {
		t, b, err := c.ReadMessage()
		if err != nil {
			return
		}
		if string(b) == "bye" {
			c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4001, "bye"), time.Now().Add(time.Second))
			return
		}
		if err := c.WriteMessage(t, b); err != nil {
			return
		}
	}
}

func webService(w *world, name string) (stopper, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := web.NewService(
		web.Context(ctx),
		web.Name(name), web.Version("1.0.0"), web.Address("127.0.0.1:0"), web.Registry(w.reg), web.HandleSignal(false),
		web.RegisterTTL(60*time.Second), web.RegisterInterval(20*time.Second),
	)
	s.Handle("/", plain(name))
	s.HandleFunc("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<html><a href=\"/abs\">a</a><a href=\"rel\">r</a> base=%s</html>\n", r.Header.Get("X-Micro-Web-Base-Path"))
	})
	failed := make(chan error, 1)
	go func() { failed <- s.Run() }()
	for i := 0; i < 100; i++ {
		select {
		case err := <-failed:
			cancel()
			return nil, err
		case <-time.After(20 * time.Millisecond):
		}
		if found, err := w.reg.GetService(name); err == nil && len(found) > 0 {
			break
		}
	}
	return stopper(cancel), nil
}
