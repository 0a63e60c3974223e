import { assertEquals } from "@std/assert";
import { Epochs, type RequestsHeard } from "../../capture/epochs.ts";
import {
  encodeRequest,
  readReceived,
  receiveRegion,
  RTM_NEWQDISC,
  sendRegion,
  TC_H_ROOT,
  TCQ_PLUG_BUFFER,
  TCQ_PLUG_LIMIT,
  TCQ_PLUG_RELEASE_INDEFINITE,
  TCQ_PLUG_RELEASE_ONE,
} from "../../codec/mod.ts";

const PLACE = { ifindex: 5, parent: TC_H_ROOT, handle: 0x504c0000 };
const MS = 1_000_000n;
const FLAGS_AT = 6;

/** What is heard in the next looks, message by message, and the clock. */
class Ear implements RequestsHeard {
  readonly #messages: Uint8Array[] = [];
  nowNs = 0n;
  lost = false;
  #sequence = 0;

  /** plugctl asks for a change; the kernel does it and says so, or refuses. */
  ask(action: number, { isRefused = false } = {}): void {
    this.#sequence++;
    this.#messages.push(this.#message(action));
    if (!isRefused) this.announce();
  }

  /** The kernel says that a plug was changed. */
  announce(): void {
    const message = this.#message(TCQ_PLUG_BUFFER);
    new DataView(message.buffer).setUint16(FLAGS_AT, 0, true);
    this.#messages.push(message);
  }

  /** Somebody else changes the plug. */
  meddle(): void {
    this.#sequence += 1000;
    this.announce();
  }

  #message(action: number): Uint8Array {
    const length = encodeRequest({ type: RTM_NEWQDISC, ...PLACE, plug: { action, limit: 0 } }, {
      at: 0,
      sequence: this.#sequence,
    });
    return sendRegion.slice(0, length);
  }

  hears: RequestsHeard["hears"] = (isMeant) => {
    for (const message of this.#messages.splice(0)) {
      receiveRegion.set(message);
      const records = readReceived(message.length);
      while (records.next()) isMeant(records);
    }
    return false;
  };

  takeLoss(): boolean {
    const { lost } = this;
    this.lost = false;
    return lost;
  }

  readable = () => new Promise<void>(() => {});

  [Symbol.dispose](): void {}
}

/** Looks every 10 ms; at each look that has happened which is given. Returns the epoch of a packet that came between two looks. */
function epochsBetween(works: readonly ((ear: Ear) => void)[], { holds = false } = {}): (number | undefined)[] {
  const ear = new Ear();
  using epochs = new Epochs(ear, () => ear.nowNs);
  epochs.attend(PLACE, { holds });
  return works.map((work, index) => {
    work(ear);
    ear.nowNs = BigInt(index * 20 + 10) * MS;
    epochs.look();
    ear.nowNs += 10n * MS;
    epochs.look();
    return epochs.at(PLACE.ifindex, ear.nowNs - 5n * MS);
  });
}

const ask = (action: number) => (ear: Ear) => ear.ask(action);

Deno.test("Epochs counts how often a plug was told to hold since it passed packets last", () => {
  const works = [
    () => {},
    ask(TCQ_PLUG_BUFFER),
    ask(TCQ_PLUG_LIMIT),
    ask(TCQ_PLUG_BUFFER),
    ask(TCQ_PLUG_RELEASE_ONE),
    ask(TCQ_PLUG_BUFFER),
    ask(TCQ_PLUG_RELEASE_INDEFINITE),
    ask(TCQ_PLUG_BUFFER),
  ];
  assertEquals(epochsBetween(works), [0, 1, 1, 2, 2, 3, 0, 1]);
});

Deno.test("Epochs does not count what the kernel refused", () => {
  const works = [ask(TCQ_PLUG_BUFFER), (ear: Ear) => ear.ask(TCQ_PLUG_BUFFER, { isRefused: true })];
  assertEquals(epochsBetween(works), [1, 1]);
});

Deno.test("Epochs does not know the epoch of a plug that holds already, or was changed by others, until a release", () => {
  const works = [
    ask(TCQ_PLUG_BUFFER),
    ask(TCQ_PLUG_RELEASE_INDEFINITE),
    ask(TCQ_PLUG_BUFFER),
    (ear: Ear) => ear.meddle(),
    ask(TCQ_PLUG_BUFFER),
    ask(TCQ_PLUG_RELEASE_INDEFINITE),
    (ear: Ear) => ear.lost = true,
  ];
  assertEquals(epochsBetween(works, { holds: true }), [undefined, 0, 1, undefined, undefined, 0, undefined]);
});

Deno.test("Epochs says nothing of a packet that came between the looks between which the epoch began", () => {
  const ear = new Ear();
  using epochs = new Epochs(ear, () => ear.nowNs);
  epochs.attend(PLACE, { holds: false });
  const look = (ms: bigint) => {
    ear.nowNs = ms * MS;
    epochs.look();
  };
  look(10n);
  ear.ask(TCQ_PLUG_BUFFER);
  look(20n);
  assertEquals([5n, 10n, 15n, 20n, 22n].map((ms) => epochs.at(PLACE.ifindex, ms * MS)), [
    0,
    0,
    undefined,
    undefined,
    1,
  ]);
  assertEquals(epochs.at(PLACE.ifindex + 1, 22n * MS), undefined);
});
