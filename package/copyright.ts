import { run } from "./command.ts";

const PROJECT = `${import.meta.dirname}/..`;

/** What stands between plugctl's licence and those of others. */
const CONTAINS =
  `The binary contains Deno, Copyright the Deno authors, which is under the same licence, with what that contains.
The program contains these packages, or parts of them:
`;

/** What `deno info` tells of the modules of a program. */
interface ModuleGraph {
  /** Those of npm packages have `npmPackage`, `yaml@2.9.1`, and `specifier`, `npm:/yaml@2.9.1/PATH`. */
  modules: readonly { specifier: string; npmPackage?: string }[];
  npmPackages: Readonly<Record<string, NpmPackage>>;
}

interface NpmPackage {
  name: string;
  version: string;
  /** The folder that it is in. */
  localPath: string;
}

/**
 * The licence of plugctl, and those of all that its program contains, which are to be passed on with it.
 *
 * @throws {Error} Where a package says nowhere whose it is.
 */
export async function copyright(): Promise<string> {
  const own = await Deno.readTextFile(`${PROJECT}/LICENSE`);
  const info = ["info", "--json", "--config", `${PROJECT}/deno.json`, `${PROJECT}/cli/main.ts`];
  const { modules, npmPackages }: ModuleGraph = JSON.parse(await run([Deno.execPath(), ...info]));
  const used = Map.groupBy(modules.filter(({ npmPackage }) => npmPackage), ({ npmPackage }) => npmPackage as string);
  const notices = Array.from(used, ([id, [{ specifier }]]) => noticeOf(npmPackages[id], specifier));
  return [own, CONTAINS, ...notices.sort()].join("\n");
}

/** A package's licence: the text that the package has of it, or else what one of its modules says in its first line. */
function noticeOf({ name, version, localPath }: NpmPackage, specifier: string): string {
  const { license } = JSON.parse(Deno.readTextFileSync(`${localPath}/package.json`));
  const file = Array.from(Deno.readDirSync(localPath), (entry) => entry.name).find((entry) =>
    /^licen[cs]e/i.test(entry)
  );
  const text = file ? Deno.readTextFileSync(`${localPath}/${file}`) : firstLine(localPath, specifier);
  if (!/copyright/i.test(text)) throw new Error(`Cannot pass on the licence of ${name} ${version}: it has none`);
  return `${name} ${version}, ${license}\n\n${text.trim().replaceAll(/^(?=.)/gm, "    ")}\n`;
}

/** The first line of a module that a package has, without what makes it a comment. */
function firstLine(localPath: string, specifier: string): string {
  const path = specifier.replace(/^npm:\/?(@[^/]+\/)?[^/]+/, localPath);
  return Deno.readTextFileSync(path).split("\n", 1)[0].replace(/^\/\/ /, "");
}
