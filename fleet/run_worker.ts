import * as v from "valibot";
import config from "../deno.json" with { type: "json" };
import { canFit } from "../control/desk.ts";
import type { Needed } from "../control/needed.ts";
import type { ToldRun } from "../control/serve/runs.ts";
import type { Policy } from "../control/policy.ts";
import { mistakeIn, RequestError } from "../control/problem.ts";
import { Guardian } from "../guardian/guardian.ts";
import { Connection } from "../netlink/connection.ts";
import type { PlannedQueue } from "../scenario/plan.ts";
import type { HostedRun } from "../scenario/remote/hosted_run.ts";
import type { Opened, Opening } from "../scenario/remote/wire.ts";
import type { Worker } from "./agent.ts";
import { HostRuns } from "./host_runs.ts";

/** What of scenarios is done on a host for those that ask its agent. */
export interface RunWorkerOptions {
  /** What does all else that is asked for. */
  desk: Worker & { readonly needed: Needed };
  policy?: Policy;
  /** The words that start plugctl, where scenarios may be run, and so commands as this user. */
  program?: readonly string[];
  maxHoldMs: number;
  /** Called when a whole scenario begins to run here, or has ended. */
  onRun: (event: "run-began" | "run-ended", run: ToldRun) => void;
  /** Called when all of a run was undone because who runs it was not heard of. */
  onLost: (run: string, who: string) => void;
}

/** How long a lease of a run may be, in milliseconds. */
const LEASE_MOST_MS = 60_000;
/** How many runs go on at once at most. */
const RUNS_MOST = 16;
/** For how long it is told how a run has ended, in milliseconds. */
const KEPT_MS = 30_000;

const NAMED = { run: v.pipe(v.string(), v.nonEmpty()), host: v.string() };
const COUNT = v.pipe(v.number(), v.integer(), v.minValue(0));
const DEVICE = v.pipe(v.string(), v.regex(/^[^\s/:\0]{1,127}$/, "a device's name"));
const TEXTS = v.array(v.string());
const QUEUE_BASE = {
  name: v.pipe(v.string(), v.nonEmpty()),
  host: v.string(),
  limitBytes: v.optional(COUNT),
  line: COUNT,
};
/** A gate or a plug, as it comes from elsewhere: what the policy looks at must be what it seems. */
const QUEUE = v.variant("kind", [
  v.strictObject({
    kind: v.literal("gate"),
    ...QUEUE_BASE,
    devs: v.pipe(v.array(DEVICE), v.nonEmpty()),
    direction: v.picklist(["ingress", "egress", "both"]),
    match: TEXTS,
    except: TEXTS,
    first: v.optional(TEXTS),
    withArp: v.optional(v.boolean()),
    every: v.optional(COUNT),
    probability: v.optional(v.number()),
    priority: v.optional(COUNT),
    force: v.optional(v.boolean()),
  }),
  v.strictObject({
    kind: v.literal("plug"),
    ...QUEUE_BASE,
    dev: DEVICE,
    parent: v.optional(COUNT),
    handle: v.optional(COUNT),
  }),
]);
const OPENING = v.looseObject({
  ...NAMED,
  version: v.string(),
  begunMs: v.number(),
  leaseMs: v.pipe(v.number(), v.minValue(100), v.maxValue(LEASE_MOST_MS)),
  maxHoldMs: v.pipe(v.number(), v.minValue(1)),
  queues: v.array(QUEUE),
});
const DO = v.strictObject({ ...NAMED, number: COUNT, task: v.looseObject({ kind: v.string() }) });
const STOP = v.strictObject({ ...NAMED, task: COUNT });
const FOLLOW = v.strictObject({
  ...NAMED,
  after: COUNT,
  waitMs: v.pipe(v.number(), v.minValue(0), v.maxValue(LEASE_MOST_MS)),
});

/** A run of which something is done here. */
interface Known {
  hosted: HostedRun;
  who: string;
  opened: Opened;
}

/** Does on this host what is asked of its agent, with what belongs to scenarios. */
export class RunWorker implements Worker {
  readonly #options: RunWorkerOptions;
  readonly #runs = new Map<string, Known>();
  readonly #opening = new Map<string, Promise<Opened>>();

  /** Those of which this host runs all by itself. */
  readonly #whole: HostRuns;

  constructor(options: RunWorkerOptions) {
    this.#options = options;
    const { program, onRun } = options;
    this.#whole = new HostRuns({ program, check: () => {}, onChange: onRun });
  }

  get holds(): number {
    return this.#options.desk.holds;
  }

  async perform(operation: string, input: unknown, who: string): Promise<unknown> {
    switch (operation) {
      case "run-open":
        return await this.#openOnce(input, who);
      case "run-do": {
        const { number, task, ...named } = checked(DO, input);
        this.#find(named, who).begin(number, task);
        return {};
      }
      case "run-stop": {
        const { task, ...named } = checked(STOP, input);
        return this.#find(named, who).stop(task);
      }
      case "run-follow": {
        const { after, waitMs, ...named } = checked(FOLLOW, input);
        return await this.#find(named, who).follow(after, waitMs);
      }
      default:
        if (!this.#whole.does(operation)) return await this.#options.desk.perform(operation, input, who);
        if (operation === "scenario-check" || operation === "scenario-begin") this.#checkMayRun(who);
        return await this.#whole.perform(operation, input);
    }
  }

  /** Ends all runs, and takes away all that was made for them. */
  async close(): Promise<void> {
    await Promise.all([
      this.#whole.close(),
      ...this.#runs.values().map(({ hosted }) => hosted.close("the agent was ended")),
    ]);
  }

  /**
   * A scenario runs commands as the agent's user, which takes the word of the machine's owner.
   *
   * @throws {RequestError} `forbidden`, `policy`
   */
  #checkMayRun(who: string): void {
    const { policy, program } = this.#options;
    policy?.checkWho(who);
    if (!program) throw new RequestError("forbidden", "its agent runs no scenarios: start it with --allow-run");
    policy?.checkRun();
  }

  /** A second copy of a request is answered as the first. */
  #openOnce(input: unknown, who: string): Promise<Opened> {
    const key = keyOf(checked(OPENING, input));
    const opening = this.#opening.get(key) ?? this.#open(input, who);
    this.#opening.set(key, opening);
    opening.catch(() => {}).finally(() => this.#opening.delete(key));
    return opening;
  }

  async #open(input: unknown, who: string): Promise<Opened> {
    const { onLost } = this.#options;
    this.#checkMayRun(who);
    const given = checked(OPENING, input);
    if (given.version !== config.version) {
      const both = `its agent is plugctl ${config.version}, and who asks is ${given.version}`;
      throw new RequestError("version", `a run takes the same version on all machines: ${both}`);
    }
    const key = keyOf(given);
    const known = this.#runs.get(key);
    if (known) return known.opened;
    if (this.#runs.size >= RUNS_MOST) throw new RequestError("busy", `${RUNS_MOST} runs go on here already`);
    // Loaded where a scenario is run.
    const [{ HostedRun }, { fromWire }, { PreciseClock }, { environment }] = await Promise.all([
      import("../scenario/remote/hosted_run.ts"),
      import("../scenario/remote/wire.ts"),
      import("../scenario/run/clock.ts"),
      import("../scenario/run/start.ts"),
    ]);
    const opening = fromWire(input) as Opening;
    const { maxHoldMs, run } = opening;
    const hosted = new HostedRun({
      opening,
      world: {
        clock: new PreciseClock(),
        connect: (netns) => Connection.open({ netns }),
        startGuardian: () => Guardian.start(),
      },
      allowed: (queue) => this.#allowed(queue, maxHoldMs),
      beforeHold: (group) => group.refuseConnections(this.#options.desk.needed.connections),
      onLost: () => {
        onLost(run, who);
        this.#forget(key);
      },
      onClosed: () => this.#forget(key),
    });
    const opened = { addresses: ownAddresses(), environment: environment() };
    this.#runs.set(key, { hosted, who, opened });
    return opened;
  }

  /** A gate or a plug as it may be: what must go on passes every gate. */
  #allowed(given: PlannedQueue, maxHoldMs: number): PlannedQueue {
    const { desk, policy } = this.#options;
    const queue = checked(QUEUE, given) as PlannedQueue;
    if (maxHoldMs > this.#options.maxHoldMs) {
      const least = `max-hold: ${this.#options.maxHoldMs}ms at most`;
      throw new RequestError(
        "invalid",
        `${queue.name} might be held for ${maxHoldMs} ms, which is too long here: ${least}`,
      );
    }
    if (queue.kind === "plug") {
      policy?.checkHold({ devs: [queue.dev], ms: maxHoldMs });
      return queue;
    }
    const { devs, direction, match, except } = queue;
    policy?.checkHold({ devs, direction, match, ms: maxHoldMs });
    const needed = desk.needed.passing.filter((text) => match.length === 0 || canFit(text, match));
    return { ...queue, except: [...new Set([...except, ...needed])] };
  }

  /** How a run has ended is told for a while. */
  #forget(key: string): void {
    Deno.unrefTimer(setTimeout(() => this.#runs.delete(key), KEPT_MS));
  }

  #find(named: { run: string; host: string }, who: string): HostedRun {
    const known = this.#runs.get(keyOf(named));
    if (!known) throw new RequestError("no-run", "its agent knows nothing of the run: it was started anew");
    if (known.who !== who) throw new RequestError("no-run", `the run is ${known.who}'s`);
    return known.hosted;
  }
}

function keyOf({ run, host }: { run: string; host: string }): string {
  return JSON.stringify([run, host]);
}

function checked<S extends v.GenericSchema>(schema: S, input: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (result.success) return result.output;
  throw mistakeIn("the request", result.issues);
}

/** The addresses of this machine, but for those of its loopback device and those that are of one link only. */
function ownAddresses(): string[] {
  return Deno.networkInterfaces().filter(({ name, address }) => name !== "lo" && !/^fe80:/i.test(address))
    .map(({ address }) => address);
}
