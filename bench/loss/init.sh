#!/bin/busybox sh
# Process 1 of the machine of machine.ts.
set -eu
export PATH=/bin HOME=/root NO_COLOR=1 DENO_NO_UPDATE_CHECK=1
busybox=/bin/busybox
for folder in proc sys dev run tmp root; do $busybox mkdir -p /$folder; done
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sysfs /sys
$busybox mount -t devtmpfs devtmpfs /dev
$busybox mount -t tmpfs tmpfs /run
# Those that they need come with the first, or are built in
for module in sch_plug sch_ingress cls_flower act_mirred veth; do $busybox insmod /modules/$module.ko; done
$busybox insmod /modules/ifb.ko numifbs=0
$busybox uname -r
deno run --allow-all --no-check --no-config --no-lock --unstable-net /cycles.js /traffic "$($busybox sed -n 1p /cycles)" "$($busybox sed -n 2p /cycles)" </dev/null 2>&1 || $busybox true
$busybox poweroff -f
