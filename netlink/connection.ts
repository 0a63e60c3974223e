import { NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN } from "../codec/assembly/constants.ts";
import { CHUNK_MAX, SEND_AT, SLOT_LEN, SLOTS_MAX } from "../codec/assembly/regions.ts";
import { DecodeError } from "../codec/decode_error.ts";
import { memoryWords, receiveRegion, sendRegion, slotLengths } from "../codec/exchange.ts";
import type { AnswerMessage, Message } from "../codec/message.ts";
import { readReceived, readSlots, verifyAcks } from "../codec/received.ts";
import type { Records } from "../codec/records.ts";
import { encodeRequest, type Request } from "../codec/request.ts";
import { type AnyOperation, EAGAIN, ENOBUFS, EPERM, ETIMEDOUT, NetlinkError } from "../linux/netlink_error.ts";
import { inNamespace, keepNamespace, type OpenNamespace } from "../linux/namespace.ts";
import { Heard } from "./listener.ts";
import { type ListeningSocket, openListeningSocket, openSocket, type Socket, uninterrupted } from "../linux/socket.ts";

/** What the kernel answered to one request: 0 and perhaps a message, or why not. */
export interface Answer<T = Message> {
  /** 0, or a positive errno. */
  errno: number;
  /** The kernel's own sentence, or empty. */
  sentence: string;
  /** Where in the request the fault is, in bytes; 0 where the kernel did not say. */
  offset: number;
  /** What a GET request asked for. */
  message?: T;
}

/** Sees the bytes of every datagram, which are valid during the call only. */
export type Trace = (direction: "sent" | "received", bytes: Uint8Array) => void;

/** What a test replaces, and what a caller may set. */
export interface ConnectionOptions {
  /** How long to wait for an answer, in milliseconds, which the kernel gives in microseconds. Default 5,000. */
  timeoutMs?: number;
  /** Sees what is sent and received. */
  trace?: Trace;
  /** Milliseconds of a monotonic clock. Default `performance.now`. */
  now?: () => number;
  /**
   * Opens what hears what is said to groups of the namespace that it leads to; its `receive` returns the length of what
   * was heard, or a negative errno. Default: nothing is heard.
   */
  listen?: (groups: number) => Disposable & { receive(): number };
  /** Opens a socket of another family of netlink in the namespace that it leads to. Default: there is none. */
  openFamily?: (family: number) => Socket;
}

/**
 * How many requests one send carries, and of those that ask for something. Each is answered before the send returns, and
 * the answers wait in the socket's buffer: with the default of 212,992 bytes it holds 277 ACKs, or 40 devices.
 */
export const REQUESTS_PER_SEND = 256;
const QUESTIONS_PER_SEND = 24;
/** The place of GET among the types of each kind: NEW, DEL, GET, SET. */
const GET = 2;

/** Where `nlmsg_seq` and `nlmsg_pid` stand in a message. */
const SEQUENCE_OFFSET = 8;
const PORT_OFFSET = 12;

/** How often a dump is begun anew because the state changed under it, or answers were lost. */
const DUMP_ATTEMPTS = 10;

/** Sends requests over a netlink socket and matches the answers. Everything is synchronous. */
export class Connection implements Disposable {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #trace?: Trace;
  readonly #now: () => number;
  readonly #received = new DataView(receiveRegion.buffer, receiveRegion.byteOffset, receiveRegion.length);
  readonly #listen: ConnectionOptions["listen"];
  readonly #openFamily: ConnectionOptions["openFamily"];
  /** What was said to groups, by those groups, since somebody asked twice. */
  readonly #heard = new Map<number, Heard>();
  #sequence = 0;
  /** Its socket's, once somebody is to know it. */
  #port = 0;
  /** Until when to wait for answers, by the clock; decided when there is something to wait for. */
  #deadline?: number;

  /** Takes over a socket, and closes it when it is disposed of. */
  constructor(
    socket: Socket,
    { timeoutMs = 5000, trace, now = () => performance.now(), listen, openFamily }: ConnectionOptions = {},
  ) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#trace = trace;
    this.#now = now;
    this.#listen = listen;
    this.#openFamily = openFamily;
  }

  /**
   * Opens a connection to this network namespace, or to the one named.
   *
   * @throws {NetlinkError} where the namespace or the socket cannot be opened
   * @throws {SyntaxError} where `netns` is neither a name nor a path nor `pid:N`
   */
  static open(
    { netns, ...options }: ConnectionOptions & { netns?: string } = {},
  ): Connection {
    const socket = netns === undefined ? openSocket() : inNamespace(netns, () => openSocket());
    // By the socket, since the name may be another namespace's by now
    const there = <T>(open: () => T): T => {
      using namespace = connection.openNamespace();
      return namespace.path === undefined ? open() : inNamespace(namespace.path, open);
    };
    const listen = (groups: number): ListeningSocket => {
      const open = () => openListeningSocket(groups);
      return netns === undefined ? open() : there(open);
    };
    const openFamily = (family: number): Socket => there(() => openSocket(family));
    const connection: Connection = new Connection(socket, { listen, openFamily, ...options });
    return connection;
  }

  /**
   * Sends requests, up to 256 in one send, or 24 that ask for something, and returns the answer of each. The kernel
   * handles them in order and goes on after one that it refuses. With `overheard` the listeners of the namespace hear them
   * too, before the kernel does (`Listener`).
   *
   * @throws {NetlinkError} where the socket fails, no answer comes in time, or answers were lost (ENOBUFS)
   */
  transact(requests: readonly Request[], { overheard = false }: { overheard?: boolean } = {}): Answer[] {
    return this.#inParts(requests, { overheard, choose: (records) => records.message() });
  }

  /**
   * As `transact`, for requests that ask for one thing each: keeps of its message what `choose` returns, which reads from
   * the records during the call only.
   */
  ask<T>(requests: readonly Request[], choose: (records: Records) => T | undefined): Answer<T>[] {
    return this.#inParts(requests, { overheard: false, choose });
  }

  #inParts<T>(requests: readonly Request[], how: Exchange<T>): Answer<T>[] {
    const most = requests.some(({ type }) => (type & 3) === GET) ? QUESTIONS_PER_SEND : REQUESTS_PER_SEND;
    if (requests.length <= most) return requests.length === 0 ? [] : this.#exchange(requests, how);
    const answers: Answer<T>[] = [];
    for (let from = 0; from < requests.length; from += most) {
      answers.push(...this.#exchange(requests.slice(from, from + most), how));
    }
    return answers;
  }

  /**
   * Sends one request and returns its answer's message, if it has one.
   *
   * @throws {NetlinkError} where the kernel refuses, or as `transact` does
   */
  request(operation: AnyOperation, request: Request): Message | undefined {
    const [answer] = this.transact([request]);
    if (answer.errno !== 0) throw new NetlinkError(operation, answer);
    return answer.message;
  }

  /**
   * Asks for everything of a kind and returns a message each. Begins anew where the state changed while the
   * kernel was listing it (`NLM_F_DUMP_INTR`), or where some of the list was lost (ENOBUFS).
   *
   * @throws {NetlinkError} where the kernel refuses, no answer comes in time, or ten attempts were disturbed
   */
  dump(operation: AnyOperation, request: Request): Message[] {
    return this.pick(operation, request, (records) => records.message());
  }

  /**
   * As `dump`, but keeps of each message only what `choose` returns, and nothing where that is `undefined`: of a
   * long list most is passed over without an object. `choose` reads from the records during the call only.
   */
  pick<T>(operation: AnyOperation, request: Request, choose: (records: Records) => T | undefined): T[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const picked = this.#dumpOnce(operation, { request, choose });
      if (picked) return picked;
    }
    throw new NetlinkError(operation, {
      errno: EAGAIN,
      sentence: `the state changed during each of ${DUMP_ATTEMPTS} attempts`,
    });
  }

  /**
   * The index of a device by its name.
   *
   * @throws {NetlinkError} with ENODEV where there is none
   */
  deviceIndex(name: string): number {
    const index = this.#socket.deviceIndex(name);
    if (index < 0) throw new NetlinkError(`find device ${name}`, { errno: -index });
    return index;
  }

  /** The number of its socket, by which listeners tell what it has changed; from now on what they overhear has it, too. */
  get port(): number {
    return this.#port ||= this.#socket.port;
  }

  /** The number of the request that was sent last. */
  get lastSequence(): number {
    return this.#sequence;
  }

  /**
   * Keeps the network namespace that it leads to open, for another process to enter.
   *
   * @throws {NetlinkError} with EPERM without CAP_NET_ADMIN in that namespace
   */
  openNamespace(): OpenNamespace {
    const fd = this.#socket.openNamespace();
    if (fd < 0) {
      const sentence = fd === -EPERM ? "it takes root, or CAP_NET_ADMIN" : undefined;
      throw new NetlinkError("find the network namespace of a connection", { errno: -fd, sentence });
    }
    return keepNamespace(fd);
  }

  /**
   * Opens a socket of another family of netlink, as `NETLINK_XFRM`, in the namespace that it leads to.
   *
   * @throws {NetlinkError} where the kernel has none, or the namespace cannot be entered
   */
  openFamily(family: number): Socket | undefined {
    return this.#openFamily?.(family);
  }

  /**
   * Whether anything may have been said to these groups since this was asked last: what was read before may be so no
   * more. Who asks once is told that it may, and nothing is listened to; nor is it where the namespace cannot be entered.
   * Until the caller waits for something, what has been heard is looked at once, and then at each 64th time.
   */
  mayHaveChanged(groups: number): boolean {
    const heard = this.#heard.get(groups);
    if (heard) return heard.anything();
    this.#heard.set(groups, new Heard(() => this.#listen?.(groups)));
    return true;
  }

  /** Closes its sockets. Calling it again does nothing. */
  [Symbol.dispose](): void {
    for (const heard of this.#heard.values()) heard[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }

  #exchange<T>(requests: readonly Request[], { overheard, choose }: Exchange<T>): Answer<T>[] {
    const first = this.#send(requests, overheard);
    const answers: (Answer<T> | undefined)[] = requests.map(() => undefined);
    const found: (T | undefined)[] = [];
    this.#deadline = undefined;
    for (let missing = requests.length; missing > 0;) {
      const count = this.#receiveSlots(missing);
      this.#dropStale(count, { first, requests: requests.length });
      const answered = requests.length - missing;
      // As a rule it did all that it was asked, in order.
      if (found.length === 0 && !answers[answered] && verifyAcks(count, first + answered) === count) {
        answers.fill(DONE, answered, answered + count);
        missing -= count;
        continue;
      }
      const records = readSlots(count);
      while (records.next()) {
        const index = records.sequence - first >>> 0;
        if (index >= requests.length || answers[index]) continue;
        const answer = records.type === NLMSG_ERROR || records.type === NLMSG_DONE ? records.message() : undefined;
        if (answer?.about !== "answer") found[index] = choose(records);
        else {
          answers[index] = { ...refusal(answer), message: found[index] };
          missing--;
        }
      }
    }
    return answers as Answer<T>[];
  }

  /** Encodes and sends requests as one datagram. Returns the sequence number of the first. */
  #send(requests: readonly Request[], overheard = false): number {
    const first = this.#sequence + 1 >>> 0;
    let length = 0;
    for (const request of requests) {
      this.#sequence = this.#sequence + 1 >>> 0;
      const at = length;
      length += encodeRequest(request, { at, sequence: this.#sequence });
      if (overheard) memoryWords[(SEND_AT + at + PORT_OFFSET) / 4] = this.#port;
    }
    this.#trace?.("sent", sendRegion.subarray(0, length));
    let sent = uninterrupted(() => this.#socket.send(length, overheard));
    // Without CAP_NET_ADMIN, retry as unicast: the answer says what else is not allowed.
    if (sent === -EPERM && overheard) sent = uninterrupted(() => this.#socket.send(length));
    if (sent < 0) throw new NetlinkError("send to the kernel", { errno: -sent });
    return first;
  }

  /** Receives what has arrived: to each request that is not answered yet a message and an ACK at the most. */
  #receiveSlots(missing: number): number {
    if (missing === 1) return this.#receiveSlot();
    const lengths = slotLengths.subarray(0, Math.min(2 * missing, SLOTS_MAX));
    const count = this.#receive(() => this.#socket.receiveSlots(lengths));
    if (count < 0) throw new NetlinkError("receive from the kernel", { errno: -count });
    return count;
  }

  /** Receives one datagram into the first slot, by a plain read, which costs less than one of several. */
  #receiveSlot(): number {
    const length = this.#receive(() => this.#socket.receive());
    if (length < 0) throw new NetlinkError("receive from the kernel", { errno: -length });
    slotLengths[0] = length;
    return 1;
  }

  /**
   * Empties the slots of what earlier requests were answered too late, before anything is decoded: a part of a
   * dump can be many messages, and longer than a slot.
   */
  #dropStale(count: number, { first, requests }: { first: number; requests: number }): void {
    for (let slot = 0; slot < count; slot++) {
      const at = slot * SLOT_LEN;
      const length = slotLengths[slot];
      this.#trace?.("received", receiveRegion.subarray(at, at + Math.min(length, SLOT_LEN)));
      if (length < NLMSG_HDRLEN) throw new DecodeError(`Cannot decode message of ${length} bytes`, 0);
      const sequence = this.#received.getUint32(at + SEQUENCE_OFFSET, true);
      if ((sequence - first >>> 0) >= requests) slotLengths[slot] = 0;
      else if (length > SLOT_LEN) throw truncated(length, SLOT_LEN);
    }
  }

  /**
   * Receives without waiting, since as a rule the kernel has answered; waits where it has not, and only then looks at the
   * clock. Returns what `receive` does, or `-ETIMEDOUT`.
   */
  #receive(receive: () => number): number {
    for (;;) {
      const result = uninterrupted(receive);
      if (result !== -EAGAIN) return result;
      const now = this.#now();
      const left = Math.ceil((this.#deadline ??= now + this.#timeoutMs) - now);
      if (left <= 0) return -ETIMEDOUT;
      this.#socket.wait(left);
    }
  }

  /** One attempt at a dump: its messages, or `undefined` where it was disturbed. */
  #dumpOnce<T>(
    operation: AnyOperation,
    { request, choose }: { request: Request; choose: (records: Records) => T | undefined },
  ): T[] | undefined {
    const sequence = this.#send([{ ...request, flags: (request.flags ?? 0) | NLM_F_DUMP }]);
    const picked: T[] = [];
    let disturbed = false;
    let lost = false;
    for (;;) {
      this.#deadline = lost ? -Infinity : undefined;
      const length = this.#receive(() => this.#socket.receive());
      if (lost && length === -ETIMEDOUT) return undefined;
      // The kernel goes on with the dump, and begins no other before this one has been read to its end.
      if (length === -ENOBUFS) {
        lost = disturbed = true;
        continue;
      }
      if (length < 0) throw new NetlinkError(operation, { errno: -length });
      const records = this.#decode(length);
      while (records.next()) {
        if (records.sequence !== sequence) continue;
        disturbed ||= (records.flags & NLM_F_DUMP_INTR) !== 0;
        if (records.type === NLMSG_ERROR || records.type === NLMSG_DONE) {
          const answer = records.message();
          if (answer.about === "answer" && answer.errno !== 0) throw new NetlinkError(operation, answer);
          return disturbed ? undefined : picked;
        }
        const choice = choose(records);
        if (choice !== undefined) picked.push(choice);
      }
    }
  }

  #decode(length: number): Records {
    if (length > CHUNK_MAX) throw truncated(length, CHUNK_MAX);
    this.#trace?.("received", receiveRegion.subarray(0, length));
    return readReceived(length);
  }
}

/** How requests are sent, and what is kept of the messages that answer them. */
interface Exchange<T> {
  overheard: boolean;
  choose: (records: Records) => T | undefined;
}

/** What most requests are answered. */
const DONE: Answer<never> = Object.freeze({ errno: 0, sentence: "", offset: 0, message: undefined });

function refusal(
  { errno, sentence, offset }: AnswerMessage,
): Omit<Answer, "message"> {
  return { errno, sentence, offset };
}

function truncated(length: number, room: number): RangeError {
  return new RangeError(
    `Cannot receive a message of ${length} bytes: there is room for ${room}`,
  );
}
