import {
  FAIL_ATTRIBUTE_HEADER,
  FAIL_ATTRIBUTE_LENGTH,
  FAIL_ATTRIBUTE_PAYLOAD,
  FAIL_MESSAGE_BODY,
  FAIL_MESSAGE_HEADER,
  FAIL_MESSAGE_LENGTH,
  FAIL_OUT_OF_REGION,
} from "./assembly/regions.ts";
import { failureWords } from "./exchange.ts";
import { checkText, wrongInput } from "./wrong_input.ts";
import type { Field } from "./field.ts";

/** Says why bytes are not a netlink message, and where. */
export class DecodeError extends RangeError {
  /** The class's name. */
  override name = "DecodeError";
  /** Where the fault is, in bytes from the start of what was decoded. */
  readonly offset: number;
  /** The messages before the one at fault, where `decodeAll` decoded a run of them. */
  messages: Field[] = [];
  /** The message at fault, with its fields up to the fault; absent where not even its header is there. */
  partial?: Field;

  /** Takes the sentence, and the offset that it names. */
  constructor(message: string, offset: number) {
    super(message);
    checkText(message, "say", "a message is a string");
    if (!Number.isInteger(offset)) throw wrongInput("point to", offset, "an offset is a whole number");
    this.offset = offset;
  }
}

/** Why something cannot be decoded: `FAIL_*`, where, how many bytes there are, and how many are needed. */
export type Fault = readonly [code: number, offset: number, found: number, needed: number];

/** The error for the call that just returned -1; `base` is where the decoded bytes begin. */
export function lastDecodeError(base: number): DecodeError {
  const [code, at, found, needed] = failureWords;
  return decodeError([code, at - base, found, needed]);
}

/** The error that says what the fault is. */
export function decodeError(fault: Fault): DecodeError {
  return new DecodeError(describe(fault), fault[1]);
}

function describe([code, offset, found, needed]: Fault): string {
  switch (code) {
    case FAIL_MESSAGE_HEADER:
      return `Cannot decode message at offset ${offset}: ${found} bytes are left, a header needs ${needed}`;
    case FAIL_MESSAGE_LENGTH:
      return `Cannot decode message at offset ${offset}: length is ${found}, must be at ${bound(found, needed)}`;
    case FAIL_MESSAGE_BODY:
      return `Cannot decode message at offset ${offset}: length is ${found}, its type needs ${needed}`;
    case FAIL_ATTRIBUTE_HEADER:
      return `Cannot decode attribute at offset ${offset}: ${found} bytes are left, a header needs ${needed}`;
    case FAIL_ATTRIBUTE_LENGTH:
      return `Cannot decode attribute at offset ${offset}: length is ${found}, must be at ${bound(found, needed)}`;
    case FAIL_ATTRIBUTE_PAYLOAD:
      return `Cannot decode attribute at offset ${offset}: payload has ${found} bytes, its type needs ${needed}`;
    case FAIL_OUT_OF_REGION:
      return `Cannot decode ${found} bytes: at most ${needed} are decoded at once`;
    default:
      throw new Error(`The codec failed with code ${code}, which has no sentence`);
  }
}

function bound(found: number, needed: number): string {
  return found < needed ? `least ${needed}` : `most ${needed}`;
}
