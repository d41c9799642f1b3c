package main

import (
	"bytes"
	"compress/gzip"

	"github.com/golang/protobuf/proto"
	"github.com/golang/protobuf/protoc-gen-go/descriptor"
)

// The messages of test.proto, which stands next to this file, by hand in the form of protoc-gen-go 1.3: one struct
// with tags a message. So building a peer needs Go alone, and no protoc.

// Kind is an enum, so that both of its JSON forms (name and number) can be sent.
type Kind int32

var kindName = map[int32]string{0: "NONE", 1: "ONE", 2: "TWO"}
var kindValue = map[string]int32{"NONE": 0, "ONE": 1, "TWO": 2}

func (k Kind) String() string { return proto.EnumName(kindName, int32(k)) }

func init() { proto.RegisterEnum("test.Kind", kindName, kindValue) }

// kindFile is the compressed descriptor of the enum; the JSON codec looks names up in it.
var kindFile = func() []byte {
	e := &descriptor.EnumDescriptorProto{Name: proto.String("Kind")}
	for n := int32(0); n < int32(len(kindName)); n++ {
		e.Value = append(e.Value, &descriptor.EnumValueDescriptorProto{Name: proto.String(kindName[n]), Number: proto.Int32(n)})
	}
	f := &descriptor.FileDescriptorProto{
		Name:     proto.String("test.proto"),
		Package:  proto.String("test"),
		Syntax:   proto.String("proto3"),
		EnumType: []*descriptor.EnumDescriptorProto{e},
	}
	b, err := proto.Marshal(f)
	if err != nil {
		panic(err)
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return z.Bytes()
}()

// EnumDescriptor says where in which file the enum is described.
func (Kind) EnumDescriptor() ([]byte, []int) { return kindFile, []int{0} }

// Empty holds nothing.
type Empty struct{}

// Request is what a greeter takes.
type Request struct {
	Name string `protobuf:"bytes,1,opt,name=name,proto3" json:"name,omitempty"`
}

// Response is what a greeter answers.
type Response struct {
	Msg string `protobuf:"bytes,1,opt,name=msg,proto3" json:"msg,omitempty"`
}

// Inner is a message within a message.
type Inner struct {
	Id    string `protobuf:"bytes,1,opt,name=id,proto3" json:"id,omitempty"`
	Count int64  `protobuf:"varint,2,opt,name=count,proto3" json:"count,omitempty"`
	Deep  *Deep  `protobuf:"bytes,3,opt,name=deep,proto3" json:"deep,omitempty"`
}

// Deep is a message two levels down.
type Deep struct {
	Leaf string `protobuf:"bytes,1,opt,name=leaf,proto3" json:"leaf,omitempty"`
}

// All has a field of every kind.
type All struct {
	Text      string            `protobuf:"bytes,1,opt,name=text,proto3" json:"text,omitempty"`
	Int32     int32             `protobuf:"varint,2,opt,name=int32,proto3" json:"int32,omitempty"`
	Int64     int64             `protobuf:"varint,3,opt,name=int64,proto3" json:"int64,omitempty"`
	Uint32    uint32            `protobuf:"varint,4,opt,name=uint32,proto3" json:"uint32,omitempty"`
	Uint64    uint64            `protobuf:"varint,5,opt,name=uint64,proto3" json:"uint64,omitempty"`
	Flag      bool              `protobuf:"varint,6,opt,name=flag,proto3" json:"flag,omitempty"`
	Real      float64           `protobuf:"fixed64,7,opt,name=real,proto3" json:"real,omitempty"`
	Small     float32           `protobuf:"fixed32,8,opt,name=small,proto3" json:"small,omitempty"`
	Raw       []byte            `protobuf:"bytes,9,opt,name=raw,proto3" json:"raw,omitempty"`
	List      []string          `protobuf:"bytes,10,rep,name=list,proto3" json:"list,omitempty"`
	Numbers   []int64           `protobuf:"varint,11,rep,packed,name=numbers,proto3" json:"numbers,omitempty"`
	Labels    map[string]string `protobuf:"bytes,12,rep,name=labels,proto3" json:"labels,omitempty" protobuf_key:"bytes,1,opt,name=key,proto3" protobuf_val:"bytes,2,opt,name=value,proto3"`
	Kind      Kind              `protobuf:"varint,13,opt,name=kind,proto3,enum=test.Kind" json:"kind,omitempty"`
	Inner     *Inner            `protobuf:"bytes,14,opt,name=inner,proto3" json:"inner,omitempty"`
	Inners    []*Inner          `protobuf:"bytes,15,rep,name=inners,proto3" json:"inners,omitempty"`
	SnakeCase string            `protobuf:"bytes,16,opt,name=snake_case,json=snakeCase,proto3" json:"snake_case,omitempty"`
}

// Headers is the metadata of a call.
type Headers struct {
	Headers map[string]string `protobuf:"bytes,1,rep,name=headers,proto3" json:"headers,omitempty" protobuf_key:"bytes,1,opt,name=key,proto3" protobuf_val:"bytes,2,opt,name=value,proto3"`
}

// FailRequest says how to fail; kind is micro (the default), plain, status, panic, eof or deadline.
type FailRequest struct {
	Kind   string `protobuf:"bytes,1,opt,name=kind,proto3" json:"kind,omitempty"`
	Id     string `protobuf:"bytes,2,opt,name=id,proto3" json:"id,omitempty"`
	Code   int32  `protobuf:"varint,3,opt,name=code,proto3" json:"code,omitempty"`
	Detail string `protobuf:"bytes,4,opt,name=detail,proto3" json:"detail,omitempty"`
}

// Number is a count.
type Number struct {
	Count int64 `protobuf:"varint,1,opt,name=count,proto3" json:"count,omitempty"`
}

// CallCount has 32-bit counts, as the JSON codec writes 64-bit ones as strings.
type CallCount struct {
	Calls     int32 `protobuf:"varint,1,opt,name=calls,proto3" json:"calls,omitempty"`
	Failed    int32 `protobuf:"varint,2,opt,name=failed,proto3" json:"failed,omitempty"`
	Cancelled int32 `protobuf:"varint,3,opt,name=cancelled,proto3" json:"cancelled,omitempty"`
}

// PublishRequest says what to publish and how.
type PublishRequest struct {
	Topic       string            `protobuf:"bytes,1,opt,name=topic,proto3" json:"topic,omitempty"`
	Name        string            `protobuf:"bytes,2,opt,name=name,proto3" json:"name,omitempty"`
	ContentType string            `protobuf:"bytes,3,opt,name=content_type,json=contentType,proto3" json:"content_type,omitempty"`
	Metadata    map[string]string `protobuf:"bytes,4,rep,name=metadata,proto3" json:"metadata,omitempty" protobuf_key:"bytes,1,opt,name=key,proto3" protobuf_val:"bytes,2,opt,name=value,proto3"`
}

// RelayRequest names a call to make on behalf of the caller.
type RelayRequest struct {
	Service     string `protobuf:"bytes,1,opt,name=service,proto3" json:"service,omitempty"`
	Endpoint    string `protobuf:"bytes,2,opt,name=endpoint,proto3" json:"endpoint,omitempty"`
	Json        string `protobuf:"bytes,3,opt,name=json,proto3" json:"json,omitempty"`
	ContentType string `protobuf:"bytes,4,opt,name=content_type,json=contentType,proto3" json:"content_type,omitempty"`
	Address     string `protobuf:"bytes,5,opt,name=address,proto3" json:"address,omitempty"`
}

func (m *Empty) Reset()                  { *m = Empty{} }
func (m *Empty) String() string          { return proto.CompactTextString(m) }
func (*Empty) ProtoMessage()             {}
func (m *Request) Reset()                { *m = Request{} }
func (m *Request) String() string        { return proto.CompactTextString(m) }
func (*Request) ProtoMessage()           {}
func (m *Response) Reset()               { *m = Response{} }
func (m *Response) String() string       { return proto.CompactTextString(m) }
func (*Response) ProtoMessage()          {}
func (m *Inner) Reset()                  { *m = Inner{} }
func (m *Inner) String() string          { return proto.CompactTextString(m) }
func (*Inner) ProtoMessage()             {}
func (m *Deep) Reset()                   { *m = Deep{} }
func (m *Deep) String() string           { return proto.CompactTextString(m) }
func (*Deep) ProtoMessage()              {}
func (m *All) Reset()                    { *m = All{} }
func (m *All) String() string            { return proto.CompactTextString(m) }
func (*All) ProtoMessage()               {}
func (m *Headers) Reset()                { *m = Headers{} }
func (m *Headers) String() string        { return proto.CompactTextString(m) }
func (*Headers) ProtoMessage()           {}
func (m *FailRequest) Reset()            { *m = FailRequest{} }
func (m *FailRequest) String() string    { return proto.CompactTextString(m) }
func (*FailRequest) ProtoMessage()       {}
func (m *Number) Reset()                 { *m = Number{} }
func (m *Number) String() string         { return proto.CompactTextString(m) }
func (*Number) ProtoMessage()            {}
func (m *PublishRequest) Reset()         { *m = PublishRequest{} }
func (m *PublishRequest) String() string { return proto.CompactTextString(m) }
func (*PublishRequest) ProtoMessage()    {}
func (m *RelayRequest) Reset()           { *m = RelayRequest{} }
func (m *RelayRequest) String() string   { return proto.CompactTextString(m) }
func (*RelayRequest) ProtoMessage()      {}
func (m *CallCount) Reset()              { *m = CallCount{} }
func (m *CallCount) String() string      { return proto.CompactTextString(m) }
func (*CallCount) ProtoMessage()         {}
