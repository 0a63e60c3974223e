import * as v from "valibot";
import { parseAddress } from "../../gate/match/address.ts";
import type { Schema } from "./mapping.ts";

const ADDRESS_EXPECTED = "an address with its prefix length: 10.0.0.1/24, fd00::1/64";
/** `10.0.0.1/24` */
export const ADDRESS: Schema<string> = v.pipe(
  v.string(ADDRESS_EXPECTED),
  v.regex(/^[0-9a-fA-F:.]+\/\d{1,3}$/, ADDRESS_EXPECTED),
  v.check(isPrefix, ADDRESS_EXPECTED),
);

const IP_EXPECTED = "an IP address: 10.0.0.2, fd00::2";
/** `10.0.0.1` */
export const IP: Schema<string> = v.pipe(
  v.string(IP_EXPECTED),
  v.regex(/^[0-9a-fA-F:.]+$/, IP_EXPECTED),
  v.check((text) => parseAddress(text) !== undefined, IP_EXPECTED),
);

/** Whether a text is an IP address. */
export function isIp(text: string): boolean {
  return parseAddress(text) !== undefined;
}

const DESTINATION_EXPECTED = "default, or an address with its prefix length: 10.1.0.0/16";
/** Where a route leads: `default`, or `10.1.0.0/16`. */
export const DESTINATION = v.pipe(
  v.string(DESTINATION_EXPECTED),
  v.regex(/^(default|[0-9a-fA-F:.]+\/\d{1,3})$/, DESTINATION_EXPECTED),
  v.check((text) => text === "default" || isPrefix(text), DESTINATION_EXPECTED),
);

function isPrefix(text: string): boolean {
  const [address, length] = text.split("/");
  const bytes = parseAddress(address);
  return bytes !== undefined && Number(length) <= 8 * bytes.length;
}
