// Messages put together by hand: for tests, and apart from the codec.

export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** 32-bit words in the order of the machine. */
export function words(...values: number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}

/** 64-bit words in the order of the machine. */
export function wideWords(...values: bigint[]): Uint8Array {
  return new Uint8Array(new BigUint64Array(values).buffer);
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

/** `struct nlattr`, its payload, and zeros up to a multiple of 4 bytes. */
export function attribute(type: number, ...payload: Uint8Array[]): Uint8Array {
  const bytes = concat(new Uint8Array(4), ...payload);
  new DataView(bytes.buffer).setUint16(0, bytes.length, true);
  new DataView(bytes.buffer).setUint16(2, type, true);
  return concat(bytes, new Uint8Array(-bytes.length & 3));
}

/** `struct nlmsghdr` with sequence number 7 and port id 9, and what follows it. */
export function message(type: number, flags: number, ...body: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const rest = concat(...body);
  return concat(words(16 + rest.length, type | flags << 16, 7, 9), rest);
}

/** `struct tcmsg`: device 3, handle 1:, root, referred to twice. */
export const TCMSG: Uint8Array = words(0, 3, 0x10000, 0xffffffff, 2);
/** `struct ifinfomsg`: an Ethernet device, the third, up and running. */
export const IFINFOMSG: Uint8Array = words(0x10000, 3, 0x1043, 0);

export const BASIC: Uint8Array = attribute(1, wideWords(0x1_0000_0005n), words(11, 0));
export const QUEUE: Uint8Array = attribute(3, words(1, 2, 3, 4, 5));
export const TC_STATS: Uint8Array = attribute(3, wideWords(99n), words(21, 22, 23, 24, 25, 26, 27, 0));

const IN_VLAN = concat(attribute(8, word16(0x81)), attribute(23, word16(5)), attribute(25, word16(8)));
const HOSTS = concat(
  attribute(10, new Uint8Array([10, 0, 0, 0])),
  attribute(11, new Uint8Array([255, 0, 0, 0])),
  attribute(16, new Uint8Array(16).fill(0xfd)),
  attribute(17, new Uint8Array(16).fill(0xff)),
);
/** A port, its mask, a range of ports, TCP flags and their mask. */
const PORTS = concat(...[18, 36, 42, 87, 88, 71, 72].map((type) => attribute(type, word16(0xff00 + type))));
const MIRRED = concat(
  attribute(2, words(1, 0, 4, 1, 1, 1, 5)),
  attribute(1, wideWords(175n, 170n, 0n, 0xffff_ffff_ffffn)),
);
const ACTION = concat(
  attribute(1, text("mirred")),
  attribute(4, BASIC, QUEUE),
  attribute(10, words(0)),
  attribute(2, MIRRED),
);

function word16(value: number): Uint8Array {
  return new Uint8Array(new Uint16Array([value]).buffer);
}

/** A message for each way in which the kernel can say each thing, by name. */
export const FAMILY: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "link of strings without NUL": message(
    16,
    0x605,
    IFINFOMSG,
    attribute(3, text("lan0").subarray(0, -1)),
    attribute(20, text("to Zürich").subarray(0, -1)),
    attribute(6, text("fq\0\0\0\0")),
    attribute(38, text("p\x1b[31m").subarray(0, -1)),
    attribute(53, concat(text("a"), text("b"))),
    attribute(56),
    attribute(18, attribute(1, text("vlan").subarray(0, -1)), attribute(2, attribute(1, words(5)))),
  ),
  "link with what is configured of it": message(
    16,
    2,
    IFINFOMSG,
    attribute(
      26,
      attribute(2, attribute(1, words(1, 2, 3))),
      attribute(
        10,
        attribute(2, words(1, 2)),
        attribute(3, wideWords(4n, 1n, 2n, 3n, 4n)),
        attribute(6, wideWords(1n)),
      ),
    ),
  ),
  "filter in a VLAN": message(
    44,
    2,
    TCMSG,
    attribute(1, text("flower")),
    attribute(2, IN_VLAN, attribute(3, attribute(1, ACTION))),
  ),
  "filter with every key": message(
    44,
    2,
    TCMSG,
    attribute(1, text("flower")),
    attribute(11, words(0)),
    attribute(2, attribute(9, new Uint8Array([6])), HOSTS, PORTS, attribute(75, word16(1)), attribute(22, words(8))),
  ),
  "filter with two actions": message(
    45,
    2,
    TCMSG,
    attribute(1, text("flower")),
    attribute(2, attribute(3, attribute(1, ACTION), attribute(2, attribute(1, text("gact")))), attribute(86, words(0))),
  ),
  "filter of another kind": message(44, 2, TCMSG, attribute(1, text("strange")), attribute(2, words(1, 2))),
  "plug change": message(36, 5, TCMSG, attribute(1, text("plug")), attribute(2, words(1, 4096))),
  "plug change as libnl sends it": message(36, 5, TCMSG, attribute(1, text("plug")), attribute(0x8002, words(2, 0))),
  "every attribute of a qdisc": message(
    36,
    2,
    TCMSG,
    attribute(1, text("tbf")),
    attribute(2, attribute(1, words(1, 2, 3))),
    attribute(4, words(5)),
    attribute(5, words(6)),
    attribute(6, words(7)),
    attribute(
      7,
      BASIC,
      attribute(2, words(8, 9)),
      QUEUE,
      attribute(5, wideWords(1n, 2n)),
      attribute(8, wideWords(77n)),
    ),
    TC_STATS,
    attribute(8, attribute(1, words(1, 2, 3, 4, 5, 6)), attribute(2, words(0x20001))),
    attribute(9),
    attribute(10),
    attribute(11, words(12)),
    attribute(12, new Uint8Array([1])),
    attribute(13, words(14)),
    attribute(14, words(15)),
    attribute(16, text("Warning: it is hot")),
  ),
  "statistics of hardware": message(36, 2, TCMSG, attribute(7, BASIC, attribute(7, wideWords(4n), words(5, 0)), QUEUE)),
  "old statistics alone": message(37, 0, TCMSG, attribute(1, text("pfifo_fast")), TC_STATS),
  "statistics twice": message(
    36,
    2,
    TCMSG,
    attribute(7, BASIC),
    attribute(7, attribute(8, wideWords(6n)), BASIC, QUEUE),
  ),
  "kind without its NUL": message(36, 2, TCMSG, attribute(1, new Uint8Array([112, 108, 117, 103]))),
  "kind with two NULs": message(36, 2, TCMSG, attribute(1, new Uint8Array([112, 0, 117, 103, 0]))),
  "kind of 300 letters": message(36, 2, TCMSG, attribute(1, text("k".repeat(300)))),
  "no kind": message(36, 2, TCMSG, attribute(1, new Uint8Array(1)), attribute(1)),
  "qdisc as x86-64 dumps it": message(
    36,
    2,
    TCMSG,
    attribute(1, text("pfifo_fast")),
    attribute(2, new Uint8Array(20)),
    attribute(12, new Uint8Array(1)),
    attribute(7, BASIC, QUEUE),
    TC_STATS,
  ),
  "qdisc as strict machines dump it": message(
    36,
    2,
    TCMSG,
    attribute(1, text("plug")),
    attribute(12, new Uint8Array(1)),
    attribute(9),
    attribute(7, attribute(6), BASIC, attribute(6), QUEUE),
    TC_STATS,
  ),
  "qdisc asked for": message(38, 0x301, TCMSG),
  "link": message(
    16,
    2,
    IFINFOMSG,
    attribute(3, text("veth0")),
    attribute(4, words(1500)),
    attribute(5, words(2)),
    attribute(6, text("noqueue")),
    attribute(10, words(8)),
    attribute(13, words(1000)),
    attribute(18, attribute(1, text("veth")), attribute(2, attribute(1, IFINFOMSG))),
    attribute(20, text("uplink ünïcode")),
    attribute(41, words(65536)),
    attribute(99, new Uint8Array(3)),
  ),
  "link gone": message(17, 0, IFINFOMSG, attribute(3, text("veth0"))),
  "link asked for": message(18, 5, IFINFOMSG, attribute(3, text("lo"))),
  "route": message(
    24,
    2,
    new Uint8Array([2, 0, 0, 0, 254, 3, 0, 1]),
    words(0),
    attribute(15, words(1000)),
    attribute(6, words(100)),
    attribute(5, words(0x0100000a)),
    attribute(4, words(2)),
  ),
  "route of several ways": message(
    24,
    2,
    new Uint8Array([2, 24, 0, 0, 254, 3, 0, 1]),
    words(0),
    attribute(9, ...Array.from({ length: 11 }, (_, index) => words(8, index + 1))),
  ),
  "route asked for": message(26, 1, new Uint8Array([2, 32, 0, 0, 0, 0, 0, 0]), words(0), attribute(1, words(1))),
  "ack": message(2, 0x100, words(0), words(60, 36 | 5 << 16, 7, 0)),
  "ack with a warning": message(2, 0x300, words(0), words(60, 36 | 5 << 16, 7, 0), attribute(1, text("Careful"))),
  "refusal with all that there is": message(
    2,
    0x200,
    words(-22 >>> 0),
    message(36, 5, TCMSG, attribute(1, text("plug")), attribute(2, words(9, 0))),
    attribute(1, text("Bad action")),
    attribute(2, words(52)),
    attribute(3, new Uint8Array([1, 2, 3, 4, 5])),
    attribute(4, attribute(1, words(4)), attribute(4, wideWords(0n)), attribute(5, wideWords(3n))),
    attribute(5, words(2)),
    attribute(6, words(36)),
  ),
  "refusal of nonsense": message(2, 0, words(-22 >>> 0), message(36, 5, TCMSG, words(2))),
  "refusal of a stranger": message(2, 0x200, words(-95 >>> 0), message(200, 5, words(1, 2)), attribute(1, text("No"))),
  "end of a dump": message(3, 2, words(0)),
  "end of a dump, short": message(3, 2),
  "end of a dump that failed": message(3, 0x202, words(-4 >>> 0), attribute(1, text("Interrupted"))),
  "nothing": message(1, 0),
  "stranger": message(200, 2, words(1, 2, 3)),
  "unpadded": unpadded(message(36, 2, TCMSG, attribute(1, text("plug")))),
};

/** Without the padding after its last attribute. */
function unpadded(whole: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const bytes = whole.slice(0, whole.length - 3);
  new DataView(bytes.buffer).setUint32(0, bytes.length, true);
  return bytes;
}
