import { EINVAL } from "./netlink_error.ts";
import { NAMED, namespacePath } from "./namespace.ts";

const HERE = "/proc/self/ns/net";

/**
 * Whether anybody else has a use for a network namespace that this process keeps open: one that has lost its name and has
 * no process in it is meant to vanish, with its devices, and does as soon as nobody keeps it open.
 */
export class NamespaceUse {
  readonly #ino: number | null;
  readonly #dev: number;
  #wasInUse: boolean;

  /** Takes where the namespace is to be found now: `OpenNamespace.path`. */
  constructor(path = HERE) {
    const { ino, dev } = Deno.statSync(path);
    this.#ino = ino;
    this.#dev = dev;
    this.#wasInUse = this.#isInUse();
  }

  /** Whether a name, a path or `pid:N` leads to another namespace by now. */
  isElsewhere(namespace: string): boolean {
    return this.#lookAt(namespacePath(namespace)) === "another";
  }

  /**
   * Whether it had a name of `ip netns`, or a process in it, and has neither any more; processes that are excepted do not
   * count by now. One that has had neither is kept by what cannot be seen: a descriptor, or a mount elsewhere.
   */
  isAbandoned({ namespace, except }: { namespace?: string; except?: () => readonly number[] } = {}): boolean {
    // By the name that it was opened by it is found without a search.
    if (namespace !== undefined && this.#isAt(namespacePath(namespace))) return false;
    const isInUse = this.#isInUse(except);
    this.#wasInUse ||= isInUse;
    return this.#wasInUse && !isInUse;
  }

  #isInUse(except?: () => readonly number[]): boolean {
    return this.#hasName() || this.#hasProcess(except);
  }

  #hasName(): boolean {
    try {
      return Array.from(Deno.readDirSync(NAMED), ({ name }) => `${NAMED}/${name}`).some((path) => this.#isAt(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  #hasProcess(except?: () => readonly number[]): boolean {
    let excepted: readonly number[] | undefined;
    for (const { name } of Deno.readDirSync("/proc")) {
      const pid = Number(name);
      if (!(pid > 0) || pid === Deno.pid || !this.#isAt(`/proc/${pid}/ns/net`)) continue;
      // The machine's first process is none of those.
      if (pid === 1 || !(excepted ??= except?.() ?? []).includes(pid)) return true;
    }
    return false;
  }

  /** Whether it is there; what may not be looked at may be it. */
  #isAt(path: string): boolean {
    const found = this.#lookAt(path);
    return found === "it" || found === "hidden";
  }

  #lookAt(path: string): "it" | "another" | "hidden" | "nothing" {
    try {
      const { ino, dev } = Deno.statSync(path);
      return ino === this.#ino && dev === this.#dev ? "it" : "another";
    } catch (error) {
      if (error instanceof Deno.errors.PermissionDenied) return "hidden";
      if (error instanceof Deno.errors.NotFound || isEnding(error)) return "nothing";
      throw error;
    }
  }
}

/** A file of a process that ends while it is looked at is met with ESRCH, or with EINVAL. */
function isEnding(error: unknown): boolean {
  return error instanceof Error &&
    (error.message.includes("os error 3") || error.message.includes(`os error ${EINVAL}`));
}
