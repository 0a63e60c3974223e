/** What else than a device's own plug or a gate can lock out: classes, ifbs, limits, and a session that sudo hides. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import { Gate, Plug, QueueError } from "../../mod.ts";
import { Conversation } from "./conversation.ts";
import { GatePair } from "./gate_pair.ts";
import { loadModules } from "./modules.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { qdiscs } from "./queue.ts";

const SESSION = "10.0.0.2 50000 10.0.0.1 22";
const OUT = ["--dev", "eth0", "--direction", "out"];
const CARRIES = "the device carries this SSH session";

/** A host in an SSH session over its `eth0`. */
class Reached extends GatePair {
  constructor() {
    super();
    Deno.env.set("SSH_CONNECTION", SESSION);
  }

  /** Sees that a command line is refused, for this reason, and touches nothing, and that --force is taken. */
  async refuses(words: string[], reason: string): Promise<void> {
    const before = JSON.stringify(qdiscs(this.left));
    const { status, stderr } = await plugctl(this.left, ...words);
    assertEquals([status, JSON.stringify(qdiscs(this.left))], [1, before], stderr);
    assertMatch(stderr, /; if that is what you want, add --force\n$/);
    assertEquals(stderr.includes(reason), true, stderr);
    await plugctlDone(this.left, ...words, "--force");
  }

  override [Symbol.dispose](): void {
    Deno.env.set("SSH_CONNECTION", "");
    super[Symbol.dispose]();
  }
}

Deno.test("a plug below a class is refused where the class may have this SSH session", async (t) => {
  const WHAT = `it can hold packets of this SSH session (${SESSION}): the class may have them`;
  const ABOVE = [
    ["prio", ["root", "handle", "1:", "prio"], WHAT],
    ["netem, which has but one", ["root", "handle", "1:", "netem"], `${CARRIES}, which it would hold too`],
  ] as const;
  for (const [name, words, reason] of ABOVE) {
    await t.step(name, async () => {
      using pair = new Reached();
      pair.left.run("tc", "qdisc", "add", "dev", "eth0", ...words);
      const place = ["eth0", "--parent", "1:1"];
      await pair.refuses(["attach", ...place, "--hold"], reason);
      await plugctlDone(pair.left, "release", ...place);
      await pair.refuses(["buffer", ...place], reason);
      await plugctlDone(pair.left, "release", ...place);
      await plugctlDone(pair.left, "buffer", ...place, "--max-hold", "1s");
      await plugctlDone(pair.left, "detach", ...place);
    });
  }
});

Deno.test("a plug on an ifb is refused where that has packets of the device that carries this SSH session", async (t) => {
  await t.step("a gate's, named as a device", async () => {
    using pair = new Reached();
    await plugctlDone(pair.left, "gate", "add", "g", ...OUT, "--match", "tcp");
    const held = `it gets packets of eth0, and would hold packets of this SSH session (${SESSION})`;
    await pair.refuses(["buffer", "plug-g"], held);
    await plugctlDone(pair.left, "gate", "add", "h", ...OUT, "--match", "udp");
    await plugctlDone(pair.left, "buffer", "plug-h");
  });

  await t.step("one that shapes what comes in", async () => {
    using pair = new Reached();
    const { left } = pair;
    left.run("ip", "link", "add", "ifb7", "up", "type", "ifb");
    left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
    const redirect = ["matchall", "action", "mirred", "egress", "redirect", "dev", "ifb7"];
    await plugctlDone(left, "attach", "ifb7");
    await plugctlDone(left, "buffer", "ifb7");
    await plugctlDone(left, "release", "ifb7");
    left.run("tc", "filter", "add", "dev", "eth0", "ingress", ...redirect);
    await pair.refuses(["buffer", "ifb7"], "it gets packets of eth0, which carries this SSH session");
    await plugctlDone(left, "detach", "ifb7");
    left.configure(["route add default via 10.0.0.2"]);
    Deno.env.set("SSH_CONNECTION", "");
    await pair.refuses(["attach", "ifb7", "--hold"], "it gets packets of eth0, which carries the default route");
  });
});

Deno.test("a limit below the MTU is refused where to hold is", async (t) => {
  const DROPS = "packets that are longer than 1513 bytes";

  await t.step("of a device", async () => {
    using pair = new Reached();
    await pair.refuses(["attach", "eth0", "--limit", "1513"], `${CARRIES}, of which it would drop all ${DROPS}`);
    await plugctlDone(pair.left, "limit", "eth0", "1514");
    await pair.refuses(["limit", "eth0", "1513"], `${CARRIES}, of which it would drop all ${DROPS}`);
  });

  await t.step("of a gate that matches it, and of no other", async () => {
    using pair = new Reached();
    const reason = `it would drop packets of this SSH session (${SESSION}) that are longer than 1513 bytes`;
    await pair.refuses(["gate", "add", "g", ...OUT, "--match", "tcp", "--limit", "1513"], reason);
    await plugctlDone(pair.left, "limit", "g", "1514");
    await pair.refuses(["limit", "g", "1513"], reason);
    await plugctlDone(pair.left, "gate", "add", "h", ...OUT, "--match", "udp", "--limit", "1513");
    await plugctlDone(pair.left, "limit", "h", "1");
  });

  await t.step("but not with a hold, which has a deadline", async () => {
    using pair = new Reached();
    await plugctlDone(pair.left, "hold", "eth0", "--limit", "1513", "--for", "10ms");
  });
});

Deno.test("an SSH session counts also where its variable was kept from plugctl, as sudo does", async () => {
  using pair = new Reached();
  await plugctlDone(pair.left, "attach", "eth0");
  // The shell stays, as sudo does, whose own environment has it.
  const script = 'env --unset=SSH_CONNECTION "$@" 2>&1; exit $?';
  const child = pair.left.spawn(["sh", "-c", script, "sh", ...PLUGCTL, "buffer", "eth0"], { stdout: "piped" });
  const { code, stdout } = await child.output();
  assertEquals(code, 1);
  assertMatch(new TextDecoder().decode(stdout), /the device carries this SSH session, which it would hold too/);
});

Deno.test("each way to hold without a deadline is refused, and with one is not", async (t) => {
  await loadModules(["sch_prio", "cls_matchall"]);
  using pair = new Reached();
  const { left } = pair;
  left.run("ip", "link", "add", "ifb7", "up", "type", "ifb");
  left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "1:", "prio");
  const redirect = ["matchall", "action", "mirred", "egress", "redirect", "dev", "ifb7"];
  left.run("tc", "filter", "add", "dev", "eth0", "parent", "1:", ...redirect);
  const gate = "eth0 --direction out --match 'tcp src port 22'";

  const isRefused = async (line: string) => {
    const before = JSON.stringify(qdiscs(left));
    const file = Deno.makeTempFileSync();
    Deno.writeTextFileSync(file, line);
    const words = line.split(/ (?=(?:[^']*'[^']*')*[^']*$)/).map((word) => word.replaceAll("'", ""));
    for (const command of [words, ["batch", file]]) {
      const { status, stderr } = await plugctl(left, ...command);
      assertEquals([status, JSON.stringify(qdiscs(left))], [1, before], `${command}: ${stderr}`);
      assertMatch(stderr, /SSH session.*; if that is what you want, add --force\n$/);
    }
  };

  await t.step("by a command, alone and in a batch", async () => {
    await isRefused("attach ifb7 --hold");
    await isRefused("attach eth0 --parent 1:2 --hold");
    await isRefused(`gate add g ${gate} --hold`);
    await plugctlDone(left, "attach", "ifb7");
    await plugctlDone(left, "attach", "eth0", "--parent", "1:2");
    await plugctlDone(left, "gate", "add", "g", ...OUT, "--match", "tcp src port 22");
    for (const what of ["ifb7", "eth0 --parent 1:2", "g"]) await isRefused(`buffer ${what}`);
  });

  await t.step("by the API", () => {
    using connection = left.enter(() => Connection.open());
    const match = { direction: "out", match: "tcp src port 22" } as const;
    using plug = Plug.open({ dev: "ifb7", connection });
    using waiting = Gate.open({ name: "h", dev: "eth0", ...match, connection });
    const deeds = [
      () => Plug.attach({ dev: "eth0", parent: 0x10001, hold: true, connection }),
      () => plug.buffer(),
      () => Plug.all([plug]).buffer(),
      () => Gate.open({ name: "i", dev: "eth0", ...match, hold: true, connection }),
      () => waiting.buffer(),
    ];
    for (const deed of deeds) assertEquals(assertThrows(deed, QueueError).code, "would-lock-out");
  });

  await t.step("but not with a deadline", async () => {
    for (const what of [["ifb7"], ["g"]]) {
      await plugctlDone(left, "hold", ...what, "--for", "10ms");
      await plugctlDone(left, "buffer", ...what, "--max-hold", "10s");
      await plugctlDone(left, "release", ...what);
    }
    await using session = new Conversation(left);
    await session.ask({ op: "buffer", on: "g" });
    await session.ask({ op: "release", on: "g" });
    assertEquals(await session.end(), [0, ""]);
  });
});
