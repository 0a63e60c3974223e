import type { Caller, KnownHost } from "../../fleet/caller.ts";
import type { FleetHold } from "../../fleet/fleet_hold.ts";
import { newsJson, newsText, timeText } from "../../fleet/host_hold.ts";
import type { ToldHold } from "../../control/leased_hold.ts";
import type { Problem } from "../../control/problem.ts";
import { Moment, parseMoment } from "../../plug/moment.ts";
import { formatDuration, numberOf } from "../../plug/quantity.ts";
import { Child } from "../hold/child.ts";
import { refusePassed } from "../hold/hold_plan.ts";
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
  const [
    { askerOf, closeConnection, connectBroker },
    { Caller, keepWhatIsTold },
    { checkName, checkPattern, inboxOf },
  ] = await Promise.all([
    import("../../fleet/broker.ts"),
    import("../../fleet/caller.ts"),
    import("../../fleet/subject.ts"),
    import("../failure.ts"),
  ]);
  const group = groupOf(context);
  understood(() => checkName("--group", group));
  for (const pattern of patternsOf(context)) understood(() => checkPattern(pattern));
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

/** Which hosts are meant. Names have no comma; the value of a label may have one. */
function patternsOf(context: Context): readonly string[] {
  return (context.arguments.values.get("on") ?? []).flatMap((text) => text.includes("=") ? text : text.split(","));
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
  moment?: Moment;
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
  const moment = at === undefined ? undefined : understood(() => parseMoment(at));
  refusePassed({ moment }, at);
  return {
    patterns: patternsOf(context),
    moment,
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
      onNews: (news) => {
        const text = newsText(news);
        if (text) context.note(`${news.host}: ${text}`);
      },
    });
    try {
      return await holdArmed(context, { held, known, plan, signal });
    } catch (error) {
      await held.end();
      throw error;
    } finally {
      held.close();
      if (isGiven(context, "json")) context.print(`${JSON.stringify(held.hosts.map(newsJson), null, 2)}\n`);
    }
  });
}

async function holdArmed(
  context: Context,
  { held, known, plan, signal }: {
    held: FleetHold;
    known: readonly KnownHost[];
    plan: Plan;
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
  const at = plan.isTold ? undefined : plan.moment ?? Moment.in(AHEAD_MS);
  if (at && at.leftMs < 0) {
    const late = formatDuration(Math.round(-at.leftMs));
    throw new Error(`Cannot begin at ${timeText(at.epochMs)}: all were armed ${late} after that; give a later --at`);
  }
  await held.begin(at);
  const status = await holdMeanwhile(context, { held, plan, at, signal });
  const whole = held.hosts.filter(({ state, problem, told }) =>
    state === "ended" && !problem && (told?.ended === "for" || told?.ended === "released")
  );
  return status || (whole.length >= least ? EXIT.done : EXIT.failed);
}

/**
 * Ends it when the command has ended, the time has passed, or every host has released. Returns the status of the command,
 * which is waited for where it goes on longer.
 */
async function holdMeanwhile(
  context: Context,
  { held, plan, at, signal }: { held: FleetHold; plan: Plan; at?: Moment; signal: AbortSignal },
): Promise<number> {
  const { program } = context.arguments;
  const aborted = whenAborted(signal);
  const over: Promise<unknown>[] = [held.ended, aborted];
  let child: Child | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (plan.forMs !== undefined) {
    const { promise, resolve } = Promise.withResolvers<void>();
    timer = setTimeout(resolve, Math.max(at?.leftMs ?? 0, 0) + plan.forMs + 100);
    over.push(promise);
  }
  try {
    if (program.length > 0) {
      await Promise.race([held.begun, aborted]);
      child = new Child(program, { tag: crypto.randomUUID() });
      over.push(child.status);
    }
    await Promise.race(over);
    await held.end();
    return child ? await Promise.race([child.status, aborted]) : EXIT.done;
  } catch (error) {
    if (error instanceof Interrupted) await child?.end(error);
    throw error;
  } finally {
    clearTimeout(timer);
  }
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

/** Ends the holds with a lease that hold something named, or all of them; what else is named is released by its name. */
async function releaseOn(
  caller: Caller,
  { host, names }: { host: string; names: readonly string[] },
): Promise<{ host: string; done: boolean; text: string }> {
  const failed = ({ message }: Problem) => ({ host, done: false, text: message });
  const answer = await caller.ask(host, "holds", {});
  if ("error" in answer) return failed(answer.error);
  const isMeant = ({ names: held }: ToldHold) => names.length === 0 || held.some((name) => names.includes(name));
  const going = (answer.result as ToldHold[]).filter((hold) => hold.state !== "ended" && isMeant(hold));
  for (const end of await Promise.all(going.map(({ id }) => caller.ask(host, "end", { hold: id })))) {
    if ("error" in end) return failed(end.error);
  }
  const done = going.length > 0 ? [`ended ${numberOf(going.length, "hold")}`] : [];
  const left = names.filter((name) => !going.some((hold) => hold.names.includes(name)));
  if (left.length > 0) {
    const released = await caller.ask(host, "release", { on: left }, { timeoutMs: 10_000 });
    if ("error" in released) return failed(released.error);
    const queues = released.result as { name: string; releasedPackets?: number }[];
    const texts = queues.map(({ name, releasedPackets }) => `${name}: ${numberOf(releasedPackets ?? 0, "packet")}`);
    done.push(`released ${texts.join(", ")}`);
  }
  return { host, done: true, text: done.join(", ") || "nothing was held" };
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

/** `plugctl fleet run` */
export async function run(context: Context): Promise<number> {
  const patterns = patternsOf(context);
  if (patterns.length === 0) throw new UsageError("which hosts? give --on PATTERN, or --on '*' for all");
  const [file] = context.arguments.operands;
  const scenario = await Deno.readTextFile(file).catch((error: Error) => {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : error.message;
    throw new UsageError(`cannot read ${file}: ${reason}`, { cause: error });
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
