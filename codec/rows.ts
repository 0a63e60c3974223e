import type { Cell } from "./cell.ts";
import type { Source } from "./value.ts";

/** Numbers of a row. */
const ROW_LEN = 5;
const [OFFSET, FROM, END, DEPTH, ATTRIBUTE_TYPE] = [0, 1, 2, 3, 4];

/** Where the value of a row begins that holds other rows, those behind it that are deeper. */
export const HOLDS_ROWS = -1;
/** The same of a row whose value is the text that was given with it. */
export const IS_TEXT = -2;
/** The attribute type of what is no attribute. */
export const NO_ATTRIBUTE = -1;

/**
 * The fields of a message in the order of their bytes, a row each, what holds others before those. A row says where its
 * value is: reading it is left to who wants it. One `Rows` serves for many messages, so that none makes any object.
 */
export class Rows implements Source {
  /** The bytes of the message. */
  bytes: Uint8Array = new Uint8Array(0);
  /** The same for numbers. */
  view: DataView = new DataView(this.bytes.buffer);
  /** How long the message is. */
  length = 0;
  /** How many rows there are. */
  count = 0;
  /** What is known of the field of each row. */
  readonly cells: Cell[] = [];
  /** What the value of a row says, where its type alone does not tell. */
  readonly said: (string | undefined)[] = [];
  #numbers = new Int32Array(64 * ROW_LEN);

  /** Begins with the bytes of another message. */
  begin(bytes: Uint8Array, length: number): void {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.bytes = bytes;
    this.length = length;
    this.count = 0;
  }

  /** Adds a row: a value from `from` on, of a field that begins at `offset`. */
  add(cell: Cell, offset: number, from: number, end: number, depth: number, attributeType: number): void {
    const at = this.count * ROW_LEN;
    if (at === this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    numbers[at + OFFSET] = offset;
    numbers[at + FROM] = from;
    numbers[at + END] = end;
    numbers[at + DEPTH] = depth;
    numbers[at + ATTRIBUTE_TYPE] = attributeType;
    this.cells[this.count] = cell;
    this.said[this.count] = undefined;
    this.count++;
  }

  #grow(): void {
    const numbers = new Int32Array(this.#numbers.length * 2);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }

  /** Where the field of a row begins, an attribute's with its header. */
  offsetOf(row: number): number {
    return this.#numbers[row * ROW_LEN + OFFSET];
  }

  /** Where its value begins; `HOLDS_ROWS`, or `IS_TEXT`. */
  fromOf(row: number): number {
    return this.#numbers[row * ROW_LEN + FROM];
  }

  /** Where it ends. */
  endOf(row: number): number {
    return this.#numbers[row * ROW_LEN + END];
  }

  /** How many rows hold it. */
  depthOf(row: number): number {
    return this.#numbers[row * ROW_LEN + DEPTH];
  }

  /** `nla_type` with its flags, or `NO_ATTRIBUTE`. */
  attributeTypeOf(row: number): number {
    return this.#numbers[row * ROW_LEN + ATTRIBUTE_TYPE];
  }

  /** The first row from `row` on of what the kernel calls that, and that is so deep; -1 where there is none. */
  find(kernelName: string, depth: number, row = 0): number {
    for (let at = row; at < this.count; at++) {
      if (this.depthOf(at) === depth && this.cells[at].kernelName === kernelName) return at;
    }
    return -1;
  }
}
