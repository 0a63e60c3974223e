import type { RemoteLink } from "../scenario/remote/wire.ts";
import type { HostStatus } from "./agent.ts";
import { askerOf, type BrokerOptions, closeConnection, connectBroker } from "./broker.ts";
import { Caller } from "./caller.ts";
import { inboxOf } from "./subject.ts";

/** How well a clock is known that is not measured again, in milliseconds. */
const ENOUGH_MS = 2;

/** The hosts of a group that take part in a scenario, by their agents. */
export class RunFleet implements AsyncDisposable {
  readonly #connection: Awaited<ReturnType<typeof connectBroker>>;
  readonly #caller: Caller;

  private constructor(connection: Awaited<ReturnType<typeof connectBroker>>, caller: Caller) {
    this.#connection = connection;
    this.#caller = caller;
  }

  /** @throws {Error} where the broker cannot be reached, or lets nobody in */
  static async connect(broker: Omit<BrokerOptions, "inbox">, group: string): Promise<RunFleet> {
    const who = await askerOf(broker);
    const connection = await connectBroker({ ...broker, inbox: inboxOf("users", who) });
    return new RunFleet(connection, new Caller(connection, { group, who }));
  }

  /** The way to the agent of a host. */
  readonly linkTo = (on: string): RemoteLink => ({
    ask: async (operation, input, timeoutMs) => await this.#caller.ask(on, operation, input, { timeoutMs }),
    clock: async () => {
      const answer = await this.#caller.ask(on, "status", {});
      if ("error" in answer) throw new Error(answer.error.message);
      const clocks = await this.#caller.clocks([answer.result as HostStatus], ENOUGH_MS);
      const offset = clocks.get(on);
      if (!offset || !Number.isFinite(offset.errorMs)) throw new Error("it does not say what its clock shows");
      return offset;
    },
  });

  async [Symbol.asyncDispose](): Promise<void> {
    await closeConnection(this.#connection);
  }
}
