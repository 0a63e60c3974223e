import { TCQ_PLUG_BUFFER, TCQ_PLUG_LIMIT, TCQ_PLUG_RELEASE_INDEFINITE, TCQ_PLUG_RELEASE_ONE } from "../../codec/mod.ts";

/** How long each packet is, in bytes. */
export const PACKET_BYTES = 100;

/** What `net/sched/sch_plug.c` does, name by name. Packets are words. */
export class FakePlug {
  readonly queue: string[] = [];
  limit: number;
  packets = 0;
  drops = 0;
  /** Packets of the epoch that the last BUFFER ended, and that no RELEASE_ONE has counted yet. */
  packetsLastEpoch = 0;
  #packetsCurrentEpoch = 0;
  #packetsToRelease = 0;
  #unplugIndefinite = false;
  #throttled = true;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Whether a packet that comes now has to wait. */
  get holds(): boolean {
    return !this.#unplugIndefinite;
  }

  enqueue(packet: string): void {
    if ((this.queue.length + 1) * PACKET_BYTES > this.limit) {
      this.drops++;
      return;
    }
    if (!this.#unplugIndefinite) this.#packetsCurrentEpoch++;
    this.queue.push(packet);
  }

  dequeue(): string | undefined {
    if (this.#throttled) return undefined;
    if (!this.#unplugIndefinite) {
      if (this.#packetsToRelease === 0) {
        this.#throttled = true;
        return undefined;
      }
      this.#packetsToRelease--;
    }
    const packet = this.queue.shift();
    if (packet !== undefined) this.packets++;
    return packet;
  }

  /** False where the kernel answers EINVAL. */
  change(action: number, limit: number): boolean {
    switch (action) {
      case TCQ_PLUG_BUFFER:
        this.packetsLastEpoch = this.#packetsCurrentEpoch;
        this.#packetsCurrentEpoch = 0;
        if (this.#unplugIndefinite) this.#throttled = true;
        this.#unplugIndefinite = false;
        return true;
      case TCQ_PLUG_RELEASE_ONE:
        this.#packetsToRelease += this.packetsLastEpoch;
        this.packetsLastEpoch = 0;
        this.#throttled = false;
        return true;
      case TCQ_PLUG_RELEASE_INDEFINITE:
        this.#unplugIndefinite = true;
        this.#packetsToRelease = this.packetsLastEpoch = this.#packetsCurrentEpoch = 0;
        this.#throttled = false;
        return true;
      case TCQ_PLUG_LIMIT:
        this.limit = limit;
        return true;
    }
    return false;
  }
}
