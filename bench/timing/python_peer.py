# How late Python's time.sleep is: prints a line of work and microseconds for each wait.
import time

for index in range(400):
    micros = 1000 + index * 7919 % 400 * 100
    start = time.monotonic()
    time.sleep(micros / 1e6)
    print("sleep|%.0f" % ((time.monotonic() - start) * 1e6 - micros), flush=True)
