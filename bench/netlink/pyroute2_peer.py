# pyroute2: changes of a qdisc, one at a time.
import sys
import time

from pyroute2 import IPRoute

kind = sys.argv[1]
options = {"action": "release_indefinite"} if kind == "plug" else {"limit": 100}

with IPRoute() as connection:
    index = connection.link_lookup(ifname="lo")[0]
    best = 1e9
    for _ in range(5):
        rounds = 0
        start = time.perf_counter()
        while time.perf_counter() - start < 0.3:
            connection.tc("change", kind, index, handle="1:0", parent=0xFFFFFFFF, **options)
            rounds += 1
        best = min(best, (time.perf_counter() - start) / rounds)

print("one", best * 1e9)
