import { BPF, type Instruction, readInstructions } from "./bpf.ts";

/** Every function of libpcap that plugctl calls, each with its declaration. */
const SYMBOLS = {
  // pcap_t *pcap_open_dead(int linktype, int snaplen);
  pcap_open_dead: { parameters: ["i32", "i32"], result: "pointer" },
  // int pcap_compile(pcap_t *p, struct bpf_program *program, const char *text, int optimize, bpf_u_int32 netmask);
  pcap_compile: { parameters: ["pointer", "buffer", "buffer", "i32", "u32"], result: "i32" },
  // char *pcap_geterr(pcap_t *p);
  pcap_geterr: { parameters: ["pointer"], result: "pointer" },
  // void pcap_freecode(struct bpf_program *program);
  pcap_freecode: { parameters: ["buffer"], result: "void" },
  // void pcap_close(pcap_t *p);
  pcap_close: { parameters: ["pointer"], result: "void" },
} as const;

/** Debian's name, then that of other distributions, then what a package for development brings. */
const NAMES = ["libpcap.so.0.8", "libpcap.so.1", "libpcap.so"];

/** The link header that packets begin with: `DLT_EN10MB` and `DLT_RAW` of `pcap/dlt.h`, which has IP at once. */
export const LINK = { ethernet: 1, none: 12 } as const;
/** One of these. */
export type LinkHeader = keyof typeof LINK;

/** Those whose packets begin with Ethernet's header: `ARPHRD_ETHER`, `ARPHRD_LOOPBACK`. */
const ETHERNET = [1, 772];
/** Those whose packets begin with IP: raw, tunnels of IP in IP, `ARPHRD_NONE` of tun and WireGuard. */
const NO_HEADER = [519, 768, 769, 776, 0xfffe];

/** The header of devices of an `ARPHRD_*` type of `linux/if_arp.h`; `undefined` where it is not known. */
export function linkHeader(type: number): LinkHeader | undefined {
  return ETHERNET.includes(type) ? "ethernet" : NO_HEADER.includes(type) ? "none" : undefined;
}

/** More than any packet has. */
const SNAPLEN = 0x40000;
const NETMASK_UNKNOWN = 0xffffffff;
/** `struct bpf_program`: the number of instructions, and where they are, 8 bytes each. */
const PROGRAM_LEN = 16;
const INSTRUCTIONS_AT = 8;
const INSTRUCTION_LEN = 8;

/** What libpcap says of an expression that no packet can fit, and a program that says so. */
const REJECTS_ALL = "expression rejects all packets";
const NONE: Instruction[] = [[BPF.RET | BPF.K, 0, 0, 0]];

/** libpcap is not there. */
export class NoLibpcapError extends Error {
  /** The class's name. */
  override name = "NoLibpcapError";
}

/** An expression is none, in the words of libpcap. */
export class ExpressionError extends SyntaxError {
  override name = "ExpressionError";
}

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

let loaded: { name: string; library: Library } | undefined;

/**
 * The name by which libpcap was found.
 *
 * @throws {NoLibpcapError} where it is not there
 */
export function libpcapName(): string {
  return libpcap().name;
}

function libpcap(): { name: string; library: Library } {
  return loaded ??= load();
}

function load(): { name: string; library: Library } {
  const failures: unknown[] = [];
  for (const name of NAMES) {
    try {
      return { name, library: Deno.dlopen(name, SYMBOLS) };
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      failures.push(error);
    }
  }
  throw new NoLibpcapError("Cannot open libpcap: it is not there", { cause: new AggregateError(failures) });
}

/**
 * Compiles an expression of tcpdump into classic BPF for packets with such a link header. Looks up no name but those of
 * services and protocols. Of an expression that no packet can fit it returns a program that says no at once.
 *
 * @throws {NoLibpcapError} where libpcap is not there
 * @throws {ExpressionError} where it does not understand it
 */
export function compileExpression(text: string, link: LinkHeader): Instruction[] {
  const { symbols: call } = libpcap().library;
  const handle = call.pcap_open_dead(LINK[link], SNAPLEN);
  if (!handle) throw new NoLibpcapError("Cannot use libpcap: it has no memory");
  try {
    const program = new Uint8Array(PROGRAM_LEN);
    const words = new TextEncoder().encode(`${text}\0`);
    if (call.pcap_compile(handle, program, words, 1, NETMASK_UNKNOWN) < 0) {
      const pointer = call.pcap_geterr(handle);
      const complaint = pointer ? new Deno.UnsafePointerView(pointer).getCString() : "no reason is given";
      if (complaint === REJECTS_ALL) return NONE;
      throw new ExpressionError(complaint);
    }
    const instructions = instructionsIn(program);
    call.pcap_freecode(program);
    return instructions;
  } finally {
    call.pcap_close(handle);
  }
}

function instructionsIn(program: Uint8Array): Instruction[] {
  const head = new DataView(program.buffer);
  const pointer = Deno.UnsafePointer.create(head.getBigUint64(INSTRUCTIONS_AT, true));
  if (!pointer) return [];
  const bytes = new Uint8Array(head.getUint32(0, true) * INSTRUCTION_LEN);
  new Deno.UnsafePointerView(pointer).copyInto(bytes);
  return readInstructions(bytes);
}
