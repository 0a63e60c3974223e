import { TCQ_PLUG_BUFFER, TCQ_PLUG_RELEASE_INDEFINITE } from "../codec/assembly/constants.ts";
import type { Records } from "../codec/records.ts";
import { meaningOf, type Watched } from "../guardian/watch.ts";
import { GROUP_REQUESTS, GROUP_TC } from "../linux/socket.ts";
import { Listener } from "../netlink/listener.ts";

/** What hears requests to plugs, and what the kernel says of them. */
export type RequestsHeard = Pick<Listener, "hears" | "takeLoss" | "readable"> & Disposable;

/** A change of a plug: it came between two looks, so that of packets from between them it is not known which side they are on. */
interface Change {
  afterNs: bigint;
  byNs: bigint;
  /** The epoch from then on; absent where it is not known. */
  epoch?: number;
}

interface Subject {
  watched: Watched;
  changes: Change[];
  /** What was asked for, by the sequence number that the kernel repeats once it has done it, and behind which look. */
  asked: Map<number, { action?: number; afterNs: bigint }>;
}

/** So many changes are kept in mind: packets that have come in are asked for soon. */
const CHANGES_MAX = 64;
const ASKED_MAX = 256;
/** How exact the clock is. */
const EXACT_NS = 1_000_000n;

/**
 * In which epoch packets come into plugs: how many times plugctl has told a plug to hold since it passed packets last. Not
 * known where others than plugctl change a plug: the kernel does not say how.
 */
export class Epochs implements Disposable {
  readonly #heard: RequestsHeard;
  readonly #subjects = new Map<number, Subject>();
  readonly #nowNs: () => bigint;
  #lookedNs: bigint;
  #closed = false;

  /** Takes over what hears, and closes it when it is disposed of; the clock is that of packets, to the millisecond below. */
  constructor(heard: RequestsHeard, nowNs: () => bigint) {
    this.#heard = heard;
    this.#nowNs = nowNs;
    this.#lookedNs = nowNs();
    this.#listen();
  }

  /** Listens from now on, in this network namespace or in the one named. */
  static open({ netns, nowNs }: { netns?: string; nowNs: () => bigint }): Epochs {
    return new Epochs(Listener.open({ groups: GROUP_TC | GROUP_REQUESTS, netns }), nowNs);
  }

  /** Attends to a plug; of one that holds packets already it is not known which epoch that is. */
  attend(watched: Watched, { holds }: { holds: boolean }): void {
    const changes = [{ afterNs: 0n, byNs: 0n, epoch: holds ? undefined : 0 }];
    this.#subjects.set(watched.ifindex, { watched, changes, asked: new Map() });
  }

  /** Hears what was asked since the last look. */
  look(): void {
    const nowNs = this.#nowNs;
    const [begunNs, afterNs] = [nowNs(), this.#lookedNs];
    this.#heard.hears((message) => {
      for (const subject of this.#subjects.values()) note(subject, message, { afterNs, byNs: nowNs() + EXACT_NS });
      return false;
    });
    const span = { afterNs, byNs: nowNs() + EXACT_NS };
    if (this.#heard.takeLoss()) {
      for (const subject of this.#subjects.values()) change(subject, { ...span, epoch: undefined });
    }
    this.#lookedNs = begunNs;
  }

  /** The epoch in which a packet came that came at this time, which is before the last look; 0 where the plug passed packets. */
  at(ifindex: number, timeNs: bigint): number | undefined {
    const changes = this.#subjects.get(ifindex)?.changes ?? [];
    const last = changes.findLast(({ afterNs }) => afterNs < timeNs);
    return last && last.byNs <= timeNs ? last.epoch : undefined;
  }

  /** Ends the listening. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#heard[Symbol.dispose]();
  }

  /** Looks as soon as something was asked: the sooner, the fewer packets are between two looks. */
  async #listen(): Promise<void> {
    for (;;) {
      await this.#heard.readable();
      if (this.#closed) return;
      this.look();
    }
  }
}

function note(subject: Subject, message: Records, span: Pick<Change, "afterNs" | "byNs">): void {
  const meaning = meaningOf(message, subject.watched);
  if (!meaning) return;
  const { what, action, sequence } = meaning;
  const { asked, changes } = subject;
  if (what === "asked") {
    asked.set(sequence, { action, afterNs: span.afterNs });
    if (asked.size > ASKED_MAX) asked.delete(asked.keys().next().value!);
  }
  if (what !== "changed") return;
  const known = asked.get(sequence);
  asked.delete(sequence);
  const { epoch } = changes[changes.length - 1];
  const next = { ...span, ...known ? { afterNs: known.afterNs } : {} };
  if (known?.action === TCQ_PLUG_RELEASE_INDEFINITE) change(subject, { ...next, epoch: 0 });
  else if (known?.action === TCQ_PLUG_BUFFER) {
    change(subject, { ...next, epoch: epoch === undefined ? epoch : epoch + 1 });
  } else if (known?.action === undefined) change(subject, { ...next, epoch: undefined });
}

function change(subject: Subject, next: Change): void {
  subject.changes.push(next);
  if (subject.changes.length > CHANGES_MAX) subject.changes.shift();
}
