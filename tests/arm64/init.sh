#!/bin/busybox sh
# Process 1 of the arm64 machine. If a step fails this ends, the kernel panics for want of it, and the machine ends
# without the line that machine.ts waits for.
set -eu
export PATH=/usr/local/bin:/bin HOME=/root NO_COLOR=1 DENO_NO_UPDATE_CHECK=1
/bin/busybox --install -s /bin
mkdir -p /proc /sys /tmp /run /root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
stty -F /dev/ttyAMA0 -opost

# Those that take a number would make devices of their own
depmod
for module in sch_plug sch_ingress cls_flower act_mirred veth "ifb numifbs=0" "dummy numdummies=0"; do
  modprobe $module # two words
done
ip link set lo up

run_tests() {
  status=0
  deno test --allow-all --no-check --no-config --no-lock --unstable-net /tests/plugctl_test.js </dev/null || status=$?
  echo "status $status"
}

# Through a pipe, so that no test and no report of theirs is for a terminal
run_tests 2>&1 | cat
stty -F /dev/ttyAMA0 opost # waits until all output has left
poweroff -f
