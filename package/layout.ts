import { run } from "./program.ts";

/** How it is laid out. */
export interface LayoutOptions {
  /** Whether it is for a package of Debian's, where zsh looks for the completions of packages in a folder of its own. */
  debian?: boolean;
}

/** A file of plugctl's, as it is installed. */
export interface InstalledFile {
  /** Where it goes, from the prefix on. */
  path: string;
  /** What is put there: the file of this path, or this text. */
  source: string | { text: string };
  mode: number;
}

const PROJECT = `${import.meta.dirname}/..`;

/** Where the bundle goes that Deno runs, from the prefix on: nothing else is there. */
export const LIBRARY = "lib/plugctl";
/** Where the licences go; nothing else is there. */
export const DOCUMENTS = "share/doc/plugctl";

/** plugctl as the binary that is at `path`. */
export function asBinary(path: string): InstalledFile[] {
  return [{ path: "bin/plugctl", source: path, mode: 0o755 }];
}

/** plugctl as the bundle that is in `folder`, and what has Deno run it. */
export function asBundle(folder: string): InstalledFile[] {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
  return [
    ...names.map((name) => ({ path: `${LIBRARY}/${name}`, source: `${folder}/${name}`, mode: 0o644 })),
    { path: "bin/plugctl", source: `${PROJECT}/package/launcher.sh`, mode: 0o755 },
  ];
}

/** Every file that is installed: the program, its completions, its manual page and the licences. */
export async function layout(
  program: readonly InstalledFile[],
  options: LayoutOptions = {},
): Promise<InstalledFile[]> {
  const licences = { path: `${DOCUMENTS}/copyright`, source: { text: await copyright() }, mode: 0o644 };
  return [...program, ...companions(options), licences];
}

/** What goes with the program: its completions and its manual page. */
export function companions({ debian = false }: LayoutOptions = {}): InstalledFile[] {
  const completions = `${PROJECT}/cli/completions`;
  const zsh = debian ? "share/zsh/vendor-completions" : "share/zsh/site-functions";
  return [
    { path: "share/bash-completion/completions/plugctl", source: `${completions}/plugctl.bash`, mode: 0o644 },
    { path: `${zsh}/_plugctl`, source: `${completions}/plugctl.zsh`, mode: 0o644 },
    { path: "share/fish/vendor_completions.d/plugctl.fish", source: `${completions}/plugctl.fish`, mode: 0o644 },
    { path: "share/man/man1/plugctl.1", source: `${PROJECT}/docs/plugctl.1`, mode: 0o644 },
  ];
}

/** Puts files under a prefix. One that is there is replaced at once, also where it is a program that runs. */
export async function putInPlace(files: readonly InstalledFile[], prefix: string): Promise<void> {
  for (const { path, source, mode } of files) {
    const target = `${prefix}/${path}`;
    await Deno.mkdir(folderOf(target), { recursive: true });
    if (typeof source === "string") await Deno.copyFile(source, `${target}.new`);
    else await Deno.writeTextFile(`${target}.new`, source.text);
    await Deno.chmod(`${target}.new`, mode);
    await Deno.rename(`${target}.new`, target);
  }
}

/** Removes a file, or a folder with what is in it. */
export async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** The folder that a file is in. */
export function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) || "/" : ".";
}

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
