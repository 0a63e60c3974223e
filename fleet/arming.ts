import type { HostAnswer } from "./agent.ts";
import type { Caller } from "./caller.ts";

/** How long a host may take to arm, in milliseconds. */
export const ARMING_MS = 5000;
/** What is said for one that takes longer. */
export const NO_ANSWER = { code: "no-answer", message: `it did not answer within ${ARMING_MS} ms` };
/** After which answers it is asked again, and how soon, in milliseconds. */
const AGAIN = new Set(["late", "no-answer"]);
const AGAIN_MS = 100;
/** How many hosts a message for all names. */
const NAMED_MAX = 200;

/** What is to be armed, and on which hosts. */
export interface Arming {
  hosts: readonly string[];
  /** The same, for a message that cannot name all of them. */
  whom: { among: readonly string[]; not: readonly string[] };
  /** What the operation `arm` takes. */
  input: object;
  /** Called with what each of the hosts answers, or that it has not, once each. */
  onAnswer: (answer: HostAnswer) => void;
  /** Called where another has armed, or one once more. */
  onOther: (answer: HostAnswer) => void;
}

/** Asks hosts to arm, in one message, and returns when all have answered, or have taken too long. */
export async function askToArm(caller: Pick<Caller, "ask" | "tellAll" | "answers">, arming: Arming): Promise<void> {
  const { hosts, whom, input, onAnswer, onOther } = arming;
  const waiting = new Set(hosts);
  if (waiting.size === 0) return;
  const answered = Promise.withResolvers<void>();
  const take = (answer: HostAnswer) => {
    const { host } = answer;
    if (!waiting.has(host)) return "result" in answer ? onOther(answer) : undefined;
    if ("error" in answer && AGAIN.has(answer.error.code)) return void again(host);
    waiting.delete(host);
    onAnswer(answer);
    if (waiting.size === 0) answered.resolve();
  };
  // It has more to do than it can: once more, until it has taken too long.
  const again = async (host: string) => {
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    if (waiting.has(host)) take(await caller.ask(host, "arm", input));
  };
  using answers = caller.answers(take);
  // By their names while these are few, since every host of the group gets them.
  const named = hosts.length <= NAMED_MAX ? { among: hosts } : whom;
  const timer = setTimeout(answered.resolve, ARMING_MS);
  try {
    await caller.tellAll("arm", { ...input, ...named }, answers.reply);
    await answered.promise;
  } finally {
    clearTimeout(timer);
  }
  const late = [...waiting];
  waiting.clear();
  for (const host of late) onAnswer({ host, error: NO_ANSWER });
}
