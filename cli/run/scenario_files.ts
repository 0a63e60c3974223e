import { ScenarioError } from "../../scenario/mistake.ts";
import { describeRow, type Scalar } from "../../scenario/plan.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { plainValue } from "../../scenario/source/tree.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_status.ts";

/** A scenario that has been checked. */
export interface Checked {
  /** The file, as it was named or found. */
  readonly file: string;
  readonly scenario: Scenario;
  /** The file with the row of its matrix: `web.yaml [port=80]`; what it is called among others. */
  readonly label: string;
  /** What files that are written of it are called: `tests_web` for `tests/web.yaml`, `tests_web_2_port-80` for its second row. */
  readonly outputName: string;
  /** What `--set` gives it: of several scenarios each takes the variables that it has. */
  readonly set: Readonly<Record<string, string>>;
}

/** What operands name. */
export interface ScenarioFiles {
  readonly files: readonly string[];
  /** Whether one file was named, and no folder. */
  readonly isOne: boolean;
  /** YAML files of folders that are no scenarios. */
  readonly others: readonly string[];
}

/** More files than this are not looked at in search of scenarios: it is another folder that is meant. */
const LOOKED_AT_MAX = 20_000;
/** How long the names of files may be that are made from others, in characters; the kernel takes 255 bytes, and they get an ending. */
const NAME_MOST = 200;

/**
 * The files that operands name. A folder stands for every YAML file below it that has steps.
 *
 * @throws {UsageError} where a folder has no scenario, or too much else
 */
export async function scenarioFiles(operands: readonly string[]): Promise<ScenarioFiles> {
  const files = new Set<string>();
  const without = new Set<string>();
  let isOne = operands.length === 1;
  for (const operand of operands) {
    if (!await isFolder(operand)) {
      files.add(operand);
      continue;
    }
    isOne = false;
    const { found, others } = await scenariosIn(operand);
    if (found.length === 0) throw new UsageError(`${operand} has no scenario: no YAML file with steps: in it`);
    for (const file of found) files.add(file);
    for (const file of others) without.add(file);
  }
  return { files: [...files], isOne, others: [...without] };
}

/** The files that scenarios are read from, by the operands that name those: with what they include, though wrong. */
export async function sourcesOf(operands: readonly string[]): Promise<string[]> {
  const { files } = await scenarioFiles(operands);
  const all = files.map(async (file) => {
    try {
      return (await Scenario.loadAll(file)).flatMap(({ files }) => files);
    } catch (error) {
      // What is wrong is told when it is run.
      return error instanceof ScenarioError ? error.files : [file];
    }
  });
  return [...new Set((await Promise.all(all)).flat())];
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false; // That it cannot be read is told when it is.
  }
}

async function scenariosIn(top: string): Promise<{ found: string[]; others: string[] }> {
  const found: string[] = [];
  const others: string[] = [];
  let looked = 0;
  const folders = [top.replace(/^(?:\.\/)+(?=.)/, "")];
  for (const folder of folders) {
    const entries = await entriesOf(folder);
    looked += entries.length;
    if (looked > LOOKED_AT_MAX) {
      throw new UsageError(`${top} has more than ${LOOKED_AT_MAX} files: name the folder of the scenarios`);
    }
    for (const { name, isDirectory } of entries) {
      const path = folder === "." ? name : `${folder.replace(/\/+$/, "")}/${name}`;
      if (name.startsWith(".") || name === "node_modules") continue;
      if (isDirectory) folders.push(path);
      else if (/\.ya?ml$/.test(name)) (await hasSteps(path) ? found : others).push(path);
    }
  }
  return { found: found.sort(), others };
}

async function entriesOf(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new Deno.errors.PermissionDenied(`Cannot read ${folder}: permission denied`, { cause: error });
  }
}

async function hasSteps(file: string): Promise<boolean> {
  return /^(?:steps|"steps"|'steps')\s*:/m.test(await Deno.readTextFile(file));
}

/**
 * Reads and checks them all. Where any is wrong, `onMistakes` is told of each that is.
 *
 * @returns nothing where any is wrong
 * @throws {UsageError} where a variable is set that none of them has
 */
export async function checkAll(
  context: Context,
  { files, isOne }: ScenarioFiles,
  onMistakes: (error: ScenarioError) => void,
): Promise<Checked[] | undefined> {
  const given = settings(context);
  const checked: Checked[] = [];
  let isRight = true;
  for (const file of files) {
    try {
      checked.push(...await checkOne(file, { given, isOne }));
    } catch (error) {
      if (error instanceof RangeError) throw new UsageError(`--set: ${error.message}`);
      if (!(error instanceof ScenarioError)) throw error;
      onMistakes(error);
      isRight = false;
    }
  }
  const unknown = Object.keys(given).find((key) => !checked.some(({ set }) => Object.hasOwn(set, key)));
  if (isRight && unknown !== undefined) throw new UsageError(`--set: none of the scenarios has a variable ${unknown}`);
  return isRight ? checked : undefined;
}

async function checkOne(
  file: string,
  { given, isOne }: { given: Readonly<Record<string, string>>; isOne: boolean },
): Promise<Checked[]> {
  const known = isOne ? given : await knownOf(file, given);
  const rows = await Scenario.loadAll(file, { set: values(known) });
  return rows.map((scenario, index) => {
    const row = Object.entries(scenario.row).map(([key, value]): [string, string] => [key, String(value)]);
    const said = row.length === 0 ? "" : ` [${describeRow(scenario.row)}]`;
    const named = row.map((each) => `_${each.join("-").replaceAll(/[^\w.-]/g, "-")}`);
    const outputName = stemOf(file) + (row.length === 0 ? "" : `_${index + 1}${named.join("")}`);
    return {
      file,
      scenario,
      label: `${file}${said}`,
      outputName: outputName.slice(0, NAME_MOST),
      set: { ...known, ...Object.fromEntries(row) },
    };
  });
}

function stemOf(file: string): string {
  return file.replace(/\.ya?ml$/, "").replace(/^(?:\.?\.?\/)+/, "").replaceAll("/", "_");
}

/** Those of the settings whose variables a file has. */
async function knownOf(file: string, given: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const [{ vars }] = await Scenario.loadAll(file);
  return Object.fromEntries(Object.entries(given).filter(([key]) => Object.hasOwn(vars, key)));
}

/** What `--set` gives. */
function settings(context: Context): Record<string, string> {
  const given = context.arguments.values.get("set") ?? [];
  return Object.fromEntries(given.map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw new UsageError(`${JSON.stringify(text)} sets nothing: --set KEY=VALUE`);
    return [text.slice(0, at), text.slice(at + 1)];
  }));
}

/** Each value as YAML would read it. */
function values(set: Readonly<Record<string, string>>): Record<string, Scalar> {
  return Object.fromEntries(Object.entries(set).map(([key, text]) => [key, plainValue(text) ?? text]));
}
