import { checkText, checkWhole } from "./wrong_input.ts";

/** The parent of a device's root qdisc. `linux/pkt_sched.h` */
export const TC_H_ROOT = 0xffffffff;
/** The parent of the ingress qdisc and of clsact. */
export const TC_H_INGRESS = 0xfffffff1;
/** The same number: clsact hangs where ingress does, so one excludes the other. */
export const TC_H_CLSACT: number = TC_H_INGRESS;

/** The minor number of clsact's hook for what comes in. */
export const TC_H_MIN_INGRESS = 0xfff2;
/** The minor number of clsact's hook for what leaves. */
export const TC_H_MIN_EGRESS = 0xfff3;

const NUMBER = /^[0-9a-f]{1,4}$/i;

/**
 * Parses a qdisc's handle as tc writes it: `1:` or `8001:`, up to four hexadecimal digits and a colon.
 * Returns the number with the major in the high 16 bits.
 *
 * @throws {SyntaxError} where the text is anything else; `0:` and `ffff:` included, which no plug can have
 * @throws {TypeError} where it is no text
 */
export function parseHandle(text: string): number {
  checkText(text, "parse", "a handle is a string, such as 1:");
  const major = text.endsWith(":") ? text.slice(0, -1) : "";
  const value = NUMBER.test(major) ? parseInt(major, 16) : 0;
  if (value === 0 || value === 0xffff) {
    throw new SyntaxError(
      `invalid handle ${quoted(text)}: use MAJOR:, in hexadecimal, from 1: to fffe:`,
    );
  }
  return value * 0x10000;
}

/**
 * Parses a parent as tc writes it: `root`, `ingress`, `clsact`, or a class, `1:4`. `1:` is the class `1:0`.
 *
 * @throws {SyntaxError} where the text is anything else
 * @throws {TypeError} where it is no text
 */
export function parseParent(text: string): number {
  checkText(text, "parse", "a parent is a string, such as root or 1:4");
  if (text === "root") return TC_H_ROOT;
  if (text === "ingress") return TC_H_INGRESS;
  if (text === "clsact") return TC_H_CLSACT;
  const [major, minor, ...more] = text.split(":");
  const valid = NUMBER.test(major) && minor !== undefined &&
    (minor === "" || NUMBER.test(minor)) && more.length === 0;
  const value = valid ? parseInt(major, 16) * 0x10000 + (minor ? parseInt(minor, 16) : 0) : 0;
  if (value < 0x10000 || value === TC_H_ROOT) {
    throw new SyntaxError(
      `invalid parent ${quoted(text)}: use root, ingress, clsact, or MAJOR:MINOR in hexadecimal`,
    );
  }
  return value;
}

/**
 * Formats a handle as tc does: `1:`, `8001:`, and `0:` for what the kernel made by itself.
 *
 * @throws {RangeError} where it is not a whole number of 32 bits
 */
export function formatHandle(handle: number): string {
  return `${(checkWhole("handle", handle) >>> 16).toString(16)}:`;
}

/**
 * Formats a parent as tc does: `root`, `ingress`, `1:4`; 0, which goes by the handle, is `none`.
 *
 * @throws {RangeError} where it is not a whole number of 32 bits
 */
export function formatParent(parent: number): string {
  if (parent === TC_H_ROOT) return "root";
  if (parent === TC_H_INGRESS) return "ingress";
  if (checkWhole("parent", parent) === 0) return "none";
  const minor = parent & 0xffff;
  return `${formatHandle(parent)}${minor ? minor.toString(16) : ""}`;
}

/** A filter's handle as tc writes it, which is as its kind has it: `0x1`, and of u32 `800::800`. */
export function formatFilterHandle(handle: number, kind: unknown): string {
  return kind === "u32" ? formatU32Handle(handle) : `0x${handle.toString(16)}`;
}

/** Table, bucket and node of a u32 filter. */
export function formatU32Handle(handle: number): string {
  if (handle === 0) return "none";
  const [table, bucket, node] = [handle >>> 20, handle >>> 12 & 0xff, handle & 0xfff];
  return `${table ? `${table.toString(16)}:` : ""}${bucket ? bucket.toString(16) : ""}${
    node ? `:${node.toString(16)}` : ""
  }`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
