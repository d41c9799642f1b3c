//go:build pins

// Package pins keeps `go mod tidy` from dropping the module of the real micro, which nothing here imports and
// which build.sh builds by its import path.
package pins

import _ "github.com/micro/micro/v2"
