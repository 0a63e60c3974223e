"""Types into a shell as somebody at a terminal does: terminal.py SHELL... < KEYS

Starts the shell on a terminal of its own, waits until it is there, types the keys line by line, and prints what the
terminal showed. Ends with the shell, or after five minutes.
"""

import os
import pty
import select
import sys
import time

READY = b"terminal-is-" + b"ready"
DEADLINE = time.monotonic() + 300

keys = sys.stdin.buffer.read()
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])

shown = b""


def read():
    """Reads what the terminal shows next, and tells whether there is more to come."""
    global shown
    ready, _, _ = select.select([terminal], [], [], max(0, DEADLINE - time.monotonic()))
    if not ready:
        return False
    try:
        data = os.read(terminal, 65536)
    except OSError:
        return False
    # A terminal answers when it is asked what it is and where its cursor stands; fish waits for that.
    if b"\x1b[c" in data or b"\x1b[0c" in data:
        os.write(terminal, b"\x1b[?62c")
    if b"\x1b[6n" in data:
        os.write(terminal, b"\x1b[1;1R")
    shown += data
    return data != b""


# What is typed shows too; what is printed does not have the quotes in it.
os.write(terminal, b"echo terminal-is-''ready\r")
while READY not in shown and read():
    pass
os.write(terminal, keys)
while read():
    pass
sys.stdout.buffer.write(shown)
