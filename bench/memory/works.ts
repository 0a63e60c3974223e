// What a process does again and again while its memory is looked at. To add a row, add a work.
import { Gate, Guardian, Plug, Scenario } from "../../mod.ts";
import { Desk } from "../../control/desk.ts";
import { Session } from "../../control/session.ts";
import { readScenario } from "../../scenario/read.ts";
import { PreciseClock } from "../../scenario/run/clock.ts";
import { runPlan } from "../../scenario/run/run_plan.ts";
import { inNewNamespace } from "../../linux/namespace.ts";
import { Connection } from "../../netlink/connection.ts";
import { FakeKernel } from "../../tests/plug/fake_kernel.ts";

/** A work that has been set up. */
export interface Running {
  cycle(): void | Promise<void>;
  /** The process number of its guardian, where one serves all cycles. */
  guardian?: number;
  /** Takes away what was set up. */
  end(): void | Promise<void>;
}

export interface Work {
  name: string;
  /** How often it is done, where it is not as often as is asked for. */
  cycles?: number;
  /** Why it is not. */
  because?: string;
  /** Whether it needs no plug of a kernel, and is done on this machine. */
  here?: boolean;
  start(): Running | Promise<Running>;
}

const NOTHING = () => {};
const A_PROCESS_EACH = "each starts a process, which takes a second in User-Mode Linux";

/** A plug on the `lo` of a namespace of its own. */
function plugOnLo(): Plug {
  const connection = inNewNamespace(() => Connection.open());
  return Plug.attach({ dev: "lo", connection });
}

/** A plug whose cycles one guardian serves. */
function withOneGuardian(cycle: (plug: Plug, guardian: Guardian) => void | Promise<void>): Running {
  const plug = plugOnLo();
  const guardian = Guardian.start();
  const end = async () => {
    await plug.detach();
    guardian[Symbol.dispose]();
  };
  return { cycle: () => cycle(plug, guardian), guardian: guardian.pid, end };
}

/** A session that has attached a plug, and is asked by lines in each cycle. */
async function sessionAsked(...requests: Record<string, unknown>[]): Promise<Running> {
  const connection = inNewNamespace(() => Connection.open());
  const namespace = connection.openNamespace();
  const desk = new Desk({ netns: namespace.path, maxHoldMs: 600_000, onCutShort: NOTHING });
  let answered = Promise.withResolvers<void>();
  const session = new Session(desk, (line) => {
    const { id, error, event } = line as { id: unknown; error?: unknown; event?: unknown };
    if (error) answered.reject(new Error(JSON.stringify(error)));
    else if (event === undefined && id === requests.length) answered.resolve();
  });
  await session.take('{"id":0,"op":"attach","dev":"lo"}');
  const lines = requests.map((request, index) => JSON.stringify({ id: index + 1, ...request }));
  const cycle = async () => {
    answered = Promise.withResolvers<void>();
    for (const line of lines) await session.take(line);
    await answered.promise;
  };
  const end = async () => {
    await session.close();
    await desk.close();
    namespace[Symbol.dispose]();
  };
  return { cycle, guardian: desk.guardian.pid, end };
}

const SCENARIO = `
name: In a row
plugs: { all: { dev: lo } }
gates: { some: { dev: lo, direction: out, match: udp } }
steps:
  - buffer: [all, some]
  - release: [all, some]
`;

export const WORKS: readonly Work[] = [
  {
    name: "plug: attach, buffer, release, detach, over one connection",
    start() {
      const connection = inNewNamespace(() => Connection.open());
      const cycle = async () => {
        const plug = Plug.attach({ dev: "lo", connection });
        plug.buffer();
        plug.release();
        await plug.detach();
      };
      return { cycle, end: NOTHING };
    },
  },
  {
    name: "the same without waiting for anything, over a fake kernel",
    here: true,
    start() {
      const kernel = new FakeKernel();
      kernel.addDevice("eth0");
      const { connection, socket } = kernel;
      const cycle = () => {
        {
          using plug = Plug.attach({ dev: "eth0", connection });
          plug.buffer();
        }
        // What the fake notes for those who test with it.
        for (const notes of [kernel.sends, kernel.left, socket.sent, socket.batches, socket.waited]) notes.length = 0;
      };
      return { cycle, end: NOTHING };
    },
  },
  {
    name: "gate: add, buffer, release, delete, over one connection",
    start() {
      const connection = inNewNamespace(() => Connection.open());
      const cycle = async () => {
        const gate = Gate.open({ name: "bench", dev: "lo", direction: "out", match: "tcp", connection });
        gate.buffer();
        gate.release();
        await gate.close();
      };
      return { cycle, end: NOTHING };
    },
  },
  {
    name: "hold and release, one guardian for all",
    start: () => withOneGuardian((plug, guardian) => void plug.hold({ guardian }).release()),
  },
  {
    name: "hold until the deadline, one guardian for all",
    cycles: 2000,
    because: "each lasts as long as its deadline",
    start: () =>
      withOneGuardian(async (plug, guardian) => {
        using hold = plug.hold({ guardian, maxMs: 1 });
        await hold.whenCutShort();
      }),
  },
  {
    name: "hold and release, a guardian for each",
    cycles: 300,
    because: A_PROCESS_EACH,
    start() {
      const plug = plugOnLo();
      return { cycle: () => void plug.hold().release(), end: async () => void await plug.detach() };
    },
  },
  {
    name: "guardian: start, and end it",
    cycles: 1000,
    because: "each starts a process",
    here: true,
    start() {
      const cycle = () => {
        using guardian = Guardian.start();
        guardian.greet();
      };
      return { cycle, end: NOTHING };
    },
  },
  {
    name: "buffer with a deadline, again and again",
    cycles: 100,
    because: A_PROCESS_EACH,
    start() {
      const plug = plugOnLo();
      const cycle = async () => void await Plug.all([plug]).bufferWithDeadline({ maxMs: 600_000, orphan: true });
      return { cycle, end: async () => void await plug.detach() };
    },
  },
  {
    name: "session: buffer and release, by lines",
    start: () => sessionAsked({ op: "buffer", on: "lo" }, { op: "release", on: "lo", count: false }),
  },
  {
    name: "session: hold for a millisecond, by lines",
    cycles: 5000,
    because: "each waits for all to have left",
    start: () => sessionAsked({ op: "hold", on: "lo", forMs: 1 }),
  },
  {
    name: "scenario of a plug and a gate, in a row",
    cycles: 400,
    because: "each takes seconds in User-Mode Linux, since it starts a guardian",
    async start() {
      const scenario = await Scenario.parse(SCENARIO);
      const cycle = async () => {
        const { outcome, error } = await scenario.run();
        if (outcome !== "done") throw error;
      };
      return { cycle, end: NOTHING };
    },
  },
  {
    name: "the same over a fake kernel, without a guardian",
    cycles: 5000,
    because: "each waits for what it has released to have left",
    here: true,
    start() {
      const plan = readScenario(SCENARIO, { file: "in_a_row.yaml" });
      const cycle = async () => {
        const kernel = new FakeKernel();
        kernel.addDevice("lo", { isLoopback: true });
        const world = { clock: new PreciseClock(), connect: () => kernel.connection };
        const { outcome, error } = await runPlan(plan, { world, origin: { folder: "/" } });
        if (outcome !== "done") throw error;
      };
      return { cycle, end: NOTHING };
    },
  },
];
