/** The fake kernel that the tests of `plug/` and `gate/` run on answers what a real one does. */

import { assertEquals } from "@std/assert";
import { formatHandle, type QdiscRequest, RTM_GETQDISC, TC_H_ROOT } from "../../codec/mod.ts";
import { errnoName } from "../../codec/errno_name.ts";
import { openSocket, type Socket } from "../../linux/socket.ts";
import { Connection } from "../../netlink/connection.ts";
import {
  changeRequest,
  createRequest,
  deleteRequest,
  FIRST_HANDLE,
  type PlugAction,
  type QdiscPlace,
} from "../../plug/plug_requests.ts";
import { makeDevice, makeQdisc } from "../netlink/raw_requests.ts";
import { FakeKernel } from "../plug/fake_kernel.ts";
import { Host } from "./host.ts";

const IFINDEX = 2;
const CLASS_1_1 = 0x10001;
const CLASS_1_2 = 0x10002;
const NO_CLASS = 0x10009;

interface Arrangement {
  name: string;
  qdiscs: { kind: string; handle: number; parent?: number }[];
}

const PRIO = { kind: "prio", handle: 0x10000 };
const ARRANGEMENTS: Arrangement[] = [
  { name: "nothing", qdiscs: [] },
  { name: "a pfifo at the root", qdiscs: [{ kind: "pfifo", handle: 0x10000 }] },
  { name: "a pfifo with plugctl's handle at the root", qdiscs: [{ kind: "pfifo", handle: FIRST_HANDLE }] },
  { name: "a plug at the root", qdiscs: [{ kind: "plug", handle: FIRST_HANDLE }] },
  { name: "a plug with another handle at the root", qdiscs: [{ kind: "plug", handle: 0x700000 }] },
  { name: "a prio with empty classes", qdiscs: [PRIO] },
  { name: "a prio with a plug in a class", qdiscs: [PRIO, { kind: "plug", handle: FIRST_HANDLE, parent: CLASS_1_1 }] },
  { name: "a prio with a pfifo in a class", qdiscs: [PRIO, { kind: "pfifo", handle: 0x90000, parent: CLASS_1_1 }] },
];
const PLACES = [
  { parent: TC_H_ROOT, handle: 0 },
  { parent: TC_H_ROOT, handle: FIRST_HANDLE },
  { parent: CLASS_1_1, handle: 0 },
  { parent: CLASS_1_1, handle: FIRST_HANDLE },
  { parent: CLASS_1_2, handle: 0x800000 },
  { parent: NO_CLASS, handle: 0x800000 },
  { parent: 0, handle: FIRST_HANDLE },
];
const CHANGES: PlugAction[] = ["buffer", "release-one", "release-indefinite", "limit"];
const REQUESTS: Record<string, (place: QdiscPlace) => QdiscRequest> = {
  create: (place) => createRequest(place, { limitBytes: 1000 }),
  replace: (place) => createRequest(place, { limitBytes: 1000, replace: true }),
  delete: deleteRequest,
  ...Object.fromEntries(CHANGES.map((action) => [action, (place: QdiscPlace) => changeRequest(place, action, 1000)])),
};

for (const { name, qdiscs } of ARRANGEMENTS) {
  Deno.test(`FakeKernel() answers what this kernel does, with ${name}`, () => {
    using host = new Host();
    using socket = host.enter(openSocket);
    const connection = new Connection(socket);
    makeDevice(socket, { name: "d0", ifindex: IFINDEX });
    for (const place of PLACES) {
      for (const [verb, toRequest] of Object.entries(REQUESTS)) {
        const fake = new FakeKernel();
        const device = fake.addDevice("d0", { ifindex: IFINDEX });
        for (const qdisc of qdiscs) {
          fake.addQdisc(device, qdisc);
          add(qdisc, socket);
        }
        const request = toRequest({ ...place, ifindex: IFINDEX });
        const what = `${verb} ${place.parent.toString(16)} ${place.handle.toString(16)}`;
        const [faked, real] = [outcome(fake.connection, request), outcome(connection, request)];
        // Linux 6.1 grafted a qdisc from elsewhere; its later updates refuse to (EINVAL).
        if (!fake.accidents.some((accident) => accident.includes("grafted"))) assertEquals(faked, real, what);
        connection.transact([deleteRequest({ ifindex: IFINDEX, parent: TC_H_ROOT, handle: 0 })]);
      }
    }
  });
}

function add(qdisc: Arrangement["qdiscs"][number], socket: Socket): void {
  const raw = { ifindex: IFINDEX, parent: TC_H_ROOT, ...qdisc };
  if (qdisc.kind !== "plug") return makeQdisc(socket, raw);
  const { ifindex, parent, handle } = raw;
  const create = createRequest({ ifindex, parent, handle }, { limitBytes: 1e6 });
  new Connection(socket).request("create plug", create);
}

/** What a request is answered, and which qdiscs the device has afterwards. */
function outcome(connection: Connection, request: QdiscRequest): [errno: string, qdiscs: string[]] {
  const [{ errno }] = connection.transact([request]);
  const qdiscs = connection.dump("list qdiscs", { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 })
    .filter((qdisc) => qdisc.about === "qdisc")
    .filter((qdisc) => qdisc.ifindex === request.ifindex && qdisc.handle !== 0)
    .map(({ kind, handle, parent }) => `${kind} ${describe(handle)} at ${parent.toString(16)}`);
  return [errnoName(errno), qdiscs.sort()];
}

/** The kernel gives handles from 8000: on, another one each time. */
function describe(handle: number): string {
  return handle >= 0x80000000 ? "with a handle of the kernel's" : formatHandle(handle);
}
