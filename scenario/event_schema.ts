import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { EVENT_VERSION, type Outcome, type Phase, type ScenarioEvent } from "./event.ts";
import { STEPS } from "./steps/list.ts";

const COUNT = v.pipe(v.number(), v.integer(), v.minValue(0));
const STATS = v.strictObject({
  bytes: COUNT,
  packets: COUNT,
  backlogPackets: COUNT,
  backlogBytes: COUNT,
  drops: COUNT,
  requeues: COUNT,
  overlimits: COUNT,
});
const STATS_BY_QUEUE = v.record(v.string(), STATS);
const SCALAR = v.union([v.string(), v.number(), v.boolean()]);

const PHASES = ["setup", "steps", "cleanup", "undo"] as const satisfies Phase[];
const OUTCOMES = ["done", "failed", "unmet", "aborted"] as const satisfies Outcome[];
const ACTIONS = [
  ...STEPS.map(({ action }) => action),
  "round",
  "branch",
  "make-host",
  "delete-host",
  "open-host",
  "close-host",
];

const RAN = v.strictObject({
  name: v.optional(v.string()),
  pid: COUNT,
  command: v.array(v.string()),
  from: COUNT,
  to: v.optional(COUNT),
  exit: v.optional(COUNT),
  signal: v.optional(v.string()),
  stdout: v.optional(v.string()),
  stderr: v.optional(v.string()),
  cut: v.optional(v.boolean()),
  last: v.optional(v.array(v.string())),
});

const MARK = {
  t: COUNT,
  phase: v.picklist(PHASES),
  step: v.string(),
  action: v.picklist(ACTIONS),
  host: v.optional(v.string()),
  queues: v.array(v.string()),
  process: v.optional(v.string()),
};

const ENVIRONMENT = v.strictObject({
  plugctl: v.string(),
  deno: v.string(),
  kernel: v.string(),
  architecture: v.string(),
  hostname: v.string(),
});

const SCENARIO_START = v.strictObject({
  event: v.literal("scenario-start"),
  t: COUNT,
  version: v.literal(EVENT_VERSION),
  name: v.string(),
  description: v.optional(v.string()),
  file: v.optional(v.string()),
  seed: COUNT,
  vars: v.record(v.string(), SCALAR),
  time: v.pipe(v.string(), v.isoTimestamp()),
  environment: ENVIRONMENT,
  hosts: v.array(v.strictObject({
    name: v.string(),
    netns: v.string(),
    on: v.optional(v.string()),
    devices: v.array(v.strictObject({
      name: v.string(),
      to: v.strictObject({ host: v.string(), device: v.string() }),
      addresses: v.array(v.string()),
    })),
    routes: v.array(v.strictObject({ to: v.string(), via: v.string() })),
  })),
  queues: v.array(v.strictObject({
    name: v.string(),
    kind: v.picklist(["gate", "plug"]),
    host: v.optional(v.string()),
    devs: v.array(v.string()),
    direction: v.optional(v.picklist(["ingress", "egress", "both"])),
    match: v.optional(v.array(v.string())),
    except: v.optional(v.array(v.string())),
    first: v.optional(v.array(v.string())),
    limitBytes: v.optional(COUNT),
  })),
  timeoutMs: v.number(),
  maxHoldMs: v.number(),
});

const STEP_START = v.strictObject({
  event: v.literal("step-start"),
  ...MARK,
  line: v.optional(COUNT),
  name: v.optional(v.string()),
  text: v.string(),
  outer: v.optional(v.boolean()),
  due: v.optional(COUNT),
  round: v.optional(v.strictObject({ number: COUNT, of: COUNT, variable: v.optional(v.string()), value: SCALAR })),
});

const STEP_END = v.strictObject({
  event: v.literal("step-end"),
  ...MARK,
  outcome: v.picklist(OUTCOMES),
  duration: COUNT,
  errno: COUNT,
  errnoName: v.string(),
  sentence: v.string(),
  notes: v.optional(v.array(v.string())),
  left: v.optional(v.record(v.string(), v.array(v.tuple([COUNT, COUNT])))),
  asked: v.optional(COUNT),
  before: STATS_BY_QUEUE,
  beforeAt: v.optional(COUNT),
  after: STATS_BY_QUEUE,
  ran: v.optional(RAN),
  skipped: v.optional(v.boolean()),
  chosen: v.optional(COUNT),
  opened: v.optional(v.strictObject({
    clock: v.strictObject({ error: COUNT, by: v.picklist(["chrony", "round trips"]) }),
    addresses: v.array(v.string()),
    environment: ENVIRONMENT,
  })),
});

const PROCESS_END = v.strictObject({
  event: v.literal("process-end"),
  t: COUNT,
  process: v.string(),
  host: v.optional(v.string()),
  step: v.string(),
  isExpected: v.boolean(),
  ran: RAN,
});

const SAMPLE = v.strictObject({ event: v.literal("sample"), t: COUNT, queues: STATS_BY_QUEUE });

const PACKET = {
  t: COUNT,
  queue: v.string(),
  unixNs: v.pipe(v.string(), v.digits()),
  length: COUNT,
  link: v.optional(v.literal("ip")),
  from: v.optional(v.string()),
  to: v.optional(v.string()),
  vlans: v.optional(v.array(COUNT)),
  what: v.string(),
};

const PACKET_IN = v.strictObject({
  event: v.literal("packet-in"),
  ...PACKET,
  number: COUNT,
  bytes: v.pipe(v.string(), v.hexadecimal()),
});

const PACKET_OUT = v.strictObject({
  event: v.literal("packet-out"),
  ...PACKET,
  number: v.optional(COUNT),
  waited: v.optional(COUNT),
  bytes: v.optional(v.pipe(v.string(), v.hexadecimal())),
});

const SCENARIO_END = v.strictObject({
  event: v.literal("scenario-end"),
  t: COUNT,
  outcome: v.picklist(OUTCOMES),
  sentence: v.string(),
  step: v.optional(v.string()),
  undone: v.boolean(),
  queues: v.record(
    v.string(),
    v.strictObject({
      packets: COUNT,
      bytes: COUNT,
      drops: COUNT,
      holds: COUNT,
      longestHold: COUNT,
      mostHeld: COUNT,
    }),
  ),
  steps: COUNT,
  unseen: v.optional(
    v.record(v.string(), v.strictObject({ arrivals: COUNT, departures: COUNT, untold: COUNT })),
  ),
});

/** An event, as it is read back from a line of an event log. */
export const EVENT: v.GenericSchema<ScenarioEvent> = v.variant("event", [
  SCENARIO_START,
  STEP_START,
  STEP_END,
  PROCESS_END,
  SAMPLE,
  PACKET_IN,
  PACKET_OUT,
  SCENARIO_END,
]);

/** The JSON Schema of a line of an event log. */
export function eventJsonSchema(): JsonSchema {
  return toJsonSchema(EVENT);
}
