import type { Caller, KnownHost } from "../../fleet/caller.ts";
import type { FleetHold } from "../../fleet/fleet_hold.ts";
import type { HostNews } from "../../fleet/host_hold.ts";
import { Moment, parseMoment } from "../../plug/moment.ts";
import { formatDuration, numberOf } from "../../plug/quantity.ts";
import { Child } from "../hold/child.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { EXIT, Interrupted, interruptible, understood, UsageError, whenAborted } from "../exit_status.ts";
import { brokerOptions, groupOf } from "../fleet/options.ts";
import type { HostRun } from "../fleet/run_everywhere.ts";
import { positiveDuration } from "../values.ts";

const LEASE_MS = 1000;
const AHEAD_MS = 1000;
const MAX_SKEW_MS = 5;
/** A lease that is shorter cannot be renewed in time over a network. */
const LEASE_LEAST_MS = 100;

/** Works with a fleet, by its broker. */
async function withFleet<T>(
  context: Context,
  work: (caller: Caller, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const given = brokerOptions(context, `plugctl ${context.arguments.command}`);
  const [{ askerOf, closeConnection, connectBroker }, { Caller, keepWhatIsTold }, { checkName, inboxOf }] =
    await Promise.all([
      import("../../fleet/broker.ts"),
      import("../../fleet/caller.ts"),
      import("../../fleet/subject.ts"),
      import("../failure.ts"),
    ]);
  const group = groupOf(context);
  understood(() => checkName("--group", group));
  const who = await askerOf(given);
  const broker = { ...given, inbox: inboxOf("users", who) };
  return await interruptible(async (signal) => {
    const connection = await Promise.race([connectBroker(broker), whenAborted(signal)]);
    try {
      await keepWhatIsTold(connection);
      return await work(new Caller(connection, { group, who }), signal);
    } finally {
      await closeConnection(connection);
    }
  });
}

function patternsOf(context: Context): readonly string[] {
  return context.arguments.values.get("on") ?? [];
}

/** `plugctl fleet list` */
export async function list(context: Context): Promise<number> {
  return await withFleet(context, async (caller) => {
    const hosts = await caller.find(patternsOf(context));
    if (isGiven(context, "json")) context.print(`${JSON.stringify(hosts.map(asJson), null, 2)}\n`);
    else for (const host of hosts) context.print(`${lineOf(host)}\n`);
    if (hosts.length === 0) context.note("no host answers");
    return hosts.length > 0 && hosts.every(({ status }) => status) ? EXIT.done : EXIT.failed;
  });
}

function asJson({ host, status, isDouble, heardMs }: KnownHost): Record<string, unknown> {
  const { labels, version, clock, holds, unsent } = status ?? {};
  const heard = Number.isFinite(heardMs) ? new Date(heardMs).toISOString() : undefined;
  return {
    host,
    answers: status !== undefined || isDouble === true,
    twoAgents: isDouble,
    heard,
    labels,
    version,
    clock,
    holds,
    unsent,
  };
}

function lineOf({ host, status, isDouble, heardMs }: KnownHost): string {
  if (isDouble) return `${host}: two agents answer for it, and one of them must be ended`;
  if (!status) {
    return `${host}: does not answer, ${
      Number.isFinite(heardMs) ? `heard last at ${timeText(heardMs)}` : "never heard of"
    }`;
  }
  const { version, clock, holds, labels, unsent } = status;
  const parts = [
    `plugctl ${version}`,
    clock.errorMs === undefined ? "clock unknown" : `clock within ${clock.errorMs.toFixed(1)} ms by ${clock.source}`,
    holds === 0 ? undefined : numberOf(holds, "hold"),
    unsent === 0 ? undefined : `${numberOf(unsent, "event")} not sent yet`,
    labels.length === 0 ? undefined : labels.join(" "),
  ];
  return `${host}: ${parts.filter((part) => part !== undefined).join(", ")}`;
}

/** What `fleet hold` asks for. */
interface Plan {
  patterns: readonly string[];
  /** The moment's text; it counts from when it is parsed. */
  at?: string;
  forMs?: number;
  leaseMs: number;
  require?: number;
  maxSkewMs?: number;
  isTold: boolean;
}

function planOf(context: Context): Plan {
  const forMs = positiveDuration(context, "for");
  const leaseMs = positiveDuration(context, "lease") ?? LEASE_MS;
  const at = valueOf(context, "at");
  const isTold = isGiven(context, "broadcast");
  const required = valueOf(context, "require") ?? "all";
  if (forMs === undefined && context.arguments.program.length === 0) {
    throw new UsageError("fleet hold needs an end: --for DURATION, or -- COMMAND");
  }
  if (leaseMs < LEASE_LEAST_MS) throw new UsageError(`--lease is ${valueOf(context, "lease")}, must be at least 100ms`);
  if (patternsOf(context).length === 0) throw new UsageError("which hosts? give --on PATTERN, or --on '*' for all");
  if (isTold && (at ?? valueOf(context, "max-skew")) !== undefined) {
    throw new UsageError("--broadcast begins at a word: --at and --max-skew go without it");
  }
  if (required !== "all" && !/^[1-9]\d{0,6}$/.test(required)) {
    throw new UsageError(`invalid --require ${JSON.stringify(required)}: use all, or a number of hosts`);
  }
  if (at !== undefined) understood(() => parseMoment(at));
  return {
    patterns: patternsOf(context),
    at,
    forMs,
    leaseMs,
    require: required === "all" ? undefined : Number(required),
    maxSkewMs: isTold ? undefined : positiveDuration(context, "max-skew") ?? MAX_SKEW_MS,
    isTold,
  };
}

/** `plugctl fleet hold` */
export async function hold(context: Context): Promise<number> {
  const plan = planOf(context);
  const moment = plan.isTold ? undefined : plan.at === undefined ? undefined : parseMoment(plan.at);
  return await withFleet(context, async (caller, signal) => {
    const { FleetHold } = await import("../../fleet/fleet_hold.ts");
    const known = await caller.find(plan.patterns);
    if (known.length === 0) throw new Error(`No host answers to ${plan.patterns.join(", ")}: plugctl fleet list`);
    if (known.length < (plan.require ?? 1)) {
      throw new Error(`Nothing was held: ${numberOf(known.length, "host")} answer, ${plan.require} must be ready`);
    }
    const values = context.arguments.values;
    const held: FleetHold = new FleetHold(caller, known.map(({ host }) => host), {
      asked: {
        on: context.arguments.operands,
        match: values.get("match"),
        except: values.get("except"),
        direction: valueOf(context, "direction"),
        force: isGiven(context, "force") || undefined,
        forMs: plan.forMs,
      },
      patterns: plan.patterns,
      leaseMs: plan.leaseMs,
      least: plan.require ?? known.length,
      maxSkewMs: plan.maxSkewMs,
      onNews: (news) => tell(context, news),
    });
    try {
      return await holdArmed(context, { held, known, plan, moment, signal });
    } catch (error) {
      await held.end();
      throw error;
    } finally {
      held.close();
      if (isGiven(context, "json")) context.print(`${JSON.stringify(held.hosts.map(hostJson), null, 2)}\n`);
    }
  });
}

async function holdArmed(
  context: Context,
  { held, known, plan, moment, signal }: {
    held: FleetHold;
    known: readonly KnownHost[];
    plan: Plan;
    moment?: Moment;
    signal: AbortSignal;
  },
): Promise<number> {
  const least = plan.require ?? known.length;
  const ready = await held.arm(known.flatMap(({ status }) => status ?? []), {
    double: known.filter(({ isDouble }) => isDouble).map(({ host }) => host),
  });
  if (ready < least) {
    context.note(`nothing was held: ${ready} of ${known.length} hosts were ready, ${least} must be`);
    return EXIT.failed;
  }
  const at = plan.isTold ? undefined : moment ?? Moment.in(AHEAD_MS);
  if (at && at.leftMs < 0) {
    const late = formatDuration(Math.round(-at.leftMs));
    throw new Error(`Cannot begin at ${timeText(at.epochMs)}: arming took until ${late} after that; give a later --at`);
  }
  await held.begin(at);
  const status = await runProgram(context, { held, plan, at, signal });
  await held.end();
  const isWhole = held.hosts.every(({ state, problem, told }) =>
    state === "ended" && !problem && (told?.ended === "for" || told?.ended === "released")
  );
  return status || (isWhole ? EXIT.done : EXIT.failed);
}

/** Waits until it is over: the command has ended, the time has passed, or every host has released. */
async function runProgram(
  context: Context,
  { held, plan, at, signal }: { held: FleetHold; plan: Plan; at?: Moment; signal: AbortSignal },
): Promise<number> {
  const { program } = context.arguments;
  const over: Promise<number>[] = [held.ended.then(() => 0), whenAborted(signal)];
  let child: Child | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (plan.forMs !== undefined) {
    const { promise, resolve } = Promise.withResolvers<number>();
    timer = setTimeout(() => resolve(0), Math.max(at?.leftMs ?? 0, 0) + plan.forMs + 100);
    over.push(promise);
  }
  try {
    if (program.length > 0) {
      await Promise.race([held.begun, whenAborted(signal)]);
      child = new Child(program, { tag: crypto.randomUUID() });
      over.push(child.status);
    }
    return await Promise.race(over);
  } catch (error) {
    if (error instanceof Interrupted) await child?.end(error);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Says what is new of a host. */
function tell(context: Context, news: HostNews): void {
  const text = newsText(news);
  if (text) context.note(`${news.host}: ${text}`);
}

function newsText(news: HostNews): string | undefined {
  const { state, problem, told } = news;
  switch (state) {
    case "asked":
      return undefined;
    case "armed":
      return "armed, packets pass";
    case "refused":
      return `does not take part: ${problem?.message}`;
    case "holding":
      return told?.lateMs === undefined ? "holding" : `holding, ${told.lateMs.toFixed(1)} ms after the moment`;
    case "unheard":
      return unheardText(news);
    case "ended":
      return endText(told, problem?.message);
    default:
      throw new TypeError(`Cannot tell ${state satisfies never}`);
  }
}

/** Of a host that has not said that it holds nothing it is known from then on alone. */
function unheardText({ problem, latestMs = NaN }: HostNews): string {
  const why = problem === undefined ? "is not heard of" : `does not take part: ${problem.message}`;
  return `${why}: held until ${timeText(latestMs)} at the latest`;
}

function endText(told: HostNews["told"], problem: string | undefined): string {
  const why = problem ?? told?.problem?.message;
  if (told?.heldMs === undefined) return `ended: ${why ?? told?.ended ?? "nothing was held"}`;
  const packets = told.queues?.map(({ name, packets, drops }) =>
    `${packets === undefined ? "an unknown number of packets" : numberOf(packets, "packet")} of ${name}` +
    (drops > 0 ? `, dropped ${drops}` : "")
  ).join(", ");
  const how = told.ended === "for" || told.ended === "released" ? "released" : `ended by ${told.ended}`;
  return `${how}: held ${packets} for ${told.heldMs.toFixed(1)} ms${why === undefined ? "" : `: ${why}`}`;
}

function hostJson({ host, state, problem, clock, beganMs, told, latestMs }: HostNews): Record<string, unknown> {
  const began = beganMs === undefined ? undefined : new Date(beganMs).toISOString();
  const latest = latestMs === undefined ? undefined : new Date(latestMs).toISOString();
  return { host, state, problem, clock, began, told, latest };
}

/** `plugctl fleet release` */
export async function release(context: Context): Promise<number> {
  const patterns = patternsOf(context);
  if (patterns.length === 0) throw new UsageError("which hosts? give --on PATTERN, or --on '*' for all");
  const { operands } = context.arguments;
  return await withFleet(context, async (caller) => {
    const hosts = await caller.find(patterns);
    const outcomes = await Promise.all(
      hosts.map(async ({ host }) => await releaseOn(caller, { host, names: operands })),
    );
    if (isGiven(context, "json")) context.print(`${JSON.stringify(outcomes, null, 2)}\n`);
    else for (const { host, text } of outcomes) context.print(`${host}: ${text}\n`);
    if (hosts.length === 0) context.note("no host answers");
    return outcomes.length > 0 && outcomes.every(({ done }) => done) ? EXIT.done : EXIT.failed;
  });
}

async function releaseOn(
  caller: Caller,
  { host, names }: { host: string; names: readonly string[] },
): Promise<{ host: string; done: boolean; text: string }> {
  if (names.length > 0) {
    const answer = await caller.ask(host, "release", { on: names }, { timeoutMs: 10_000 });
    if ("error" in answer) return { host, done: false, text: answer.error.message };
    const released = answer.result as { name: string; releasedPackets?: number }[];
    const text = released.map(({ name, releasedPackets }) => `${name}: ${numberOf(releasedPackets ?? 0, "packet")}`);
    return { host, done: true, text: `released ${text.join(", ")}` };
  }
  const answer = await caller.ask(host, "holds", {});
  if ("error" in answer) return { host, done: false, text: answer.error.message };
  const going = (answer.result as { id: string; state: string }[]).filter(({ state }) => state !== "ended");
  const ends = await Promise.all(going.map(({ id }) => caller.ask(host, "end", { hold: id })));
  const failed = ends.find((end) => "error" in end);
  if (failed && "error" in failed) return { host, done: false, text: failed.error.message };
  return {
    host,
    done: true,
    text: going.length === 0 ? "nothing was held" : `ended ${numberOf(going.length, "hold")}`,
  };
}

/** `plugctl fleet watch` */
export async function watch(context: Context): Promise<void> {
  const { FleetWatch } = await import("../fleet/watch.ts");
  await withFleet(context, async (caller, signal) => {
    const seen = new FleetWatch(
      patternsOf(context),
      (line, data) => context.print(isGiven(context, "json") ? `${JSON.stringify(data)}\n` : `${line}\n`),
    );
    using _looking = seen;
    for (const host of await caller.find(patternsOf(context))) seen.know(host);
    for await (const told of caller.follow(signal)) seen.take(told);
    signal.throwIfAborted();
  });
}

function timeText(epochMs: number): string {
  const date = new Date(epochMs);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** `plugctl fleet run` */
export async function run(context: Context): Promise<number> {
  const patterns = patternsOf(context);
  if (patterns.length === 0) throw new UsageError("which hosts? give --on PATTERN, or --on '*' for all");
  const [file] = context.arguments.operands;
  const scenario = await Deno.readTextFile(file).catch((error: Error) => {
    throw new UsageError(`cannot read ${file}: ${error.message}`, { cause: error });
  });
  const seed = valueOf(context, "seed");
  if (seed !== undefined && !/^\d{1,10}$/.test(seed)) {
    throw new UsageError(`invalid --seed ${JSON.stringify(seed)}: use a whole number`);
  }
  const folder = valueOf(context, "report");
  if (folder !== undefined) await Deno.mkdir(folder, { recursive: true });
  const { RunEverywhere } = await import("../fleet/run_everywhere.ts");
  return await withFleet(context, async (caller, signal) => {
    const known = await caller.find(patterns);
    if (known.length === 0) throw new Error(`No host answers to ${patterns.join(", ")}: plugctl fleet list`);
    const set = Object.fromEntries((context.arguments.values.get("set") ?? []).map(keyAndValue));
    const asked = { scenario, set, seed: seed === undefined ? undefined : Number(seed) };
    const everywhere = new RunEverywhere(caller, asked, (run) => context.note(`${run.host}: ${runText(run)}`));
    const wrong = (await everywhere.check(known)).filter(({ problem }) => problem !== undefined);
    for (const { host, problem } of wrong) context.note(`${host}: ${problem}`);
    if (wrong.length > 0) {
      context.note(`nothing was run: ${numberOf(wrong.length, "host")} of ${known.length} cannot run it`);
      return EXIT.failed;
    }
    const runs = await everywhere.run(known.map(({ host }) => host), signal);
    for (const { host, report } of folder === undefined ? [] : runs) {
      if (report) await Deno.writeFile(`${folder}/${host.replaceAll("/", "_")}.html`, report);
    }
    if (isGiven(context, "json")) {
      context.print(`${JSON.stringify(runs.map(({ report: _, ...run }) => run), null, 2)}\n`);
    }
    // As of one run: the worst of them.
    const statuses = runs.map(({ told }) => told?.status ?? EXIT.failed);
    return statuses.find((status) => status !== EXIT.done && status !== EXIT.expectation) ?? Math.max(...statuses);
  });
}

function keyAndValue(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new UsageError(`invalid --set ${JSON.stringify(text)}: use KEY=VALUE`);
}

function runText({ told, problem }: HostRun): string {
  if (!told) return `failed: ${problem}`;
  const seconds = ((Date.parse(told.until ?? told.from) - Date.parse(told.from)) / 1000).toFixed(1);
  return `${told.outcome} after ${seconds} s${told.sentence === undefined ? "" : `: ${told.sentence}`}`;
}
