"""Measures whole processes: measure.py ROUNDS < COMMANDS

Each line of the input is a name, a tab and a command. All of them are run in turns, so that what else the machine does
meets all alike. Prints a line for each run: the name, milliseconds from start to end, milliseconds on processors, and
the most memory that it had, in KiB.
"""

import os
import sys
import time

rounds = int(sys.argv[1])
commands = [line.rstrip("\n").split("\t") for line in sys.stdin]
nowhere = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]

# The first round, in which files are read from the disk and caches are filled, does not count.
for round in range(rounds + 1):
    for name, command in commands:
        words = command.split(" ")
        start = time.monotonic()
        process = os.posix_spawnp(words[0], words, os.environ, file_actions=nowhere)
        _, status, usage = os.wait4(process, 0)
        wall = time.monotonic() - start
        if status not in (0, 256):
            sys.exit(f"{command} ended with {status}")
        if round > 0:
            cpu = usage.ru_utime + usage.ru_stime
            print(f"{name}\t{wall * 1000:.2f}\t{cpu * 1000:.2f}\t{usage.ru_maxrss}")
