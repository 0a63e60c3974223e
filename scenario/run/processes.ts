import { describeEnd, howEnded, lastWords, saysEnd, wrongEnd } from "../command.ts";
import type { ProcessEnd, RanProcess } from "../event.ts";
import type { PlannedCommand, ProcessTest } from "../plan.ts";
import { type ProcessPlace, ScenarioProcess } from "./process.ts";
import { StepError } from "./step_error.ts";

/** A line that a process has written. */
export interface OutputLine {
  /** Microseconds since the scenario began. */
  t: number;
  /** What `start` calls the process; absent for a command that is run to its end. */
  process?: string;
  /** Where it was written. */
  stream: "stdout" | "stderr";
  /** The line, without its end. */
  text: string;
}

/** What is seen of a process that was started by name. */
export interface ProcessSight {
  /** What `start` calls it. */
  name: string;
  /** The host that it runs on; absent for this machine. */
  host?: string;
  /** Its process number. */
  pid: number;
  /** How it has ended, in words: `it ended with exit status 1`; absent while it runs. */
  ended?: string;
  /** The last line that it has written. */
  last?: string;
}

/** What processes run with. */
export interface ProcessesOptions extends Omit<ProcessPlace, "name" | "netns" | "onLine"> {
  /** The network namespace of a host; `undefined` for this process's own. */
  netnsOf: (host: string | undefined) => string | undefined;
  /** How a process may end by itself, by what the steps say of it: what one of these tests takes. */
  endings: ReadonlyMap<string, readonly ProcessTest[]>;
  /** Those to whose input steps write. */
  written: ReadonlySet<string>;
  /** Is told of each process that was started by name and has ended. */
  emit: (event: ProcessEnd) => void;
  /** Is told of one that has ended by itself though it may not, and of the step that started it. */
  onDeath: (step: string, error: StepError) => void;
  onOutput?: (line: OutputLine) => void;
}

/** A process that is started by name. */
export interface NamedStart extends PlannedCommand {
  process: string;
  /** How it may end by itself. */
  exit?: ProcessTest["exit"];
  host?: string;
}

/** The processes of a scenario. */
export class Processes {
  readonly #options: ProcessesOptions;
  readonly #named = new Map<string, ScenarioProcess>();
  readonly #hosts = new Map<string, string | undefined>();
  /** Whether a process may end now without being told. */
  #mayEnd = false;

  constructor(options: ProcessesOptions) {
    this.#options = options;
  }

  /** Those that run and have a name. */
  get running(): ScenarioProcess[] {
    return this.#named.values().filter(({ status }) => !status).toArray();
  }

  /** Those that were started by name, as they are at this moment. */
  look(): ProcessSight[] {
    return this.#named.entries().map(([name, process]): ProcessSight => ({
      name,
      host: this.#hosts.get(name),
      pid: process.pid,
      ended: process.status && howEnded(process.describe()),
      last: process.output.last.findLast((line) => line.trim() !== ""),
    })).toArray();
  }

  /** Runs a command that has no name. */
  run(command: PlannedCommand, host: string | undefined): ScenarioProcess {
    return ScenarioProcess.start(command, this.#place(host));
  }

  /**
   * Starts a process that runs beside the steps.
   *
   * @throws {StepError} where it runs already, or cannot be started
   */
  start(planned: NamedStart, step: string): ScenarioProcess {
    const { process: name, host } = planned;
    if (this.#named.get(name)?.status === undefined && this.#named.has(name)) {
      throw new StepError(`Cannot start ${name}: it runs already`);
    }
    const keepsInput = this.#options.written.has(name);
    const process = ScenarioProcess.start(planned, { ...this.#place(host, name), keepsInput });
    this.#named.set(name, process);
    this.#hosts.set(name, host);
    this.#watch(process, { planned, step });
    return process;
  }

  /**
   * The process of a name.
   *
   * @throws {StepError} where it has not been started
   */
  find(name: string): ScenarioProcess {
    const process = this.#named.get(name);
    if (process) return process;
    throw new StepError(`Cannot find process ${name}: it has not been started`);
  }

  /** From now on a process may end: the steps are over. */
  letEnd(): void {
    this.#mayEnd = true;
  }

  #place(host: string | undefined, name?: string): ProcessPlace {
    const { folder, env, now, netnsOf, onOutput } = this.#options;
    const onLine = onOutput &&
      ((text: string, stream: "stdout" | "stderr") => onOutput({ t: now(), process: name, stream, text }));
    return { name, netns: netnsOf(host), folder, env, now, onLine };
  }

  async #watch(process: ScenarioProcess, { planned, step }: { planned: NamedStart; step: string }): Promise<void> {
    await process.ended;
    const { now, emit, onDeath } = this.#options;
    const ran = process.describe();
    const error = process.isTold || this.#mayEnd ? undefined : this.#wrong(ran, planned);
    const { process: name, host } = planned;
    emit({ event: "process-end", t: now(), process: name, host, step, isExpected: error === undefined, ran });
    if (error) onDeath(step, error);
  }

  /** What is wrong about a process that has ended by itself. */
  #wrong(ran: RanProcess, { process: name, exit }: NamedStart): StepError | undefined {
    const tests = exit === undefined ? this.#options.endings.get(name) ?? [] : [{ exit }];
    if (tests.some((test) => wrongEnd(ran, { exit: test.exit }) === undefined)) return undefined;
    const said = tests.find(({ exit }) => exit !== undefined);
    if (said) {
      const expected = `Expected that ${name} ends${describeEnd({ exit: said.exit })}`;
      return new StepError(`${expected}: ${howEnded(ran)}${lastWords(ran)}`, { unmet: saysEnd(said) });
    }
    if (tests.length > 0) return new StepError(`${howEnded(ran)}${lastWords(ran)}`);
    const allowed = ran.exit === 0 ? ", and no step waits for that; if it may, say so: start: { …, exit: 0 }" : "";
    const alone = ran.signal === undefined ? " by itself" : "";
    return new StepError(`${howEnded(ran)}${alone}${allowed}${lastWords(ran)}`);
  }
}
