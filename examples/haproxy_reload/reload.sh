#!/bin/sh
# Has a new HAProxy take over port 8000 from the one that listens there. Ends when the old one listens no more.
listeners() {
  ss -Hltnp 'sport = :8000'
}

# What the old one has not accepted when it stops is reset
until listeners | awk '{ waiting += $2 } END { exit waiting > 0 }'; do sleep 0.02; done
old=$(listeners | sed -n 's/.*pid=\([0-9]*\).*/\1/p')
haproxy -D -f haproxy.cfg -sf "$old"
while listeners | grep -q "pid=$old,"; do sleep 0.02; done
