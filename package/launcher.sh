#!/bin/sh
# plugctl as JavaScript, which Deno runs: the bundle stands in ../lib/plugctl, also of whom a symbolic link leads here.
here=$0
[ ! -h "$here" ] || here=$(readlink -f "$here")
command -v deno >/dev/null || {
  echo "plugctl: Deno is not installed, or not on PATH; install it, or the binary of plugctl, which needs none" >&2
  exit 4
}
exec deno run --quiet --allow-all --no-prompt --no-config --no-lock --unstable-lazy-dynamic-imports \
  "${here%/*}/../lib/plugctl/plugctl.js" "$@"
