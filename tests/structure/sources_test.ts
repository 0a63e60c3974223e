import { assert, assertEquals } from "@std/assert";
import { codeOf, type Layer, layerOf, sourceFiles } from "./sources.ts";

const files = sourceFiles();

/** The files of the layers whose code matches, but for those of one layer. */
function found(pattern: RegExp, { except }: { except?: Layer } = {}): string[] {
  return files.filter((path) => layerOf(path) !== undefined && layerOf(path) !== except)
    .filter((path) => pattern.test(codeOf(path)));
}

const FFI = /Deno\.(dlopen|Unsafe\w*|Pointer\w*|DynamicLibrary)\b/;
const PROGRAM = /\bDeno\.(args|exit|exitCode|stdin|stdout|stderr)\b|\b(console|alert|confirm|prompt)\b[.(]/;
const SIGNALS = /\bDeno\.(addSignalListener|kill)\b/;

Deno.test("FFI stands in linux/ alone", () => {
  assertEquals(found(FFI, { except: "linux" }), []);
  assert(found(FFI).includes("linux/libc.ts"));
});

Deno.test("arguments, exits and printing stand in cli/ alone, and in programs that nothing imports", () => {
  assertEquals(found(PROGRAM, { except: "cli" }), ["gate/guardian_process.ts", "scenario/build.ts"]);
  assert(found(PROGRAM).includes("cli/main.ts"));
});

Deno.test("signals are met in one place of cli/, in one that releases what a dying process holds, by guardians, where processes are ended, and where the size of a terminal is followed", () => {
  const guardian = ["guardian/guard.ts", "guardian/processes.ts"];
  const scenario = "scenario/run/process.ts"; // sends them to the processes of a scenario
  const uml = "uml/processes.ts"; // ends a kernel
  const terminals = ["cli/commands/uml.ts", "cli/exit_status.ts", "cli/watch/terminal.ts"]; // their size, and Ctrl-Z
  assertEquals(found(SIGNALS), [...terminals, ...guardian, "linux/ending_signals.ts", scenario, uml]);
});

Deno.test("codec/ uses nothing of Deno, Node or the file system", () => {
  const pattern = /\bDeno\b|\bprocess\.|\bfetch\(|["']node:|\bglobalThis\b/;
  assertEquals(found(pattern).filter((path) => layerOf(path) === "codec"), []);
  assert(pattern.test(codeOf("codec_build/wasm.ts")));
});

Deno.test("what the program runs on Deno 2.4, too: no method that is newer", () => {
  const newer = /\.(toHex|toBase64|setFromHex|setFromBase64)\(|Uint8Array\.from(Hex|Base64)\(/;
  assertEquals(found(newer), []);
});

Deno.test("files are named in snake_case for what they hold, and none is utils.ts", () => {
  const names = files.map((path) => path.split("/").at(-1) ?? "");
  assertEquals(names.filter((name) => !/^[a-z][a-z0-9]*(_[a-z0-9]+)*(\.d)?\.ts$/.test(name)), []);
  assertEquals(names.filter((name) => /^(utils?|helpers?|misc|common|shared|types|constants)\.ts$/.test(name)), []);
});

Deno.test("types are checked: no `any`, no ts-ignore, no file left out", () => {
  const pattern = /:\s*any\b|\bas any\b|<any>|@ts-(ignore|expect-error|nocheck)|deno-lint-ignore/;
  assertEquals(files.filter((path) => path !== "tests/structure/sources_test.ts" && pattern.test(textOf(path))), []);
});

function textOf(path: string): string {
  return Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));
}

/** Files that are one table, which is as long as there is something to say. */
const TABLES = [
  "cli/table.ts",
  "codec/spec/action.ts",
  "codec/spec/link.ts",
  "codec/spec/link_kinds.ts",
  "codec/spec/qdisc_kinds.ts",
  "codec/spec/route.ts",
  "gate/match/clauses.ts",
];
/** What is shorter for a reason of its own: types for a package that has none, what was generated. */
const SHORT = ["cli/colors.d.ts", "cli/parse_args.d.ts", "package/parse_args.d.ts", "codec/wasm.ts"];
const SHORTEST = 15;
const LONGEST = 400;
const MEDIAN_LEAST = 100;
/** How many files the rooms may have together, but for those that have come since they were laid out. */
const FILES_MOST = 209;
/** Where each new noun has a file of its own: a step, a condition, an object of the kernel, a command. */
const BY_NOUN = /^(scenario\/(steps|conditions)|codec\/spec|cli\/commands)\//;
const LATER = /^(capture|control|fleet|scenario\/remote|uml|gate\/bpf|cli\/(containers|fleet|run|watch))\//;
const GENERATED = ["codec/wasm.ts", "codec/numbers.ts"];

Deno.test("files hold one thing each: no crumbs, none that holds several, but for tables", () => {
  const lines = sources().map((path) => ({ path, count: textOf(path).split("\n").length - 1 }));
  const short = lines.filter(({ path, count }) => count < SHORTEST && !SHORT.includes(path));
  assertEquals(short, [], "merge these into the files that they belong to");
  const all = [...lines, ...PAGES.flatMap(scriptsAndStyles)];
  const long = all.filter(({ path, count }) => count > LONGEST && !TABLES.includes(path));
  assertEquals(long, [], "split these by what they are about");
  assertEquals(TABLES.filter((path) => !lines.some((file) => file.path === path)), []);
  const sorted = lines.map(({ count }) => count).sort((one, other) => one - other);
  assert(sorted[sorted.length >> 1] >= MEDIAN_LEAST, `the median is ${sorted[sorted.length >> 1]} lines`);
});

Deno.test("the rooms have no more files than their nouns take", () => {
  const rooms = files.filter((path) => layerOf(path) !== undefined && !LATER.test(path) && !BY_NOUN.test(path));
  const written = rooms.filter((path) => !path.endsWith(".d.ts") && !GENERATED.includes(path));
  assert(written.length <= FILES_MOST, `${written.length} files`);
});

/** Where pages are made, with scripts and styles. */
const PAGES = ["scenario/report/", "control/serve/page/"];

function scriptsAndStyles(folder: string): { path: string; count: number }[] {
  const names = Array.from(Deno.readDirSync(new URL(`../../${folder}`, import.meta.url)), ({ name }) => name);
  const found = names.filter((name) => /\.(js|css)$/.test(name)).map((name) => folder + name);
  assert(found.length > 1, `scripts and styles in ${folder}`);
  return found.map((path) => ({ path, count: textOf(path).split("\n").length - 1 }));
}

/** What is written by hand, but for tests, benchmarks and examples. */
function sources(): string[] {
  return files.filter((path) => !/^(tests|bench|examples)\//.test(path));
}
