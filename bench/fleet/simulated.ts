// Hosts without a kernel, many in a process: simulated.ts URL FIRST COUNT. Each has an agent and a connection of its own, arms
// and begins by timers, and says when it is ready.
import { Agent, type Worker } from "../../fleet/agent.ts";
import { connectBroker } from "../../fleet/broker.ts";
import { EventLog } from "../../fleet/event_log.ts";
import type { ToldHold } from "../../control/leased_hold.ts";
import { RequestError } from "../../control/problem.ts";

const [url, first, count] = Deno.args;
/** How many connect at a time. */
const AT_A_TIME = 50;

/** Holds nothing, as if it held: what it answers, and when it ends, is as of a real one. */
class Pretender implements Worker {
  readonly #holds = new Map<string, { told: ToldHold; timer?: ReturnType<typeof setTimeout>; leaseMs: number }>();

  get holds(): number {
    return this.#holds.size;
  }

  perform(operation: string, input: unknown): Promise<unknown> {
    const { hold = "", leaseMs = 1000, forMs, at } = input as {
      hold?: string;
      leaseMs?: number;
      forMs?: number;
      at?: number;
    };
    if (operation === "arm") {
      const until = new Date(Date.now() + leaseMs).toISOString();
      this.#holds.set(hold, { told: { id: hold, names: ["eth0"], state: "armed", until }, leaseMs: forMs ?? leaseMs });
    }
    const known = this.#holds.get(hold);
    if (!known) return Promise.reject(new RequestError("no-hold", `there is no hold ${hold}`));
    const { told } = known;
    if (operation === "begin") {
      const begin = () =>
        Object.assign(told, {
          state: "holding",
          from: new Date().toISOString(),
          lateMs: Date.now() - (at ?? Date.now()),
        });
      known.timer = setTimeout(begin, Math.max(0, (at ?? 0) - Date.now()));
    }
    if (operation === "end") {
      clearTimeout(known.timer);
      const held = told.from === undefined ? {} : { heldMs: Date.now() - Date.parse(told.from), queues: [] };
      Object.assign(told, { state: "ended", ended: told.from ? "released" : "called-off", ...held });
      this.#holds.delete(hold);
    }
    return Promise.resolve(told);
  }
}

const folder = await Deno.makeTempDir({ prefix: "plugctl-fleet-" });
const numbers = Array.from({ length: Number(count) }, (_, index) => Number(first) + index);
while (numbers.length > 0) {
  await Promise.all(
    numbers.splice(0, AT_A_TIME).map(async (number) => {
      const host = `sim${String(number).padStart(5, "0")}`;
      const connection = await connectBroker({ urls: [url], name: host });
      const log = EventLog.open(`${folder}/${host}`);
      await new Agent(connection, { group: "bench", host, labels: [], version: "0", worker: new Pretender(), log })
        .start();
    }),
  );
}
console.log("ready");
