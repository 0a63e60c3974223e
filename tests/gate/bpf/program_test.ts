// Programs of classic BPF: what is made of them, asked of packets by what runs programs as the kernel does.
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { inTcpdumpsWords, unknownToTcpdump } from "../../../gate/bpf/beyond.ts";
import { listing } from "../../../gate/bpf/listing.ts";
import { Program, ProgramError } from "../../../gate/bpf/program.ts";
import { runProgram } from "../../../gate/bpf/run_program.ts";
import type { Instruction } from "../../../linux/bpf.ts";
import { programFields, readProgram } from "../../../plug/bpf_filter.ts";

/** What libpcap 1.10 makes of `tcp[13] & 1 != 0` for Ethernet. */
const FIN: Instruction[] = [
  [0x28, 0, 0, 12],
  [0x15, 0, 8, 0x800],
  [0x30, 0, 0, 23],
  [0x15, 0, 6, 6],
  [0x28, 0, 0, 20],
  [0x45, 4, 0, 0x1fff],
  [0xb1, 0, 0, 14],
  [0x50, 0, 0, 27],
  [0x45, 0, 1, 1],
  [0x06, 0, 0, 0x40000],
  [0x06, 0, 0, 0],
];
/** Of `vlan 12 and arp`. */
const VLAN_ARP: Instruction[] = [
  [0x28, 0, 0, 12],
  [0x15, 1, 0, 0x8100],
  [0x15, 0, 6, 0x88a8],
  [0x28, 0, 0, 14],
  [0x54, 0, 0, 0xfff],
  [0x15, 0, 3, 12],
  [0x28, 0, 0, 16],
  [0x15, 0, 1, 0x806],
  [0x06, 0, 0, 0x40000],
  [0x06, 0, 0, 0],
];
/** Of `greater 60`, and of `ether[40] = 7`. */
const GREATER: Instruction[] = [[0x80, 0, 0, 0], [0x35, 0, 1, 60], [6, 0, 0, 0x40000], [6, 0, 0, 0]];
const FAR: Instruction[] = [[0x30, 0, 0, 40], [0x15, 0, 1, 7], [6, 0, 0, 0x40000], [6, 0, 0, 0]];

const MACS = "020000000002020000000001";

function tcp(flags: number, tag = ""): Uint8Array {
  const ip = "4500002800000000400600000a0000010a000002";
  return Uint8Array.fromHex(
    `${MACS}${tag}0800${ip}0050005000000001000000015${0}${flags.toString(16).padStart(2, "0")}010000000000`,
  );
}

function arp(tag = ""): Uint8Array {
  return Uint8Array.fromHex(`${MACS}${tag}0806${"00".repeat(46)}`);
}

/** A packet as it is on the wire, and as the kernel has it, with its tag beside it. */
function untagged(frame: Uint8Array): { bytes: Uint8Array; tag: number } {
  const tag = new DataView(frame.buffer).getUint32(12);
  return { bytes: Uint8Array.from([...frame.subarray(0, 12), ...frame.subarray(16)]), tag };
}

const FRAMES = [tcp(1), tcp(2), tcp(1, "8100000c"), arp(), arp("8100000c"), arp("88a8200c"), arp("8100000d")];

/** Which of the frames a program means. */
function meant(program: Program): number[] {
  return FRAMES.flatMap((bytes, index) => runProgram(program.instructions(), { bytes }) ? [index] : []);
}

Deno.test("a Program is what was given, and what it does not mean, or another too, or only both", () => {
  const [fin, vlan, greater] = [FIN, VLAN_ARP, GREATER].map(Program.from);
  assertEquals(fin.instructions(), FIN);
  assertEquals([meant(fin), meant(vlan), meant(greater)], [[0], [4, 5], [3, 4, 5, 6]]);
  assertEquals(meant(fin.not()), [1, 2, 3, 4, 5, 6]);
  assertEquals(meant(fin.or(vlan)), [0, 4, 5]);
  assertEquals(meant(greater.and(vlan.not())), [3, 6]);
  assertEquals(meant(fin.or(greater).and(vlan.or(fin).not())), [3, 6]);
  assertEquals([fin.isNone, Program.from([[6, 0, 0, 0]]).isNone], [false, true]);
});

Deno.test("seeingTags() finds the tag that the kernel keeps beside a packet where it stands on the wire", () => {
  const places = [10, 11, 12, 13, 14, 15, 16, 17].flatMap((at) =>
    [[0x30, 1], [0x28, 2], [0x20, 4]].map(([code, size]) => ({ code, size, at }))
  );
  for (const { code, size, at } of places) {
    for (const frame of [tcp(1, "8100a00c"), arp("88a8200c")]) {
      const value = frame.subarray(at, at + size).reduce((sum, byte) => sum * 256 + byte, 0);
      // X is kept meanwhile.
      const program: Instruction[] = [[1, 0, 0, 7], [code, 0, 0, at], [0x15, 0, 3, value], [0x87, 0, 0, 0]];
      const whole = Program.from([...program, [0x15, 0, 1, 7], [6, 0, 0, 1], [6, 0, 0, 0]]).seeingTags().instructions();
      assertEquals(
        [runProgram(whole, { bytes: frame }), runProgram(whole, untagged(frame))],
        [true, true],
        `${at}:${size}`,
      );
    }
  }
  for (const program of [FIN, VLAN_ARP, GREATER, FAR].map(Program.from)) {
    const seeing = program.seeingTags().instructions();
    for (const frame of FRAMES) {
      const expected = runProgram(program.instructions(), { bytes: frame });
      assertEquals(runProgram(seeing, { bytes: frame }), expected);
      if (frame[12] !== 8) assertEquals(runProgram(seeing, untagged(frame)), expected);
    }
  }
  const computed: Instruction[] = [[0x50, 0, 0, 2], [6, 0, 0, 1]];
  assertThrows(() => Program.from(computed).seeingTags(), ProgramError, "a place that it computes");
});

Deno.test("withinPackets() says no of a packet that ends before, and lets the rest go on", () => {
  const short = { bytes: tcp(1).subarray(0, 30) };
  const asked = (program: Program) => runProgram(program.instructions(), short);
  const fin = Program.from(FIN);
  assertEquals([asked(fin), asked(fin.not()), asked(fin.withinPackets().not())], [false, false, true]);
  const far = Program.from(FAR).withinPackets();
  assertEquals(asked(far.or(Program.from(GREATER).not())), true);
  assertEquals(meant(fin.withinPackets()), meant(fin));
  assertEquals(meant(Program.from(VLAN_ARP).withinPackets().not()), [0, 1, 2, 3, 6]);
});

Deno.test("instructions() leads by way of others where a condition cannot jump so far", () => {
  const long = Array.from({ length: 40 }, () => Program.from(FIN).not());
  const all = long.reduce((one, other) => one.and(other));
  const many = Program.from(VLAN_ARP).and(all);
  const far = Program.from([[0x30, 0, 0, 12], [0x15, 1, 0, 8], ...Array(299).fill([0, 0, 0, 1]), [6, 0, 0, 1], [
    6,
    0,
    0,
    0,
  ]]);
  assertEquals(meant(many), [4, 5]);
  const isShort = ({ 1: ifSo, 2: ifNot }: Instruction) => ifSo < 256 && ifNot < 256;
  assertEquals([many, far].every((program) => program.instructions().every(isShort)), true);
  assertThrows(() => Program.from([[5, 0, 0, 0xfffffff0], [6, 0, 0, 0]]), ProgramError, "loop");
});

Deno.test("a text stands behind a program, where nothing leads, and is read again", () => {
  const text = new TextEncoder().encode("greater 60 and not tcp; except arp");
  for (const kept of [text, text.subarray(0, 1), text.subarray(0, 4), new Uint8Array()]) {
    const ops = programFields(FIN, kept)[1].value as Uint8Array;
    const read = readProgram(ops);
    assertEquals(read.program, FIN);
    assertEquals(read.text ?? new Uint8Array(), kept.slice());
    assertEquals(runProgram(readProgram(ops).program ?? [], { bytes: FRAMES[0] }), true);
  }
  assertEquals(readProgram(undefined), {});
});

Deno.test("listing() prints a program as tcpdump -d does", () => {
  assertEquals(
    listing(FIN),
    `(000) ldh      [12]
(001) jeq      #0x800           jt 2\tjf 10
(002) ldb      [23]
(003) jeq      #0x6             jt 4\tjf 10
(004) ldh      [20]
(005) jset     #0x1fff          jt 10\tjf 6
(006) ldxb     4*([14]&0xf)
(007) ldb      [x + 27]
(008) jset     #0x1             jt 9\tjf 10
(009) ret      #262144
(010) ret      #0`,
  );
  assertMatch(
    listing([[0x07, 0, 0, 0], [0x87, 0, 0, 0], [0x24, 0, 0, 8], [5, 0, 0, 0]]),
    /tax\n.*txa\n.*mul +#8\n.*ja +4$/,
  );
});

Deno.test("words of our own are said in tcpdump's, and a word that would be looked up as a host's name is found", () => {
  const said = (text: string) => inTcpdumpsWords(text);
  const syn = "(tcp[12:2] & 0x2 = 0x2 or (ip6[6] = 6 and ip6[52:2] & 0x2 = 0x2))";
  assertEquals(said("greater 60"), "greater 60");
  assertEquals(said("tcp dst port 80 syn greater 60"), `tcp dst port 80 and ${syn} and greater 60`);
  assertEquals(said("!syn and tcp[13] != 0"), `not ${syn} and tcp[13] != 0`);
  assertEquals(said("icmp type echo"), "(icmp[0] & 0xff = 0x8)");
  assertEquals(said("icmp and (mark 7/0xff or ip)"), "icmp and ( (link[0xfffff014:4] & 0xff = 0x7) or ip )");
  const known = [
    "tcp[tcpflags] & (tcp-syn|tcp-fin) = tcp-syn",
    "udp[4:2]>100",
    "ip proto \\gre",
    "port http or https",
    "ether host 2:0:0:0:0:1",
  ];
  assertEquals(known.map(unknownToTcpdump), known.map(() => undefined));
  assertEquals(unknownToTcpdump("greater 60 and host foo"), { text: "foo", position: 20 });
  assertEquals(unknownToTcpdump("greeter 60")?.text, "greeter");
});
