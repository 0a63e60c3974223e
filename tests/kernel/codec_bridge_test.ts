/** What `bridge -j` and `ip -j` print of groups, VLANs, tunnels and tables, and what the codec reads of the same dump. */

import { assert, assertEquals } from "@std/assert";
import { NLM_F_DUMP } from "../../codec/assembly/constants.ts";
import { bytesOf } from "../../codec/records.ts";
import type { FieldInput } from "../../codec/encode.ts";
import { decode, encode, type Field } from "../../codec/family.ts";
import { Connection } from "../../netlink/connection.ts";
import { Host } from "./host.ts";
import { loadModules } from "./modules.ts";

const [RTM_GETMULTICAST, RTM_GETNEIGHTBL, RTM_GETADDRLABEL, RTM_GETMDB, RTM_GETVLAN, RTM_GETTUNNEL] = [
  58,
  66,
  74,
  86,
  114,
  122,
];
const [AF_BRIDGE, AF_INET6] = [7, 10];

/** Every message of a dump, decoded; each is encoded again to the byte. */
function dump(host: Host, type: number, family: number, { length = 8, more = [] as FieldInput[] } = {}): Field[] {
  const body = new Uint8Array(length);
  body[0] = family;
  using connection = host.enter(() => Connection.open());
  const fields = [{ name: "struct", value: body }, ...more];
  return connection.pick("list", { type, flags: NLM_F_DUMP, fields }, (records) => {
    const bytes = bytesOf(records).slice();
    const tree = decode(bytes);
    assertEquals(encode(tree).toHex(), bytes.toHex());
    return tree;
  });
}

/** Every field of this kernel name. */
function all(field: Field, kernelName: string): Field[] {
  const inner = (field.fields ?? []).flatMap((each) => all(each, kernelName));
  return field.kernelName === kernelName ? [field, ...inner] : inner;
}

/** What the first field of this kernel name says or holds, in small letters and without the name of its enum. */
function said(field: Field, kernelName: string, prefix = ""): string | undefined {
  const found = all(field, kernelName)[0];
  return found && String(found.meaning ?? found.value).replace(prefix, "").toLowerCase();
}

function found(field: Field | undefined, what: string): Field {
  if (!field) throw new Error(`No message is about ${what}`);
  return field;
}

interface Json {
  readonly [key: string]: unknown;
}

Deno.test("decode() says of a bridge's groups, VLANs and tunnels, and of tables, what bridge -j and ip -j print", async (t) => {
  await loadModules(["bridge", "dummy", "vxlan"]);
  using host = new Host();
  host.configure([
    "link add br0 type bridge vlan_filtering 1 mcast_snooping 1 mcast_vlan_snooping 0",
    "link add d0 type dummy",
    "link set d0 master br0",
    "link add vx0 type vxlan external vnifilter dstport 4789 local 10.0.0.1",
    "link set br0 up",
    "link set d0 up",
    "link set vx0 up",
    "addrlabel add prefix fd00::/8 label 7",
  ]);
  const bridge = (...words: string[]) => host.run("bridge", ...words);
  const json = (...words: string[]): Json[] => JSON.parse(host.run(...words));

  await t.step("groups", () => {
    bridge(..."mdb add dev br0 port d0 grp 239.1.1.1 permanent vid 1".split(" "));
    bridge(..."mdb add dev br0 port d0 grp ff15::7 permanent vid 1".split(" "));
    bridge(..."mdb add dev br0 port d0 grp 01:02:03:04:05:06 permanent".split(" "));
    const [{ mdb }] = json("bridge", "-j", "-d", "mdb", "show") as [{ mdb: Json[] }];
    const entries = dump(host, RTM_GETMDB, AF_BRIDGE).flatMap((each) => all(each, "MDBA_MDB_ENTRY_INFO"));
    assertEquals(entries.length, mdb.length);
    for (const { grp, state, vid = 0 } of mdb) {
      const entry = found(entries.find((each) => said(each, "u") === grp), `${grp}`);
      assertEquals([said(entry, "state", "MDB_"), said(entry, "vid")], [state, String(vid)]);
    }
    assert(mdb.length >= 3, JSON.stringify(mdb));
  });

  await t.step("VLANs", () => {
    bridge(..."vlan add dev d0 vid 10-12".split(" "));
    bridge(..."vlan add dev d0 vid 20 pvid untagged".split(" "));
    const entries = dump(host, RTM_GETVLAN, AF_BRIDGE).flatMap((each) => all(each, "BRIDGE_VLANDB_ENTRY"));
    let compared = 0;
    for (const { vlans } of json("bridge", "-j", "-d", "vlan", "show") as { vlans: Json[] }[]) {
      for (const { vlan, vlanEnd, state } of vlans) {
        const same = entries.filter((each) => said(each, "vid") === String(vlan));
        const last = (each: Field) => said(each, "BRIDGE_VLANDB_ENTRY_RANGE");
        const entry = found(
          same.find((each) => last(each) === (vlanEnd === undefined ? undefined : String(vlanEnd))),
          `${vlan} to ${vlanEnd}`,
        );
        assertEquals(said(entry, "BRIDGE_VLANDB_ENTRY_STATE", "BR_STATE_"), state);
        compared++;
      }
    }
    assert(compared >= 3, `${compared}`);
  });

  await t.step("VLANs as a whole", () => {
    const flags = { name: "FLAGS", attributeType: 1, value: 2 };
    const entries = dump(host, RTM_GETVLAN, AF_BRIDGE, { more: [flags] })
      .flatMap((each) => all(each, "BRIDGE_VLANDB_GLOBAL_OPTIONS"));
    const shown = json("bridge", "-j", "vlan", "global", "show") as { vlans: Json[] }[];
    for (const { vlan, mcast_query_interval } of shown.flatMap(({ vlans }) => vlans)) {
      const entry = found(entries.find((each) => said(each, "BRIDGE_VLANDB_GOPTS_ID") === String(vlan)), `${vlan}`);
      assertEquals(said(entry, "BRIDGE_VLANDB_GOPTS_MCAST_QUERY_INTVL"), String(mcast_query_interval));
    }
    assert(shown.length > 0);
  });

  await t.step("networks of a VXLAN device", () => {
    bridge(..."vni add vni 400-402 group 239.1.1.1 dev vx0".split(" "));
    const entries = dump(host, RTM_GETTUNNEL, AF_BRIDGE).flatMap((each) => all(each, "VXLAN_VNIFILTER_ENTRY"));
    const vnis = (json("bridge", "-j", "vni", "show") as { vnis: Json[] }[]).flatMap(({ vnis }) => vnis);
    assertEquals(entries.length, vnis.length);
    for (const [index, { vni, vniEnd, group }] of vnis.entries()) {
      const [start, end] = ["START", "END"].map((name) => said(entries[index], `VXLAN_VNIFILTER_ENTRY_${name}`));
      assertEquals([start, end ?? "undefined"], [String(vni), String(vniEnd)]);
      assertEquals(said(entries[index], "VXLAN_VNIFILTER_ENTRY_GROUP"), group);
    }
    assert(vnis.length > 0);
  });

  await t.step("labels of addresses", () => {
    const labels = json("ip", "-j", "addrlabel", "show");
    const messages = dump(host, RTM_GETADDRLABEL, AF_INET6, { length: 12 });
    assertEquals(messages.length, labels.length);
    for (const { address, prefixlen, label } of labels) {
      const message = found(messages.find((each) => said(each, "IFAL_ADDRESS") === address), `${address}`);
      assertEquals([said(message, "ifal_prefixlen"), said(message, "IFAL_LABEL")], [prefixlen, label].map(String));
    }
  });

  await t.step("tables of neighbours", () => {
    const messages = dump(host, RTM_GETNEIGHTBL, 0, { length: 4 });
    const tables = json("ip", "-j", "ntable", "show").filter(({ thresh1 }) => thresh1 !== undefined);
    for (const { name, thresh1, thresh2 } of tables) {
      const message = found(
        messages.find((each) => said(each, "NDTA_NAME") === name && said(each, "NDTA_THRESH1")),
        `${name}`,
      );
      assertEquals([said(message, "NDTA_THRESH1"), said(message, "NDTA_THRESH2")], [thresh1, thresh2].map(String));
    }
    assert(tables.length > 0);
  });

  await t.step("addresses of multicast groups", () => {
    const groups = dump(host, RTM_GETMULTICAST, AF_INET6).map((each) => said(each, "IFA_MULTICAST"));
    assert(groups.includes("ff02::1"), groups.join());
  });
});
