import { textOf } from "../../codec/text.ts";
import type { PacketBytes, Place, Protocol } from "./packet.ts";

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const RECORDS: Readonly<Record<number, string>> = {
  20: "change cipher spec",
  21: "alert",
  22: "handshake",
  23: "application data",
};
const HANDSHAKES: Readonly<Record<number, string>> = {
  1: "client hello",
  2: "server hello",
  4: "new session ticket",
  11: "certificate",
  12: "server key exchange",
  14: "server hello done",
  16: "client key exchange",
};

/** Whether data begins with a record of TLS. */
export function isTls(bytes: PacketBytes, { at, end }: Place): boolean {
  return end - at >= 5 && bytes.has(at, 5) && Object.hasOwn(RECORDS, bytes.u8(at)) && bytes.u8(at + 1) === 3 &&
    bytes.u8(at + 2) <= 4 && bytes.u16(at + 3) > 0 && bytes.u16(at + 3) <= 0x4800;
}

/** TLS: the kind of the first record, and the server's name that a client asks for. */
export const TLS: Protocol = {
  name: "TLS",
  length: 5,
  read(packet, { at, end }) {
    const { bytes } = packet;
    const kind = bytes.u8(at);
    const type = kind === HANDSHAKE && bytes.has(at + 5, 1) ? bytes.u8(at + 5) : undefined;
    const name = type === CLIENT_HELLO ? serverName(bytes, { at: at + 9, end }) : undefined;
    const what = (type === undefined ? undefined : HANDSHAKES[type]) ?? RECORDS[kind];
    packet.what.push(`TLS ${what}${name === undefined ? "" : ` ${name}`}`);
  },
};

/** The name in a client's hello, as far as that was captured: behind the version, 32 random bytes, and three lists. */
function serverName(bytes: PacketBytes, { at, end }: Place): string | undefined {
  let here = at + 34;
  here += 1 + bytes.u8(here);
  here += 2 + bytes.u16(here);
  here += 1 + bytes.u8(here);
  const last = Math.min(end, here + 2 + bytes.u16(here));
  for (here += 2; here + 4 <= last && bytes.has(here, 4); here += 4 + bytes.u16(here + 2)) {
    if (bytes.u16(here) !== SERVER_NAME) continue;
    const length = bytes.u16(here + 7);
    const name = bytes.slice(here + 9, here + 9 + length);
    return name.length === length && length > 0 ? printable(name) : undefined;
  }
  return undefined;
}

function printable(name: Uint8Array): string | undefined {
  const text = textOf(name, 0, name.length);
  return /^[!-~]+$/.test(text) ? text : undefined;
}
