//! Any program as a service: what it answers over HTTP, gRPC, as files or as a command, behind an RPC server.
