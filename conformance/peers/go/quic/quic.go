// Package quic stands in for quic-go v0.14.1, which go-micro v2's QUIC transport is written against and which
// refuses to start with any Go release after 1.14.
//
// It offers the few names that transport uses and runs them over TLS on TCP. Only `micro network` and
// `micro tunnel` reach it; services, clients and the gateway never do.
package quic

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// Config carries the two settings the transport fills in. TCP has its own answer to both, so they are not read.
type Config struct {
	IdleTimeout time.Duration
	KeepAlive   bool
}

// Stream is one conversation: here, the whole connection.
type Stream interface{ net.Conn }

// Session is one connection between two nodes.
type Session interface {
	OpenStreamSync(context.Context) (Stream, error)
	AcceptStream(context.Context) (Stream, error)
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
	Close() error
}

// Listener yields sessions.
type Listener interface {
	Accept(context.Context) (Session, error)
	Addr() net.Addr
	Close() error
}

// DialAddr opens a session to addr.
func DialAddr(addr string, config *tls.Config, _ *Config) (Session, error) {
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return nil, err
	}
	return session{conn}, nil
}

// ListenAddr accepts sessions on addr.
func ListenAddr(addr string, config *tls.Config, _ *Config) (Listener, error) {
	inner, err := tls.Listen("tcp", addr, config)
	if err != nil {
		return nil, err
	}
	return listener{inner}, nil
}

type session struct{ net.Conn }

func (s session) OpenStreamSync(context.Context) (Stream, error) { return s.Conn, nil }
func (s session) AcceptStream(context.Context) (Stream, error)   { return s.Conn, nil }

type listener struct{ net.Listener }

func (l listener) Accept(context.Context) (Session, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return session{conn}, nil
}
