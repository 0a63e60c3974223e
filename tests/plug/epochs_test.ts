// Whether plugctl's idea of epochs agrees with the kernel's: every sequence of up to six actions.
import { assertEquals, assertThrows } from "@std/assert";
import { Plug } from "../../plug/plug.ts";
import { FIRST_HANDLE } from "../../plug/plug_requests.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { FakeKernel } from "./fake_kernel.ts";

const ACTIONS = ["buffer", "releaseOne", "releaseIndefinite"] as const;
type Action = typeof ACTIONS[number];
const LONGEST = 6;

/** Every sequence of `length` actions. */
function sequences(length: number): Action[][] {
  if (length === 0) return [[]];
  return sequences(length - 1).flatMap((sequence) => ACTIONS.map((action) => [...sequence, action]));
}

/** A plug on a kernel of its own; a packet comes after the start, and after every action. */
class Run {
  readonly kernel = new FakeKernel();
  readonly device = this.kernel.addDevice("eth0");
  readonly plug: Plug;
  #packets = 0;

  constructor(start: (run: Run) => Plug) {
    this.plug = start(this);
    this.transmit();
  }

  transmit(): void {
    this.kernel.transmit(`${this.#packets++}`, this.device);
  }

  /** Whether a BUFFER at this moment would make the kernel forget an epoch. */
  get wouldOrphan(): boolean {
    return this.kernel.plugAt(this.device).packetsLastEpoch > 0;
  }

  /** Carries out an action, and tells whether plugctl did. */
  act(action: Action): boolean {
    try {
      this.plug[action]();
      return true;
    } catch (error) {
      if (error instanceof QueueError && error.code === "would-orphan") return false;
      throw error;
    } finally {
      this.transmit();
    }
  }
}

const attach = (hold: boolean) => ({ kernel }: Run) =>
  Plug.attach({ dev: "eth0", connection: kernel.connection, hold });

/** Opens a plug of which others have asked this before, a packet after each. */
const open = (...asked: number[]) => ({ kernel, device }: Run) => {
  const plug = kernel.addQdisc(device, { kind: "plug", handle: FIRST_HANDLE }).plug;
  for (const action of asked) {
    plug?.change(action, 0);
    plug?.enqueue(`before ${action}`);
  }
  return Plug.open({ dev: "eth0", connection: kernel.connection });
};

/** Runs every sequence from a start, and lets `check` look at each action before it is carried out. */
function explore(
  start: (run: Run) => Plug,
  check: (run: Run, action: Action, before: readonly Action[]) => void,
): void {
  for (let length = 1; length <= LONGEST; length++) {
    for (const sequence of sequences(length)) {
      const run = new Run(start);
      sequence.forEach((action, index) => check(run, action, sequence.slice(0, index)));
    }
  }
}

for (const hold of [false, true]) {
  Deno.test(`buffer() is refused when and only when it would orphan an epoch, attached ${hold ? "holding" : "passing"}`, () => {
    explore(attach(hold), (run, action, before) => {
      const orphans = action === "buffer" && run.wouldOrphan;
      assertEquals(run.act(action), !orphans, [...before, action].join(", "));
      assertEquals(run.plug.lastAsked === "hold", run.kernel.plugAt(run.device).holds);
    });
  });
}

Deno.test("buffer() is never refused for nothing, when others have used the plug that was opened", () => {
  for (const asked of [[], [0], [0, 0], [0, 0, 1], [0, 2], [0, 0, 2]]) {
    explore(open(...asked), (run, action, before) => {
      const orphans = run.wouldOrphan;
      const refused = !run.act(action);
      assertEquals(refused && !orphans, false, [...before, action].join(", "));
    });
  }
});

Deno.test("buffer() is refused when it would orphan an epoch that this object has ended, opened passing", () => {
  explore(open(), (run, action, before) => {
    const orphans = action === "buffer" && run.wouldOrphan;
    assertEquals(run.act(action), !orphans, [...before, action].join(", "));
  });
});

Deno.test("buffer() is refused when it would orphan, once an opened plug was released indefinitely", () => {
  for (const asked of [[0], [0, 0]]) {
    explore(open(...asked), (run, action, before) => {
      const orphans = action === "buffer" && run.wouldOrphan;
      const acted = run.act(action);
      if (before.includes("releaseIndefinite")) assertEquals(acted, !orphans, [...before, action].join(", "));
    });
  }
});

Deno.test("buffer() leaves the kernel as it was, when it is refused", () => {
  const run = new Run(attach(true));
  run.plug.buffer();
  run.transmit();
  const sends = run.kernel.changes.length;
  const error: QueueError = assertThrows(() => run.plug.buffer(), QueueError, "an epoch has ended and is not released");
  assertEquals([error.code, error.operation, run.kernel.changes.length], ["would-orphan", "buffer eth0 (root)", sends]);
});

Deno.test("buffer() with orphan goes through, and the next without it is refused again", () => {
  const run = new Run(attach(true));
  run.plug.buffer();
  run.transmit();
  run.plug.buffer({ orphan: true });
  run.transmit();
  assertThrows(() => run.plug.buffer(), QueueError, "an epoch has ended");
});

Deno.test("releaseOne() lets go the epoch that the last buffer ended, in order, and nothing when it is repeated", () => {
  const run = new Run(attach(true));
  run.transmit();
  run.plug.buffer();
  run.transmit();
  run.plug.releaseOne();
  assertEquals(run.kernel.left, ["0", "1"]);
  run.plug.releaseOne();
  assertEquals(run.kernel.left, ["0", "1"]);
  run.plug.buffer();
  run.plug.releaseOne();
  assertEquals(run.kernel.left, ["0", "1", "2"]);
});
