import { RTM_GETLINK } from "../codec/assembly/constants.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import { ENODEV } from "../linux/netlink_error.ts";
import type { Connection } from "../netlink/connection.ts";
import type { AnyCharge, Duty } from "../guardian/charge.ts";
import { type AnyGuardian, entrust, type GuardOptions, type QueueGuard } from "../guardian/entrust.ts";
import { IFF_LOWER_UP } from "../codec/numbers.ts";
import type { Hook, Watched } from "../guardian/watch.ts";
import { markOfPlug } from "../guardian/mark.ts";
import { sendChange } from "./send_change.ts";
import { detachAll } from "./drain.ts";
import { type QdiscPlace, RANKED_HANDLE, RANKS } from "./plug_requests.ts";
import { readQdiscs } from "./qdiscs.ts";
import { nameQueue, onQueue, Queue } from "./queue.ts";
import { readPlug } from "./read_plug.ts";
import { isGone, QueueError } from "./queue_error.ts";

/** A plug: released, and if `takeAway` says so drained and deleted. One that is not there is passed over. */
export interface PlugCharge extends AnyCharge {
  /** Which of the kinds it is. */
  kind: "plug";
  /** Its name, for words. */
  name: string;
  /** The device's name. */
  dev: string;
  /** Where the plug is, by its own handle. */
  place: QdiscPlace;
  /** Where the filters hang that send packets to it, where it is a gate's. */
  hook?: Hook;
  /** Whether it was attached by the process that dies, and goes with it. */
  takeAway: boolean;
}

/** Gives a plug into a guardian's charge, where there is a guardian. */
export function entrustPlug(
  queue: Queue,
  { guardian, ...options }: GuardOptions & { takeAway: boolean },
): QueueGuard | undefined {
  return guardian && entrustQueue(queue, { guardian, ...options });
}

/** Gives a plug, or a gate's plug, into a guardian's charge. */
export function entrustQueue(
  queue: Queue,
  { guardian, takeAway, maxHoldMs }: GuardOptions & { guardian: AnyGuardian; takeAway: boolean },
): QueueGuard {
  const { dev, place, connection, gate } = queue;
  const charge: PlugCharge = { kind: "plug", name: nameQueue(queue), dev, place, hook: gate?.hook, takeAway };
  return entrust(guardian, { charge, connection, maxHoldMs });
}

/** What is to be done for a plug. It is known by its handle, so that another in its place is left alone. */
export function plugDuty({ dev, place, hook, takeAway }: PlugCharge, connection: Connection): Duty {
  return queueDuty(connection, {
    find: () => new Queue({ dev, place, located: true, connection }),
    mark: markOfPlug(place),
    watched: watchedAt(place, { hook, above: qdiscsAbove(connection, place) }),
    takeAway: takeAway ? (queue) => detachAll([queue]) : undefined,
  });
}

/** A plug as it is watched, by what it consists of. */
export function watchedAt(place: QdiscPlace, about: Pick<Watched, "hook" | "above"> = {}): Watched {
  return { ...place, ...about, ...place.handle === RANKED_HANDLE ? { ranks: RANKS.map(({ handle }) => handle) } : {} };
}

/** What a plug hangs from: nothing where it is at a device's root. */
function qdiscsAbove(connection: Connection, { ifindex, parent }: QdiscPlace): { handle: number; parent: number }[] {
  if (parent === TC_H_ROOT) return [];
  const qdiscs = readQdiscs(connection, "list qdiscs").filter((qdisc) => qdisc.ifindex === ifindex);
  const above: { handle: number; parent: number }[] = [];
  for (let at = parent; at !== TC_H_ROOT;) {
    const handle = (at & 0xffff0000) >>> 0;
    const qdisc = qdiscs.find((one) => one.handle === handle);
    if (!qdisc || above.some((one) => one.handle === handle)) break;
    above.push({ handle, parent: qdisc.parent });
    at = qdisc.parent;
  }
  return above;
}

/** How a queue is put right. */
interface QueueCare {
  /** Finds it when it is wanted. */
  find: () => Queue;
  mark: string;
  watched?: Watched;
  takeAway?: (queue: Queue) => Promise<unknown>;
}

/** What is to be done for a queue in the namespace of a connection. */
export function queueDuty(connection: Connection, { find, mark, watched, takeAway }: QueueCare): Duty {
  const look = () => {
    try {
      const queue = find();
      const { stats: { backlogPackets, backlogBytes }, whole } = readPlug(queue, onQueue(queue, "read"));
      return { packets: backlogPackets, bytes: backlogBytes, sent: whole.packets };
    } catch (error) {
      if (isPassedOver(error)) return "gone";
      throw error;
    }
  };
  // A first look loads and compiles, which a release is not to wait for.
  ifThere(look);
  return {
    mark,
    watched,
    look,
    linkOf: (ifindex) => linkOf(connection, ifindex),
    release: () => ifThere(() => sendChange([find()], { action: "release-indefinite" })),
    putRight: takeAway && (() => ifStillThere(async () => await takeAway(find()))),
  };
}

function linkOf(connection: Connection, ifindex: number): "up" | "down" | "gone" {
  const [{ errno, message }] = connection.transact([{ type: RTM_GETLINK, ifindex }]);
  if (errno === ENODEV) return "gone";
  return message?.about === "link" && (message.linkFlags & IFF_LOWER_UP) === 0 ? "down" : "up";
}

/** Does something to a queue, and passes over that it is gone: the plug, the gate, the device, or what it hung from. */
function ifThere(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!isPassedOver(error)) throw error;
  }
}

/** As `ifThere`, for what takes its time. */
async function ifStillThere(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isPassedOver(error)) throw error;
  }
}

/** Whether it is gone; that another qdisc is in its place says the same. */
function isPassedOver(error: unknown): boolean {
  return isGone(error) || error instanceof QueueError && error.code === "foreign-qdisc";
}
