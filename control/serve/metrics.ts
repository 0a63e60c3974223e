import { formatHandle } from "../../codec/handle.ts";
import { listGates } from "../../gate/gate_state.ts";
import { listPlugs } from "../../plug/qdiscs.ts";
import type { Service } from "./service.ts";

/** What is counted of each gate and plug. */
const COUNTED = [
  ["backlog_packets", "gauge", "Packets that wait.", "backlogPackets"],
  ["backlog_bytes", "gauge", "Bytes that wait, with link headers.", "backlogBytes"],
  ["sent_packets_total", "counter", "Packets that have left.", "packets"],
  ["sent_bytes_total", "counter", "Bytes that have left, with link headers.", "bytes"],
  ["dropped_packets_total", "counter", "Packets that were dropped, since the limit was reached.", "drops"],
] as const;

/** The counters of a service, in the text format of Prometheus. */
export function metricsOf(service: Service): string {
  const connection = service.desk.connect();
  const names = new Map(listGates(connection).map(({ ifindex, name }) => [ifindex, name]));
  const queues = listPlugs(connection).map(({ ifindex, dev, handle, stats }) => {
    const gate = names.get(ifindex);
    const labels = gate === undefined
      ? `dev="${quoted(dev)}",handle="${formatHandle(handle)}"`
      : `gate="${quoted(gate)}"`;
    return { kind: gate === undefined ? "plug" : "gate", labels: `{${labels}}`, stats };
  });
  const own = [
    ["holds", "gauge", "Holds that go on.", [["", service.holds.size]]],
    ["runs", "gauge", "Scenarios that run.", [["", service.runs.size]]],
    ["event_readers", "gauge", "Connections that read events.", [["", service.readers]]],
    [
      "requests_total",
      "counter",
      "Operations that were asked for.",
      [...service.asked].map(([labels, n]) => [`{${labels}}`, n]),
    ],
  ] as const;
  return [
    ...["gate", "plug"].flatMap((of) =>
      COUNTED.flatMap(([name, kind, help, key]) => {
        const own = queues.filter(({ kind }) => kind === of);
        return family(`${of}_${name}`, kind, help, own.map(({ labels, stats }) => [labels, stats[key]]));
      })
    ),
    ...own.flatMap(([name, kind, help, values]) => family(name, kind, help, values)),
    "",
  ].join("\n");
}

function family(
  name: string,
  kind: string,
  help: string,
  values: readonly (readonly (string | number)[])[],
): string[] {
  const full = `plugctl_${name}`;
  return [
    `# HELP ${full} ${help}`,
    `# TYPE ${full} ${kind}`,
    ...values.map(([labels, value]) => `${full}${labels} ${value}`),
  ];
}

function quoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
