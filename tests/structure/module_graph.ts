import { deno, ROOT, sourceFiles } from "./sources.ts";

/** Which files of the project each file imports, for its code or for its types alone. */
export type ModuleGraph = ReadonlyMap<string, readonly string[]>;

/** What is used here of what `deno info --json` prints. */
interface Info {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: { code?: { specifier?: string }; type?: { specifier?: string }; isDynamic?: boolean }[];
  }[];
}

/** Reads what each TypeScript file imports as Deno resolves it: all of it, or what it loads at once alone. */
export async function readModuleGraph(
  { loadedAtOnce = false }: { loadedAtOnce?: boolean } = {},
): Promise<ModuleGraph> {
  const entry = sourceFiles().map((path) => `import "${new URL(path, ROOT)}";`).join("");
  const { stdout, stderr } = await deno(
    "info",
    "--no-lock",
    "--json",
    `data:text/typescript,${encodeURIComponent(entry)}`,
  );
  if (stdout === "") throw new Error(`Cannot read the module graph: ${stderr}`);
  const { modules }: Info = JSON.parse(stdout);
  const failed = modules.find(({ error }) => error !== undefined);
  if (failed) throw new Error(`Cannot read the imports of ${failed.specifier}: ${failed.error}`);
  const own = modules.filter(({ specifier }) => specifier.startsWith(ROOT.href));
  return new Map(own.map(({ specifier, dependencies = [] }) => {
    const found = dependencies.filter(({ isDynamic }) => !(loadedAtOnce && isDynamic))
      .flatMap(({ code, type }) => loadedAtOnce ? [code?.specifier] : [code?.specifier, type?.specifier]);
    return [pathOf(specifier), [...new Set(found)].filter((url) => url?.startsWith(ROOT.href)).map(pathOf)];
  }));
}

function pathOf(url = ""): string {
  return url.slice(ROOT.href.length);
}

/** A way from a file back to itself, or `undefined` where there is none. */
export function findCycle(graph: ModuleGraph): string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const imported of graph.get(path) ?? []) {
      const cycle = visit(imported, [...way, path]);
      if (cycle) return cycle;
    }
    done.add(path);
  };
  return graph.keys().map((path) => visit(path, [])).find((cycle) => cycle !== undefined);
}

/** Every file that is loaded with a file, itself included. */
export function reachableFrom(graph: ModuleGraph, start: string): string[] {
  const found = new Set([start]);
  for (const path of found) for (const imported of graph.get(path) ?? []) found.add(imported);
  return [...found];
}
