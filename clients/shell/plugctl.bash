# Hold packets of a real machine in a test, and let them go: a client of `plugctl session`, for bash 4.1 and later.
#
#   . plugctl.bash
#   plugctl_open
#   plugctl_ask gate-add name=answers dev=lo direction=out match='tcp src port 8000'
#   plugctl_ask buffer on=answers maxMs:=5000
#   ... # what the server answers waits
#   plugctl_ask wait on=answers until='backlog>=1'
#   plugctl_ask release on=answers
#   plugctl_close
#
# One file without dependencies; copy it. What a session has made or holds ends with it, also when the shell is killed.

# Starts a session; options are those of `plugctl session`. PLUGCTL_COMMAND is another way to start plugctl, as an array.
plugctl_open() {
  local ready
  [ -n "${PLUGCTL_COMMAND+set}" ] || PLUGCTL_COMMAND=(plugctl)
  coproc PLUGCTL_SESSION { exec "${PLUGCTL_COMMAND[@]}" session "$@"; }
  PLUGCTL_PID=$PLUGCTL_SESSION_PID
  PLUGCTL_NUMBER=0
  IFS= read -r -u "${PLUGCTL_SESSION[0]}" ready || return 1
  [[ $ready == *'"protocol":1,'* ]] || { echo "plugctl: another protocol than 1: $ready" >&2; return 1; }
}

# Asks for an operation, and prints its result, in JSON. Each further word is a field: KEY=TEXT, or KEY:=JSON for a number,
# a truth value or a list. Returns 1 where it was refused, and says why.
plugctl_ask() {
  local request line field
  [ -n "${PLUGCTL_SESSION[1]-}" ] || { echo "plugctl: there is no session: plugctl_open first" >&2; return 1; }
  request="{\"id\":$((++PLUGCTL_NUMBER)),\"op\":$(plugctl_text "$1")"
  for field in "${@:2}"; do
    case $field in
      [a-zA-Z]*:=*) request+=",\"${field%%:=*}\":${field#*:=}" ;;
      [a-zA-Z]*=*) request+=",\"${field%%=*}\":$(plugctl_text "${field#*=}")" ;;
      *) echo "plugctl: $field is no field: KEY=TEXT or KEY:=JSON" >&2; return 1 ;;
    esac
  done
  printf '%s}\n' "$request" >&"${PLUGCTL_SESSION[1]}" || return 1
  while IFS= read -r -u "${PLUGCTL_SESSION[0]}" line; do
    case $line in
      "{\"id\":$PLUGCTL_NUMBER,\"result\":"*) line=${line#*\"result\":}; printf '%s\n' "${line%\}}"; return 0 ;;
      "{\"id\":$PLUGCTL_NUMBER,\"error\":"*) printf 'plugctl: %s\n' "${line#*\"error\":}" >&2; return 1 ;;
      *'"error":'*) printf 'plugctl: %s\n' "$line" >&2; return 1 ;; # It could not even read the request.
      *) printf 'plugctl: %s\n' "$line" >&2 ;;
    esac
  done
  echo "plugctl: the session has ended" >&2
  return 1
}

# Ends the session: what it holds is released, and what it has made is taken away.
plugctl_close() {
  local input=${PLUGCTL_SESSION[1]-}
  [ -n "$input" ] || return 0
  exec {input}>&-
  wait "$PLUGCTL_PID"
}

# A text as JSON.
plugctl_text() {
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=${text//$'\n'/\\n}
  text=${text//$'\t'/\\t}
  printf '"%s"' "$text"
}
