import { namespaceIdentity } from "../linux/namespace.ts";
import { NamespaceUse } from "../linux/namespace_use.ts";
import { Connection } from "../netlink/connection.ts";
import { Listener } from "../netlink/listener.ts";
import { logToKernel } from "../linux/process.ts";
import { Ear } from "./ear.ts";
import { keepersIn, showMark } from "./mark.ts";
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
  /** Says what no process hears of otherwise. */
  log(line: string): void;
}

/** As the kernel has them. */
export const REACH: Reach = {
  identify: namespaceIdentity,
  connect: (netns) => Connection.open({ netns }),
  listen: (netns) => Listener.open({ groups: WATCHED_GROUPS, netns }),
  watchUse(connection) {
    using namespace = connection.openNamespace();
    const use = new NamespaceUse(namespace.path);
    return () => use.isAbandoned({ except: () => keepersIn(connection) });
  },
  showMark,
  log: logToKernel,
};

/** A network namespace in which something is in a guardian's charge. */
export interface Place {
  /** The connection to it, opened when it is first needed. */
  readonly connection: Connection;
  /** What listens to what is done there, likewise. */
  readonly ear: Ear;
}

/**
 * The network namespaces in which something is in a guardian's charge. Each is kept open for as long as that is so, though
 * it may lose its name meanwhile, and no longer: an open one does not vanish, nor do its devices.
 */
export class Places {
  readonly #places = new Map<string, OpenPlace>();
  readonly #reach: Reach;
  readonly #onHeard: () => void;

  /** `onHeard` is called when something was heard in one of them. */
  constructor(reach: Reach, onHeard: () => void) {
    this.#reach = reach;
    this.#onHeard = onHeard;
  }

  /** The namespace that is at a path now, or this process's own, until `leave` is called for it as often as this. */
  enter(netns: string | undefined): Place {
    const identity = this.#reach.identify(netns);
    const place = this.#places.get(identity) ?? new OpenPlace(this.#reach, this.#onHeard);
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
  readonly #onHeard: () => void;
  #connection?: Connection;
  #ear?: Ear;

  constructor(reach: Reach, onHeard: () => void) {
    this.#reach = reach;
    this.#onHeard = onHeard;
  }

  get connection(): Connection {
    return this.#connection ??= this.#reach.connect(this.netns);
  }

  get ear(): Ear {
    return this.#ear ??= new Ear(this.#reach.listen(this.netns), this.#onHeard);
  }

  [Symbol.dispose](): void {
    this.#connection?.[Symbol.dispose]();
    this.#ear?.[Symbol.dispose]();
  }
}
