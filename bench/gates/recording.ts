// What a kernel answered, call by call, so that our own part of the work can be done again without that kernel.
import { EPERM, NetlinkError } from "../../linux/netlink_error.ts";
import { CHUNK_MAX, SLOT_LEN } from "../../codec/assembly/regions.ts";
import { receiveRegion } from "../../codec/exchange.ts";
import type { Socket } from "../../linux/socket.ts";

/** What a call returned, and the datagrams that it received. */
type Call = [result: number, datagrams: string[]];

/** A socket that keeps what the kernel answers. */
export class RecordingSocket implements Socket {
  readonly #calls: Call[] = [];

  constructor(readonly socket: Socket) {}

  send = (length: number) => this.#keep(this.socket.send(length));
  wait = (timeoutMs: number) => this.#keep(Number(this.socket.wait(timeoutMs))) !== 0;
  deviceIndex = (name: string) => this.#keep(this.socket.deviceIndex(name));
  openNamespace = () => this.socket.openNamespace();

  get port(): number {
    return this.#keep(this.socket.port);
  }

  receive(): number {
    const length = this.socket.receive();
    return this.#keep(length, length > 0 ? [receiveRegion.subarray(0, Math.min(length, CHUNK_MAX)).toBase64()] : []);
  }

  receiveSlots(lengths: Uint32Array): number {
    const count = this.socket.receiveSlots(lengths);
    const slots = Array.from({ length: Math.max(count, 0) }, (_, index) => {
      const at = index * SLOT_LEN;
      return receiveRegion.subarray(at, at + lengths[index]).toBase64();
    });
    return this.#keep(count, slots);
  }

  /** All that was kept, in one line. */
  async text(): Promise<string> {
    const stream = new Blob([JSON.stringify(this.#calls)]).stream().pipeThrough(new CompressionStream("gzip"));
    return (await new Response(stream).bytes()).toBase64();
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }

  #keep(result: number, datagrams: string[] = []): number {
    this.#calls.push([result, datagrams]);
    return result;
  }
}

/** A socket that answers as a kernel did, to who asks the same in the same order. */
export class ReplayingSocket implements Socket {
  #next = 0;

  private constructor(readonly calls: readonly { result: number; datagrams: Uint8Array[] }[]) {}

  /** Reads the line that a `RecordingSocket` wrote. */
  static async of(text: string): Promise<ReplayingSocket> {
    const bytes = Uint8Array.fromBase64(text);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const calls: Call[] = await new Response(stream).json();
    return new ReplayingSocket(calls.map(([result, datagrams]) => ({
      result,
      datagrams: datagrams.map((datagram) => Uint8Array.fromBase64(datagram)),
    })));
  }

  send = () => this.#answer();
  receive = () => this.#answer();
  wait = () => this.#answer() !== 0;
  deviceIndex = () => this.#answer();

  get port(): number {
    return this.#answer();
  }

  receiveSlots(lengths: Uint32Array): number {
    const { datagrams } = this.calls[this.#next];
    datagrams.forEach(({ length }, index) => lengths[index] = length);
    return this.#answer();
  }

  /** As where one may not: nobody else's turn is to be waited for. */
  openNamespace(): never {
    throw new NetlinkError("open the namespace of a recording", { errno: EPERM, sentence: "it has none" });
  }

  [Symbol.dispose](): void {}

  #answer(): number {
    const { result, datagrams } = this.calls[this.#next++];
    datagrams.forEach((datagram, index) => receiveRegion.set(datagram, index * SLOT_LEN));
    return result;
  }
}
