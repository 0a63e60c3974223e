import type { FieldInput } from "../codec/encode.ts";
import { TCA_STATS_BASIC } from "../codec/assembly/constants.ts";
import {
  TC_ACT_OK,
  TC_ACT_PIPE,
  TC_ACT_STOLEN,
  TC_ACT_UNSPEC,
  TC_GACT_ACTION_AT,
  TC_MIRRED_EACTION_AT,
  TC_MIRRED_IFINDEX_AT,
  TC_POLICE_ACTION_AT,
  TCA_ACT_COOKIE,
  TCA_ACT_KIND,
  TCA_ACT_OPTIONS,
  TCA_ACT_STATS,
  TCA_CONNMARK_PARMS,
  TCA_CSUM_PARMS,
  TCA_CT_PARMS,
  TCA_EGRESS_REDIR,
  TCA_GACT_PARMS,
  TCA_GACT_PROB,
  TCA_IFE_PARMS,
  TCA_MIRRED_PARMS,
  TCA_MIRRED_TM,
  TCA_NAT_PARMS,
  TCA_POLICE_RESULT,
  TCA_POLICE_TBF,
  TCA_SAMPLE_PARMS,
  TCA_SAMPLE_PSAMPLE_GROUP,
  TCA_SAMPLE_RATE,
  TCA_SAMPLE_TRUNC_SIZE,
} from "../codec/numbers.ts";
import { type Attribute, findAttribute as find, readAttributes, wordAt as word } from "../codec/records.ts";
import { textOf } from "../codec/text.ts";

/** An action of a filter. */
export interface Action {
  /** `gact`, `mirred` and so on. */
  kind: string;
  /** `TC_ACT_*`: what becomes of the packet; absent where that is not known here. */
  verdict?: number;
  /** What becomes of others: of those within the rate of police, of one in so many of gact; absent where it has but one. */
  otherVerdict?: number;
  /** Its number among those of its kind, by which another filter may have the same. */
  index?: number;
  /** Of sample: who gets a copy of every packet. */
  sample?: Sampling;
  /** Of mirred: `TCA_EGRESS_REDIR` and so on, and the device, which is 0 where it is gone. */
  mirred?: { what: number; ifindex: number };
  /** Of gact: which packets it chooses. */
  chance?: OneIn;
  /** What has met it. */
  packets: number;
  bytes: number;
  /** For how long it has been there, in milliseconds. */
  ageMs: number;
  /** What its maker wrote on it, up to 16 bytes. */
  cookie?: Uint8Array;
}

/** One packet in so many, in turn or at random, `PGACT_*`: that one goes on to the next action, or all others do. */
export interface OneIn {
  type: number;
  one: number;
  isChosen: boolean;
}

/** Who gets copies of packets: a group of psample, and how many bytes of each. */
export interface Sampling {
  group: number;
  truncBytes: number;
  /** The number of the action, where it is there already. */
  index?: number;
}

/** The most that an action keeps for its maker: `TC_COOKIE_MAX_SIZE`. */
export const COOKIE_MAX = 16;
const NO_BYTES = new Uint8Array();
/** The action that sends copies of packets to psample. */
export const SAMPLE = "sample";
/** The attribute that holds the parameters of an action, whose third word is the verdict; of all others that of mirred. */
const PARAMETERS: Readonly<Record<string, number>> = {
  nat: TCA_NAT_PARMS,
  csum: TCA_CSUM_PARMS,
  connmark: TCA_CONNMARK_PARMS,
  ct: TCA_CT_PARMS,
  ife: TCA_IFE_PARMS,
};

/** Reads an action from its attributes. */
export function readAction(attributes: readonly Attribute[]): Action {
  const kind = text(find(attributes, TCA_ACT_KIND));
  const options = readAttributes(find(attributes, TCA_ACT_OPTIONS) ?? NO_BYTES);
  const stats = find(readAttributes(find(attributes, TCA_ACT_STATS) ?? NO_BYTES), TCA_STATS_BASIC);
  const parameters = find(options, PARAMETERS[kind] ?? TCA_MIRRED_PARMS);
  return {
    kind,
    // `struct tc_police` begins with its index and the verdict, all others with `tc_gen`.
    verdict: kind === "police"
      ? signed(word(find(options, TCA_POLICE_TBF), TC_POLICE_ACTION_AT))
      : signed(word(parameters, TC_GACT_ACTION_AT)),
    ...otherVerdict(kind, options),
    index: word(parameters, 0) ?? 0,
    ...kind === SAMPLE
      ? {
        sample: {
          group: word(find(options, TCA_SAMPLE_PSAMPLE_GROUP), 0) ?? 0,
          truncBytes: word(find(options, TCA_SAMPLE_TRUNC_SIZE), 0) ?? 0,
          index: word(parameters, 0) ?? 0,
        },
      }
      : {},
    chance: kind === "gact" ? readChance(find(options, TCA_GACT_PROB)) : undefined,
    ...kind === "mirred"
      ? {
        mirred: {
          what: word(parameters, TC_MIRRED_EACTION_AT) ?? 0,
          ifindex: word(parameters, TC_MIRRED_IFINDEX_AT) ?? 0,
        },
      }
      : {},
    bytes: (word(stats, 0) ?? 0) + (word(stats, 4) ?? 0) * 0x100000000,
    packets: word(stats, 8) ?? 0,
    // `struct tcf_t` begins with how long ago it was installed, in hundredths of a second.
    ageMs: 10 * (word(find(options, TCA_MIRRED_TM), 0) ?? 0),
    cookie: find(attributes, TCA_ACT_COOKIE)?.slice(),
  };
}

/** Of police `TC_ACT_OK` where that is not said; of gact the member `paction` of `struct tc_gact_p`, where it chooses. */
function otherVerdict(kind: string, options: readonly Attribute[]): Pick<Action, "otherVerdict"> {
  if (kind === "police") return { otherVerdict: signed(word(find(options, TCA_POLICE_RESULT), 0)) ?? TC_ACT_OK };
  const chance = kind === "gact" ? find(options, TCA_GACT_PROB) : undefined;
  if (!chance || chance[0] + chance[1] === 0) return {};
  return { otherVerdict: signed(word(chance, 4)) };
}

/** `struct tc_gact_p` */
function readChance(bytes: Uint8Array | undefined): OneIn | undefined {
  if (!bytes || bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const type = view.getUint16(0, true);
  return type === 0
    ? undefined
    : { type, one: view.getUint16(2, true), isChosen: view.getInt32(4, true) === TC_ACT_PIPE };
}

function signed(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value | 0;
}

/** `sample` of every packet, with `struct tc_sample` of `linux/tc_act/tc_sample.h`: a new one, or where it has an index that one. */
export function sample({ group, truncBytes, index = 0 }: Sampling): FieldInput[] {
  const struct = { index, capab: 0, action: TC_ACT_PIPE, refcnt: 0, bindcnt: 0 };
  const number = (name: string, attributeType: number, value: number) => ({ name, attributeType, value, length: 8 });
  return [
    attribute("KIND", TCA_ACT_KIND, SAMPLE),
    nest("OPTIONS", TCA_ACT_OPTIONS, [
      nest("PARMS", TCA_SAMPLE_PARMS, words(struct)),
      number("RATE", TCA_SAMPLE_RATE, 1),
      number("TRUNC_SIZE", TCA_SAMPLE_TRUNC_SIZE, truncBytes),
      number("PSAMPLE_GROUP", TCA_SAMPLE_PSAMPLE_GROUP, group),
    ]),
  ];
}

/** `gact continue`, with `struct tc_gact` of `linux/tc_act/tc_gact.h`: no later filter of the same priority is asked. */
export function goOn(cookie: Uint8Array | undefined): FieldInput[] {
  const struct = { index: 0, capab: 0, action: TC_ACT_UNSPEC >>> 0, refcnt: 0, bindcnt: 0 };
  return [
    attribute("KIND", TCA_ACT_KIND, "gact"),
    nest("OPTIONS", TCA_ACT_OPTIONS, [nest("PARMS", TCA_GACT_PARMS, words(struct))]),
    ...cookie ? [attribute("COOKIE", TCA_ACT_COOKIE, cookie)] : [],
  ];
}

/** `mirred egress redirect`, with `struct tc_mirred` of `linux/tc_act/tc_mirred.h`. */
export function redirect(
  ifindex: number,
  { cookie, index = 0 }: { cookie?: Uint8Array; index?: number },
): FieldInput[] {
  const struct = {
    index,
    capab: 0,
    action: TC_ACT_STOLEN,
    refcnt: 0,
    bindcnt: 0,
    eaction: TCA_EGRESS_REDIR,
    ifindex,
  };
  return [
    attribute("KIND", TCA_ACT_KIND, "mirred"),
    nest("OPTIONS", TCA_ACT_OPTIONS, [nest("PARMS", TCA_MIRRED_PARMS, words(struct))]),
    ...cookie ? [attribute("COOKIE", TCA_ACT_COOKIE, cookie)] : [],
  ];
}

/** The members of a struct, in their order. */
export function words(values: Readonly<Record<string, number>>): FieldInput[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

export function attribute(name: string, attributeType: number, value: string | Uint8Array): FieldInput {
  return { name, attributeType, value };
}

export function nest(name: string, attributeType: number, fields: FieldInput[]): FieldInput {
  return { name, attributeType, fields };
}

/** A text that may end in a NUL. */
export function text(value: Uint8Array = NO_BYTES): string {
  const end = value.indexOf(0);
  return textOf(value, 0, end < 0 ? value.length : end);
}
