import { CHUNK_MAX, receiveRegion } from "../../codec/mod.ts";
import { EAGAIN } from "../../linux/netlink_error.ts";
import type { ListeningSocket } from "../../linux/socket.ts";

/** A socket that hears what a fake kernel says to some groups. */
export class FakeListener implements ListeningSocket {
  readonly #groups: number;
  readonly #said: Uint8Array[] = [];
  lost = 0;
  #heard = Promise.withResolvers<void>();

  constructor(groups: number) {
    this.#groups = groups;
  }

  /** Something is said to a group. */
  hear(group: number, bytes: Uint8Array): void {
    if ((this.#groups & group) === 0) return;
    this.#said.push(bytes);
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }

  /** What was said and not read was more than it could hear. */
  loseAll(): void {
    this.lost += this.#said.splice(0).length;
  }

  receive(): number {
    const bytes = this.#said.shift();
    if (!bytes) return -EAGAIN;
    receiveRegion.set(bytes.subarray(0, CHUNK_MAX));
    return bytes.length;
  }

  readable(): Promise<unknown> {
    return this.#said.length > 0 ? Promise.resolve() : this.#heard.promise;
  }

  send(): never {
    throw new Error("A listener says nothing");
  }

  receiveSlots(): never {
    throw new Error("A listener receives one by one");
  }

  get port(): never {
    throw new Error("A listener changes nothing");
  }

  wait(): boolean {
    return this.#said.length > 0;
  }

  deviceIndex(): never {
    throw new Error("A listener looks for no device");
  }

  openNamespace(): never {
    throw new Error("A listener opens no namespace");
  }

  [Symbol.dispose](): void {
    this.#heard.resolve();
  }
}
