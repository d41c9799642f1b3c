#!/bin/sh
# Runs server.py as the service `helloworld`. PORT is where it answers, MICRO the program `micro`.
port=${PORT:-9090}
exec "${MICRO:-micro}" "$@" service --name helloworld --endpoint "http://127.0.0.1:$port" \
    -- python3 "$(dirname "$0")/server.py" "$port"
