import type { ArrayType, ListType, Space, Struct, Type } from "./spec/table.ts";

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

/** An element of an array. */
export function elementCell({ of }: ArrayType, index: number): Cell {
  return of.is === "struct" ? new Cell(`[${index}]`, `struct ${of.struct.name}`) : new Cell(`[${index}]`, "", of);
}
