import { nearest } from "../../plug/nearest.ts";
import type { Mistake } from "../mistake.ts";
import { readYaml } from "./read_yaml.ts";
import {
  aloneIn,
  type Entry,
  type MappingTree,
  type Place,
  placeWithin,
  REFERENCE,
  type ScalarTree,
  type Tree,
  uses,
  valueAt,
} from "./tree.ts";

/** A file of a scenario. */
interface SourceFile {
  /** As it was named, from the folder that the scenario's file was named from. */
  name: string;
  /** Where what it includes is looked for; absent where nothing can be. */
  folder?: string;
  /** How many lines the files before it have. */
  before: number;
  /** The line of the scenario's own file that brings it; 0 for that file. */
  broughtBy: number;
}

/** The files of a scenario. Lines are counted on from one file to the next, so that each tells which it is in. */
export class Files {
  readonly #files: SourceFile[] = [];
  readonly #named = new Set<string>();
  #lines = 0;

  /** The scenario's own file is the first. */
  constructor({ name, folder, text }: { name: string; folder?: string; text: string }) {
    this.add({ name, folder, text, broughtBy: 0 });
  }

  /** The scenario's own file. */
  get own(): SourceFile {
    return this.#files[0];
  }

  /** The names of all, those too that could not be read. */
  get names(): string[] {
    return [...this.#named];
  }

  /** Notes that a file is to be read. */
  note(name: string): void {
    this.#named.add(name);
  }

  /** Adds a file behind the others. */
  add({ text, ...file }: Omit<SourceFile, "before"> & { text: string }): SourceFile {
    this.note(file.name);
    const added = { ...file, before: this.#lines };
    this.#files.push(added);
    this.#lines += text.split("\n").length;
    return added;
  }

  /** Which file a line is in, and which of its lines it is. */
  find({ line }: Pick<Place, "line">): { file: SourceFile; line: number } {
    const file = this.#files.findLast(({ before }) => before < line) ?? this.own;
    return { file, line: line - file.before };
  }

  /** The line of the scenario's own file: of what it includes that of `include`. */
  ownLine(line: number): number {
    return this.find({ line }).file.broughtBy || line;
  }

  /** Says where a mistake is that is in another file. */
  placed(mistake: Mistake): Mistake {
    const { file, line } = this.find(mistake);
    return file === this.own ? mistake : { ...mistake, line, file: file.name };
  }
}

/** How many files a scenario may include. */
const FILES_MAX = 100;

/** What an include must be, in words. */
export const INCLUDE_EXPECTED = "a file, other.yaml, or { file: other.yaml, with: { port: 80 } }";
/** What an included file may say: at the top of a scenario, and among steps. */
const TOP = ["include", "name", "description", "vars", "hosts", "gates", "plugs", "steps", "cleanup"];
const AMONG_STEPS = ["include", "name", "description", "vars", "steps"];
const DEFINITIONS = ["hosts", "gates", "plugs"];

/** Reads what a scenario includes, and puts it in its place. */
export class Includer {
  readonly #files: Files;
  readonly #mistakes: Mistake[];
  #count = 0;
  #unused: Tree[] = [];

  constructor(files: Files, mistakes: Mistake[]) {
    this.#files = files;
    this.#mistakes = mistakes;
  }

  /** Values of variables of included files that nothing in these uses. */
  get unused(): readonly Tree[] {
    return this.#unused;
  }

  /** A scenario with all that it includes. */
  resolve(tree: Tree): Tree {
    return this.#whole(tree, [this.#files.own]);
  }

  /** Of a file, whose includers are those before it. */
  #whole(tree: Tree, chain: readonly SourceFile[]): Tree {
    const spliced = this.#spliced(tree, chain);
    const included = spliced.kind === "mapping" ? spliced.entries.get("include") : undefined;
    if (spliced.kind !== "mapping" || !included) return spliced;
    const entries = new Map([...spliced.entries].filter(([key]) => key !== "include"));
    const wanted = included.value.kind === "list" ? included.value.items : [included.value];
    const found = wanted.flatMap((each) => this.#load(each, { chain, known: TOP }) ?? []);
    return { ...spliced, entries: this.#merged(entries, found) };
  }

  /** With the steps of files in place of the steps that include them. */
  #spliced(tree: Tree, chain: readonly SourceFile[]): Tree {
    switch (tree.kind) {
      case "scalar":
        return tree;
      case "list":
        return {
          ...tree,
          items: tree.items.flatMap((item) => this.#stepsOf(item, chain) ?? this.#spliced(item, chain)),
        };
      case "mapping": {
        const entries = [...tree.entries].map(([key, { key: place, value }]): [string, Entry] => [
          key,
          { key: place, value: this.#spliced(value, chain) },
        ]);
        return { ...tree, entries: new Map(entries) };
      }
      default:
        return tree satisfies never;
    }
  }

  /** The steps that a step includes; nothing where it is another. */
  #stepsOf(item: Tree, chain: readonly SourceFile[]): readonly Tree[] | undefined {
    const wanted = valueAt(item, "include");
    if (item.kind !== "mapping" || !wanted) return undefined;
    for (const [key, { key: place }] of item.entries) {
      if (key === "include") continue;
      this.#mistake(
        place,
        `${key} beside include`,
        "include alone: - include: { file: other.yaml, with: { port: 80 } }",
      );
    }
    const found = this.#load(wanted, { chain, known: AMONG_STEPS });
    const steps = found && valueAt(found, "steps");
    if (found && steps?.kind !== "list") this.#mistake(wanted, "the file has no list of steps", "steps: in it");
    if (steps?.kind === "list") return steps.items;
    // What is wrong has been said: it is not to be missed among the steps as well
    const { line, column } = wanted;
    const text: ScalarTree = { kind: "scalar", value: "nothing", line, column };
    return [{ kind: "mapping", entries: new Map([["log", { key: { line, column }, value: text }]]), line, column }];
  }

  /** Reads a file with all that it includes, and fills in its variables. */
  #load(
    wanted: Tree,
    { chain, known }: { chain: readonly SourceFile[]; known: readonly string[] },
  ): MappingTree | undefined {
    const file = wanted.kind === "mapping" ? valueAt(wanted, "file") : wanted;
    const given = valueAt(wanted, "with");
    if (wanted.kind === "mapping" && this.#refuseUnknown(wanted, ["file", "with"])) return undefined;
    if (file?.kind !== "scalar" || typeof file.value !== "string") {
      return this.#mistake(file ?? wanted, "include names no file", INCLUDE_EXPECTED);
    }
    const source = this.#read(file, chain);
    if (!source) return undefined;
    const { tree, mistakes } = readYaml(source.text, source.file.before);
    this.#mistakes.push(...mistakes);
    if (!tree) return undefined;
    if (tree.kind !== "mapping") {
      return this.#mistake(tree, "what is included must be a mapping", `keys such as ${known.join(", ")}`);
    }
    this.#refuseUnknown(tree, known);
    const before = this.#unused.length;
    const whole = this.#whole(tree, [...chain, source.file]);
    return whole.kind === "mapping" ? this.#filled(whole, { given, place: wanted, before }) : undefined;
  }

  #read(named: ScalarTree, chain: readonly SourceFile[]): { file: SourceFile; text: string } | undefined {
    const { folder, name: includer, broughtBy } = chain[chain.length - 1];
    const path = String(named.value);
    if (folder === undefined) return this.#mistake(named, "there is no folder to include from", "a scenario in a file");
    if (++this.#count > FILES_MAX) return this.#mistake(named, "there are too many files", `at most ${FILES_MAX}`);
    const from = path.startsWith("/") ? path : `${folder}/${path}`;
    const name = path.startsWith("/") ? path : `${includer.slice(0, includer.lastIndexOf("/") + 1)}${path}`;
    if (chain.some((each) => each.name === name)) {
      return this.#mistake(named, `${path} includes itself`, "another file");
    }
    this.#files.note(name);
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(from));
      const at = broughtBy || named.line;
      const file = this.#files.add({ name, folder: from.slice(0, from.lastIndexOf("/")) || "/", text, broughtBy: at });
      return { file, text };
    } catch (error) {
      return this.#mistake(named, `${path} cannot be read: ${whyNot(error)}`, "a file, from the folder of this one");
    }
  }

  /** What is included, with what its own variables and those that it is given stand for; `before` it so many were unused. */
  #filled(tree: MappingTree, { given, place, before }: { given?: Tree; place: Tree; before: number }): MappingTree {
    const vars = valueAt(tree, "vars");
    const own = vars?.kind === "mapping" ? [...vars.entries] : [];
    if (given && given.kind !== "mapping") this.#mistake(given, "with must be a mapping", "variables: { port: 80 }");
    const values = new Map(given?.kind === "mapping" ? given.entries : []);
    for (const [name, { key }] of values) {
      if (own.some(([known]) => known === name)) continue;
      const names = own.map(([name]) => name);
      const hint = nearest(name, names);
      const what = `the file has no variable ${name} among its vars`;
      this.#mistakes.push({
        ...key,
        what,
        expected: names.length > 0 ? `one of ${names.join(", ")}` : "none",
        ...hint ? { hint } : {},
      });
    }
    const scope = new Map<string, ScalarTree>();
    const rest = [...tree.entries].filter(([key]) => key !== "vars");
    const unused: Tree[] = [];
    for (const [name, { value }] of own) {
      const written = substituted(value, scope);
      const given = values.get(name)?.value;
      const said = given ?? written;
      const isUsed = rest.some(([, { value }]) => uses(value, name));
      if (given || !isUsed) unused.push(written);
      if (given && !isUsed) unused.push(given);
      if (said.kind === "scalar" && said.value !== null) scope.set(name, said);
      else {
        this.#mistake(said, `${name} has no value`, "a text or a number");
        scope.set(name, { kind: "scalar", value: name, line: said.line, column: said.column, follows: true });
      }
    }
    const inner = this.#unused.splice(before).map((value) => substituted(value, scope));
    this.#unused.push(...inner, ...unused);
    const entries = rest.map(([key, { key: at, value }]): [string, Entry] => [
      key,
      { key: at, value: substituted(value, scope) },
    ]);
    return { kind: "mapping", entries: new Map(entries), line: place.line, column: place.column };
  }

  /** What a file says, and what it includes: definitions together, and the steps of what it includes first. */
  #merged(own: ReadonlyMap<string, Entry>, included: readonly MappingTree[]): Map<string, Entry> {
    const merged = new Map(own);
    for (const { entries } of included.toReversed()) {
      for (const [key, entry] of entries) {
        const here = merged.get(key);
        if (key === "name" || key === "description") continue;
        if (!here) merged.set(key, entry);
        else if (DEFINITIONS.includes(key)) {
          merged.set(key, { ...here, value: this.#together(here.value, entry.value) });
        } else if (here.value.kind === "list" && entry.value.kind === "list") {
          const [first, second] = key === "cleanup" ? [here.value, entry.value] : [entry.value, here.value];
          merged.set(key, { ...here, value: { ...here.value, items: [...first.items, ...second.items] } });
        } // What is not a list is said where it is checked
      }
    }
    return merged;
  }

  #together(here: Tree, there: Tree): Tree {
    if (here.kind !== "mapping" || there.kind !== "mapping") return here.kind === "mapping" ? there : here;
    for (const [name, { key }] of here.entries) {
      const other = there.entries.get(name);
      if (!other) continue;
      const { file, line } = this.#files.find(other.key);
      this.#mistake(key, `${name} is defined already, at ${file.name}:${line}`, "another name");
    }
    return { ...here, entries: new Map([...there.entries, ...here.entries]) };
  }

  /** Whether there is a key that cannot be there. */
  #refuseUnknown(tree: MappingTree, known: readonly string[]): boolean {
    const before = this.#mistakes.length;
    for (const [key, { key: place }] of tree.entries) {
      if (known.includes(key)) continue;
      const hint = nearest(key, known);
      const what = `unknown key ${JSON.stringify(key)} in what is included`;
      this.#mistakes.push({ ...place, what, expected: `one of ${known.join(", ")}`, ...hint ? { hint } : {} });
    }
    return this.#mistakes.length > before;
  }

  #mistake({ line, column }: Place, what: string, expected: string): undefined {
    this.#mistakes.push({ line, column, what, expected });
  }
}

/** A tree with values for some variables; others stay as they are written. */
function substituted(tree: Tree, scope: ReadonlyMap<string, ScalarTree>): Tree {
  switch (tree.kind) {
    case "scalar": {
      if (typeof tree.value !== "string") return tree;
      const { line, column } = tree;
      const alone = scope.get(aloneIn(tree.value) ?? "");
      if (alone) return { kind: "scalar", value: alone.value, line, column, ...broughtBy([alone, tree]) };
      const used = [tree];
      const value = tree.value.replaceAll(REFERENCE, (reference: string, name: string, end: string) => {
        const found = reference.startsWith("$$") || end === "" ? undefined : scope.get(name);
        if (!found) return reference;
        used.push(found);
        return String(found.value);
      });
      return used.length === 1 ? tree : { kind: "scalar", value, line, column, ...broughtBy(used) };
    }
    case "list":
      return { ...tree, items: tree.items.map((item) => substituted(item, scope)) };
    case "mapping": {
      const entries = [...tree.entries].map(([key, entry]): [string, Entry] => [
        key,
        { ...entry, value: substituted(entry.value, scope) },
      ]);
      return { ...tree, entries: new Map(entries) };
    }
    default:
      return tree satisfies never;
  }
}

/** Where the variables stand that values bring which are filled in, and whether one of these is wrong itself. */
function broughtBy(values: readonly ScalarTree[]): Pick<ScalarTree, "given" | "follows"> {
  const given = new Map<string, Place>();
  for (const each of values) {
    for (const { 0: reference, index } of String(each.value).matchAll(REFERENCE)) {
      if (!given.has(reference)) given.set(reference, each.given?.get(reference) ?? placeWithin(each, index));
    }
  }
  return { given, ...values.some(({ follows }) => follows) ? { follows: true } : {} };
}

function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "permission denied";
  }
  if (error instanceof TypeError) return "it is not UTF-8";
  throw error;
}
