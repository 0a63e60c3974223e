import { type Attribute, readAttributes } from "../../codec/records.ts";
import { decodeAll } from "../../codec/family.ts";
import {
  type Field,
  formatHandle,
  formatParent,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from "../../codec/mod.ts";

/** A request as the kernel reads it. */
export interface FakeRequest {
  /** `RTM_NEWQDISC` and so on. */
  type: string;
  flags: number;
  sequence: number;
  ifindex: number;
  handle: number;
  parent: number;
  kind?: string;
  options?: { action: number; limit: number };
  /** Of a route. */
  destination?: Uint8Array;
  /** Of a link: what is to become of it. */
  link: LinkWish;
  /** Of a filter: its priority and `ETH_P_*`, what it compares, and what it does. */
  filter: FilterWish;
  /** It in words: `create 1 root 504c: limit 1000`. */
  text: string;
}

/** What a request about a link says of it. */
export interface LinkWish {
  name?: string;
  kind?: string;
  txqueuelen?: number;
  alias?: string;
  isUp?: boolean;
  isAddressless: boolean;
}

/** What a request about a filter says of it. */
export interface FilterWish {
  priority: number;
  protocol: number;
  keys: Attribute[];
  /** The attributes of each action. */
  actions: Attribute[][];
}

const TCMSG_END = 36;
const TCA_OPTIONS = 2;
const TCA_FLOWER_ACT = 3;
const IFF_UP = 1;
const HOOKS: Readonly<Record<number, string>> = { 0xfffffff2: "ingress", 0xfffffff3: "egress" };

const ACTIONS = ["buffer", "release-one", "release-indefinite", "limit"];

/** The requests of one datagram. */
export function readRequests(sent: Uint8Array): FakeRequest[] {
  let at = 0;
  return decodeAll(sent).map((message) => {
    const bytes = sent.slice(at, at + message.length);
    at += message.length + 3 & ~3;
    const number = (name: string) => Number(find(message, name)?.value ?? 0);
    const options = find(message, "OPTIONS");
    const request = {
      type: find(message, "type")?.meaning ?? "",
      flags: number("flags"),
      sequence: number("sequence"),
      ifindex: number("ifindex") || number("index"),
      handle: number("handle"),
      parent: number("parent"),
      kind: find(message, "KIND")?.value as string | undefined,
      options: options && {
        action: Number(find(options, "action")?.value),
        limit: Number(find(options, "limit")?.value),
      },
      destination: find(message, "DST")?.value as Uint8Array | undefined,
      link: linkWish(message),
      filter: filterWish(message, bytes),
    };
    return { ...request, text: describe(request) };
  });
}

function find(holder: Field, name: string): Field | undefined {
  return holder.fields?.find((field) => field.name === name);
}

function linkWish(message: Field): LinkWish {
  const text = (name: string) => find(message, name)?.value as string | undefined;
  const flags = Number(find(message, "flags")?.value);
  const change = Number(find(message, "change")?.value ?? 0);
  const info = find(message, "LINKINFO");
  // The header of every message has a field of that name, too; that of a link is behind it.
  const linkFlags = message.fields?.findLast(({ name }) => name === "flags")?.value ?? flags;
  const length = find(message, "TXQLEN")?.value;
  return {
    name: text("IFNAME") ?? text("ALT_IFNAME"),
    kind: info && find(info, "INFO_KIND")?.value as string,
    txqueuelen: length === undefined ? undefined : Number(length),
    alias: text("IFALIAS"),
    isUp: (change & IFF_UP) === 0 ? undefined : (Number(linkFlags) & IFF_UP) !== 0,
    isAddressless: find(message, "AF_SPEC") !== undefined,
  };
}

function filterWish(message: Field, bytes: Uint8Array): FilterWish {
  const info = Number(find(message, "info")?.value ?? 0);
  const place = { priority: info >>> 16, protocol: (info & 0xff) << 8 | info >> 8 & 0xff };
  if (!find(message, "type")?.meaning?.endsWith("TFILTER")) return { ...place, keys: [], actions: [] };
  const options = readAttributes(bytes, TCMSG_END).find(({ type }) => type === TCA_OPTIONS)?.value ?? new Uint8Array();
  const all = readAttributes(options);
  const actions = all.find(({ type }) => type === TCA_FLOWER_ACT)?.value ?? new Uint8Array();
  return {
    ...place,
    keys: all.filter(({ type }) => type !== TCA_FLOWER_ACT),
    actions: readAttributes(actions).map(({ value }) => readAttributes(value)),
  };
}

function describe(request: Omit<FakeRequest, "text">): string {
  const { type, ifindex, handle, parent, flags } = request;
  if (type.endsWith("TFILTER")) {
    const { priority } = request.filter;
    const where = `${ifindex} ${HOOKS[parent] ?? formatParent(parent)}`;
    if (type === "RTM_GETTFILTER") return `gettfilter ${where}`;
    const verb = type === "RTM_DELTFILTER" ? "delete" : (flags & NLM_F_EXCL) !== 0 ? "create" : "replace";
    return `${verb} filter ${where} pref ${priority} 0x${handle.toString(16)}`;
  }
  if (type === "RTM_DELLINK") return `delete link ${ifindex}`;
  if (type === "RTM_NEWLINK") return describeLink(request);
  if (request.kind === "clsact") return `${type === "RTM_DELQDISC" ? "delete" : "create"} clsact ${ifindex}`;
  if (type.startsWith("RTM_GET")) {
    const what = (flags & NLM_F_DUMP) === NLM_F_DUMP ? "all" : request.destination?.join(".") ?? ifindex;
    return `${type.slice(4).toLowerCase()} ${what}`;
  }
  const place = `${ifindex} ${formatParent(parent)} ${formatHandle(handle)}`;
  return type === "RTM_DELQDISC" ? `delete ${place}` : `${verbOf(flags)} ${place} ${describeOptions(request)}`;
}

function describeLink({ ifindex, link, flags }: Omit<FakeRequest, "text">): string {
  if ((flags & NLM_F_CREATE) !== 0) return `create link ${link.name}`;
  if (link.alias !== undefined) return `note ${ifindex}`;
  if (link.isAddressless) return `quiet ${ifindex}`;
  return `link ${ifindex} ${link.isUp ? "up" : "down"}`;
}

function verbOf(flags: number): string {
  const verbs: Record<number, string> = {
    0: "change",
    [NLM_F_CREATE | NLM_F_EXCL]: "create",
    [NLM_F_CREATE | NLM_F_REPLACE]: "replace",
  };
  const asked = flags & (NLM_F_CREATE | NLM_F_EXCL | NLM_F_REPLACE);
  return verbs[asked] ?? `flags ${asked}`;
}

function describeOptions({ kind, options }: Omit<FakeRequest, "text">): string {
  if (kind !== "plug") return `kind ${kind}`;
  if (!options) return "no options";
  const action = ACTIONS[options.action] ?? `action ${options.action}`;
  return action === "limit" || options.limit !== 0 ? `${action} ${options.limit}` : action;
}
