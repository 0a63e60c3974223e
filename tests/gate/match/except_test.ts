import { assert, assertEquals, assertThrows } from "@std/assert";
import { planGate } from "../../../gate/gate_plan.ts";
import { EXCEPTIONS_MAX, parseExceptions, parseMatch } from "../../../gate/match/expression.ts";
import { MatchError } from "../../../gate/match/reader.ts";
import { isIn } from "../../../plug/match/cube.ts";
import { dissect } from "../../../plug/match/packet.ts";
import { formatNote, type GateNote, packetsText, parseNote } from "../../../plug/gate_device.ts";
import { canHold, type Flow, type Held, holdsAll } from "../../../plug/flow.ts";
import { randomFrames, randomly } from "../../kernel/random_frames.ts";

const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);

const CASES: [match: string[], except: string[]][] = [
  [["tcp"], ["port 22"]],
  [["port 80"], ["host 10.0.0.1", "port 22"]],
  [["tcp", "tcp dst port 80 and src net 10.0.0.0/24"], ["src host 10.0.0.1 or dst port 443"]],
  [["tcp dst portrange 8000-8011"], ["dst port 8005 or dst portrange 8000-8003"]],
  [["vlan 12"], ["tcp"]],
];

for (const [match, except] of CASES) {
  Deno.test(`planGate() lets pass exactly ${except} of ${match}: SEED=${seed}`, () => {
    const { cubes, exceptions } = planGate({ dev: "lo", direction: "in", match, except }) &&
      parseExceptions(match, except);
    const [meant, passing] = [
      match.flatMap((text) => parseMatch(text)),
      except.flatMap((text) => parseMatch(text, { within: match })),
    ];
    for (const frame of randomFrames(randomly(seed), 2000)) {
      const packet = dissect(frame);
      const fits = (all: typeof cubes) => all.some((cube) => isIn(packet, cube));
      assertEquals(!fits(exceptions) && fits(cubes), fits(meant) && !fits(passing), frame.toHex());
      assert(!fits(exceptions) || fits(meant), "what passes is a part of what is meant");
    }
  });
}

const REFUSED: [match: string[], except: string[], error: typeof MatchError | RangeErrorConstructor, says: string][] = [
  [["tcp"], ["udp"], MatchError, 'no packet that the gate matches fits "udp", expected words that some of them fit'],
  [["tcp"], ["vlan 12 and tcp"], MatchError, "no packet that the gate matches fits"],
  [["tcp"], ["tcp prt 3"], MatchError, '"prt"'],
  [[], ["not port 22"], MatchError, "flower filters cannot express this"],
  [["tcp"], ["tcp"], RangeError, 'the exceptions of a gate leave nothing of "tcp" to hold: tcp'],
  [["udp", "tcp dst port 80"], ["ip", "ip6 and tcp"], RangeError, 'leave nothing of "tcp dst port 80" to hold'],
  [
    [],
    [22, 23, 24, 25, 26, 27].map((port) => `port ${port}`),
    RangeError,
    `the exceptions of a gate take 72 flower filters, at most ${EXCEPTIONS_MAX}: name a protocol (tcp)`,
  ],
];

for (const [match, except, error, says] of REFUSED) {
  Deno.test(`parseExceptions() refuses ${match.join(" or ") || "all"} except ${except.join(" or ")}`, () => {
    assertThrows(() => parseExceptions(match, except), error, says);
  });
}

Deno.test("a note keeps match and exceptions, also where they fill the cookies, and says where they do not fit", () => {
  const note: GateNote = {
    direction: "both",
    devices: [2, 3],
    ownClsact: [2],
    limitBytes: 1 << 20,
    priority: 1000,
    filters: 2,
    exceptions: 9,
    sign: "8d0c4b5a-00000001",
    match: ["tcp"],
    except: [
      "src host fd00:0:0:1:2:3:4:5",
      "port 22 or port 23 or port 24",
      "dst host fd00:0:0:1:2:3:4:5",
      "dst port 80",
      "udp src or dst port 5353 and net 192.168.0.0/16",
    ],
    firstFilters: 2,
    first: ["fin", "rst"],
  };
  const { alias, cookies } = formatNote(note);
  assert(cookies.length > 2, "the cookies of what is excepted are needed");
  assertEquals(parseNote(alias, cookies), note);
  assertEquals(parseNote(alias, cookies.slice(1))?.except, undefined);
  assertEquals(packetsText(note), `tcp except ${note.except?.join(" or ")}; first fin or rst`);
  assertEquals(packetsText({ match: [], except: ["arp"] }), "all packets except arp");
  assertThrows(
    () => formatNote({ ...note, except: Array(20).fill("src host fd00:0:0:1:2:3:4:5") }),
    RangeError,
    "a gate's match and exceptions and what goes first cannot have 745 characters, at most ",
  );
});

Deno.test("canHold() and holdsAll() leave out what is excepted", () => {
  const flow: Flow = {
    ifindex: 1,
    side: "egress",
    tag: "none",
    look: () => ({ packets: parseMatch("ip and tcp src port 22 and dst host 10.0.0.2") }),
  };
  const held = (match: string | undefined, ...except: string[]): Held => {
    const within = match === undefined ? [] : [match];
    const { cubes, exceptions } = parseExceptions(within, except);
    return { sides: ["egress"], packets: () => cubes, except: () => exceptions };
  };
  const answers = (one: Held) => [canHold(one, flow), holdsAll(one, flow)];
  assertEquals(answers(held(undefined, "udp")), [true, true]);
  assertEquals(answers(held(undefined, "tcp")), [false, false]);
  assertEquals(answers(held(undefined, "tcp port 22")), [false, false]);
  // Some pass, so that not all are held; others are.
  assertEquals(answers(held(undefined, "tcp dst port 50000")), [true, false]);
  assertEquals(answers(held("tcp", "dst net 10.0.0.0/8")), [false, false]);
  assertEquals(answers(held("tcp", "dst host 10.0.0.3")), [true, true]);
});
