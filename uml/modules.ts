/**
 * Which kernel modules User-Mode Linux loads, in an order that satisfies their dependencies.
 *
 * @module
 */

/** The modules that plugctl, its demo and its kernel tests use, by name. */
const WANTED = [
  "overlay",
  "8021q",
  "ipv6",
  "veth",
  "dummy",
  "ifb",
  "bridge",
  "bonding",
  "nlmon",
  "tun",
  "sch_plug",
  "sch_prio",
  "sch_ingress",
  "sch_fq",
  "sch_fq_codel",
  "sch_htb",
  "sch_netem",
  "sch_red",
  "sch_sfq",
  "sch_tbf",
  "act_csum",
  "act_gact",
  "act_mirred",
  "act_pedit",
  "act_police",
  "act_sample",
  "cls_bpf",
  "cls_flower",
  "cls_fw",
  "cls_matchall",
  "cls_u32",
];

/** What keeps modules from making devices nobody asked for as they are loaded. */
const PARAMETERS: Record<string, string> = {
  bonding: "max_bonds=0",
  dummy: "numdummies=0",
  ifb: "numifbs=0",
};

/**
 * Lists the files of the wanted modules, each after those it depends on, with a tab and its parameter.
 *
 * A module that the package does not have is left out: it is built into that kernel, or that
 * kernel lacks it and says so itself when it is asked for.
 *
 * @param folder The kernel's module folder, the one that holds `modules.dep`.
 * @param without Names of modules to leave out.
 * @param names Those wanted, where they are others.
 */
export function modulesToLoad(
  folder: string,
  without: string[] = [],
  names: readonly string[] = WANTED,
): string[] {
  const files = parseDependencies(
    Deno.readTextFileSync(`${folder}/modules.dep`),
  );
  const wanted = names
    .filter((name) => !without.includes(name))
    .flatMap((name) => files.get(name) ?? []);
  return [...new Set(wanted)].map((path) => [`${folder}/${path}`, PARAMETERS[moduleName(path)] ?? ""].join("\t"));
}

/** Parses `modules.dep` into each module's files in loading order, by module name. */
function parseDependencies(text: string): Map<string, string[]> {
  const modules = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [path, dependencies] = line.split(":");
    if (dependencies === undefined) continue;
    // depmod writes what must be loaded first last
    const before = dependencies.split(" ").filter(Boolean).reverse();
    modules.set(moduleName(path), [...before, path]);
  }
  return modules;
}

function moduleName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.ko(\.\w+)?$/, "");
}
