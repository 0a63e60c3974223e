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
  /** It in words: `create 1 root 504c: limit 1000`. */
  text: string;
}

const ACTIONS = ["buffer", "release-one", "release-indefinite", "limit"];

/** The requests of one datagram. */
export function readRequests(sent: Uint8Array): FakeRequest[] {
  return decodeAll(sent).map((message) => {
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
    };
    return { ...request, text: describe(request) };
  });
}

function find(holder: Field, name: string): Field | undefined {
  return holder.fields?.find((field) => field.name === name);
}

function describe(request: Omit<FakeRequest, "text">): string {
  const { type, ifindex, handle, parent, flags } = request;
  if (type.startsWith("RTM_GET")) {
    const what = (flags & NLM_F_DUMP) === NLM_F_DUMP ? "all" : request.destination?.join(".") ?? ifindex;
    return `${type.slice(4).toLowerCase()} ${what}`;
  }
  const place = `${ifindex} ${formatParent(parent)} ${formatHandle(handle)}`;
  return type === "RTM_DELQDISC" ? `delete ${place}` : `${verbOf(flags)} ${place} ${describeOptions(request)}`;
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
