import { NLM_F_REQUEST, RTM_DELLINK, RTM_DELQDISC, RTM_NEWQDISC } from "../codec/assembly/constants.ts";
import type { Records } from "../codec/records.ts";
import { Listener } from "../netlink/listener.ts";
import { GROUP_LINK, GROUP_REQUESTS, GROUP_TC } from "../linux/socket.ts";

/** Where a plug is whose release is listened for. */
export interface ListenedPlace {
  /** The device's index. */
  ifindex: number;
  /** Where it hangs: `TC_H_ROOT` or a class. */
  parent: number;
  /** The path of its network namespace; absent for this process's own. */
  netns?: string;
}

/**
 * Hears when a plug is released by a process that says so as it asks the kernel for it, as plugctl does, or when it is
 * deleted, by whomever, with its device or without.
 */
export class ReleaseListener implements Disposable {
  readonly #listener: Listener;
  readonly #place: ListenedPlace;

  constructor(place: ListenedPlace) {
    this.#place = place;
    this.#listener = Listener.open({ groups: GROUP_LINK | GROUP_TC | GROUP_REQUESTS, netns: place.netns });
  }

  /** Whether that has happened since the last look. What was said before this call began has been heard. */
  heard(): boolean {
    return this.#listener.hears((message) => this.#isRelease(message));
  }

  /** Resolves, as a rule, once something has been said: look, and wait again where nothing was heard. */
  readable(): Promise<unknown> {
    return this.#listener.readable();
  }

  [Symbol.dispose](): void {
    this.#listener[Symbol.dispose]();
  }

  #isRelease({ type, flags, ifindex, parent }: Records): boolean {
    if (ifindex !== this.#place.ifindex) return false;
    if (type === RTM_DELLINK) return true;
    if (parent !== this.#place.parent) return false;
    // What the kernel says of a qdisc is no request; and of the requests none but releases are said to others.
    return type === RTM_DELQDISC || type === RTM_NEWQDISC && (flags & NLM_F_REQUEST) !== 0;
  }
}
