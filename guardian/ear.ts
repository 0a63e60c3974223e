import { TCQ_PLUG_BUFFER, TCQ_PLUG_RELEASE_INDEFINITE } from "../codec/assembly/constants.ts";
import type { Listener } from "../netlink/listener.ts";
import { type Happening, type Meaning, meaningOf, type Watched } from "./watch.ts";

/** What was said of a plug. */
export interface News {
  what: Happening;
  /** The device that it is about. */
  ifindex: number;
  /** The port of the socket of who did it; 0 where the kernel does not say. */
  port: number;
}

/** A plug of which something may be said. */
interface Subject {
  watched: Watched;
  /** Those of its devices that are down. */
  down: Set<number>;
  /** What was said of it that has not been told yet. */
  news: News[];
  /** The changes that plugctl has asked for and that the kernel has not said to be done, by the numbers of the requests. */
  asked: { sequence: number; action?: number }[];
  /** Whether it was changed so that it may have been released. */
  mayPass?: boolean;
  /** How often it was seen to hold since it was changed last. */
  looks: number;
  /** Who has changed it last. */
  changedBy?: number;
  /** Whether something may have been said of it that was lost. */
  hasMissed?: boolean;
}

/** How many requests are kept in mind: those that the kernel refuses stay. */
const ASKED_MAX = 64;
/** How often a plug must be seen to hold since it was changed last: between two looks it was for certain. */
const HOLDING_LOOKS = 2;

/** What its own process does not do to it while it is in charge: links go down, and it ends. */
const OF_LINKS: readonly Happening[] = ["down", "gone", "gate-device-down", "gate-device-gone"];
const ENDS: readonly Happening[] = ["deleted", "replaced", "gone"];

/** What a guardian hears in a network namespace, and of which of its charges that tells something. */
export class Ear implements Disposable {
  readonly #listener: Listener;
  readonly #onHeard: () => void;
  readonly #subjects = new Map<number, Subject>();
  #closed = false;

  /** Takes over a listener, and closes it when it is disposed of; `onHeard` is called when something was heard. */
  constructor(listener: Listener, onHeard: () => void) {
    this.#listener = listener;
    this.#onHeard = onHeard;
    this.#listen();
  }

  /** Listens to what is said of a charge from now on; `isDown` tells of a device whether it is down. */
  attend(id: number, watched: Watched, isDown: (ifindex: number) => boolean): void {
    this.hear();
    const devices = [watched.ifindex, ...watched.hook?.devices ?? []];
    this.#subjects.set(id, { watched, down: new Set(devices.filter(isDown)), news: [], asked: [], looks: 0 });
  }

  /** Does not any more. */
  leave(id: number): void {
    this.#subjects.delete(id);
  }

  /**
   * Hears what was said before this call began. Nothing is asked of the kernel meanwhile, whose answer would overwrite what
   * is being read.
   */
  hear(): void {
    this.#listener.hears((message) => {
      for (const subject of this.#subjects.values()) {
        const meaning = meaningOf(message, subject.watched);
        if (meaning) note(subject, meaning);
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

  /** Forgets what was said of a charge before this call began; that links went, or it ended, only where it is told so. */
  forget(id: number, { all = false }: { all?: boolean } = {}): void {
    this.hear();
    const subject = this.#subjects.get(id);
    if (!subject) return;
    subject.asked = [];
    subject.changedBy = undefined;
    subject.mayPass = subject.hasMissed = false;
    subject.news = all ? [] : subject.news.filter(({ what }) => [...OF_LINKS, ...ENDS].includes(what));
  }

  /** Whether a charge has ended since what was said of it was last told: what is in its place is another. */
  hasEnded(id: number): boolean {
    return this.#subjects.get(id)?.news.some(({ what }) => ENDS.includes(what)) ?? false;
  }

  /** What was said of a charge, which is forgotten with that. */
  newsOf(id: number): News[] {
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
    }
  }
}

function note(subject: Subject, { what, action, ifindex, sequence, port }: Meaning): void {
  switch (what) {
    case "up":
      subject.down.delete(ifindex);
      return;
    case "asked":
      // Before the kernel does it, or refuses.
      subject.asked = [...subject.asked, { sequence, action }].slice(-ASKED_MAX);
      return;
    case "changed": {
      const what = noteChange(subject, { sequence, port });
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

/**
 * Somebody has changed a plug. Of what plugctl has asked for is known what it was; all else, tc's changes for one, may have
 * released it, and the next may then have made it hold for somebody else. Returns what that is told as, if at all.
 */
function noteChange(
  subject: Subject,
  { sequence, port }: { sequence: number; port: number },
): "released" | "unclear" | undefined {
  const at = subject.asked.findIndex((one) => one.sequence === sequence);
  const [asked] = at < 0 ? [] : subject.asked.splice(at, 1);
  const isForeign = asked?.action === undefined;
  const mayBeHeld = isForeign || asked.action === TCQ_PLUG_BUFFER;
  subject.changedBy = port;
  subject.looks = 0;
  if (subject.mayPass && mayBeHeld) return "unclear";
  const isReleased = asked?.action === TCQ_PLUG_RELEASE_INDEFINITE;
  subject.mayPass ||= isForeign || isReleased;
  return isReleased ? "released" : undefined;
}
