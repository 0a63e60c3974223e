// The page of a server: its gates and plugs, the packets of the one that is selected, and what happens.
"use strict";

/** How often it is looked what waits, and for how long a hold lasts that is not renewed, in milliseconds. */
const LOOK_MS = 500;
const LEASE_MS = 10_000;
const RENEW_MS = 2000;
/** How much is shown. */
const PACKETS_MOST = 500;
const EVENTS_MOST = 200;

const at = (id) => document.getElementById(id);
let token = new URLSearchParams(location.hash.slice(1)).get("token") ?? sessionStorage.getItem("token") ?? "";
if (token) sessionStorage.setItem("token", token);
// It is not to stand in the address of a screenshot.
if (location.hash) history.replaceState(null, "", location.pathname);

/** The gates and plugs, by their keys; the key of the one that is selected; the holds of this page, by the same. */
let queues = new Map();
let selected;
const holds = new Map();
/** Ends the stream of packets. */
let leavePackets;

async function ask(path, { method = "GET", body } = {}) {
  const response = await fetch(path, {
    method,
    headers: { ...token && { authorization: `Bearer ${token}` }, ...body && { "content-type": "application/json" } },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (response.ok) return answer;
  at("ask").hidden = response.status !== 401;
  throw new Error(answer.detail);
}

/** Gives each event of a stream to `take`, until `signal` ends it or the server does. */
async function follow(path, take, signal) {
  const response = await fetch(path, { headers: token ? { authorization: `Bearer ${token}` } : {}, signal });
  if (!response.ok) throw new Error((await response.json()).detail);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const [, event = "message", data] = /^(?:event: (.*)\n)?data: (.*)$/.exec(part) ?? [];
      if (data) take(event, JSON.parse(data));
    }
  }
}

function say(text, isBad = false) {
  at("state").textContent = text;
  at("state").className = isBad ? "bad" : "";
}

function note(text) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = clock(Date.now());
  line.append(time, text);
  at("events").prepend(line);
  while (at("events").childElementCount > EVENTS_MOST) at("events").lastElementChild.remove();
}

/** Does something, and says what comes in its way. */
async function attempt(work) {
  try {
    await work();
    // One that began before it may show what was.
    await looking?.catch(() => {});
    await look();
  } catch (error) {
    say(error.message, true);
    note(error.message);
  }
}

/** One look at a time: on a busy machine one may take longer than the next is to begin. */
function look() {
  return looking ??= readAll().finally(() => looking = undefined);
}
let looking;

async function readAll() {
  const [gates, plugs, going] = await Promise.all(["/v1/gates", "/v1/plugs", "/v1/holds"].map((path) => ask(path)));
  const held = new Set(going.filter(({ ended }) => ended === undefined).flatMap(({ names }) => names));
  const ofGates = gates.map((gate) => {
    const { name, devs, direction, match, stats } = gate;
    return {
      key: `gate ${name}`,
      name,
      on: { gate: name },
      where: `${devs.join(", ")} ${direction ?? ""}`,
      match: match?.join(", ") || "all",
      waits: stats?.backlogPackets,
      left: stats?.packets,
      drops: stats?.drops,
      isHeld: held.has(name),
    };
  });
  const ofPlugs = plugs.filter(({ dev }) => !dev.startsWith("plug-")).map((plug) => ({
    key: `plug ${plug.dev}`,
    name: plug.dev,
    on: { dev: plug.dev },
    where: plug.parent,
    match: "all",
    waits: plug.backlogPackets,
    left: plug.sentPackets,
    drops: plug.drops,
    isHeld: held.has(plug.dev),
  }));
  queues = new Map([...ofGates, ...ofPlugs].map((queue) => [queue.key, queue]));
  if (selected && !queues.has(selected)) select(undefined);
  if (!selected && queues.size > 0) select(queues.keys().next().value);
  draw();
  say(`${queues.size === 1 ? "1 gate or plug" : `${queues.size} gates and plugs`}, ${held.size} held`);
}

/** Rows stay where they are: who has the focus keeps it. */
function draw() {
  const body = at("queues");
  for (const row of [...body.children]) if (!queues.has(row.dataset.key)) row.remove();
  for (const queue of queues.values()) {
    const row = [...body.children].find(({ dataset }) => dataset.key === queue.key) ?? newRow(queue);
    const { where, match, waits, left, drops, isHeld } = queue;
    const cells = row.cells;
    const texts = [undefined, where, match, waits, left, drops, isHeld ? "held" : waits > 0 ? "holds" : "passes"];
    texts.forEach((text, index) => {
      if (index > 0 && cells[index].textContent !== String(text ?? "–")) cells[index].textContent = String(text ?? "–");
    });
    cells[6].className = isHeld || waits > 0 ? "held" : "passes";
    row.setAttribute("aria-selected", String(queue.key === selected));
  }
  at("none").hidden = queues.size > 0;
}

function newRow({ key, name, on }) {
  const row = at("queues").insertRow();
  row.dataset.key = key;
  for (let cell = 0; cell < 8; cell++) row.insertCell();
  row.cells[2].className = "match";
  for (const index of [3, 4, 5]) row.cells[index].className = "number";
  const button = (text, label, work, className = "") => {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", textContent: text, className });
    made.setAttribute("aria-label", label);
    made.addEventListener("click", work);
    return made;
  };
  row.cells[0].append(button(name, `select ${name}`, () => select(key), "name"));
  row.cells[7].append(
    button("Hold", `Hold ${name}`, () => hold(key)),
    button("Release", `Release ${name}`, () => release(key)),
    ...on.gate ? [button("Release one", `Release one packet of ${name}`, () => releaseOne(key))] : [],
  );
  return row;
}

function hold(key) {
  const { on, name } = queues.get(key);
  return attempt(async () => {
    const { id } = await ask("/v1/holds", { method: "POST", body: { ...on, leaseMs: LEASE_MS } });
    note(`${name} is held, as long as this page is open`);
    holds.set(key, id);
  });
}

function release(key) {
  const { on, name } = queues.get(key);
  return attempt(async () => {
    const id = holds.get(key);
    holds.delete(key);
    if (id) await ask(`/v1/holds/${id}`, { method: "DELETE" });
    const [{ releasedPackets = 0 }] = await ask("/v1/release", { method: "POST", body: on });
    note(`${name} is released${releasedPackets > 0 ? `: ${releasedPackets} packets` : ""}`);
  });
}

function releaseOne(key) {
  const { on, name } = queues.get(key);
  return attempt(async () => {
    const [{ releasedPackets }] = await ask("/v1/release", { method: "POST", body: { ...on, packets: 1 } });
    note(`${name}: ${releasedPackets === 1 ? "the oldest packet has left" : "no packet waits"}`);
  });
}

function select(key) {
  selected = key;
  leavePackets?.abort();
  at("packets").replaceChildren();
  const queue = queues.get(key);
  at("packets-title").textContent = queue ? `Packets of ${queue.name}` : "Packets";
  at("no-packets").textContent = queue ? "None has come since it was selected." : "Select a gate to see its packets.";
  at("no-packets").hidden = false;
  draw();
  if (!queue) return;
  const leave = leavePackets = new AbortController();
  const path = `/v1/packets?${new URLSearchParams(queue.on)}`;
  follow(
    path,
    (event, data) => event === "packet" ? showPacket(data) : event === "limit" && note(data.reason),
    leave.signal,
  )
    .catch((error) => leave.signal.aborted || note(`packets of ${queue.name}: ${error.message}`));
}

function showPacket({ event, number, from, to, vlans, what, waitMs, waitAtLeastMs }) {
  at("no-packets").hidden = true;
  const body = at("packets");
  const there = number === undefined ? undefined : body.querySelector(`[data-number="${number}"]`);
  const row = there ?? body.insertRow(0);
  if (!there) {
    row.dataset.number = number ?? "";
    for (
      const text of [
        number ?? "?",
        from ?? "",
        to ?? "",
        [...vlans.map((vlan) => `VLAN ${vlan}`), what].join(" "),
        "waits",
      ]
    ) {
      row.insertCell().textContent = text;
    }
    row.cells[0].className = "number";
    row.cells[4].className = "number held";
  }
  if (event === "out") {
    row.cells[4].className = "number";
    row.cells[4].textContent = waitMs === undefined
      ? waitAtLeastMs === undefined ? "?" : `≥ ${timeText(waitAtLeastMs)}`
      : timeText(waitMs);
  }
  while (body.childElementCount > PACKETS_MOST) body.lastElementChild.remove();
}

/** The run that is shown; what ends its stream. */
let shown;
let leaveRun;

/** Lists the runs, where the server lets scenarios be run. */
async function lookAtRuns() {
  const { allowed, runs } = await ask("/v1/runs");
  at("runs").hidden = !allowed && runs.length === 0;
  at("run-list").replaceChildren(
    ...runs.toReversed().map((run) => {
      const line = document.createElement("li");
      const open = document.createElement("button");
      Object.assign(open, { type: "button", className: "name", textContent: run.name });
      open.setAttribute("aria-label", `show ${run.name}, begun at ${clock(run.from)}`);
      open.addEventListener("click", () => showRun(run));
      const state = document.createElement("span");
      Object.assign(state, {
        className: run.outcome && run.outcome !== "done" ? "bad" : "",
        textContent: stateOf(run),
      });
      line.append(open, state);
      return line;
    }),
  );
}

function stateOf({ outcome, sentence, from, said }) {
  if (!outcome) return `runs since ${clock(from)}`;
  const why = sentence ?? (outcome === "done" ? undefined : said?.at(-1));
  return why ? `${outcome}: ${why}` : outcome;
}

/** Shows the steps of a run as they are done, and its report with the ladder when it has ended. */
function showRun(run) {
  leaveRun?.abort();
  const leave = leaveRun = new AbortController();
  shown = run.id;
  at("run-title").hidden = false;
  at("run-title").textContent = `${run.name}, begun at ${clock(run.from)}`;
  at("steps").replaceChildren();
  at("report").hidden = true;
  at("stop").hidden = run.outcome !== undefined;
  const lines = new Map();
  const take = (event, data) => {
    if (event === "ended") return showReport(data);
    if (data.event === "step-start") {
      const line = document.createElement("li");
      line.textContent = `… ${data.text}`;
      lines.set(data.step, { line, text: data.text });
      at("steps").append(line);
    } else if (data.event === "step-end" && lines.has(data.step)) {
      const { line, text } = lines.get(data.step);
      line.textContent = `${data.outcome === "done" ? "✓" : "✗"} ${text}${data.sentence ? `: ${data.sentence}` : ""}`;
      if (data.outcome !== "done") line.className = "bad";
    }
  };
  follow(`/v1/runs/${run.id}/events`, take, leave.signal)
    .catch((error) => leave.signal.aborted || note(`run ${run.name}: ${error.message}`));
}

function showReport(run) {
  at("stop").hidden = true;
  lookAtRuns().catch((error) => note(error.message));
  if (!run.report) return run.said.forEach((line) => note(`${run.name}: ${line}`));
  at("report").hidden = false;
  at("report").src = run.report;
}

function timeText(ms) {
  return ms < 1 ? `${(ms * 1000).toFixed(0)} µs` : ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function clock(time) {
  return new Date(time).toTimeString().slice(0, 8);
}

/** What an event says, in words. */
function wordsOf(event, data) {
  const names = data.names?.join(", ") ?? data.name ?? "";
  if (event === "holding") return `${names}: held until ${clock(data.until)}, or longer where that is renewed`;
  if (event === "ended") return `${names}: the hold has ended (${data.ended}) after ${timeText(data.heldMs)}`;
  if (event === "cut-short") return `${names}: ${data.disturbance ?? data.why}`;
  if (event === "run-began") return `${data.name}: the run has begun`;
  if (event === "run-ended") return `${data.name}: the run has ended, ${stateOf(data)}`;
  if (event === "changed") return `${data.operation} was done`;
  return event;
}

async function live() {
  for (;;) {
    try {
      await look();
      await lookAtRuns();
      at("ask").hidden = true;
      await follow("/v1/events", (event, data) => {
        note(wordsOf(event, data));
        if (event.startsWith("run-")) lookAtRuns().catch((error) => note(error.message));
        look().catch(() => {});
      });
      throw new Error("The server has ended");
    } catch (error) {
      say(error.message, true);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS * 2));
    }
  }
}

setInterval(() => {
  if (!document.hidden && at("state").className === "") look().catch((error) => say(error.message, true));
}, LOOK_MS);
setInterval(() => {
  for (const [key, id] of holds) {
    ask(`/v1/holds/${id}`, { method: "PUT", body: { leaseMs: LEASE_MS } }).catch(() => holds.delete(key));
  }
}, RENEW_MS);

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value.trim();
  sessionStorage.setItem("token", token);
});
at("run").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const [file] = at("scenario").files;
    showRun(await ask("/v1/runs", { method: "POST", body: { scenario: await file.text(), capture: true } }));
  });
});
at("stop").addEventListener("click", () => attempt(() => ask(`/v1/runs/${shown}`, { method: "DELETE" })));
at("reset").addEventListener("click", () => {
  if (!confirm("Release all, and remove all gates and plugs that were made through this server?")) return;
  attempt(async () => void await ask("/v1/reset", { method: "POST" }));
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
  const keys = [...queues.keys()];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const work = { h: hold, r: release, n: releaseOne }[event.key];
  if (step && keys.length > 0) {
    event.preventDefault();
    select(keys[(keys.indexOf(selected) + step + keys.length) % keys.length]);
  } else if (work && selected) work(selected);
});
live();
