import { type Attribute, readAttributes } from "../../codec/records.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "../../codec/mod.ts";
import { EEXIST, EINVAL, ENODEV, ENOENT } from "../../linux/netlink_error.ts";
import type { FakeRequest } from "./fake_request.ts";
import type { FakeAction, FakeFilter } from "./kernel_messages.ts";

/** An errno, 0 where it was done, and what the kernel says. */
export type Refusal = [errno: number, sentence?: string];

/** The hooks of a clsact: what comes in, what leaves. */
export const HOOKS: readonly number[] = [0xfffffff2, 0xfffffff3];

const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const TCA_ACT_COOKIE = 6;
const NOT_FOUND = "Filter with specified priority/protocol not found";

/** What the filters of a kernel know of the rest of it. */
export interface Surroundings {
  isDevice(ifindex: number): boolean;
  /** `clsact`, `ingress`, or none. */
  hookOf(ifindex: number): string | undefined;
  /** Whether a qdisc of this handle takes filters. */
  hasFilters(ifindex: number, handle: number): boolean;
  /** Whether there is this module. */
  has(module: string): boolean;
}

/** Filters of clsact as Linux 6.1 has them (`net/sched/cls_api.c`, `cls_flower.c`). */
export class FakeFilters {
  /** In the order in which a packet meets them. */
  readonly all: FakeFilter[] = [];
  readonly #around: Surroundings;
  #lastIndex = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Those of a hook, in the order in which the kernel lists them: behind an entry for each priority. */
  listed(ifindex: number, parent: number): FakeFilter[] {
    const here = this.all.filter((filter) => filter.ifindex === ifindex && filter.parent === parent);
    return here.flatMap((filter, index) =>
      filter.priority === here[index - 1]?.priority ? [filter] : [{ ...filter, handle: 0 }, filter]
    );
  }

  /** Puts one there, as somebody else would. */
  add(filter: Omit<FakeFilter, "keys" | "actions"> & Partial<FakeFilter>): FakeFilter {
    const whole = { keys: [], actions: [], ...filter };
    this.all.push(whole);
    this.all.sort((one, other) => one.priority - other.priority || one.handle - other.handle);
    return whole;
  }

  create(request: FakeRequest): Refusal {
    const { ifindex, parent, handle, flags, kind = "", filter: { priority, protocol, keys, actions } } = request;
    const missing = this.#missing(request);
    if (missing) return missing;
    const peers = this.#peers(request);
    if (peers.some((peer) => peer.protocol !== protocol)) return [EINVAL, NOT_FOUND];
    if (peers.length === 0 && !(flags & NLM_F_CREATE)) {
      return [ENOENT, "Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter"];
    }
    if (!this.#around.has("cls_flower")) return [ENOENT, "TC classifier not found"];
    if (peers.some((peer) => peer.kind !== kind)) return [EINVAL, "Specified filter kind does not match existing one"];
    const there = peers.find((peer) => peer.handle === handle);
    if (there && (flags & NLM_F_EXCL) !== 0) return [EEXIST, "Filter already exists"];
    const made = this.#actions(actions, there?.actions ?? []);
    if (!Array.isArray(made[0])) return made as Refusal;
    if (peers.some((peer) => peer !== there && sameKeys(peer.keys, keys))) return [EEXIST];
    const whole = { keys: keys.map(copied), actions: made[0] };
    if (there) Object.assign(there, whole);
    else this.add({ ifindex, parent, priority, protocol, handle, kind, ...whole });
    return [0];
  }

  delete(request: FakeRequest): Refusal {
    const { handle, kind, filter: { protocol } } = request;
    const missing = this.#missing(request);
    if (missing) return missing;
    if (this.listed(request.ifindex, request.parent).length === 0) {
      return [ENOENT, "Cannot find specified filter chain"];
    }
    const peers = this.#peers(request);
    if (peers.length === 0) return [ENOENT, NOT_FOUND];
    if (peers.some((peer) => protocol !== 0 && peer.protocol !== protocol)) return [EINVAL, NOT_FOUND];
    if (peers.some((peer) => peer.kind !== kind)) return [EINVAL, "Specified filter kind does not match existing one"];
    const going = handle === 0 ? peers : peers.filter((peer) => peer.handle === handle);
    if (going.length === 0) return [ENOENT, "Specified filter handle not found"];
    for (const filter of going) this.all.splice(this.all.indexOf(filter), 1);
    return [0];
  }

  /** Takes away those of a device, or of one hook. */
  remove(ifindex: number): void {
    for (const filter of this.all.filter((each) => each.ifindex === ifindex)) {
      this.all.splice(this.all.indexOf(filter), 1);
    }
  }

  /** A device is gone: what led there leads nowhere, and loses what it matches. */
  forget(ifindex: number): void {
    for (const { actions } of this.all) {
      for (const action of actions) if (action.target === ifindex) action.target = 0;
    }
  }

  #missing({ ifindex, parent }: FakeRequest): Refusal | undefined {
    if (!this.#around.isDevice(ifindex)) return [ENODEV];
    if (this.#around.hasFilters(ifindex, parent)) return undefined;
    if (this.#around.hookOf(ifindex) === undefined) return [EINVAL, "Parent Qdisc doesn't exists"];
    return HOOKS.includes(parent) ? undefined : [ENOENT, "Specified class doesn't exist"];
  }

  #peers({ ifindex, parent, filter: { priority } }: FakeRequest): FakeFilter[] {
    return this.all.filter((filter) =>
      filter.ifindex === ifindex && filter.parent === parent && filter.priority === priority
    );
  }

  /** The actions that are asked for: those that are there already, by their index, keep their counters. */
  #actions(asked: readonly Attribute[][], before: readonly FakeAction[]): [FakeAction[]] | Refusal {
    const made: FakeAction[] = [];
    for (const attributes of asked) {
      const kind = new TextDecoder().decode(valueOf(attributes, TCA_ACT_KIND)).replace(/\0.*$/s, "");
      if (!this.#around.has(`act_${kind}`)) return [ENOENT, "Failed to load TC action module"];
      const words = wordsOf(valueOf(optionsIn(attributes), 2));
      const target = kind === "mirred" ? words[6] : undefined;
      if (target !== undefined && !this.#around.isDevice(target)) return [ENODEV];
      const known = before.find((action) => action.kind === kind && action.index === words[0]);
      const group = kind === "sample" ? wordsOf(valueOf(optionsIn(attributes), 5))[0] : undefined;
      made.push({
        kind,
        index: words[0] || ++this.#lastIndex,
        verdict: words[2] | 0,
        target,
        group,
        cookie: attributes.find(({ type }) => type === TCA_ACT_COOKIE)?.value.slice(),
        packets: known?.packets ?? 0,
      });
    }
    return [made];
  }
}

function optionsIn(attributes: readonly Attribute[]): Attribute[] {
  return readAttributes(valueOf(attributes, TCA_ACT_OPTIONS));
}

function valueOf(attributes: readonly Attribute[], wanted: number): Uint8Array {
  return attributes.find(({ type }) => type === wanted)?.value ?? new Uint8Array();
}

function wordsOf(bytes: Uint8Array): number[] {
  return [...new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer)];
}

function copied({ type, value }: Attribute): Attribute {
  return { type, value: value.slice() };
}

function sameKeys(some: readonly Attribute[], others: readonly Attribute[]): boolean {
  const text = (keys: readonly Attribute[]) =>
    keys.map(({ type, value }) => `${type}:${value.join()}`).sort().join(" ");
  return text(some) === text(others);
}
