/** Debian's packages by an apt-get that is a script: what it is asked, and what is said of it. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { downloadPackages } from "../../uml/apt.ts";

/** Prints a plan of two packages where the lists that it is told of are right, and notes its words. */
const APT_GET = `#!/bin/sh
echo "$@" >>"$APT_LOG"
case "$* " in
  *update*) touch "$APT_UPDATED"; exit 0 ;;
esac
case "$* " in
  *Dir::State::lists=/var/lib/apt/lists*) right=$APT_MACHINE ;;
  *) right=$([ -e "$APT_UPDATED" ] && echo yes) ;;
esac
if [ "$right" != yes ]; then echo "E: Unable to locate package tool" >&2; exit 100; fi
case "$* " in
  *--print-uris*) echo "'http://x/tool_1%3a2.0-1_amd64.deb' tool_1%3a2.0-1_amd64.deb 1500000 SHA256:00"
    echo "'http://x/libtool1_2_all.deb' libtool1_2_all.deb 2550000 SHA256:00" ;;
esac
`;

/** What came of it. */
interface Outcome {
  got: string[];
  said: string[];
  /** What apt-get was asked, without where it has its settings. */
  asked: string[];
  cache: string;
}

/** Downloads a package by that script, on a machine whose own lists are as they should be, or not. */
async function download(
  machine: "yes" | "no",
  options: Partial<Parameters<typeof downloadPackages>[1]> = {},
): Promise<Outcome> {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-apt-" });
  const before = Deno.env.toObject();
  await Deno.writeTextFile(`${folder}/apt-get`, APT_GET, { mode: 0o755 });
  Deno.env.set("PATH", `${folder}:${before.PATH}`);
  Deno.env.set("XDG_CACHE_HOME", folder);
  for (const [name, value] of Object.entries({ LOG: `${folder}/log`, UPDATED: `${folder}/up`, MACHINE: machine })) {
    Deno.env.set(`APT_${name}`, value);
  }
  const said: string[] = [];
  try {
    const base = { folder, what: "A tool", advice: "Do without", onDownload: (what: string) => void said.push(what) };
    const got = await downloadPackages(["tool"], { ...base, ...options });
    const asked = (await Deno.readTextFile(`${folder}/log`)).trim().split("\n")
      .map((line) => line.replace(/^.*?apt\.conf /, ""));
    return { got, said, asked, cache: folder };
  } finally {
    for (const name of ["PATH", "XDG_CACHE_HOME"]) {
      if (before[name] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[name]);
    }
    await Deno.remove(folder, { recursive: true });
  }
}

const MACHINE = "--option Dir::State::lists=/var/lib/apt/lists";

Deno.test("downloadPackages() uses this machine's lists, and says how much it downloads", async () => {
  const { got, said, asked } = await download("yes");
  assertEquals(got, ["tool", "libtool1"]);
  assertEquals(said, ["A tool: 2 packages of Debian's, 4.0 MB"]);
  assertEquals(asked, [`${MACHINE} download --print-uris tool`, `${MACHINE} download tool libtool1`]);
});

Deno.test("downloadPackages() fetches lists of its own where this machine has none, and says so", async () => {
  const { got, said, asked, cache } = await download("no", { withDependencies: true });
  assertEquals(got, ["tool", "libtool1"]);
  assertEquals(said, [
    `A tool: the lists of Debian's packages, about 10 MB, to ${cache}/plugctl/apt`,
    "A tool: 2 packages of Debian's, 4.0 MB",
  ]);
  const plan = "install --no-install-recommends --print-uris tool";
  assertEquals(asked, [`${MACHINE} ${plan}`, plan, "update", plan, "download tool libtool1"]);
});

Deno.test("downloadPackages() downloads nothing that is here already", async () => {
  const { got, said, asked } = await download("yes", { except: new Set(["tool", "libtool1"]) });
  assertEquals([got, said], [[], []]);
  assert(asked.every((line) => line.includes("--print-uris")));
});

Deno.test("downloadPackages() says what apt-get says, and what to do, where there is no such package", async () => {
  const missing = { architecture: "nosuch", dependenciesOf: "nosuch" };
  const { message } = await assertRejects(() => download("no", missing), Error, "Cannot download tool: apt-get said");
  assertStringIncludes(message, "\nDo without");
});
