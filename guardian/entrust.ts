import type { OpenNamespace } from "../linux/namespace.ts";
import { EPERM, NetlinkError } from "../linux/netlink_error.ts";
import type { Connection } from "../netlink/connection.ts";
import type { AnyCharge, Released } from "./charge.ts";
import type { Guardian } from "./guardian.ts";

/** What a `Guardian` does, whoever does it: a test may have another in its place. */
export type AnyGuardian = Pick<Guardian, keyof Guardian>;

/** Who puts a queue right should this process die. */
export interface GuardOptions {
  /** A guardian; it gets what is made before that is made. Default: none, and what holds at the death goes on holding. */
  guardian?: AnyGuardian;
  /** After how many milliseconds without a release the guardian releases it, from each `buffer` on. Default: never. */
  maxHoldMs?: number;
}

/** Whether what holds from its first moment on has a deadline, which is as good as a way out. */
export function hasDeadline({ guardian, maxHoldMs }: GuardOptions): boolean {
  return guardian !== undefined && maxHoldMs !== undefined;
}

/** What a guardian is told of a queue in its charge, and asked. */
export interface QueueGuard {
  /** The number of the guardian's process. */
  readonly pid: number;
  /**
   * It is about to hold, for `maxMs` milliseconds at the most. Default: what was said when it was given into charge. What
   * its process does to it by the connection that it was given with need not be told further.
   */
  arm(maxMs?: number): void;
  /** It passed, and was made to hold by the request of this number. */
  holdsSince(sequence: number): void;
  /**
   * Its deadline is counted anew, and nothing else; where it does not hold, nothing. Default: as when it was given into
   * charge.
   */
  renew(maxMs?: number): void;
  /** It is there, and whatever takes its place from now on is another. */
  know(): void;
  /** It holds, and whatever others do to it from now on is to be told. */
  watch(): void;
  /** It is to look whether others have done something till now. */
  look(): void;
  /** What happens to it until it is watched, or armed, is this process's own doing. */
  unwatch(): void;
  /** It holds no more, though this process has not released it. */
  disarm(): void;
  /** It is taken away, or this process is done with it. */
  drop(): void;
  /** The guardian is to wait for the deadline also when this process has ended, unless the plug is released before. */
  outlive(): void;
  /** Whether the guardian has released it by itself since it was armed; waits up to `patienceMs` for it to say so. */
  released(patienceMs?: number): Released | undefined;
  /** Waits until it has; `undefined` where the guardian ends first, or `drop` is called. */
  whenReleased(): Promise<Released | undefined>;
}

/** Gives something into a guardian's charge, in the namespace of a connection. */
export function entrust(
  guardian: AnyGuardian,
  { charge, connection, maxHoldMs }: { charge: AnyCharge; connection: Connection; maxHoldMs?: number },
): QueueGuard {
  using namespace = openNamespace(connection, charge);
  const id = guardian.take({ ...charge, netns: namespace.path, port: connection.port });
  return {
    pid: guardian.pid,
    arm: (maxMs = maxHoldMs) => guardian.arm(id, maxMs),
    holdsSince: (sequence) => guardian.holdsSince(id, sequence),
    renew: (maxMs = maxHoldMs) => maxMs === undefined || guardian.renew(id, maxMs),
    disarm: () => guardian.disarm(id),
    drop: () => guardian.drop(id),
    outlive() {
      using namespace = connection.openNamespace();
      guardian.outlive(id, namespace.path);
    },
    know: () => guardian.know(id),
    watch: () => guardian.watch(id),
    look: () => guardian.look(id),
    unwatch: () => guardian.unwatch(id),
    released: (patienceMs) => guardian.released(id, patienceMs),
    whenReleased: () => guardian.whenReleased(id),
  };
}

/** The namespace of a connection. Who may not look for it may not hold anything there either, which is what is told. */
function openNamespace(connection: Connection, { name, kind }: AnyCharge): OpenNamespace {
  try {
    return connection.openNamespace();
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno !== EPERM) throw error;
    const { errno, sentence } = error;
    throw new NetlinkError(`hold ${name ?? kind}`, { errno, sentence }, { cause: error });
  }
}
