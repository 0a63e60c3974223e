import {
  NLA_HDRLEN,
  NLA_TYPE_MASK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
} from "./assembly/constants.ts";
import {
  FAIL_ATTRIBUTE_HEADER,
  FAIL_ATTRIBUTE_LENGTH,
  FAIL_ATTRIBUTE_PAYLOAD,
  FAIL_MESSAGE_BODY,
} from "./assembly/regions.ts";
import {
  attributeCell,
  Cell,
  cellOf,
  cellsIn,
  cellsOf,
  elementCell,
  HOLDS_ROWS,
  NO_ATTRIBUTE,
  placeCell,
  type Rows,
} from "./rows.ts";
import { DecodeError, decodeError } from "./decode_error.ts";
import { checkMessage, describeFlags, describeType, explainAnswer, explainHandle } from "./header.ts";
import { done, NLMSGERR, nlmsgerr, nlmsghdr, rtgenmsg } from "./spec/control.ts";
import {
  type ArrayType,
  type Family,
  isLeaf,
  type KindType,
  type ListType,
  type MessageSpec,
  type RunType,
  type Space,
  spaceFor,
  spaceOf,
  type Struct,
  type StructType,
  type Type,
} from "./spec/table.ts";
import { numberAt, textBeforeNul } from "./value.ts";

/** A list of attributes, and the list in which it stands. */
interface Scope {
  space?: Space;
  from: number;
  end: number;
  outer?: Scope;
}

const REST = new Cell("rest", "");
const PAD = new Cell("pad", "");
const PADDING = new Cell("padding", "");
const [REQUEST, OPTIONS] = [new Cell("request", "msg"), new Cell("options", "")];

function align4(length: number): number {
  return length + 3 & ~3;
}

/**
 * Walks through the message at the start of `bytes` by the tables of a family, and leaves its fields in `rows`: each byte
 * once, but for the attributes' headers. A length that is given counts in place of what the message says.
 *
 * @throws {DecodeError} where the bytes are malformed; the rows go as far as they are not, and where there is not even a
 * whole header there are none
 */
export function walkMessage(
  rows: Rows,
  bytes: Uint8Array,
  { family, length }: { family: Family; length?: number },
): void {
  rows.begin(bytes, 0);
  rows.length = length ?? checkMessage(rows.view, 0, bytes.length);
  try {
    const walk = new Walk(rows, family);
    walk.header(0, 0);
    walk.body(rows.length);
  } finally {
    if (rows.view.getUint16(4, true) === NLMSG_ERROR) explainAnswer(rows, family);
  }
}

class Walk {
  readonly #rows: Rows;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #family: Family;

  constructor(rows: Rows, family: Family) {
    this.#rows = rows;
    this.#bytes = rows.bytes;
    this.#view = rows.view;
    this.#family = family;
  }

  header(at: number, depth: number): void {
    const rows = this.#rows;
    const first = rows.count;
    this.#struct(nlmsghdr, at, at + NLMSG_HDRLEN, depth);
    const type = this.#view.getUint16(at + 4, true);
    rows.said[first + 1] = describeType(type, this.#family);
    rows.said[first + 2] = describeFlags(this.#view.getUint16(at + 6, true), type, this.#family) || undefined;
  }

  body(end: number): void {
    const type = this.#view.getUint16(4, true);
    if (type === NLMSG_ERROR) return this.#error(end);
    if (type === NLMSG_DONE) return this.#done(end);
    const spec = this.#family.messages[type];
    if (spec) this.#known(spec, NLMSG_HDRLEN, end, 0);
    else this.#rest(NLMSG_HDRLEN, end, 0);
  }

  /** The struct at the head of a message, then its attributes. Who asks may send no more than the address family. */
  #known(spec: MessageSpec, at: number, end: number, depth: number): void {
    const { body, asks } = spec;
    const isShort = end - at < body.size;
    const first = this.#rows.count;
    if (isShort && asks) return this.#addressFamily(at, end, depth);
    this.#struct(body, at, end, depth);
    if (isShort) {
      throw decodeError([FAIL_MESSAGE_BODY, at - NLMSG_HDRLEN, end - at + NLMSG_HDRLEN, NLMSG_HDRLEN + body.size]);
    }
    const isRequest = (this.#view.getUint16(at - NLMSG_HDRLEN + 6, true) & NLM_F_REQUEST) !== 0;
    try {
      const from = this.#options(spec, at, end, depth);
      this.#attributes(spaceFor(spec, this.#bytes[at], isRequest), from, end, depth);
    } finally {
      if (spec.about === "filter") explainHandle(this.#rows, first, depth);
    }
  }

  /** What stands between the body and the attributes. Returns where those begin. */
  #options({ body, optionsLengthAt: lengthAt }: MessageSpec, at: number, end: number, depth: number): number {
    const from = at + body.size;
    const to = lengthAt === undefined ? from : Math.min(from + this.#view.getUint16(at + lengthAt, true), end);
    if (from < to) this.#rows.add(OPTIONS, from, from, to, depth, NO_ATTRIBUTE);
    const next = Math.min(from + align4(to - from), end);
    if (to < next) this.#rows.add(PAD, to, to, next, depth, NO_ATTRIBUTE);
    return next;
  }

  /** The body of the shortest of requests. */
  #addressFamily(at: number, end: number, depth: number): void {
    const here = this.#struct(rtgenmsg, at, end, depth);
    if (here < end) this.#rows.add(PAD, here, here, end, depth, NO_ATTRIBUTE);
  }

  #error(end: number): void {
    const at = NLMSG_HDRLEN + nlmsgerr.size;
    const needed = at + NLMSG_HDRLEN;
    this.#struct(nlmsgerr, NLMSG_HDRLEN, Math.min(end, at), 0);
    if (end < needed) {
      this.#rest(at, end, 0);
      throw decodeError([FAIL_MESSAGE_BODY, 0, end, needed]);
    }
    const echoed = Math.min(this.#afterEcho(end), end);
    this.#rows.add(REQUEST, at, HOLDS_ROWS, echoed, 0, NO_ATTRIBUTE);
    this.#echo(at, echoed);
    this.#extended(echoed, end);
  }

  /** Where the request ends that an error echoes: behind its header, or whole, unless all is well or it was capped. */
  #afterEcho(end: number): number {
    const at = NLMSG_HDRLEN + nlmsgerr.size;
    const isCapped = (this.#view.getUint16(6, true) & NLM_F_CAPPED) !== 0;
    if (this.#view.getInt32(NLMSG_HDRLEN, true) === 0 || isCapped) return at + NLMSG_HDRLEN;
    return at + align4(checkMessage(this.#view, at, end));
  }

  /** The kernel refused the request, so its attributes may be what is wrong: where they are, they stay bytes. */
  #echo(offset: number, end: number): void {
    this.header(offset, 1);
    const at = offset + NLMSG_HDRLEN;
    if (at >= end) return;
    const spec = this.#family.messages[this.#view.getUint16(offset + 4, true)];
    const { count } = this.#rows;
    try {
      if (spec) return this.#known(spec, at, end, 1);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
    this.#rows.count = count;
    const isWhole = spec !== undefined && end - at >= spec.body.size;
    if (isWhole) this.#struct(spec.body, at, at + spec.body.size, 1);
    this.#rest(isWhole ? at + spec.body.size : at, end, 1);
  }

  #done(end: number): void {
    const at = NLMSG_HDRLEN + done.size;
    if (end < at) return this.#rest(NLMSG_HDRLEN, end, 0);
    this.#struct(done, NLMSG_HDRLEN, at, 0);
    this.#extended(at, end);
  }

  /** What stands behind the body of an ACK or an end: attributes where a flag of its header says so, else mere bytes. */
  #extended(at: number, end: number): void {
    const isExtended = (this.#view.getUint16(6, true) & NLM_F_ACK_TLVS) !== 0;
    if (isExtended) this.#attributes(NLMSGERR, at, end, 0);
    else this.#rest(at, end, 0);
  }

  /** Bytes that have no meaning of their own, unless there are none. */
  #rest(at: number, end: number, depth: number): void {
    if (at < end) this.#rows.add(REST, at, at, end, depth, NO_ATTRIBUTE);
  }

  /** A struct, as far as it goes: what is left of a member that is cut off are bytes. Returns where it ends. */
  #struct(struct: Struct, at: number, end: number, depth: number): number {
    const { members } = struct;
    const cells = cellsOf(struct);
    let here = at;
    for (let index = 0; index < members.length; index++) {
      const { size, type } = members[index];
      if (end - here < size) {
        this.#rest(here, end, depth);
        return end;
      }
      if (isLeaf(type)) this.#rows.add(cells[index], here, here, here + size, depth, NO_ATTRIBUTE);
      else {
        this.#rows.add(cells[index], here, HOLDS_ROWS, here + size, depth, NO_ATTRIBUTE);
        this.#holding(type, here, here + size, depth + 1, { from: here, end: here + size });
      }
      here += size;
    }
    return here;
  }

  /** Attributes up to the end. */
  #attributes(space: Space, from: number, end: number, depth: number, outer?: Scope): void {
    const scope = { space, from, end, outer };
    const cells = cellsIn(space);
    for (let at = from; at < end;) {
      const length = this.#attributeLength(at, end);
      const attributeType = this.#view.getUint16(at + 2, true);
      const number = attributeType & NLA_TYPE_MASK;
      const cell = cellOf(cells, number, space, attributeCell);
      this.#attribute(cell, cell.type, at, length, depth, attributeType, scope);
      at = this.#afterPadding(at, length, end, depth);
    }
  }

  /** Attributes that are numbered by their places, and all hold the same. */
  #list(type: ListType, from: number, end: number, depth: number, outer: Scope): void {
    const scope = { from, end, outer };
    const cells = cellsIn(type);
    for (let at = from; at < end;) {
      const length = this.#attributeLength(at, end);
      const attributeType = this.#view.getUint16(at + 2, true);
      const cell = cellOf(cells, attributeType & NLA_TYPE_MASK, type, placeCell);
      this.#attribute(cell, type.of, at, length, depth, attributeType, scope);
      at = this.#afterPadding(at, length, end, depth);
    }
  }

  /** An attribute and what it holds. */
  #attribute(
    cell: Cell,
    declared: Type | undefined,
    at: number,
    length: number,
    depth: number,
    attributeType: number,
    scope: Scope,
  ): void {
    const type = declared?.is === "kind" ? this.#kind(declared, scope) : declared;
    const end = at + length;
    if (isLeaf(type)) return this.#rows.add(cell.holding(type), at, at + NLA_HDRLEN, end, depth, attributeType);
    this.#rows.add(cell, at, HOLDS_ROWS, end, depth, attributeType);
    this.#holding(type, at + NLA_HDRLEN, end, depth + 1, scope);
  }

  /** Checks that a whole attribute stands at `at`. Returns its length. */
  #attributeLength(at: number, end: number): number {
    const left = end - at;
    if (left < NLA_HDRLEN) throw decodeError([FAIL_ATTRIBUTE_HEADER, at, left, NLA_HDRLEN]);
    const length = this.#view.getUint16(at, true);
    if (length < NLA_HDRLEN) throw decodeError([FAIL_ATTRIBUTE_LENGTH, at, length, NLA_HDRLEN]);
    if (length > left) throw decodeError([FAIL_ATTRIBUTE_LENGTH, at, length, left]);
    return length;
  }

  /** Where the next attribute begins behind the one at `at`; what stands between is a row, also where it is cut off. */
  #afterPadding(at: number, length: number, end: number, depth: number): number {
    const next = Math.min(at + align4(length), end);
    if (length & 3) this.#rows.add(PADDING, at + length, at + length, next, depth, NO_ATTRIBUTE);
    return next;
  }

  /** The fields that something holds. */
  #holding(
    type: Exclude<Type, { is: "number" | "string" | "bytes" }>,
    at: number,
    end: number,
    depth: number,
    scope: Scope,
  ): void {
    switch (type.is) {
      case "kind":
        throw new TypeError(`The kind that ${type.by} names is not known here`);
      case "nest":
        return this.#attributes(spaceOf(type), at, end, depth, scope);
      case "list":
        return this.#list(type, at, end, depth, scope);
      case "struct":
        return this.#structAndMore(type, at, end, depth, scope);
      case "array":
        return this.#array(type, at, end, depth, scope);
      case "run":
        return this.#run(type, at, end, depth, scope);
      default:
        throw new TypeError(`No type is like ${type satisfies never}`);
    }
  }

  #structAndMore({ struct, then }: StructType, at: number, end: number, depth: number, scope: Scope): void {
    const here = this.#struct(struct, at, end, depth);
    if (then?.is === "nest") {
      // Attributes begin at a multiple of 4, also behind a struct that does not end there
      const from = Math.min(align4(here), end);
      if (here < from) this.#rows.add(PAD, here, here, from, depth, NO_ATTRIBUTE);
      this.#attributes(spaceOf(then), from, end, depth, scope);
    } else if (then?.is === "array") this.#array(then, here, end, depth, scope);
    else if (then && here < end) {
      if (isLeaf(then)) return this.#rows.add(REST.holding(then), here, here, end, depth, NO_ATTRIBUTE);
      this.#rows.add(REST, here, HOLDS_ROWS, end, depth, NO_ATTRIBUTE);
      this.#holding(then, here, end, depth + 1, scope);
    } else this.#rest(here, end, depth);
  }

  /** The elements of an array, each named by its place. */
  #array(type: ArrayType, at: number, end: number, depth: number, scope: Scope): void {
    const { of } = type;
    const size = of.is === "struct" ? of.struct.size : of.size;
    const cells = cellsIn(type);
    let here = at;
    for (let index = 0; end - here >= size; index++, here += size) {
      const cell = cellOf(cells, index, type, elementCell);
      if (isLeaf(of)) this.#rows.add(cell, here, here, here + size, depth, NO_ATTRIBUTE);
      else {
        this.#rows.add(cell, here, HOLDS_ROWS, here + size, depth, NO_ATTRIBUTE);
        this.#holding(of, here, here + size, depth + 1, scope);
      }
    }
    this.#rest(here, end, depth);
  }

  /** Structs that say how long each is with the attributes behind it. */
  #run({ struct, space }: RunType, at: number, end: number, depth: number, scope: Scope): void {
    const cell = new Cell(struct.name, `struct ${struct.name}`);
    for (let here = at; here < end;) {
      const left = end - here;
      const length = left < struct.size ? 0 : this.#view.getUint16(here, true);
      if (length < struct.size || length > left) {
        this.#rest(here, end, depth);
        throw decodeError([FAIL_ATTRIBUTE_PAYLOAD, at - NLA_HDRLEN, Math.min(left, length), struct.size]);
      }
      this.#rows.add(cell, here, HOLDS_ROWS, here + length, depth, NO_ATTRIBUTE);
      const from = this.#struct(struct, here, here + length, depth + 1);
      this.#attributes(space(), from, here + length, depth + 1, scope);
      here = this.#afterPadding(here, length, end, depth);
    }
  }

  /** What is known of the kind that is named beside an attribute, or else around it. */
  #kind({ by, part }: KindType, scope: Scope): Type | undefined {
    for (let around: Scope | undefined = scope; around; around = around.outer) {
      const attribute = around.space?.byName.get(by);
      if (!attribute) continue;
      const kind = this.#lastOf(around, attribute.number, attribute.type.is === "number");
      const kinds = this.#family.kinds[around.space?.kindsOf ?? ""] ?? {};
      return kind !== undefined && Object.hasOwn(kinds, kind) ? kinds[kind][part] : undefined;
    }
    return undefined;
  }

  /** What the last attribute of that number says, as the kernel reads them too; it may stand behind what depends on it. */
  #lastOf({ from, end }: Scope, number: number, isNumber: boolean): string | undefined {
    let [found, foundEnd] = [-1, 0];
    for (let at = from; end - at >= NLA_HDRLEN;) {
      const length = this.#view.getUint16(at, true);
      if (length < NLA_HDRLEN || length > end - at) break;
      if ((this.#view.getUint16(at + 2, true) & NLA_TYPE_MASK) === number) {
        [found, foundEnd] = [at + NLA_HDRLEN, at + length];
      }
      at += align4(length);
    }
    if (found < 0) return undefined;
    if (isNumber) return String(numberAt(this.#rows, found, { size: foundEnd - found }));
    return textBeforeNul(this.#rows, found, foundEnd);
  }
}
