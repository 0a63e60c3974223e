import type { HostLayout, QueueLayout, ScenarioStart } from "../event.ts";
import { type Markup, markup } from "./markup.ts";
import { formatBytes, formatTime } from "./quantity.ts";
import { cellLines, type Column, tableHtml } from "./table_html.ts";

const HOST_COLUMNS: readonly Column<HostLayout>[] = [
  { title: "Host", cell: ({ name }) => name },
  { title: "Namespace", cell: ({ netns }) => netns },
  { title: "Devices", cell: ({ devices }) => cellLines(devices.map(deviceText)) },
  { title: "Routes", cell: ({ routes }) => cellLines(routes.map(({ to, via }) => `${to} via ${via}`)) },
];

const QUEUE_COLUMNS: readonly Column<QueueLayout>[] = [
  { title: "Name", cell: ({ name }) => name },
  { title: "Kind", cell: ({ kind, direction }) => [kind, direction].filter(Boolean).join(", ") },
  { title: "Where", cell: ({ host, devs }) => [devs.join(", "), host && `on ${host}`].filter(Boolean).join(" ") },
  { title: "Match", cell: ({ match = [] }) => match.length === 0 ? "all packets" : cellLines(match) },
  { title: "Limit", cell: ({ limitBytes }) => limitBytes === undefined ? "default" : formatBytes(limitBytes) },
];

/** What it ran on and with: the machine, the hosts, the gates and plugs. */
export function layoutHtml(start: ScenarioStart): Markup {
  const { hosts, queues } = start;
  return markup`<section id="environment"><h2>Environment</h2>
<dl class="facts">${facts(start).map(([what, value]) => markup`<dt>${what}</dt><dd>${value}</dd>\n`)}</dl>
${hosts.length > 0 ? markup`<h3>Hosts</h3>${tableHtml(HOST_COLUMNS, hosts, "")}` : undefined}
${queues.length > 0 ? markup`<h3>Gates and plugs</h3>${tableHtml(QUEUE_COLUMNS, queues, "")}` : undefined}
</section>\n`;
}

function facts({ environment, seed, vars, timeoutMs, maxHoldMs }: ScenarioStart): [string, string][] {
  return [
    ["kernel", `Linux ${environment.kernel}, ${environment.architecture}`],
    ["machine", environment.hostname],
    ["plugctl", environment.plugctl],
    ["Deno", environment.deno],
    ["seed", String(seed)],
    ["time allowed", formatTime(timeoutMs * 1000)],
    ["longest hold allowed", formatTime(maxHoldMs * 1000)],
    ...Object.entries(vars).map(([name, value]): [string, string] => [`variable ${name}`, String(value)]),
  ];
}

function deviceText({ name, addresses, to }: HostLayout["devices"][number]): string {
  return `${[name, ...addresses].join(" ")} → ${to.host}.${to.device}`;
}
