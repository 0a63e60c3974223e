import { CHUNK_MAX } from "../codec/assembly/regions.ts";
import { DecodeError } from "../codec/decode_error.ts";
import { readReceived } from "../codec/received.ts";
import type { Records } from "../codec/records.ts";
import { EAGAIN, EINTR, ENOBUFS, NetlinkError } from "../linux/netlink_error.ts";
import { inNamespace } from "../linux/namespace.ts";
import { type ListeningSocket, openListeningSocket } from "../linux/socket.ts";

/** Hears what is said to groups of the rtnetlink sockets of a network namespace: `GROUP_TC | GROUP_REQUESTS`. */
export class Listener implements Disposable {
  readonly #socket: ListeningSocket;
  #hasLost = false;

  /** Takes over a socket, and closes it when it is disposed of. */
  constructor(socket: ListeningSocket) {
    this.#socket = socket;
  }

  /** Listens from now on, in this network namespace or in the one named. */
  static open({ groups, netns }: { groups: number; netns?: string }): Listener {
    const open = () => openListeningSocket(groups);
    return new Listener(netns === undefined ? open() : inNamespace(netns, open));
  }

  /**
   * Whether one of the messages that have arrived since the last look is what is listened for. Looks at all of them;
   * what cannot be read is passed over, and what was lost because too much arrived is told by `takeLoss`.
   */
  hears(isMeant: (message: Records) => boolean): boolean {
    let heard = false;
    for (;;) {
      const length = this.#socket.receive();
      if (length === -EAGAIN) return heard;
      if (length === -ENOBUFS || length > CHUNK_MAX) this.#hasLost = true;
      if (length === -EINTR || length === -ENOBUFS || length > CHUNK_MAX) continue;
      if (length < 0) throw new NetlinkError("listen to what is said of the network", { errno: -length });
      heard ||= isAmong(length, isMeant);
    }
  }

  /** Whether something was lost since this was last asked, as far as `hears` has come. */
  takeLoss(): boolean {
    const hasLost = this.#hasLost;
    this.#hasLost = false;
    return hasLost;
  }

  /** Resolves, as a rule, once something has arrived, or this is disposed of. */
  readable(): Promise<unknown> {
    return this.#socket.readable();
  }

  /** Ends the listening. Calling it again does nothing. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

function isAmong(length: number, isMeant: (message: Records) => boolean): boolean {
  try {
    const records = readReceived(length);
    while (records.next()) if (isMeant(records)) return true;
    return false;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}
