/** A key that somebody has pressed: what it prints, or its name. */
export type Key = string;

/** What terminals send for keys that print nothing; some send another when the keypad is in another mode. */
const SEQUENCES: Readonly<Record<string, Key>> = {
  "\x03": "ctrl-c",
  "\x08": "backspace",
  "\n": "enter",
  "\x0c": "ctrl-l",
  "\r": "enter",
  "\x1a": "ctrl-z",
  "\x1b": "escape",
  "\x1b[A": "up",
  "\x1b[B": "down",
  "\x1b[5~": "page-up",
  "\x1b[6~": "page-down",
  "\x1b[H": "home",
  "\x1b[1~": "home",
  "\x1b[F": "end",
  "\x1b[4~": "end",
  "\x1bOA": "up",
  "\x1bOB": "down",
  "\x1bOH": "home",
  "\x1bOF": "end",
  "\x7f": "backspace",
};

const ESCAPE = "\x1b";
/** What may stand behind an escape: a sequence of a key. */
const SEQUENCE = /^(?:\[[0-9;?]*[ -/]*[@-~]|O.)/su;

/** The keys that are in what a terminal has sent; those that are not known are left out. */
export function keysIn(text: string): Key[] {
  const [head, ...rest] = text.split(ESCAPE);
  return [...head, ...rest.flatMap(behindEscape)].flatMap((one) => {
    if (Object.hasOwn(SEQUENCES, one)) return SEQUENCES[one];
    return [...one].length === 1 && !/\p{Cc}/u.test(one) ? one : [];
  });
}

/** A sequence or an escape alone, and the characters behind it. */
function behindEscape(text: string): string[] {
  const [sequence = ""] = SEQUENCE.exec(text) ?? [];
  return [ESCAPE + sequence, ...text.slice(sequence.length)];
}
