import type { Interrupted } from "./interruptible.ts";

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
  /** Its exit status, 128 and the signal's number where a signal has ended it. */
  readonly status: Promise<number>;
  #hasEnded = false;

  /** @throws {NotStarted} where it cannot be started */
  constructor([program, ...args]: readonly string[], { env }: { env: Record<string, string> }) {
    try {
      this.#child = new Deno.Command(program, { args, env }).spawn();
    } catch (error) {
      throw new NotStarted(program, error);
    }
    this.status = this.#child.status.then(({ code }) => {
      this.#hasEnded = true;
      return code;
    });
  }

  /** Ends it by the signal that this process is ended by, and by stronger ones where it goes on. */
  async end({ signal }: Interrupted): Promise<void> {
    // From a terminal it has that already, and would take a second one for impatience.
    const isFromTerminal = signal === "SIGINT" && Deno.stdin.isTerminal();
    const signals = new Set([isFromTerminal ? undefined : signal, "SIGTERM", "SIGKILL"] as const);
    for (const name of signals) {
      if (this.#hasEnded) return;
      if (name) this.#child.kill(name);
      if (name === "SIGKILL") await this.status;
      else await this.#endsInTime();
    }
  }

  async #endsInTime(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, PATIENCE_MS);
    await Promise.race([this.status, promise]);
    clearTimeout(timer);
  }
}
