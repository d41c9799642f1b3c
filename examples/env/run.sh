#!/bin/sh
# The API gateway as the manual sets it up: every path is a call, and services are named go.micro.srv.*
export MICRO_API_HANDLER=rpc MICRO_API_NAMESPACE=go.micro.srv
exec "${MICRO:-micro}" api "$@"
