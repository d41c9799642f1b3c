#!/usr/bin/env bash
# Builds the Go peers into $GO_BIN: `peer` and `world`, the go-micro services of this folder, and `micro`, the real v2.9.3.
# A binary is left alone while what it is made from, and the Go release, stay the same.
#
#   build.sh [peer] [world] [micro]     default: all
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
bin=${GO_BIN:-$HOME/.cache/micro-peers/bin}
mkdir -p "$bin"
bin=$(cd "$bin" && pwd)

# What the digest covers is what the build reads: the pinned modules, the stand-in, and the sources named.
digest() {
    { go env GOVERSION GOOS GOARCH; find go.mod go.sum quic "$@" -type f -print0 | sort -z | xargs -0 sha256sum; } | sha256sum | cut -d' ' -f1
}

build() { # NAME PACKAGE [SOURCES…]
    local name=$1 package=$2 want
    want=$(digest "${@:3}")
    if [[ -x $bin/$name && $(cat "$bin/$name.digest" 2>/dev/null) == "$want" ]]; then
        echo "$bin/$name is up to date"
        return
    fi
    # Built beside its place and moved there: a peer that is running keeps its file.
    go build -trimpath -o "$bin/$name.new" "$package"
    mv "$bin/$name.new" "$bin/$name"
    echo "$want" >"$bin/$name.digest"
    echo "$bin/$name built"
}

[[ $# -gt 0 ]] || set -- peer world micro
for name in "$@"; do
    case $name in
    peer | world) build "$name" "./$name" "$name" ;;
    micro) build micro github.com/micro/micro/v2 ;;
    *) echo "build.sh: no such peer: $name (peer, world, micro)" >&2 && exit 2 ;;
    esac
done
