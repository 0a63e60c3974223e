import { type CapturedPacket, type CaptureForm, CaptureInput } from "./input.ts";
import { isPcap, Pcap } from "./pcap.ts";
import { Pcapng, PCAPNG_MAGIC } from "./pcapng.ts";

/**
 * Reads the packets of a capture part by part, whatever they are, and keeps no more of it than a packet: pcap in either
 * byte order, with microseconds or nanoseconds, and pcapng.
 */
export class PacketReader {
  readonly #input = new CaptureInput();
  #form?: CaptureForm;

  /** What the packets begin with, as far as the capture has said it by now. */
  get linkTypes(): readonly number[] {
    return this.#form?.linkTypes ?? [];
  }

  /**
   * The packets that the next part of the capture completes, in their order. All of them must be taken before the part
   * is written over.
   *
   * @throws {DecodeError} where it is no capture
   */
  *read(part: Uint8Array): Generator<CapturedPacket, void> {
    this.#input.append(part);
    const form = this.#form ??= formOf(this.#input);
    for (let next = form?.next() ?? false; next !== false; next = form?.next() ?? false) {
      if (next !== true) yield next;
    }
    this.#input.keep();
  }

  /**
   * Says that the capture is at its end.
   *
   * @throws {DecodeError} where it ends within a packet, or has not even begun
   */
  end(): void {
    if (!this.#form) throw this.#input.mistake(`${this.#input.view.byteLength} bytes are not a capture`);
    this.#input.end();
  }
}

/** The form of the capture that begins here; `undefined` until enough of it has come to tell. */
function formOf(input: CaptureInput): CaptureForm | undefined {
  if (!input.has(4)) return undefined;
  const magic = input.view.getUint32(input.at);
  if (isPcap(magic)) return new Pcap(input);
  if (magic === PCAPNG_MAGIC) return new Pcapng(input);
  throw input.mistake(`it begins with 0x${magic.toString(16).padStart(8, "0")}, which neither pcap nor pcapng does`);
}
