// @ts-check
// Prints what a capture of netlink has about plugs and gates: who asked what of which queue when, and what the kernel
// answered; with --json an object a line, for a program. In Node, Deno or Bun:
//
//   ip link add nlmon0 type nlmon && ip link set nlmon0 up && tcpdump -i nlmon0 -w netlink.pcap
//   npm install plugctl-codec
//   node decode_capture.mjs netlink.pcap
import { readFileSync } from "node:fs";
import process from "node:process";
import { aboutPlugs, formatHex, formatMessage, formatSummary, formatTime, readCapture } from "plugctl-codec/family";

/** @param {import("plugctl-codec/family").CapturedMessage} captured */
function text({ timeNs, message, error }) {
  return `${formatTime(timeNs)} ${message ? formatSummary(message) : error?.message}`;
}

/** @param {import("plugctl-codec/family").CapturedMessage} captured */
function json({ timeNs, bytes, message, error }) {
  const fields = message && formatMessage(message).split("\n");
  return JSON.stringify({ timeNs: String(timeNs), hex: formatHex(bytes), fields, error: error?.message });
}

const [file, option] = process.argv.slice(2);
const print = option === "--json" ? json : text;
for (const captured of aboutPlugs(readCapture(readFileSync(file)))) console.log(print(captured));
