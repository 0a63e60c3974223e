"""Asks for a page again and again, over a new connection each time, until its input ends. Prints what came of it."""

import collections
import http.client
import json
import sys
import threading

outcomes = collections.Counter()
over = threading.Event()


def ask():
    while not over.is_set():
        connection = http.client.HTTPConnection(sys.argv[1], 8080, timeout=60)
        try:
            connection.request("GET", "/")
            outcomes[connection.getresponse().read().decode().strip()] += 1
        except OSError as error:
            outcomes[type(error).__name__] += 1
            over.wait(0.01)
        finally:
            connection.close()
        if sum(outcomes.values()) == 20:
            print("under way", flush=True)


askers = [threading.Thread(target=ask) for _ in range(2)]
for asker in askers:
    asker.start()
sys.stdin.read()
over.set()
for asker in askers:
    asker.join()
print(json.dumps(outcomes))
