#!/bin/sh
# plugctl as JavaScript, which Deno runs: the bundle stands in ../lib/plugctl, also of whom a symbolic link leads here.
here=$0
[ ! -h "$here" ] || here=$(readlink -f "$here")
case $here in
*/*) bin=${here%/*} ;;
*) bin=. ;;
esac
# Deno strikes out `..` with the name before it, which is wrong where that is a link to the folder of programs.
[ ! -h "$bin" ] || [ -e "${bin%/*}/lib/plugctl" ] || bin=$(readlink -f "$bin")
command -v deno >/dev/null || {
  echo "plugctl: Deno is not installed, or not on PATH; install it, or the binary of plugctl, which needs none" >&2
  exit 4
}
exec deno run --quiet --allow-all --no-prompt --no-config --no-lock --unstable-lazy-dynamic-imports \
  "$bin/../lib/plugctl/plugctl.js" "$@"
