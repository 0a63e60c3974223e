#!/bin/sh
# Looks up a name as programs do, through the C library, with a resolv.conf of its own: in a mount namespace, as this
# machine's is left alone.
mount --bind "$1" /etc/resolv.conf && getent ahostsv4 shop.example
