// @ts-check
/// <reference lib="dom" />
// Draws the messages that are pasted: four bytes a row, each field a box that is as wide as it is long, with the
// kernel's name and what it says.
import { decode, DecodeError, formatHex } from "plugctl-codec/family";

/** @typedef {import("plugctl-codec/family").Field} Field */

/**
 * Bytes that are drawn as one box.
 *
 * @typedef {object} Box
 * @property {number} offset
 * @property {number} length
 * @property {string} name
 * @property {string} says
 * @property {"header" | "body" | "attribute" | "value" | "padding" | "fault"} look
 */

const ROW = 4;
const SAMPLES = {
  "an order to hold packets":
    "3c000000240005000100000000000000000000000200000000004c50ffffffff0000000009000100706c7567000000000c0002000000000000000000",
  "a refusal":
    "8c0000000200000267000000f9020000feffffff3c000000240005006700000000000000000000000700000000000000ffffffff0000000009000100706c7567000000000c0002000000000000000000390001005164697363206e6f7420666f756e642e20546f206372656174652073706563696679204e4c4d5f465f43524541544520666c616700000000",
  "a mistake":
    "3c000000240005000100000000000000000000000200000000004c50ffffffff0000000009000100706c756700000000030002000000000000000000",
};

/** What the fields of a struct are named with, and the struct. */
const STRUCTS = new Map([
  ["nlmsg", "struct nlmsghdr"],
  ["tcm", "struct tcmsg"],
  ["ifi", "struct ifinfomsg"],
  ["rtm", "struct rtmsg"],
  ["error", "struct nlmsgerr"],
]);

/**
 * The bytes of hex digits, with whatever stands between them.
 *
 * @param {string} text
 */
function bytesOf(text) {
  const digits = text.replaceAll(/0x|\\x|[\s,:]/g, "");
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong) throw new SyntaxError(`“${wrong[0]}” is not a hex digit`);
  if (digits.length % 2 === 1) throw new SyntaxError("A digit is missing: there must be two for each byte");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/**
 * What a field says, in the kernel's words where it has some.
 *
 * @param {Field} field
 */
function saying({ value, meaning }) {
  if (value instanceof Uint8Array) return "";
  if (typeof value === "string") return `“${value}”`;
  return meaning === undefined ? String(value) : `${meaning} (${value})`;
}

/**
 * The struct whose first field this is, of all that stand beside it.
 *
 * @param {Field} field
 * @param {Field | undefined} before
 */
function structBegun({ kernelName }, before) {
  const structOf = (/** @type {string} */ name) => STRUCTS.get(/^_*([a-z]+)/.exec(name)?.[1] ?? "");
  const struct = structOf(kernelName);
  return struct === structOf(before?.kernelName ?? "") ? undefined : struct;
}

/**
 * The headings and boxes of fields, in the order of their bytes.
 *
 * @param {readonly Field[]} fields
 * @returns {(Box | { title: string, depth: number })[]}
 */
function partsOf(fields, depth = 0) {
  return fields.flatMap((field, index) => {
    const { offset, length, kernelName, name, attributeType, fields: inner } = field;
    const struct = structBegun(field, fields[index - 1]);
    const title = attributeType === undefined ? (inner ? kernelName : struct) : kernelName;
    const heading = title === undefined ? [] : [{ title, depth }];
    if (attributeType === undefined) return [...heading, ...inner ? partsOf(inner, depth + 1) : [leafBox(field)]];
    /** @type {Box[]} */
    const header = [
      { offset, length: 2, name: "nla_len", says: String(length), look: "attribute" },
      { offset: offset + 2, length: 2, name: "nla_type", says: `${kernelName} (${attributeType})`, look: "attribute" },
    ];
    const value = { ...field, offset: offset + 4, length: length - 4, kernelName: name, attributeType: undefined };
    return [
      ...heading,
      ...header,
      ...inner ? partsOf(inner, depth + 1) : value.length > 0 ? [leafBox(value, "value")] : [],
    ];
  });
}

/**
 * @param {Field} field
 * @param {Box["look"]} look
 * @returns {Box}
 */
function leafBox(field, look = /^nlmsg/.test(field.kernelName) ? "header" : "body") {
  const { offset, length, name, kernelName } = field;
  if (name === "padding") return { offset, length, name, says: "", look: "padding" };
  return { offset, length, name: kernelName || "bytes", says: saying(field), look };
}

/**
 * An element with a class and what is in it.
 *
 * @param {string} tag
 * @param {string} className
 * @param {(Node | string)[]} inside
 */
function element(tag, className, ...inside) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...inside);
  return made;
}

/**
 * A box, a piece for each row that it reaches into; the first says what it is.
 *
 * @param {Box} box
 * @param {Uint8Array} bytes the message
 */
function drawBox({ offset, length, name, says, look }, bytes) {
  const pieces = [];
  for (let at = offset; at < offset + length; at += ROW - at % ROW) {
    const end = Math.min(offset + length, at + ROW - at % ROW);
    const pairs = formatHex(bytes.subarray(at, end)).match(/../g) ?? [];
    const hex = element("code", "bytes", ...pairs.map((pair) => element("span", "", pair)));
    const label = at > offset ? [] : [element("span", "name", name), " ", element("span", "says", says)];
    const piece = element("div", `box ${look}`, hex, ...label);
    piece.style.gridColumn = `${at % ROW + 2} / span ${end - at}`;
    if (at % ROW === 0) pieces.push(element("span", "offset", String(at)));
    pieces.push(piece);
  }
  return pieces;
}

/**
 * A message or what cannot be one, as a drawing with a heading.
 *
 * @param {string} title
 * @param {(Box | { title: string, depth: number })[]} parts
 * @param {Uint8Array} bytes
 */
function draw(title, parts, bytes) {
  const drawn = parts.flatMap((part) => {
    if ("look" in part) return drawBox(part, bytes);
    const heading = element("h3", "nest", part.title);
    heading.style.paddingLeft = `${part.depth * 1.2}em`;
    return [heading];
  });
  return element("section", "message", element("h2", "", title), element("div", "rows", ...drawn));
}

/**
 * The drawings of a run of messages, and what is wrong with it.
 *
 * @param {Uint8Array} run
 */
function drawAll(run) {
  const drawings = [];
  for (let at = 0; at < run.length;) {
    const bytes = run.subarray(at);
    try {
      const message = decode(bytes);
      const [, type] = message.fields ?? [];
      const title = `${type.meaning ?? `Message of type ${type.value}`}, ${message.length} bytes`;
      drawings.push(draw(title, partsOf(message.fields ?? []), bytes));
      at += message.length + 3 & ~3;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return { drawings: [...drawings, drawFault(bytes, error.offset)], fault: error.message };
    }
  }
  return { drawings, fault: "" };
}

/**
 * Bytes that are no message, with the row marked in which that shows.
 *
 * @param {Uint8Array} bytes
 * @param {number} fault
 */
function drawFault(bytes, fault) {
  /** @type {Box[]} */
  const rows = Array.from({ length: Math.ceil(bytes.length / ROW) }, (_, row) => {
    const offset = row * ROW;
    const isHere = fault >= offset && fault < offset + ROW;
    const length = Math.min(ROW, bytes.length - offset);
    return { offset, length, name: isHere ? "here" : "", says: "", look: isHere ? "fault" : "padding" };
  });
  return draw(`${bytes.length} bytes that are no message`, rows, bytes);
}

const input = /** @type {HTMLTextAreaElement} */ (document.querySelector("#hex"));
const output = /** @type {HTMLElement} */ (document.querySelector("#messages"));
const status = /** @type {HTMLElement} */ (document.querySelector("#fault"));

function show() {
  try {
    const { drawings, fault } = drawAll(bytesOf(input.value));
    output.replaceChildren(...drawings);
    status.textContent = fault;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    output.replaceChildren();
    status.textContent = error.message;
  }
}

input.addEventListener("input", show);
for (const [title, hex] of Object.entries(SAMPLES)) {
  const button = element("button", "", title);
  button.addEventListener("click", () => {
    input.value = hex;
    show();
  });
  document.querySelector("#samples")?.append(button);
}
