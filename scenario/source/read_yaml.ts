import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, parseDocument, Scalar as YamlScalar } from "yaml";
import type { Mistake } from "../mistake.ts";
import {
  type Entry,
  type ListTree,
  type MappingTree,
  type Place,
  plainValue,
  type ScalarTree,
  type Tree,
} from "./tree.ts";

/** How deep lists and mappings may stand in one another, and how much there may be of them with every alias followed. */
const DEPTH_MAX = 64;
const NODES_MAX = 100_000;
const TOO_DEEP = {
  what: "lists and mappings are nested too deeply",
  expected: `at most ${DEPTH_MAX} levels`,
};
/** Names that objects of JavaScript have already: whoever checks an object passes over them. */
const RESERVED = ["__proto__", "constructor", "prototype"];
/** What says that a scalar is a text, whatever it looks like, and what says nothing new. */
const TEXT_TAG = "tag:yaml.org,2002:str";
const TAGS = [TEXT_TAG, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"];
/** The longest file, in UTF-16 units. */
const LENGTH_MAX = 1 << 20;

/** What stands in a YAML file, and what is wrong in it. */
export interface Source {
  /** Absent where nothing can be made of it. */
  tree?: Tree;
  mistakes: Mistake[];
}

/**
 * Reads YAML with the place of everything in it, behind so many lines of other files. What is wrong is in `mistakes`;
 * nothing is thrown.
 */
export function readYaml(text: string, before = 0): Source {
  if (text.length > LENGTH_MAX) {
    return {
      mistakes: [{
        line: before + 1,
        column: 1,
        what: `the file has ${text.length} letters`,
        expected: "at most 1 MiB",
      }],
    };
  }
  return new Reader(text, before).read();
}

type YamlDocument = ReturnType<typeof parseDocument>;

class Reader {
  readonly #text: string;
  readonly #before: number;
  /** Where each line begins. */
  readonly #lines: readonly number[];
  readonly #mistakes: Mistake[] = [];
  #nodes = 0;
  #document?: YamlDocument;

  constructor(text: string, before: number) {
    this.#text = text;
    this.#before = before;
    this.#lines = [0, ...text.matchAll(/\n/g).map(({ index }) => index + 1)];
  }

  read(): Source {
    const document = this.#document = this.#parse();
    if (!document) return { mistakes: this.#mistakes };
    // What follows from the first is said once.
    const isSyntax = ({ code }: { code: string }) => !["DUPLICATE_KEY", "MULTIPLE_DOCS"].includes(code);
    const first = document.errors.find(isSyntax);
    const errors = document.errors.filter((error) => error === first || !isSyntax(error));
    for (const { code, message, pos: [at] } of [...errors, ...document.warnings]) {
      this.#mistakes.push({ ...this.#place(at), ...describe(code, { message, line: this.#lineAt(at) }) });
    }
    if (document.errors.length > 0) return { mistakes: this.#mistakes };
    return { tree: this.#tree(document.contents, { depth: 0, at: 0 }), mistakes: this.#mistakes };
  }

  #parse(): YamlDocument | undefined {
    try {
      return parseDocument(this.#text, {
        schema: "failsafe", // scalars are texts, and what they mean is decided here
        prettyErrors: false,
      });
    } catch (error) {
      // The parser calls itself for each level.
      if (!(error instanceof RangeError)) throw error;
      this.#mistake(0, TOO_DEEP.what, TOO_DEEP.expected);
      return undefined;
    }
  }

  #tree(node: unknown, { depth, at }: { depth: number; at: number }): Tree {
    const start = (node as Node | null)?.range?.[0] ?? at;
    const place = this.#place(start);
    if (!node) return { kind: "scalar", value: null, ...place };
    if (++this.#nodes > NODES_MAX || depth > DEPTH_MAX) return this.#tooMuch(start, depth);
    const { tag } = node as Node;
    if (tag !== undefined && !TAGS.includes(tag)) this.#mistake(start, `there is a tag ${tag}`, "no tag but !!str");
    if (isAlias(node)) return this.#alias(node, { depth, at: start });
    if (isSeq(node)) return this.#list(node.items, { place, depth, at: start });
    if (isMap(node)) return this.#mapping(node.items, { place, depth, at: start });
    if (isScalar(node)) return this.#scalar(node, { ...place, start });
    return { kind: "scalar", value: null, ...place };
  }

  #alias(alias: Alias, { depth, at }: { depth: number; at: number }): Tree {
    const node = alias.resolve(this.#document as YamlDocument);
    if (node) return this.#tree(node, { depth: depth + 1, at });
    this.#mistake(at, `there is no anchor ${alias.source}`, `&${alias.source} before it`);
    return { kind: "scalar", value: `*${alias.source}`, ...this.#place(at) };
  }

  #tooMuch(at: number, depth: number): Tree {
    const few = this.#nodes <= NODES_MAX + 1;
    if (depth > DEPTH_MAX) {
      this.#mistake(at, TOO_DEEP.what, TOO_DEEP.expected);
    } else if (few) this.#mistake(at, "there is too much, with every alias followed", `at most ${NODES_MAX} values`);
    return { kind: "scalar", value: null, ...this.#place(at) };
  }

  #list(items: readonly unknown[], { place, depth, at }: { place: Place; depth: number; at: number }): ListTree {
    const trees: Tree[] = [];
    for (const item of items) {
      if (this.#nodes > NODES_MAX) break;
      trees.push(this.#tree(item, { depth: depth + 1, at }));
    }
    return { kind: "list", items: trees, ...place };
  }

  #mapping(
    pairs: readonly { key: unknown; value: unknown }[],
    { place, depth, at }: { place: Place; depth: number; at: number },
  ): MappingTree {
    const entries = new Map<string, Entry>();
    for (const { key, value } of pairs) {
      if (this.#nodes > NODES_MAX) break;
      const start = (key as Node | null)?.range?.[0] ?? at;
      if (isScalar(key) && RESERVED.includes(String(key.value))) {
        this.#mistake(start, `a key is ${key.value}`, "another name");
      } else if (isScalar(key) && typeof key.value === "string" && key.value !== "") {
        entries.set(key.value, { key: this.#place(start), value: this.#tree(value, { depth: depth + 1, at: start }) });
      } else this.#mistake(start, "a key is not a text", "a word as the key");
    }
    return { kind: "mapping", entries, ...place };
  }

  #scalar({ value, type, tag, source = "" }: YamlScalar, { start, ...place }: Place & { start: number }): ScalarTree {
    const text = String(value ?? "");
    if (tag !== undefined) return { kind: "scalar", value: source, ...place };
    if (type === YamlScalar.PLAIN || type === undefined) {
      const written = this.#text.startsWith(text, start) ? place.column : undefined;
      return { kind: "scalar", value: plainValue(text), textColumn: written, ...place };
    }
    const quoted = (type === YamlScalar.QUOTE_DOUBLE || type === YamlScalar.QUOTE_SINGLE) && source === text;
    const written = quoted && this.#text.startsWith(text, start + 1) ? place.column + 1 : undefined;
    return { kind: "scalar", value: text, textColumn: written, ...place };
  }

  #mistake(at: number, what: string, expected: string): void {
    this.#mistakes.push({ ...this.#place(at), what, expected });
  }

  #place(at: number): Place {
    const offset = Math.min(at, this.#text.length);
    let [line, end] = [0, this.#lines.length];
    while (end - line > 1) {
      const middle = line + end >> 1;
      if (this.#lines[middle] <= offset) line = middle;
      else end = middle;
    }
    return { line: this.#before + line + 1, column: offset - this.#lines[line] + 1 };
  }

  #lineAt(at: number): string {
    const end = this.#text.indexOf("\n", at);
    return this.#text.slice(this.#text.lastIndexOf("\n", at - 1) + 1, end < 0 ? undefined : end);
  }
}

function describe(
  code: string,
  { message, line }: { message: string; line: string },
): Pick<Mistake, "what" | "expected"> {
  if (code === "DUPLICATE_KEY") return { what: "a key is given twice", expected: "each key of a mapping once" };
  // The parser calls itself for each level, and its calls are nested too deeply.
  if (code === "RESOURCE_EXHAUSTION") return TOO_DEEP;
  if (code === "MULTIPLE_DOCS") return { what: "another document begins", expected: "one scenario in a file" };
  const what = message.charAt(0).toLowerCase() + message.slice(1).replaceAll(/\s+/g, " ");
  const hint = line.includes("${") ? '; between { } and [ ] a variable needs quotes: "${name}"' : "";
  return { what, expected: `YAML that can be read${hint}` };
}
