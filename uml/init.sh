# Process 1 in User-Mode Linux: busybox sh init.sh BUSYBOX EXCHANGE
#
# EXCHANGE is the folder that boot.ts made on the host. It holds `modules` (a path a line, and a
# parameter after a tab), `writable` (folders, a path a line), `command` (a script) and, where that has
# a terminal, `terminal` (what stty is told of it). It takes `begun`, when the command begins, and
# `status`. Only busybox is used until the command runs, so that nothing needs to be installed. If a step fails, this ends, the kernel panics
# for want of process 1, and boot.ts reports the last lines that were said here.
set -eu
busybox=$1
exchange=$2

box() {
  "$busybox" "$@"
}

load_modules() {
  tab=$(printf '\t')
  while IFS=$tab read -r module parameter; do
    box insmod "$module" ${parameter:+"$parameter"}
  done <"$exchange/modules"
}

# The host's files, in a view that takes writes and keeps them in memory: the command may write
# anywhere, and nothing of it reaches the host.
enter_throwaway_root() {
  box mount -t tmpfs tmpfs /run
  box mkdir /run/written /run/work /run/root
  box mount -t overlay -o lowerdir=/,upperdir=/run/written,workdir=/run/work overlay /run/root
  cd /run/root
  box mount --move /dev dev
  box mount -t tmpfs tmpfs run
  box mkdir run/host
  box pivot_root . run/host
  box umount -l /run/host
  box rmdir /run/host
}

mount_kernel_file_systems() {
  box mount -t proc proc /proc
  box mount -t sysfs sysfs /sys
  box mkdir /dev/pts /dev/shm
  box mount -t devpts devpts /dev/pts
  box mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  box ln -s /proc/self/fd /dev/fd
  box ln -s fd/0 /dev/stdin
  box ln -s fd/1 /dev/stdout
  box ln -s fd/2 /dev/stderr
}

# What the command left running would keep its output open for ever.
kill_all_but() {
  for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    if [ "$pid" != 1 ] && [ "$pid" != "$1" ]; then
      kill -KILL "$pid" 2>/dev/null || true
    fi
  done
}

# Through a pipe, so that the command sees no terminal where the caller may have none.
run_command() {
  box mkfifo /run/output
  "$busybox" cat /run/output >/dev/tty1 & # not `box`: a function's process number is a shell's
  reader=$!
  status=0
  /bin/sh "$exchange/command" </dev/null >/run/output 2>&1 3>&- || status=$?
  kill_all_but "$reader"
  wait "$reader"
}

# The leader of the session stays till all output has left, which its end would discard. What is typed to
# interrupt or suspend is the command's. A size that is set is kept while the terminal is open; another that the
# terminal takes meanwhile comes as `terminal.1`, the next as `terminal.2`.
lead_session='
trap : INT QUIT
trap "" TSTP
"$1" stty sane $("$1" cat "$2/terminal")
(
  number=1
  while :; do
    if [ -e "$2/terminal.$number" ]; then
      "$1" stty $("$1" cat "$2/terminal.$number") </dev/tty1
      number=$((number + 1))
    else
      "$1" sleep 0.2
    fi
  done
) &
: >"$2/begun"
/bin/sh "$2/command"
status=$?
"$1" stty sane # waits until all output has left
exit "$status"
'

run_command_on_terminal() {
  status=0
  "$busybox" setsid -c "$busybox" sh -c "$lead_session" sh "$busybox" "$exchange" \
    </dev/tty1 >/dev/tty1 2>&1 || status=$?
  kill_all_but 1
}

# Folders of the host that are written to for good.
mount_writable_folders() {
  while IFS= read -r folder; do
    box mount -t hostfs -o "$folder" hostfs "$folder"
  done <"$exchange/writable"
}

load_modules
enter_throwaway_root
mount_kernel_file_systems
box mount -t hostfs -o "$exchange" hostfs "$exchange"
mount_writable_folders
box ip link set lo up

if [ -e "$exchange/terminal" ]; then
  run_command_on_terminal
else
  exec 3>/dev/tty1
  box stty -F /dev/tty1 -opost
  run_command
fi
box stty -F /dev/tty1 opost # waits until all output has left

echo "$status" >"$exchange/status"
box sync
box poweroff -f
