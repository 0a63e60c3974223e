import type { Source } from "./value.ts";
import type { ArrayType, ListType, Space, Struct, Type } from "./spec/table.ts";

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

/** What is known of a field before its value is: a row of the tables. */
export class Cell {
  /** The name without its prefix. */
  readonly name: string;
  /** The kernel's name, empty where it has none. */
  readonly kernelName: string;
  /** How its value is laid out, where it holds no fields. */
  readonly type?: Type;
  /** Whether it is what fills up a gap. */
  readonly isPadding: boolean;
  /** Its name in bytes, once it was printed. */
  label?: Uint8Array;
  /** How a line that sums up a message has it, once it was asked for. */
  summary?: number;
  /** What its values say, in bytes, of those that were printed; `null` where one says nothing. */
  meanings?: Map<number, Uint8Array | null>;
  /** The same of other types, where its type depends on a kind. */
  #ofTypes?: Map<Type, Cell>;

  /** Takes its names and its type. */
  constructor(name: string, kernelName: string, type?: Type) {
    this.name = name;
    this.kernelName = kernelName;
    this.type = type;
    this.isPadding = kernelName === "" && (name === "padding" || name === "pad") && type?.is !== "number";
    this.label = undefined;
    this.summary = undefined;
    this.meanings = undefined;
  }

  /** The same, of a value that is laid out like this. */
  holding(type: Type | undefined): Cell {
    if (type === this.type || type === undefined) return this;
    this.#ofTypes ??= new Map();
    let cell = this.#ofTypes.get(type);
    if (!cell) this.#ofTypes.set(type, cell = new Cell(this.name, this.kernelName, type));
    return cell;
  }
}

/** Cells by numbers, as they are met. */
type Cells = Map<number, Cell>;

const structs = new WeakMap<Struct, readonly Cell[]>();
const numbered = new WeakMap<Space | ListType | ArrayType, Cells>();
const CELLS_MAX = 4096;

/** The members of a struct. */
export function cellsOf(struct: Struct): readonly Cell[] {
  let cells = structs.get(struct);
  if (!cells) {
    cells = struct.members.map(({ name, kernelName, type }) => new Cell(name, kernelName, type));
    structs.set(struct, cells);
  }
  return cells;
}

/** The attributes of a space, the attributes of a list or the elements of an array, as far as they were met. */
export function cellsIn(table: Space | ListType | ArrayType): Cells {
  let cells = numbered.get(table);
  if (!cells) numbered.set(table, cells = new Map());
  return cells;
}

/** The cell of that number, which `make` makes where it is not met before. */
export function cellOf<Table>(
  cells: Cells,
  number: number,
  table: Table,
  make: (table: Table, number: number) => Cell,
): Cell {
  const cell = cells.get(number);
  if (cell) return cell;
  const made = make(table, number);
  if (cells.size < CELLS_MAX) cells.set(number, made);
  return made;
}

/** An attribute of a space, which the tables may know or not. */
export function attributeCell({ prefix, byNumber }: Space, number: number): Cell {
  const known = byNumber.get(number);
  return known ? new Cell(known.name, known.kernelName, known.type) : unnamed(prefix, number);
}

/** An attribute of a list. */
export function placeCell({ prefix }: ListType, number: number): Cell {
  return unnamed(prefix, number);
}

function unnamed(prefix: string, number: number): Cell {
  const kernelName = `${prefix}${number}`;
  return new Cell(kernelName.slice(kernelName.indexOf("_") + 1), kernelName);
}

/** An element of an array, by the name of its place, if that has one. */
export function elementCell({ of, places }: ArrayType, index: number): Cell {
  if (of.is === "struct") return new Cell(`[${index}]`, `struct ${of.struct.name}`);
  const kernelName = places?.byNumber.get(index + Math.min(...places.byNumber.keys()));
  if (!places || kernelName === undefined) return new Cell(`[${index}]`, "", of);
  return new Cell(kernelName.slice(places.prefix.length), kernelName, of);
}
