/**
 * Hosts of a fleet without a kernel: agents whose worker only pretends to hold.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/transport-node";
import { RequestError } from "../../control/problem.ts";
import { Agent, type AgentOptions, type Worker } from "../../fleet/agent.ts";
import { EventLog } from "../../fleet/event_log.ts";

/** Does nothing, and remembers what it was asked. */
export class FakeWorker implements Worker {
  readonly asked: { operation: string; input: unknown; who: string }[] = [];
  holds = 0;
  /** What it answers, or fails with. */
  answer: (operation: string, input: Record<string, unknown>) => unknown = () => ({});

  perform(operation: string, input: unknown, who: string): Promise<unknown> {
    if (operation === "nothing") return Promise.reject(new RequestError("unknown-operation", "there is none"));
    this.asked.push({ operation, input, who });
    return Promise.resolve().then(() => this.answer(operation, input as Record<string, unknown>));
  }
}

/** An agent of a host that is none, until the block ends. */
export class FakeHost implements AsyncDisposable {
  readonly worker = new FakeWorker();
  readonly log: EventLog;
  readonly folder: string;
  readonly agent: Agent;
  readonly connection: NatsConnection;
  readonly refusals: string[] = [];
  readonly #keeps: boolean;

  constructor(
    connection: NatsConnection,
    { folder, ...options }: Partial<AgentOptions> & { host: string; folder?: string },
  ) {
    this.folder = folder ?? Deno.makeTempDirSync({ prefix: "plugctl-log-" });
    this.#keeps = folder !== undefined;
    this.log = EventLog.open(this.folder);
    this.connection = connection;
    this.agent = new Agent(connection, {
      group: "db",
      labels: [],
      version: "0",
      worker: this.worker,
      log: this.log,
      onRefusal: (message) => void this.refusals.push(message),
      ...options,
    });
  }

  static async start(
    connection: NatsConnection,
    options: Partial<AgentOptions> & { host: string; folder?: string },
  ): Promise<FakeHost> {
    const host = new FakeHost(connection, options);
    await host.agent.start();
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.close(async () => {});
    this.log[Symbol.dispose]();
    if (!this.#keeps) Deno.removeSync(this.folder, { recursive: true });
  }
}
