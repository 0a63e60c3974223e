import config from "../../deno.json" with { type: "json" };
import { giveUpCapabilities } from "../../linux/process.ts";
import type { ToldHold } from "../../control/leased_hold.ts";
import { DEFAULT_MAX_HOLD_MS } from "../../plug/hold.ts";
import { type Context, isGiven, ownProgram, valueOf } from "../context.ts";
import { interruptible, understood, UsageError, whenAborted } from "../exit_status.ts";
import { brokerOptions, groupOf } from "../fleet/options.ts";
import { policyFor } from "../policy.ts";
import { positiveDuration } from "../values.ts";

const STATE = "/var/lib/plugctl";
/** After how long it is said that the broker is waited for, in milliseconds. */
const WAITING_MS = 2000;

/** `plugctl agent` */
export async function run(context: Context): Promise<void> {
  const host = valueOf(context, "name") ?? Deno.hostname();
  const group = groupOf(context);
  const labels = context.arguments.values.get("label") ?? [];
  const wrong = labels.find((label) => !/^[^=*\s]+=[^*\s]*$/.test(label));
  if (wrong !== undefined) throw new UsageError(`invalid --label ${JSON.stringify(wrong)}: use KEY=VALUE`);
  const given = brokerOptions(context, `plugctl agent ${host}`);
  const maxHoldMs = positiveDuration(context, "max-hold") ?? DEFAULT_MAX_HOLD_MS;
  const policy = await policyFor(context);
  const [
    { Agent },
    { DeskWorker, releaseLeft },
    { RunWorker },
    { EventLog },
    { brokerPorts, closeConnection, connectBroker },
    { checkName, inboxOf },
  ] = await Promise.all([
    import("../../fleet/agent.ts"),
    import("../../fleet/desk_worker.ts"),
    import("../../fleet/run_worker.ts"),
    import("../../fleet/event_log.ts"),
    import("../../fleet/broker.ts"),
    import("../../fleet/subject.ts"),
    // What says how it has ended is loaded first: by then plugctl may have been replaced by another, or taken away.
    import("../failure.ts"),
  ]);
  // A scenario runs what it likes.
  if (!isGiven(context, "allow-run")) {
    giveUpCapabilities(["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_NICE", "CAP_SYS_ADMIN"]);
  }
  understood(() => checkName("--name", host));
  understood(() => checkName("--group", group));
  const broker = { ...given, inbox: inboxOf("hosts", host) };
  using log = EventLog.open(valueOf(context, "state") ?? STATE);
  // Before the broker is there: nobody else ends it.
  await releaseLeft(log.unended.map(({ hold }) => hold as ToldHold));
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => {});
  const failures: unknown[] = [];
  await interruptible(async (signal) => {
    const waiting = setTimeout(async () => {
      const reasonOf = ({ cause, message }: Error) => cause instanceof Error ? cause.message : message;
      const why = await connectBroker(broker).then(closeConnection, reasonOf);
      context.note(`waiting for the broker at ${broker.urls.map(hostOf)}${why === undefined ? "" : `: ${why}`}`);
    }, WAITING_MS);
    const connecting = connectBroker(broker, { waits: true });
    const connection = await Promise.race([connecting, whenAborted(signal)]).finally(() => clearTimeout(waiting));
    const desk = new DeskWorker({
      maxHoldMs,
      policy,
      ports: () => brokerPorts(connection, broker.urls),
      onChange: (event, hold) => agent.note(event, hold),
      onCutShort: (event) => {
        agent.note("cut-short", { ...event });
        if (event.why === "guardian-ended") over.reject(new Error("Cannot go on: the guardian has ended"));
      },
    });
    const worker = new RunWorker({
      desk,
      policy,
      program: isGiven(context, "allow-run") ? ownProgram() : undefined,
      maxHoldMs,
      onRun: (event, { id, name, outcome, status, sentence }) =>
        log.append(event, { run: { id, name, outcome, status, sentence } }),
      onLost: (run, who) => log.append("run-lost", { run, who }),
    });
    const agent = new Agent(connection, {
      group,
      host,
      labels,
      version: config.version,
      worker,
      log,
      onRefusal: (message) => context.note(`the broker says: ${message}`),
    });
    const lost = connection.closed().then((error) => {
      throw new Error(`Cannot go on: the broker has closed the connection`, { cause: error ?? undefined });
    });
    lost.catch(() => {});
    try {
      await Promise.race([agent.start(), lost, whenAborted(signal)]);
      context.note(`answering for ${host} of group ${group}, by ${connection.getServer()}`);
      await Promise.race([lost, agent.failed, over.promise, whenAborted(signal)]);
    } catch (error) {
      failures.push(error);
    }
    await agent.close(async () => {
      await worker.close();
      failures.push(...await desk.close());
    });
  });
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "Several things failed");
}

/** The host and port of a broker's address, without its user's password. */
function hostOf(url: string): string {
  return new URL(url).host;
}
