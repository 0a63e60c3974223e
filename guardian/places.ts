import { NAMED, namespaceIdentity, namespacePath } from "../linux/namespace.ts";
import { EINVAL } from "../linux/netlink_error.ts";
import { Connection } from "../netlink/connection.ts";
import { Listener } from "../netlink/listener.ts";
import { logToKernel } from "../linux/process.ts";
import { Ear } from "./ear.ts";
import { keepersIn, showDeadline, showMark } from "./mark.ts";
import { WATCHED_GROUPS } from "./watch.ts";

/** How a guardian reaches network namespaces; `undefined` is its own. */
export interface Reach {
  /** What tells a namespace from every other. */
  identify(netns?: string): string;
  connect(netns?: string): Connection;
  /** Hears what is said there from now on. */
  listen(netns?: string): Listener;
  /** Tells of the namespace of a connection whether it was deleted since, so that nobody but guardians keeps it. */
  watchUse(connection: Connection): () => boolean;
  /** Lets others know that it stands guard. */
  showMark: typeof showMark;
  /** Lets others know by when something is released. */
  showDeadline: typeof showDeadline;
  /** Says what no process hears of otherwise. */
  log(line: string): void;
}

/** How much of what is said may wait until it is heard: a thousand plugs can be changed at once. */
const HEARING_BYTES = 8 << 20;

/** As the kernel has them. */
export const REACH: Reach = {
  identify: namespaceIdentity,
  connect: (netns) => Connection.open({ netns }),
  listen: (netns) => Listener.open({ groups: WATCHED_GROUPS, netns, roomBytes: HEARING_BYTES }),
  watchUse(connection) {
    using namespace = connection.openNamespace();
    const use = new NamespaceUse(namespace.path);
    return () => use.isAbandoned({ except: () => keepersIn(connection) });
  },
  showMark,
  showDeadline,
  log: logToKernel,
};

/** A network namespace in which something is in a guardian's charge. */
export interface Place {
  /** The connection to it, opened when it is first needed. */
  readonly connection: Connection;
  /** What listens to what is done there, likewise. */
  readonly ear: Ear;
  /** Begins to look whether it was deleted. */
  lookOut(): void;
}

/** What is told of places. */
export interface PlaceEvents {
  /** Something was heard in one of them. */
  onHeard: () => void;
  /** One was deleted, and vanishes when nobody keeps it open any more. */
  onDeleted: (place: Place) => void;
}

/** How often it is looked whether one was deleted, in milliseconds. */
const LOOKOUT_MS = 1000;

/**
 * The network namespaces in which something is in a guardian's charge. Each is kept open for as long as that is so, though
 * it may lose its name meanwhile, and no longer: an open one does not vanish, nor do its devices.
 */
export class Places {
  readonly #places = new Map<string, OpenPlace>();
  readonly #reach: Reach;
  readonly #events: PlaceEvents;

  constructor(reach: Reach, events: PlaceEvents) {
    this.#reach = reach;
    this.#events = events;
  }

  /** The namespace that is at a path now, or this process's own, until `leave` is called for it as often as this. */
  enter(netns: string | undefined): Place {
    const identity = this.#reach.identify(netns);
    const place = this.#places.get(identity) ?? new OpenPlace(this.#reach, this.#events);
    this.#places.set(identity, place);
    place.users++;
    place.netns = netns;
    return place;
  }

  /** Has nothing to do with something there any more. */
  leave(place: Place): void {
    for (const [identity, open] of this.#places) {
      if (open !== place || --open.users > 0) continue;
      this.#places.delete(identity);
      open[Symbol.dispose]();
    }
  }
}

class OpenPlace implements Place, Disposable {
  users = 0;
  /** Where it was found last: a path may lead elsewhere later. */
  netns?: string;
  readonly #reach: Reach;
  readonly #events: PlaceEvents;
  #connection?: Connection;
  #ear?: Ear;
  #lookout?: ReturnType<typeof setInterval>;

  constructor(reach: Reach, events: PlaceEvents) {
    this.#reach = reach;
    this.#events = events;
  }

  get connection(): Connection {
    return this.#connection ??= this.#reach.connect(this.netns);
  }

  get ear(): Ear {
    return this.#ear ??= new Ear(this.#reach.listen(this.netns), this.#events.onHeard);
  }

  lookOut(): void {
    if (this.#lookout !== undefined) return;
    const isDeleted = this.#reach.watchUse(this.connection);
    this.#lookout = setInterval(() => isDeleted() && this.#events.onDeleted(this), LOOKOUT_MS);
  }

  [Symbol.dispose](): void {
    if (this.#lookout !== undefined) clearInterval(this.#lookout);
    this.#connection?.[Symbol.dispose]();
    this.#ear?.[Symbol.dispose]();
  }
}

const HERE = "/proc/self/ns/net";

/**
 * Whether anybody else has a use for a network namespace that this process keeps open: one that has lost its name and has
 * no process in it is meant to vanish, with its devices, and does as soon as nobody keeps it open.
 */
export class NamespaceUse {
  readonly #ino: number | null;
  readonly #dev: number;
  /** The name that it was last found by, where it is looked for first: names are as many as there are hosts. */
  #name?: string;
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
    if (this.#name !== undefined && this.#isAt(this.#name)) return true;
    try {
      this.#name = Array.from(Deno.readDirSync(NAMED), ({ name }) => `${NAMED}/${name}`)
        .find((path) => this.#isAt(path));
      return this.#name !== undefined;
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
