import type { PacketEvent } from "../../capture/gate_capture.ts";
import { LINKTYPE, writeInterface, writePacket, writeSection } from "../../capture/pcapng.ts";
import { captureFor } from "../capture_loop.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { openConnection } from "../targets.ts";
import { UsageError } from "../usage_error.ts";
import { gateName } from "../values.ts";

/** What is written at once, at the least, while packets keep coming. */
const WRITE_LEN = 1 << 16;

/** `plugctl capture` */
export async function run(context: Context): Promise<void> {
  const gates = context.arguments.operands.map(gateName);
  const file = valueOf(context, "write");
  if (gates.length === 0) throw new UsageError("capture needs a gate");
  if (file === undefined) throw new UsageError("capture needs a file to write: -w FILE, or -w - for standard output");
  using connection = await openConnection(context);
  using writer = new Writer(file);
  writer.write(writeSection("plugctl"));
  for (const name of gates) writer.write(writeInterface({ name, linkType: LINKTYPE.ethernet, snapLength: 0 }));
  writer.flush();
  const wanted = isGiven(context, "arrivals") ? "in" : "out";
  let count = 0;
  await captureFor(context, {
    connection,
    gates,
    take: (event) => {
      if (event.event !== wanted) return;
      count++;
      writer.write(packetOf(event, gates.indexOf(event.gate)));
    },
    looked: () => writer.flush(),
  });
  context.note(`${count} packets were written to ${file === "-" ? "standard output" : file}`);
}

function packetOf(event: PacketEvent, index: number): Uint8Array<ArrayBuffer> {
  const { timeNs, bytes, length } = event.packet;
  return writePacket({ interface: index, timeNs, bytes, length, comment: commentOn(event) });
}

/** How long a packet was held, where it was seen to come in. */
function commentOn(event: PacketEvent): string | undefined {
  if (event.event === "in" || !event.packet.arrival) return undefined;
  const waitNs = event.packet.timeNs - event.packet.arrival.timeNs;
  if (waitNs < 1_000_000n) return `passed gate ${event.gate}`;
  return `held ${Math.round(Number(waitNs) / 1e6)} ms by gate ${event.gate}`;
}

/** Writes to a file or to standard output, many packets at once. */
class Writer implements Disposable {
  readonly #target: { writeSync(bytes: Uint8Array): number };
  readonly #close: () => void;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(file: string) {
    if (file === "-") {
      this.#target = Deno.stdout;
      this.#close = () => {};
      return;
    }
    const opened = Deno.openSync(file, { write: true, create: true, truncate: true });
    this.#target = opened;
    this.#close = () => opened.close();
  }

  write(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (this.#length >= WRITE_LEN) this.flush();
  }

  flush(): void {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#length = 0;
    for (let done = 0; done < all.length;) done += this.#target.writeSync(all.subarray(done));
  }

  [Symbol.dispose](): void {
    this.flush();
    this.#close();
  }
}
