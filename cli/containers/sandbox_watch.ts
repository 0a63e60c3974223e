import type { Arguments } from "../arguments.ts";
import { listSandboxes } from "./inside.ts";
import { identityAt, type Listed, type SandboxKind } from "./sandbox.ts";

/** How often it is looked whether a container has restarted, in milliseconds. */
const LOOK_MS = 300;

/** Looks, while something is held in it, whether a container or a pod still has the network namespace that is held. */
export class SandboxWatch {
  readonly #kind: SandboxKind;
  readonly #name: string;
  readonly #netns: string;
  readonly #identity: string;
  readonly #say: (text: string) => void;
  #said?: string;
  #timer?: ReturnType<typeof setTimeout>;
  #looking: Promise<void> = Promise.resolve();

  /**
   * Begins to look.
   *
   * @param options.identity What tells the namespace that is held from others
   * @param options.say Is told what has become of it, once
   */
  constructor({ values }: Arguments, { identity, say }: { identity: string; say: (text: string) => void }) {
    this.#kind = values.has("pod") ? "pod" : "container";
    this.#name = values.get(this.#kind)?.[0] ?? "";
    this.#netns = values.get("netns")?.[0] ?? "";
    this.#identity = identity;
    this.#say = say;
    this.#wait();
  }

  /** Looks once more, and then no more. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#looking;
    clearTimeout(this.#timer);
    await this.#look();
  }

  #wait(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().catch(() => {}).then(() => this.#wait());
    }, LOOK_MS);
  }

  async #look(): Promise<void> {
    const text = this.#isThere() ? undefined : await this.#whatHappened();
    if (text !== undefined && text !== this.#said) this.#say(text);
    this.#said = text;
  }

  /** Whether it is to be found where it was; whoever runs it needs not be asked then. */
  #isThere(): boolean {
    const [, pid] = /^pid:(\d+)$/.exec(this.#netns) ?? [];
    const identity = identityAt(pid === undefined ? this.#netns : `/proc/${pid}/ns/net`);
    return identity === undefined || identity === this.#identity;
  }

  async #whatHappened(): Promise<string | undefined> {
    const what = `${this.#kind} ${this.#name}`;
    let found: Listed[];
    try {
      found = (await listSandboxes(this.#kind)).filter(({ name }) => name === this.#name);
    } catch {
      // Who cannot be asked now may be asked later; what becomes of the namespace itself the hold says.
      return undefined;
    }
    const running = found.find(({ isRunning }) => isRunning);
    if (!running) return `${what} ${found.length > 0 ? "has stopped" : "was removed"}`;
    const network = await running.network().catch(() => undefined);
    const identity = network && identityAt(`/proc/${network.pid}/ns/net`);
    if (identity === undefined || identity === this.#identity || identity === "none") return undefined;
    return `${what} has restarted in a new network namespace, which is not held`;
  }
}
