# pyroute2: has plugs hold and let go by turns, one change at a time; prints nanoseconds a change.
import sys
import time

from pyroute2 import IPRoute

ROUNDS = 5

with IPRoute() as connection:
    indexes = [connection.link_lookup(ifname=name)[0] for name in sys.argv[1:]]
    start = time.perf_counter()
    for _ in range(ROUNDS):
        for action in ("buffer", "release_indefinite"):
            for index in indexes:
                connection.tc("change", "plug", index, handle=0x504C0000, parent=0xFFFFFFFF, action=action)
    print((time.perf_counter() - start) / (ROUNDS * 2 * len(indexes)) * 1e9)
