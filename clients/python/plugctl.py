"""Hold packets of a real machine in a test, and let them go: a client of `plugctl session`.

    import plugctl

    def test_slow_answer():
        with plugctl.Session() as session:
            answers = session.gate("lo", "out", "tcp src port 8000")
            with answers.hold():
                ...  # what the server answers waits
            # and goes on

One file without dependencies, for Python 3.9 and later; copy it, or install it. What a session has made or holds ends
with it, also when Python is killed. Times are in milliseconds, sizes in bytes.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from typing import Any, Sequence

__all__ = ["Gate", "Hold", "Plug", "PlugctlError", "Session"]

PROTOCOL = 1


class PlugctlError(Exception):
    """What plugctl or the kernel refused: `code` for a program, the text for a person."""

    def __init__(self, message: str, code: str = "failed", errno: int | None = None):
        super().__init__(message)
        self.code = code
        self.errno = errno


class Session:
    """A conversation with `plugctl session`. Methods may be called from several threads.

    `command` starts it: give `["ssh", "root@host", "plugctl"]` to have it elsewhere. `max_hold_ms` is the longest that
    anything is held before plugctl lets it go by itself; 30 seconds where nothing is said.
    """

    def __init__(
        self,
        command: Sequence[str] = ("plugctl",),
        *,
        netns: str | None = None,
        max_hold_ms: float | None = None,
    ):
        words = [*command, "session"]
        if netns is not None:
            words += ["--netns", netns]
        if max_hold_ms is not None:
            words += ["--max-hold", f"{max_hold_ms}ms"]
        self.events: list[dict[str, Any]] = []
        """What was let go without being asked for: a deadline was reached, or somebody else has changed it."""
        self._ids = itertools.count(1)
        self._answers: dict[Any, dict[str, Any]] = {}
        self._holding: set[Any] = set()
        self._changed = threading.Condition()
        self._ended = False
        self._ready: dict[str, Any] | None = None
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
        )
        threading.Thread(target=self._read, daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: self._ready is not None or self._ended)
        if self._ready is None:
            raise PlugctlError(self._last_words())
        if self._ready["protocol"] != PROTOCOL:
            protocol = self._ready["protocol"]
            self.close()
            raise PlugctlError(f"plugctl speaks protocol {protocol}, this client {PROTOCOL}")

    def gate(
        self, dev: str | Sequence[str], direction: str, match: str | Sequence[str] | None = None, **options: Any
    ) -> Gate:
        """Makes a gate, which holds only the packets meant: `direction` is in, out or both, `match` as for tcpdump."""
        made = self.request("gate-add", dev=dev, direction=direction, match=match, **options)
        return Gate(self, made["name"])

    def named(self, name: str) -> Gate:
        """A gate or a plug that is there already, by its name or its device's."""
        return Gate(self, name)

    def attach(self, dev: str, **options: Any) -> Plug:
        """Attaches a plug, which holds all that leaves a device."""
        self.request("attach", dev=dev, **options)
        return Plug(self, dev)

    def request(self, op: str, **fields: Any) -> Any:
        """Asks for any operation, and returns its result. Fields that are None are not sent."""
        return self._await(self._send(op, fields))

    def close(self) -> None:
        """Ends the session: what it holds is released, and what it has made is taken away."""
        if self._process.stdin and not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass
        if self._process.wait() != 0:
            raise PlugctlError(self._last_words())

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self.close()
        except PlugctlError:
            # What has failed in the block says more.
            if kind is None:
                raise

    def _send(self, op: str, fields: dict[str, Any]) -> int:
        number = next(self._ids)
        given = {key: value for key, value in fields.items() if value is not None}
        line = json.dumps({"id": number, "op": op, **given})
        try:
            with self._changed:
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise PlugctlError(self._last_words()) from None
        return number

    def _await(self, number: int) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: number in self._answers or self._ended)
            answer = self._answers.pop(number, None)
        if answer is None:
            raise PlugctlError(self._last_words())
        if "error" in answer:
            error = answer["error"]
            raise PlugctlError(error["message"], error["code"], error.get("errno"))
        return answer["result"]

    def _await_holding(self, number: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: number in self._holding or number in self._answers or self._ended)
            if number in self._holding:
                return
        self._await(number)

    def _read(self) -> None:
        for line in self._process.stdout:
            said = json.loads(line)
            with self._changed:
                if said.get("event") == "ready":
                    self._ready = said
                elif said.get("event") == "holding":
                    self._holding.add(said["id"])
                elif "event" in said:
                    self.events.append(said)
                else:
                    self._answers[said["id"]] = said
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _last_words(self) -> str:
        self._process.wait()
        with self._changed:
            if not self._process.stderr.closed:
                self._words = self._process.stderr.read().strip()
                self._process.stderr.close()
        return self._words or f"plugctl session ended with exit status {self._process.returncode}"


class Plug:
    """Something that holds packets and lets them go."""

    _take_away = "detach"

    def __init__(self, session: Session, name: str):
        self._session = session
        self.name = name

    def buffer(self, max_ms: float | None = None) -> None:
        """Holds from here on; again, it ends the epoch and begins the next."""
        self._session.request("buffer", on=self.name, maxMs=max_ms)

    def release(self) -> int:
        """Releases everything, and returns how many packets were held."""
        return self._session.request("release", on=self.name)[0]["releasedPackets"]

    def release_one(self) -> int:
        """Releases the epoch that the last `buffer` ended, and returns how many packets that were."""
        return self._session.request("release-one", on=self.name)[0]["releasedPackets"]

    def counts(self) -> dict[str, Any]:
        """What waits (backlogPackets, backlogBytes), has left (sentPackets, sentBytes) and was dropped (drops)."""
        return self._session.request("counts", on=self.name)[0]

    def wait(self, until: str, timeout_ms: float | None = None) -> dict[str, Any]:
        """Waits until a condition is met: `backlog>=1`, `sent>=3`, `drops>0`. Returns the counts; raises at the timeout."""
        return self._session.request("wait", on=self.name, until=until, timeoutMs=timeout_ms)[0]

    def limit(self, limit_bytes: int) -> None:
        """Sets the queue limit."""
        self._session.request("limit", on=self.name, limitBytes=limit_bytes)

    def hold(self, max_ms: float | None = None) -> Hold:
        """Holds from here on: until the end of a `with` block, or for `max_ms` at the most."""
        return Hold(self, max_ms)

    def hold_for(self, for_ms: float) -> dict[str, Any]:
        """Holds for a time, and returns what was held."""
        return self._session.request("hold", on=self.name, forMs=for_ms)

    def close(self) -> None:
        """Releases it and takes it away, without losing a packet."""
        self._session.request(self._take_away, on=self.name)

    def __enter__(self) -> Plug:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Gate(Plug):
    """A gate: it holds only the packets that its match means."""


class Hold:
    """Holds since it was made; lets go at the end of a `with` block."""

    def __init__(self, plug: Plug, max_ms: float | None):
        self._plug = plug
        self._once = threading.Lock()
        self.released: int | None = None
        """How many packets were held, once they have been let go."""
        plug.buffer(max_ms)

    def wait(self, until: str = "backlog>=1", timeout_ms: float | None = None) -> dict[str, Any]:
        """Waits until a condition is met, by default until a packet waits."""
        return self._plug.wait(until, timeout_ms)

    def release(self) -> int:
        """Lets go what it holds."""
        with self._once:
            if self.released is None:
                self.released = self._plug.release()
            return self.released

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


try:
    import pytest
except ImportError:
    pass
else:

    @pytest.fixture(name="plugctl")
    def plugctl_session():
        """A session for each test; what the test has left holding is let go at its end."""
        with Session() as session:
            yield session
