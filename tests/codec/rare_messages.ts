// The rarer messages of rtnetlink: what bridge, dcb and ip 6.1 really send, and what the kernel lays out on its own account.
import { concat, words } from "./bytes.ts";

/** By what was typed: the bytes of the request, and what they say. */
export const SENT: Readonly<Record<string, readonly [hex: string, type: string, said: string]>> = {
  "bridge vlan add dev lo vid 10-12": [
    "3400000013000500d360086b000000000700000001000000000000000000000014001a000800020008000a000800020010000c00",
    "RTM_SETLINK",
    "family=AF_BRIDGE type=0 ifindex=1 flags=0 change=0 flags=RANGE_BEGIN vid=10 flags=RANGE_END vid=12",
  ],
  "bridge link set dev lo cost 7": [
    "2c00000013000500d360086b00000000070000000100000000000000000000000c000c800800030007000000",
    "RTM_SETLINK",
    "family=AF_BRIDGE type=0 ifindex=1 flags=0 change=0 BRPORT_COST=7",
  ],
  "ip link property add dev lo altname other": [
    "300000006c00050ed260086b0000000000000000010000000000000000000000100034800a0035006f74686572000000",
    "RTM_NEWLINKPROP",
    "family=AF_UNSPEC type=0 ifindex=1 flags=0 change=0 ALT_IFNAME=other",
  ],
  "ip addrlabel add prefix fd00::/8 label 7": [
    "3800000048000506d260086b000000000a0008000000000000000000080002000700000014000100fd000000000000000000000000000000",
    "RTM_NEWADDRLABEL",
    "family=AF_INET6 prefixLength=8 flags=0 ifindex=0 seq=0 LABEL=7 ADDRESS=fd00::",
  ],
  "bridge mdb add dev lo port lo grp 239.1.1.1 src 10.0.0.7 permanent vid 5": [
    "4400000054000506d360086b000000000700000001000000200001000100000001000500ef010101000000000000000000000000080000000c" +
    "000280080001000a000007",
    "RTM_NEWMDB",
    "family=AF_BRIDGE ifindex=1 ifindex=1 state=MDB_PERMANENT flags=0 vid=5 u=239.1.1.1 proto=ETH_P_IP ATTR_SOURCE=10.0.0.7",
  ],
  "bridge mdb del dev lo port lo grp ff15::7": [
    "3800000055000500d360086b000000000700000001000000200001000100000000000000ff15000000000000000000000000000786dd0000",
    "RTM_DELMDB",
    "family=AF_BRIDGE ifindex=1 ifindex=1 state=MDB_TEMPORARY flags=0 vid=0 u=ff15::7 proto=ETH_P_IPV6",
  ],
  "bridge vlan set dev lo vid 10 state learning": [
    "2c00000070000500d360086b000000000700000001000000140001800800010040000a000500030002000000",
    "RTM_NEWVLAN",
    "family=AF_BRIDGE ifindex=1 flags=ONLY_OPTS vid=10 VLANDB_ENTRY_STATE=BR_STATE_LEARNING",
  ],
  "bridge vlan global set vid 10 dev lo mcast_snooping 1": [
    "2c00000070000500d360086b00000000070000000100000014000280060001000a0000000500030001000000",
    "RTM_NEWVLAN",
    "family=AF_BRIDGE ifindex=1 VLANDB_GOPTS_ID=10 VLANDB_GOPTS_MCAST_SNOOPING=1",
  ],
  "bridge vni add vni 400-402 group 239.1.1.1 dev lo": [
    "3400000078000500d360086b0000000007000000010000001c0001800800010090010000080002009201000008000300ef010101",
    "RTM_NEWTUNNEL",
    "family=AF_BRIDGE flags=0 ifindex=1 VNIFILTER_ENTRY_START=400 VNIFILTER_ENTRY_END=402 VNIFILTER_ENTRY_GROUP=239.1.1.1",
  ],
  "dcb app add dev lo dscp-prio 10:3": [
    "2c0000004f000500d160086b0000000000140000070001006c6f000010000d800c0003800800010005030a00",
    "RTM_SETDCB",
    "family=AF_UNSPEC cmd=DCB_CMD_IEEE_SET ATTR_IFNAME=lo selector=IEEE_8021QAZ_APP_SEL_DSCP priority=3 protocol=10",
  ],
  "dcb dcbx set dev lo host ieee": [
    "240000004f000500d160086b0000000000170000070001006c6f000005000e0009000000",
    "RTM_SETDCB",
    "family=AF_UNSPEC cmd=DCB_CMD_SDCBX ATTR_IFNAME=lo ATTR_DCBX=HOST|VER_IEEE",
  ],
};

/** A message that the kernel lays out by itself. */
export function told(type: number, ...parts: Uint8Array[]): string {
  const body = concat(...parts);
  return concat(words(16 + body.length, type, 1, 0), body).toHex();
}

export const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(/\s/g, ""));
const address = "14000100 fe80 0000 0000 0000 0000 0000 0000 0001";

/** By what it is: the bytes that a kernel lays out, and what they say. */
export const TOLD: Readonly<Record<string, readonly [hex: string, type: string, said: string]>> = {
  "a group that a bridge has learnt, and a port that leads to a router": [
    told(
      84,
      hex("07000000 02000000"),
      hex("30000180 2c000180 28000100 03000000 01020500 ef010101 00000000 00000000 00000000 0800 0000"),
      hex("08000100 39300000"),
      hex("1c000280 18000180 03000000 08000100 39300000 05000200 01000000"),
    ),
    "RTM_NEWMDB",
    "family=AF_BRIDGE ifindex=2 ifindex=3 state=MDB_PERMANENT flags=FAST_LEAVE vid=5 u=239.1.1.1 proto=ETH_P_IP " +
    "MDB_EATTR_TIMER=12345 ifindex=3 ROUTER_PATTR_TIMER=12345 ROUTER_PATTR_TYPE=MDB_RTR_TYPE_TEMP_QUERY",
  ],
  "what a dump of groups gives, whose type is that of the request": [
    told(86, hex("07000000 02000000"), hex("08000100 04000100"), hex("04000200")),
    "RTM_GETMDB",
    "family=AF_BRIDGE ifindex=2",
  ],
  "a prefix that a router announces": [
    told(52, hex("0a000000 02000000 03400300"), hex(address), hex("0c000200 80510100 005c2600")),
    "RTM_NEWPREFIX",
    "family=AF_INET6 ifindex=2 type=3 prefixLength=64 flags=ONLINK|AUTOCONF ADDRESS=fe80::1 preferred_time=86400 " +
    "valid_time=2513920",
  ],
  "an option that a router announces, of eight bytes, and its address": [
    told(68, hex("0a000800 02000000 86000000 00000000"), hex("1901 0000 0000 0e10"), hex(address)),
    "RTM_NEWNDUSEROPT",
    "family=AF_INET6 opts_len=8 ifindex=2 icmp_type=134 icmp_code=0 options=1901000000000e10 SRCADDR=fe80::1",
  ],
  "a packet that a router of multicast packets has no route for": [
    told(96, hex("80000000"), hex("05000100 01000000 08000200 03000000 08000300 0a000007 08000400 ef010101")),
    "RTM_NEWCACHEREPORT",
    "family=AF_IPMR CREPORT_MSGTYPE=IGMPMSG_NOCACHE CREPORT_VIF_ID=3 CREPORT_SRC_ADDR=10.0.0.7 CREPORT_DST_ADDR=239.1.1.1",
  ],
  "the same of IPv6": [
    told(96, hex("81000000"), hex("05000100 02000000 08000200 03000000")),
    "RTM_NEWCACHEREPORT",
    "family=AF_IP6MR CREPORT_MSGTYPE=MRT6MSG_WRONGMIF CREPORT_MIF_ID=3",
  ],
};

/** All of them in bytes. */
export const RARE: readonly Uint8Array<ArrayBuffer>[] = [...Object.values(SENT), ...Object.values(TOLD)]
  .map(([bytes]) => Uint8Array.fromHex(bytes));
