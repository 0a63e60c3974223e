/**
 * The levels of the tests: what each runs, and what it needs for that.
 *
 * @module
 */

import { filesImporting } from "./test_files.ts";
import type { ToolName } from "./tools.ts";

const PROJECT = `${import.meta.dirname}/..`;

/** Some of the tests. */
export interface Level {
  name: string;
  /** What it shows, for `--help`. */
  what: string;
  /** How long it takes on two processors once all is fetched. */
  takes: string;
  /** What it runs, by Deno, one after the other. */
  commands: readonly (readonly string[])[];
  /** The programs that it needs, unless the command sees to that. */
  tools?: readonly ToolName[];
}

const TEST = ["test", "-A", "--no-check"];
/** A file on each processor. */
const TEST_AT_ONCE = [...TEST, "--parallel"];
const RUN = ["run", "-A", "--no-check"];
const APT = "tests/uml/apt_test.ts";
const DOCUMENTED = ["mod.ts", "codec", "linux", "netlink", "guardian", "plug", "gate", "docs/API.md"];
/** Files of other folders that need a network namespace of their own, or Chromium. */
const NETLINK = filesImporting("own_namespace.ts").filter((file) => !file.startsWith("tests/netlink/"));
const CHROMIUM = filesImporting("runtimes/chromium.ts").filter((file) => !file.startsWith("tests/kernel/"));
/** Folders of tests that are a level, or part of one that is none of logic's. */
const APART = ["arm64", "binary", "codec", "kernel", "netlink", "runtimes", "uml"];

/** The cheap ones first. */
export const LEVELS: readonly Level[] = [
  {
    name: "codec",
    what: "bytes, literal and captured, truncated and mutated",
    takes: "1 min",
    commands: [[...TEST_AT_ONCE, "tests/codec"]],
  },
  {
    name: "logic",
    what: "everything above the kernel, over a fake one",
    takes: "2 min",
    commands: [[...TEST_AT_ONCE, ...logicFiles()]],
    // What is compiled by libpcap takes that, which comes with tcpdump.
    tools: ["ansible-doc", "ansible-galaxy", "ansible-playbook", "nats-server", "python3", "tcpdump", "tshark"],
  },
  {
    name: "netlink",
    what: "this kernel's netlink, in a network namespace of its own",
    takes: "10 s",
    commands: [[...RUN, "tests/netlink/run.ts"]],
    // Before it is in a namespace that has no network.
    tools: ["nft", "ip", "tc", "busybox"],
  },
  {
    name: "docs",
    what: "the examples of the documentation",
    takes: "10 s",
    commands: [["test", "-A", "--doc", ...DOCUMENTED]],
  },
  {
    name: "runtimes",
    what: "the codec in Node, Bun and Chromium, and the pages in Chromium",
    takes: "1 min",
    commands: [[...TEST, "tests/runtimes", ...CHROMIUM]],
    tools: ["chromium"],
  },
  {
    name: "uml",
    what: "User-Mode Linux itself, and kernels that lack a part",
    takes: "1 min",
    // Tests of apt change the environment, which all that run at once share.
    commands: [[...TEST, APT], [...TEST_AT_ONCE, `--ignore=${APT}`, "tests/uml"]],
    // What is compiled by libpcap takes that, which comes with tcpdump.
    tools: ["ip", "tc", "tcpdump"],
  },
  {
    name: "kernel",
    what: "the real thing: a kernel with sch_plug, packets, processes",
    takes: "30 min",
    commands: [[...RUN, "tests/kernel/run.ts"]],
  },
  {
    name: "binary",
    what: "the single binary, the bundle, and the packages",
    takes: "3 min",
    commands: [[...RUN, "tests/binary/run.ts"]],
  },
  {
    name: "arm64",
    what: "an arm64 kernel, in a machine that QEMU emulates",
    takes: "2 min",
    commands: [[...RUN, "tests/arm64/run.ts"]],
  },
];

/** The files of tests that belong to no other level. */
function logicFiles(): string[] {
  const folders = Array.from(Deno.readDirSync(`${PROJECT}/tests`)).filter(({ isDirectory }) => isDirectory);
  const files = folders.map(({ name }) => name).filter((name) => !APART.includes(name)).sort()
    .flatMap((name) => filesImporting("", `tests/${name}`));
  return files.filter((file) => !NETLINK.includes(file) && !CHROMIUM.includes(file));
}
