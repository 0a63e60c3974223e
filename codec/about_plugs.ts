import {
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELTFILTER,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWTFILTER,
} from "./assembly/constants.ts";
import type { CapturedMessage } from "./capture.ts";
import type { Field } from "./field.ts";
import { formatHex } from "./format_message.ts";

/** Where an answer echoes the header of its request. */
const ECHO_AT = NLMSG_HDRLEN + 4;

/** How many requests without an answer, and how many devices, are remembered: the latest. */
const REMEMBERED = 1 << 16;

/**
 * Of the messages of a capture those about plugs and gates, in their order: what creates, changes, deletes or tells of
 * a plug, a clsact qdisc, a flower filter or an ifb device, the answers to it, and what cannot be decoded. So is a
 * request that does not say, and of which is not known, what it changes or deletes; a request to be told something, and
 * a list of devices, is not.
 */
export function* aboutPlugs(messages: Iterable<CapturedMessage>): Generator<CapturedMessage, void> {
  const isAboutPlugs = plugFilter();
  for (const captured of messages) if (isAboutPlugs(captured)) yield captured;
}

/** Makes what says of each message of a capture, given in their order, whether `aboutPlugs` gives it. */
export function plugFilter(): (captured: CapturedMessage) => boolean {
  const devices = new Map<number, boolean>();
  const requests = new Set<string>();
  return ({ message, bytes, error }) => {
    if (!message || error) return true;
    if (numberOf(message, "nlmsg_type") === NLMSG_ERROR) {
      return requests.delete(formatHex(bytes.subarray(ECHO_AT, ECHO_AT + NLMSG_HDRLEN)));
    }
    const isAbout = concerns(message, devices);
    if (isAbout && numberOf(message, "nlmsg_flags") & NLM_F_REQUEST) {
      requests.add(formatHex(bytes.subarray(0, NLMSG_HDRLEN)));
    }
    forgetOldest(requests);
    forgetOldest(devices);
    return isAbout;
  };
}

function forgetOldest(remembered: Set<string> | Map<number, boolean>): void {
  if (remembered.size <= REMEMBERED) return;
  const [oldest] = remembered.keys();
  remembered.delete(oldest as string & number);
}

/** Whether a message is about a plug or a gate; `devices` says of each device that was met whether it is an ifb. */
function concerns(message: Field, devices: Map<number, boolean>): boolean {
  const kind = valueOf(message, "TCA_KIND");
  switch (numberOf(message, "nlmsg_type")) {
    case RTM_NEWQDISC:
    case RTM_DELQDISC:
      return kind === undefined || kind === "plug" || kind === "clsact";
    case RTM_NEWTFILTER:
    case RTM_DELTFILTER:
      return kind === undefined || kind === "flower";
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return isIfb(message, devices);
    default:
      return false;
  }
}

/** What the kernel tells of a device says its kind, or that it has none; a request says it of a device to be made. */
function isIfb(link: Field, devices: Map<number, boolean>): boolean {
  const flags = numberOf(link, "nlmsg_flags");
  const index = numberOf(link, "ifi_index");
  const kind = valueOf(link, "IFLA_INFO_KIND");
  const isAsked = (flags & NLM_F_REQUEST) !== 0;
  if (!isAsked) devices.set(index, kind === "ifb");
  return (flags & NLM_F_MULTI) === 0 && (kind === undefined ? devices.get(index) ?? isAsked : kind === "ifb");
}

function numberOf(field: Field, kernelName: string): number {
  return Number(valueOf(field, kernelName));
}

function valueOf(field: Field, kernelName: string): Field["value"] {
  if (field.kernelName === kernelName) return field.value;
  for (const inner of field.fields ?? []) {
    const value = valueOf(inner, kernelName);
    if (value !== undefined) return value;
  }
  return undefined;
}
