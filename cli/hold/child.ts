import { TAG_VARIABLE } from "../../guardian/charge.ts";
import { endProcesses, isOutsideSessionOf, isTagged } from "../../guardian/processes.ts";
import type { Interrupted } from "../exit_status.ts";

/** How long a command may take to end after a signal, in milliseconds, before it gets a stronger one. */
const PATIENCE_MS = 5000;

/** The command could not be started. */
export class NotStarted extends Error {
  override name = "NotStarted";
  /** As a shell has it: 127 where there is no such command, 126 where it cannot be run. */
  readonly status: number;

  constructor(program: string, cause: unknown) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    const reason = isMissing ? "there is no such command" : cause instanceof Error ? cause.message : String(cause);
    super(`Cannot run ${program}: ${reason}`, { cause });
    this.status = isMissing ? 127 : 126;
  }
}

/** A command that the user gave. Its input and output are those of this process. */
export class Child {
  readonly #child: Deno.ChildProcess;
  readonly #tag: string;
  /** Its exit status, 128 and the signal's number where a signal has ended it. */
  readonly status: Promise<number>;
  #hasEnded = false;

  /**
   * Starts it, with a tag by which it is known, and what it starts.
   *
   * @throws {NotStarted} where it cannot be started
   */
  constructor([program, ...args]: readonly string[], { tag }: { tag: string }) {
    this.#tag = tag;
    try {
      this.#child = new Deno.Command(program, { args, env: { [TAG_VARIABLE]: tag } }).spawn();
    } catch (error) {
      throw new NotStarted(program, error);
    }
    this.status = this.#child.status.then(({ code }) => {
      this.#hasEnded = true;
      return code;
    });
  }

  /**
   * Ends it by the signal that this process is ended by, and by stronger ones where it goes on; then what it has started,
   * but no daemons.
   */
  async end({ signal }: Interrupted): Promise<void> {
    // A terminal has sent it to the command too, and many programs take a second one as an order to end at once.
    const isFromTerminal = signal === "SIGINT" && Deno.stdin.isTerminal();
    const signals = new Set([isFromTerminal ? undefined : signal, "SIGTERM", "SIGKILL"] as const);
    for (const name of signals) {
      if (this.#hasEnded) break;
      if (name) this.#child.kill(name);
      await this.#endsInTime();
    }
    await endProcesses(isTagged(this.#tag, { except: isOutsideSessionOf(Deno.pid) }));
  }

  async #endsInTime(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PATIENCE_MS);
    await Promise.race([this.status, promise]);
    clearTimeout(timer);
  }
}
