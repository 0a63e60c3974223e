/** The Ansible collection: what it says of itself is so, and it is packed as ansible-galaxy takes it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { parse } from "yaml";
import config from "../../deno.json" with { type: "json" };
import { makeCollection } from "../../package/collection.ts";

const PROJECT = new URL("../../", import.meta.url).pathname;
const COLLECTION = `${PROJECT}clients/ansible/ansible_collections/plugctl/fault`;
const MODULES = ["gate", "hold", "release"];
const { version } = config;

/** What of an option is said twice: where it is documented, and where it is taken. */
interface Option {
  type: string;
  required?: boolean;
  default?: unknown;
  choices?: string[];
  elements?: string;
  aliases?: string[];
}

/** What `ansible-doc --json` tells of a module. */
interface Documented {
  doc: { options: Record<string, Option>; short_description: string; attributes: Record<string, unknown> };
  examples: string;
  return: Record<string, { description: unknown; returned: string; type: string }>;
}

/** Runs a program with a folder for what it writes, and returns what it printed. */
async function done(folder: string, [program, ...args]: string[], env: Record<string, string> = {}): Promise<string> {
  const variables = { ANSIBLE_HOME: `${folder}/home`, PYTHONPYCACHEPREFIX: `${folder}/pycache`, ...env };
  const output = await new Deno.Command(program, { args, env: variables, cwd: folder, stdin: "null" }).output();
  const decoder = new TextDecoder();
  assertEquals(output.code, 0, `${program} ${args.join(" ")}: ${decoder.decode(output.stderr)}`);
  return decoder.decode(output.stdout);
}

/** A folder for one test. */
async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-ansible-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Packs the collection and installs it, and tells where. */
async function install(folder: string): Promise<string> {
  const file = await makeCollection(folder, { version, date: 1_000_000_000 });
  await done(folder, ["ansible-galaxy", "collection", "install", "--offline", file, "-p", `${folder}/installed`]);
  return `${folder}/installed`;
}

async function documented(folder: string, collections: string): Promise<Record<string, Documented>> {
  const names = MODULES.map((name) => `plugctl.fault.${name}`);
  const env = { ANSIBLE_COLLECTIONS_PATH: collections };
  const docs = JSON.parse(await done(folder, ["ansible-doc", "--json", ...names], env));
  return Object.fromEntries(MODULES.map((name) => [name, docs[`plugctl.fault.${name}`]]));
}

Deno.test("every Python file of the project compiles without a warning", async () => {
  await inFolder(async (folder) => {
    const files = pythonFiles("");
    assert(files.length > 10 && files.some((path) => path.endsWith("modules/hold.py")));
    await done(folder, [
      "python3",
      "-W",
      "error",
      "-m",
      "compileall",
      "-f",
      "-q",
      ...files.map((path) => PROJECT + path),
    ]);
  });
});

function pythonFiles(folder: string): string[] {
  return Array.from(Deno.readDirSync(PROJECT + folder)).flatMap(({ name, isDirectory }) => {
    if (isDirectory) return /^(\.|dist$|node_modules$|__pycache__$)/.test(name) ? [] : pythonFiles(`${folder}${name}/`);
    return name.endsWith(".py") ? [`${folder}${name}`] : [];
  });
}

Deno.test("makeCollection() makes the same bytes again, which ansible-galaxy installs and finds whole", async () => {
  await inFolder(async (folder) => {
    const collections = await install(folder);
    const again = await makeCollection(await Deno.makeTempDir({ dir: folder }), { version, date: 1_000_000_000 });
    await done(folder, ["cmp", `${folder}/plugctl-fault-${version}.tar.gz`, again]);
    const verified = await done(folder, ["ansible-galaxy", "collection", "verify", "--offline", "plugctl.fault"], {
      ANSIBLE_COLLECTIONS_PATH: collections,
    });
    assert(verified.includes("Successfully verified"), verified);
    const there = `${collections}/ansible_collections/plugctl/fault`;
    await done(folder, ["diff", "-r", "-x", "*.json", "-x", "galaxy.yml", COLLECTION, there]);
    await assertRejects(
      () => makeCollection(folder, { version: "9.9.9", date: 0 }),
      Error,
      `Cannot pack the collection: galaxy.yml has version ${version}, plugctl has 9.9.9`,
    );
  });
});

Deno.test("each module documents the options that it takes, what it returns, and examples that are right", async () => {
  await inFolder(async (folder) => {
    const collections = await install(folder);
    const docs = await documented(folder, collections);
    const packages = `${Deno.env.get("PLUGCTL_TOOLS") ?? ""}/usr/lib/python3/dist-packages`;
    const script = `${import.meta.dirname}/argument_specs.py`;
    const specs = JSON.parse(
      await done(folder, ["python3", script, ...MODULES], { PYTHONPATH: `${collections}:${packages}` }),
    );
    for (const name of MODULES) {
      const { doc, examples, return: returned } = docs[name];
      assertEquals(mapped(doc.options), mapped(specs[name]), name);
      for (const [key, value] of Object.entries(returned)) {
        assert(value.description && value.returned && value.type, `${name} returns ${key}`);
      }
      assert(checkTasks(parse(examples), docs) > 0, name);
    }
    const { action_groups: groups } = parse(await Deno.readTextFile(`${COLLECTION}/meta/runtime.yml`));
    assertEquals(groups, { fault: MODULES });
  });
});

function mapped(options: Record<string, Option>): Record<string, Option> {
  const names = Object.keys(options).sort();
  return Object.fromEntries(names.map((name) => {
    const { type, required = false, default: otherwise, choices, elements, aliases = [] } = options[name];
    return [name, { type, required, default: otherwise ?? null, choices, elements, aliases }];
  }));
}

Deno.test("docs/ANSIBLE.md has playbooks with options that there are", async () => {
  await inFolder(async (folder) => {
    const docs = await documented(folder, `${PROJECT}clients/ansible`);
    const text = await Deno.readTextFile(`${PROJECT}docs/ANSIBLE.md`);
    const blocks = text.matchAll(/^( *)```yaml\n(.*?)^ *```$/gms).map(([, indent, block]) =>
      block.replaceAll(new RegExp(`^${indent}`, "gm"), "")
    ).toArray();
    assert(blocks.length >= 3);
    for (const [index, block] of blocks.entries()) {
      const file = `${folder}/${index}.yaml`;
      await Deno.writeTextFile(file, block);
      const env = { ANSIBLE_COLLECTIONS_PATH: `${PROJECT}clients/ansible` };
      await done(folder, ["ansible-playbook", "--syntax-check", "-i", "localhost,", file], env);
      assert(checkTasks(parse(block), docs) > 0, block);
    }
  });
});

/** Checks every task of a module of ours, wherever it stands, and tells how many there are. */
function checkTasks(value: unknown, docs: Record<string, Documented>): number {
  if (typeof value !== "object" || value === null) return 0;
  return Object.entries(value).reduce((sum, [key, inside]) => {
    const [, name] = /^plugctl\.fault\.(\w+)$/.exec(key) ?? [];
    if (name === undefined) return sum + checkTasks(inside, docs);
    const options = Object.entries(docs[name].doc.options).flatMap((
      [option, { aliases = [] }],
    ) => [option, ...aliases]);
    assertEquals(Object.keys(inside).filter((option) => !options.includes(option)), [], key);
    return sum + 1;
  }, 0);
}
