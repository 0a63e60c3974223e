/** What others do to a queue while it is held: the holder says so as it happens, and touches nothing that is not its own. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Connection } from "../../netlink/mod.ts";
import { Plug } from "../../mod.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import { connect } from "./host.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { hasEnded } from "./process_table.ts";
import { plugOf, qdiscs } from "./queue.ts";
import { until } from "./until.ts";

const DEV = ["--dev", "eth0", "--limit", "16m"];
const GATE = ["gate", "add", "web", "--dev", "eth0", "--direction", "egress", "--match", "udp dst port 5000"];
const WAIT = { timeoutMs: 60_000 };

/** So that the guardian has seen what was sent, which it looks at each 50 ms. */
const seen = () => new Promise((resolve) => setTimeout(resolve, 300));

Deno.test("a hold that others disturb", async (t) => {
  using hold = new HoldCase();
  const { left } = hold;

  /** Holds, sends, disturbs, and returns what is said, which must come before the command ends. */
  const disturbed = async (words: string[], disturb: () => unknown): Promise<string> => {
    const { outcome, endCommand } = await hold.hold(words);
    hold.send();
    await seen();
    try {
      await disturb();
    } catch (error) {
      endCommand();
      throw new Error(`${error}; and: ${(await outcome).stderr}`);
    }
    const { status, stderr } = await ended(outcome, endCommand);
    assertEquals(status, 1, stderr);
    return stderr;
  };

  /** The packets go on at once, or are lost: in any case no more are held while the command goes on. */
  const ended = async (outcome: Promise<{ status: number; stderr: string }>, endCommand: () => void) => {
    await seen();
    endCommand();
    return await outcome;
  };

  const again = async () => {
    left.run("ip", "link", "set", "eth0", "up");
    await until(() => left.run("ip", "link", "show", "eth0").includes("LOWER_UP"), { ...WAIT, what: "the cable" });
    left.configure([
      "neighbour replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent",
      "address replace fd00::1/64 dev eth0 nodad",
      "neighbour replace fd00::2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent",
    ]);
  };

  await t.step("by taking its device down and up: so many are lost, as the kernel does not say", async () => {
    const stderr = await disturbed(DEV, async () => {
      left.run("ip", "link", "set", "eth0", "down");
      await again();
    });
    assertMatch(
      stderr,
      /eth0 \(root\): its device was taken down, which discards what is held: at least 50 packets are lost/,
    );
    assertEquals(qdiscs(left).filter(({ kind }) => kind === "plug"), []);
    hold.forgetSent();
  });

  await t.step("by a release of tc's", async () => {
    const stderr = await disturbed(DEV, async () => {
      left.run("tc", "qdisc", "change", "dev", "eth0", "root", "handle", "504c:", "plug", "release_indefinite");
      await hold.allArrived();
    });
    assertMatch(stderr, /eth0 \(root\): (another process|process \d+ \(tc\)) has let go what it held/);
    await hold.isOver();
  });

  const gateWays = [
    [
      "deleting its filters",
      ["tc", "filter", "delete", "dev", "eth0", "egress"],
      /its filters were deleted: packets pass it by/,
    ],
    [
      "deleting its clsact",
      ["tc", "qdisc", "delete", "dev", "eth0", "clsact"],
      /its filters were deleted: packets pass it by/,
    ],
    [
      "taking its own device down",
      ["ip", "link", "set", "plug-web", "down"],
      /taken down, which discards what is held: at least 50 packets/,
    ],
  ] as const;
  for (const [what, words, says] of gateWays) {
    await t.step(`of a gate, by ${what}`, async () => {
      await plugctlDone(left, ...GATE);
      const stderr = await disturbed(["web"], () => left.run(...words));
      assertMatch(stderr, says);
      await plugctlDone(left, "gate", "delete", "web");
      if (words[0] === "ip") hold.forgetSent();
      await hold.isOver();
    });
  }
});
