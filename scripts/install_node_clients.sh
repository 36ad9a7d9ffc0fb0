#!/bin/sh
# Installs the Node clients that tests/websocket/test_interop.py runs; CI calls it, anybody may.
set -eu
cd "$(dirname "$0")/../tests/websocket/node"
exec npm ci --no-audit --no-fund --loglevel=error
