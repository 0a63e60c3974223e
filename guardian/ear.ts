import { TCQ_PLUG_BUFFER, TCQ_PLUG_LIMIT, TCQ_PLUG_RELEASE_INDEFINITE } from "../codec/assembly/constants.ts";
import { TCM_IFINDEX_AT } from "../codec/numbers.ts";
import type { Listener } from "../netlink/listener.ts";
import { type Counts, type Happening, type Meaning, meaningOf, type Watched } from "./watch.ts";

/** What was said of a plug: what others have done, or links. */
export interface News {
  what: Happening;
  /** The device that it is about. */
  ifindex: number;
  /** The port of the socket of who did it; 0 where the kernel does not say. */
  port: number;
}

/** What its own process has done to a plug. */
export interface OwnChange {
  what: "own";
  /** `TCQ_PLUG_BUFFER` and the like; absent where that was not heard. */
  action?: number;
  /** The number of its request. */
  sequence: number;
  /** When that was heard, by `performance.now()`. */
  heardMs: number;
  /** What it held right behind that, and how many packets had left; absent where that was not said. */
  counts?: Counts;
}

/** A plug of which something may be said. */
interface Subject {
  watched: Watched;
  /** The port of the socket of its own process. */
  port?: number;
  /** Those of its devices that are down. */
  down: Set<number>;
  /** What was said of it that has not been told yet, in the order in which it happened. */
  news: (News | OwnChange)[];
  /** The changes that plugctl has asked for and that the kernel has not said to be done, by their requests' numbers and who asked. */
  asked: Asked[];
  /** Whether it was changed so that it may have been released. */
  mayPass?: boolean;
  /** How often it was seen to hold since it was changed last. */
  looks: number;
  /** Who has changed it last. */
  changedBy?: number;
  /** Whether something may have been said of it that was lost. */
  hasMissed?: boolean;
}

/** A change that plugctl has asked for. */
interface Asked {
  /** The number of the request. */
  sequence: number;
  /** The port of who has asked; 0 where that is not said. */
  port: number;
  action?: number;
}

/** For how long it does not listen behind what it has heard, in milliseconds: of much that is said, each is not to wake it. */
const PAUSE_MS = 5;
/** How many requests are kept in mind: those that the kernel refuses stay. */
const ASKED_MAX = 64;
/** How often a plug must be seen to hold since it was changed last: between two looks it was for certain. */
const HOLDING_LOOKS = 2;

/** What its own process does not do to it while it is in charge: links go down, and it ends. */
const OF_LINKS: readonly Happening[] = ["down", "gone", "gate-device-down", "gate-device-gone"];
const ENDS: readonly Happening[] = ["deleted", "replaced", "gone"];
const KEPT: ReadonlySet<string> = new Set([...OF_LINKS, ...ENDS]);

/** What a guardian hears in a network namespace, and of which of its charges that tells something. */
export class Ear implements Disposable {
  readonly #listener: Listener;
  readonly #onHeard: () => void;
  readonly #subjects = new Map<number, Subject>();
  /** The same by their devices. */
  readonly #byDevice = new Map<number, Set<Subject>>();
  #closed = false;

  /** Takes over a listener, and closes it when it is disposed of; `onHeard` is called when something was heard. */
  constructor(listener: Listener, onHeard: () => void) {
    this.#listener = listener;
    this.#onHeard = onHeard;
    this.#listen();
  }

  /**
   * Listens to what is said of a charge from now on; `isDown` tells of a device whether it is down, and `port` by which
   * socket its own process changes it.
   */
  attend(
    id: number,
    watched: Watched,
    { isDown, port }: { isDown: (ifindex: number) => boolean; port?: number },
  ): void {
    this.hear();
    const devices = devicesOf(watched);
    const subject = { watched, port, down: new Set(devices.filter(isDown)), news: [], asked: [], looks: 0 };
    this.#subjects.set(id, subject);
    for (const device of devices) {
      const there = this.#byDevice.get(device) ?? new Set();
      this.#byDevice.set(device, there.add(subject));
    }
  }

  /** Does not any more. */
  leave(id: number): void {
    const subject = this.#subjects.get(id);
    this.#subjects.delete(id);
    if (!subject) return;
    for (const device of devicesOf(subject.watched)) {
      const there = this.#byDevice.get(device);
      there?.delete(subject);
      if (there?.size === 0) this.#byDevice.delete(device);
    }
  }

  /** Has lost its process: whatever is done to a charge from now on is done by others. */
  orphan(id: number): void {
    const subject = this.#subjects.get(id);
    if (subject) subject.port = undefined;
  }

  /**
   * Hears what was said before this call began. Nothing is asked of the kernel meanwhile, whose answer would overwrite what
   * is being read.
   */
  hear(): void {
    let heardMs: number | undefined;
    this.#listener.hears((message) => {
      for (const subject of this.#byDevice.get(message.word(TCM_IFINDEX_AT)) ?? []) {
        const meaning = meaningOf(message, subject.watched);
        if (meaning) note(subject, meaning, heardMs ??= performance.now());
      }
      return false;
    });
    if (!this.#listener.takeLoss()) return;
    for (const subject of this.#subjects.values()) subject.hasMissed = true;
  }

  /** Whether something may have been said of a charge that was lost, since this was last asked. */
  takeMissed(id: number): boolean {
    const subject = this.#subjects.get(id);
    const hasMissed = subject?.hasMissed === true;
    if (subject) subject.hasMissed = false;
    return hasMissed;
  }

  /** Forgets what was said of a charge before this call began, but that links went, or it ended. */
  forget(id: number): void {
    this.hear();
    const subject = this.#subjects.get(id);
    if (!subject) return;
    subject.changedBy = undefined;
    subject.mayPass = subject.hasMissed = false;
    subject.news = subject.news.filter(({ what }) => KEPT.has(what));
  }

  /** Whether a charge has ended since what was said of it was last told: what is in its place is another. */
  hasEnded(id: number): boolean {
    return this.#subjects.get(id)?.news.some(({ what }) => what !== "own" && ENDS.includes(what)) ?? false;
  }

  /** What was said of a charge, which is forgotten with that. */
  newsOf(id: number): (News | OwnChange)[] {
    return this.#subjects.get(id)?.news.splice(0) ?? [];
  }

  /** It was seen to hold what it held at the last look. If it does so again, nobody has released it before. */
  seeHolding(id: number): void {
    const subject = this.#subjects.get(id);
    if (subject && ++subject.looks >= HOLDING_LOOKS) subject.mayPass = false;
  }

  /** The port of who has changed a plug last. */
  changedBy(id: number): number | undefined {
    return this.#subjects.get(id)?.changedBy;
  }

  /** Ends the listening. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#listener[Symbol.dispose]();
  }

  async #listen(): Promise<void> {
    for (;;) {
      await this.#listener.readable();
      if (this.#closed) return;
      this.hear();
      this.#onHeard();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (this.#closed) return;
    }
  }
}

function devicesOf({ ifindex, hook }: Watched): number[] {
  return [ifindex, ...hook?.devices ?? []];
}

function note(subject: Subject, meaning: Meaning, heardMs: number): void {
  const { what, action, ifindex, sequence, port } = meaning;
  switch (what) {
    case "up":
      subject.down.delete(ifindex);
      return;
    case "asked":
      // Before the kernel does it, or refuses.
      subject.asked = [...subject.asked, { sequence, port, action }].slice(-ASKED_MAX);
      return;
    case "changed": {
      const asked = takeAsked(subject, meaning);
      if (subject.port !== undefined && port === subject.port) {
        return noteOwn(subject, meaning, { action: asked?.action, heardMs });
      }
      const what = noteForeign(subject, { port, asked });
      if (what) subject.news.push({ what, ifindex, port });
      return;
    }
    case "down":
    case "gate-device-down":
      if (subject.down.has(ifindex)) return;
      subject.down.add(ifindex);
      break;
    case "released":
    case "deleted":
    case "replaced":
    case "gone":
    case "gate-device-gone":
    case "unfiltered":
      break;
    default:
      throw new TypeError(`Cannot note ${what satisfies never}`);
  }
  subject.news.push({ what, ifindex, port });
}

/** What plugctl has asked for, of which the kernel says now that it is done. */
function takeAsked({ asked }: Subject, { sequence, port }: Meaning): Asked | undefined {
  // Others that do not say theirs may number their requests alike
  const ports = [port, 0].map((from) => asked.findLastIndex((one) => one.sequence === sequence && one.port === from));
  const at = ports.find((index) => index >= 0);
  return at === undefined ? undefined : asked.splice(at, 1)[0];
}

/** Its own process has changed a plug. */
function noteOwn(
  subject: Subject,
  { sequence, counts }: Meaning,
  { action, heardMs }: { action?: number; heardMs: number },
): void {
  if (action === TCQ_PLUG_LIMIT) return;
  subject.mayPass = false;
  subject.changedBy = undefined;
  subject.looks = 0;
  subject.news.push({ what: "own", action, sequence, heardMs, counts });
}

/**
 * Others have changed a plug. Of what plugctl has asked for is known what it was; all else, tc's changes for one, may have
 * released it, and the next may then have made it hold for somebody else. Returns what that is told as, if at all.
 */
function noteForeign(
  subject: Subject,
  { port, asked }: { port: number; asked?: Asked },
): "released" | "unclear" | undefined {
  const isUnknown = asked?.action === undefined;
  const mayBeHeld = isUnknown || asked.action === TCQ_PLUG_BUFFER;
  subject.changedBy = port;
  subject.looks = 0;
  if (subject.mayPass && mayBeHeld) return "unclear";
  const isReleased = asked?.action === TCQ_PLUG_RELEASE_INDEFINITE;
  subject.mayPass ||= isUnknown || isReleased;
  return isReleased ? "released" : undefined;
}
