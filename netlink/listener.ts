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
  /** How many messages were lost when this was last asked. */
  #lost = 0;

  /** Takes over a socket, and closes it when it is disposed of. */
  constructor(socket: ListeningSocket) {
    this.#socket = socket;
  }

  /**
   * Listens from now on, in this network namespace or in the one named; up to so many bytes of what is said are kept until it
   * is heard.
   */
  static open({ groups, netns, roomBytes }: { groups: number; netns?: string; roomBytes?: number }): Listener {
    const open = () => openListeningSocket(groups, roomBytes);
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
    const { lost } = this.#socket;
    // The count also tells of what was lost while the kernel had no way to say ENOBUFS, or errno was another's
    const hasLost = this.#hasLost || lost !== this.#lost;
    this.#hasLost = false;
    this.#lost = lost;
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

/** What hears: its `receive` returns a length or a negative errno. */
type Ear = Disposable & { receive(): number };

/** How often `Heard` is asked between two looks, while the program waits for nothing. */
const ASKED_PER_LOOK = 64;

/** Tells whether anything was said to groups, from the second time on at which it is asked. */
export class Heard implements Disposable {
  #open?: () => Ear | undefined;
  #socket?: Ear;
  /** How often it may be asked before it has to look. */
  #trusted = 0;

  /** Takes what opens a socket that hears the groups, or says that nothing can be heard. */
  constructor(open: () => Ear | undefined) {
    this.#open = open;
  }

  /** Whether anything may have been said since this was asked last. */
  anything(): boolean {
    if (!this.#socket) {
      this.#begin();
      return true;
    }
    if (this.#trusted > 0) {
      this.#trusted--;
      return false;
    }
    const heard = heardAnything(this.#socket);
    this.#trusted = ASKED_PER_LOOK;
    queueMicrotask(() => this.#trusted = 0);
    return heard;
  }

  #begin(): void {
    const open = this.#open;
    this.#open = undefined;
    try {
      this.#socket = open?.();
    } catch (error) {
      // Who may not listen there reads anew each time
      if (!(error instanceof NetlinkError)) throw error;
    }
  }

  /** Ends the listening. */
  [Symbol.dispose](): void {
    this.#open = undefined;
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }
}

/** Takes all that a socket has heard. What was lost, too, was something. */
function heardAnything(socket: Ear): boolean {
  for (let heard = false;;) {
    const length = socket.receive();
    if (length === -EAGAIN) return heard;
    if (length < 0 && length !== -EINTR) return true;
    heard = true;
  }
}
