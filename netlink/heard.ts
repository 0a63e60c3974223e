import { EAGAIN, EINTR, NetlinkError } from "../linux/netlink_error.ts";

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
