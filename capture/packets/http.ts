import { textOf } from "../../codec/text.ts";
import type { PacketBytes, Place, Protocol } from "./packet.ts";

const LINE =
  /^(?:(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) [!-~]+ HTTP\/\d\.\d|HTTP\/\d\.\d \d{3}[ -~]*)/;
/** How much of the first line is read, and how much of it is told. */
const READ_MAX = 512;
const TOLD_MAX = 80;

/** Whether data begins with the first line of HTTP. */
export function isHttp(bytes: PacketBytes, place: Place): boolean {
  return firstLine(bytes, place) !== undefined;
}

function firstLine(bytes: PacketBytes, { at, end }: Place): string | undefined {
  const start = bytes.slice(at, Math.min(end, at + READ_MAX));
  const text = textOf(start, 0, start.length).split(/[\r\n]/, 1)[0];
  // A long target may not have been captured to its end
  return LINE.exec(text)?.[0] ?? /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) \/[!-~]*$/.exec(text)?.[0];
}

/** HTTP 1: the method and the target, or the status. */
export const HTTP: Protocol = {
  name: "HTTP",
  length: 1,
  read(packet, place) {
    const line = (firstLine(packet.bytes, place) ?? "").replace(/^HTTP\/\d\.\d | HTTP\/\d\.\d$/, "").trimEnd();
    packet.what.push(`HTTP ${line.length > TOLD_MAX ? `${line.slice(0, TOLD_MAX)}…` : line}`);
  },
};
