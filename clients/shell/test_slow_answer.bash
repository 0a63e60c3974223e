#!/usr/bin/env bash
# A client that waits for a slow answer, in a test that speaks the Test Anything Protocol.
. "${BASH_SOURCE%/*}/plugctl.bash"

folder=$(mktemp --directory)
trap 'rm -r "$folder"' EXIT
failed=0
number=0
ok() { # WHAT COMMAND...
  if "${@:2}"; then echo "ok $((++number)) - $1"; else echo "not ok $((++number)) - $1"; failed=1; fi
}

echo 1..4
plugctl_open
# The server ends with this shell, which holds its standard input.
exec {server}> >(exec python3 -c '
import http.server, os, threading
server = http.server.HTTPServer(("127.0.0.1", 8000), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.read(0, 1)')
until curl --silent --output /dev/null http://127.0.0.1:8000/; do sleep 0.1; done

plugctl_ask gate-add name=answers dev=lo direction=out match='tcp src port 8000' >/dev/null
plugctl_ask buffer on=answers maxMs:=3600000 >/dev/null
curl --silent --max-time 3600 --output /dev/null --write-out '%{http_code} %{time_total}' http://127.0.0.1:8000/ >"$folder/answer" &
request=$!
ok "an answer waits" plugctl_ask wait on=answers until='backlog>=1' timeoutMs:=60000
# A wait of this shell's own: a sleep would go on where the shell is killed.
read -r -t "$HOLD_SECONDS" <> <(:)
ok "it is let go" plugctl_ask release on=answers
wait "$request"
read -r status seconds <"$folder/answer"
ok "it came late: $status after $seconds s" [ "$status" = 200 -a "${seconds/./}" -ge 0300000 ]
if plugctl_ask buffer on=nosuch 2>"$folder/refusal"; then false; else grep --quiet '"code":"no-device"' "$folder/refusal"; fi
ok "a name that is not there is refused" [ $? = 0 ]
plugctl_close
exit "$failed"
