import { assertEquals } from "@std/assert";
import { LINKTYPE, writeInterface, writePacket, writeSection } from "../../capture/pcapng.ts";
import { PacketReader } from "../../codec/capture/reader.ts";
import { concat } from "../codec/bytes.ts";
import { ethernet, ipv4, tcp } from "./frames.ts";

const SYN = ethernet(0x800, ipv4(6, tcp(2)));
const TIME_NS = 1_795_660_127_123_456_789n;
const CAPTURE = concat(
  writeSection("plugctl 0.1.0"),
  writeInterface({ name: "web", linkType: LINKTYPE.ethernet, snapLength: 256 }),
  writeInterface({ name: "tun0", description: "gate db on tun0", linkType: LINKTYPE.ip, snapLength: 0 }),
  writePacket({
    interface: 0,
    timeNs: TIME_NS,
    bytes: SYN,
    length: SYN.length,
    comment: "held 512 ms by gate web, epoch 3",
  }),
  writePacket({
    interface: 1,
    timeNs: TIME_NS + 1n,
    bytes: SYN.subarray(14, 47),
    length: 1400,
    comment: "gehalten für 3 ms",
  }),
  writePacket({ interface: 0, timeNs: 5n, bytes: SYN.subarray(0, 0), length: 60 }),
);

Deno.test("writePacket() writes what a reader of pcapng reads: times, lengths, kinds, comments", () => {
  const packets = new PacketReader().read(CAPTURE).map(({ bytes, seconds, nanoseconds, ...packet }) => {
    return { timeNs: BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds), ...packet, bytes: bytes.toHex() };
  });
  assertEquals([...packets], [
    { timeNs: TIME_NS, bytes: SYN.toHex(), length: 54, linkType: 1, comment: "held 512 ms by gate web, epoch 3" },
    {
      timeNs: TIME_NS + 1n,
      bytes: SYN.subarray(14, 47).toHex(),
      length: 1400,
      linkType: 101,
      comment: "gehalten für 3 ms",
    },
    { timeNs: 5n, bytes: "", length: 60, linkType: 1 },
  ]);
});

const NAME = "tshark reads what is written: interfaces, nanoseconds, comments";
/** Where a level of the tests runs it is fetched; without, a test says that it did not run. */
const hasTshark = isThere("tshark");

Deno.test({
  name: hasTshark ? NAME : `${NAME}: NOT RUN, deno task test --level logic fetches tshark`,
  ignore: !hasTshark && Deno.env.get("CI") !== "true",
  async fn() {
    const file = await Deno.makeTempFile({ prefix: "plugctl-", suffix: ".pcapng" });
    try {
      await Deno.writeFile(file, CAPTURE);
      const fields = [
        "frame.interface_name",
        "frame.time_epoch",
        "frame.len",
        "frame.cap_len",
        "frame.comment",
        "ip.src",
      ];
      const args = ["-r", file, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
      const { stdout } = await new Deno.Command("tshark", { args, stderr: "null" }).output();
      assertEquals(new TextDecoder().decode(stdout).split("\n").slice(0, -1).map((line) => line.split("\t")), [
        ["web", "1795660127.123456789", "54", "54", "held 512 ms by gate web, epoch 3", "10.0.0.1"],
        ["tun0", "1795660127.123456790", "1400", "33", "gehalten für 3 ms", "10.0.0.1"],
        ["web", "0.000000005", "60", "0", "", ""],
      ]);
    } finally {
      await Deno.remove(file);
    }
  },
});

function isThere(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
