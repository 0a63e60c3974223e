#!/usr/bin/python
"""Makes gates of plugctl, and takes them away."""

DOCUMENTATION = """
module: gate
short_description: Make or delete a gate of plugctl, which can hold the packets that match
description:
  - A gate holds only the packets that its match means, once M(plugctl.fault.hold) says so. Until then they pass.
  - It stays until it is deleted, or the machine starts anew. C(plugctl recover) removes all of them.
extends_documentation_fragment: [plugctl.fault.plugctl]
options:
  name:
    description: Its name.
    type: str
    required: true
  state:
    description:
      - With C(present) it is made, unless the same gate is there already.
      - With C(absent) it is deleted, after all that it holds has left, if it is there.
    type: str
    choices: [present, absent]
    default: present
  devices:
    description: The devices whose packets it sees. Required where it is to be present.
    type: list
    elements: str
    aliases: [device, dev]
  direction:
    description: Which packets it sees, those that come in, those that go out, or both. Required where it is to be present.
    type: str
    choices: [in, out, both]
  match:
    description:
      - Which packets, written as for tcpdump, such as C(tcp dst port 80 and syn). Several are alternatives.
      - Without it all packets but ARP and neighbour discovery.
    type: list
    elements: str
    default: []
  except:
    description: Which of these pass nevertheless. Several are alternatives.
    type: list
    elements: str
    default: []
  with_arp:
    description: Hold ARP and neighbour discovery, too.
    type: bool
    default: false
  every:
    description: Only every Nth of the packets that match. The others pass.
    type: int
  probability:
    description: Only so many of the packets that match, at random, such as C(5%).
    type: str
  limit:
    description: How much it holds before it drops packets, such as C(64k) or C(1MiB). By default 16 MiB.
    type: str
  priority:
    description: Of several gates that match, the one with the lowest number gets a packet. By default the next that is free.
    type: int
  replace:
    description:
      - Take down another gate of this name first, after all that it holds has left.
      - Without it another gate of this name is an error.
    type: bool
    default: false
  force:
    description:
      - Make it though its packets bypass filters that others have put behind it.
      - Delete it though another process is using it.
    type: bool
    default: false
  drop:
    description: Where it is deleted, discard what it holds instead of releasing that.
    type: bool
    default: false
  timeout:
    description: Where it is deleted, how long to wait until all has left, such as C(5s), the default.
    type: str
attributes:
  diff_mode:
    description: Shows what changes of a gate.
    support: full
seealso:
  - module: plugctl.fault.hold
  - module: plugctl.fault.release
"""

EXAMPLES = """
- name: A gate for new connections to port 8000
  plugctl.fault.gate:
    name: web
    devices: [eth0]
    direction: in
    match: tcp dst port 8000 and syn and not ack

- name: Everything that leaves eth0, but not this SSH connection
  plugctl.fault.gate:
    name: all
    devices: [eth0]
    direction: out
    except: tcp port 22

- name: No gate any more
  plugctl.fault.gate:
    name: web
    state: absent
"""

RETURN = """
gate:
  description: The gate, as C(plugctl gate list --json) shows it. In check mode the one that is there.
  returned: where there is one
  type: dict
  sample: {name: web, direction: ingress, devs: [eth0], match: [tcp dst port 8000], except: [], limitBytes: 16777216, priority: 1000}
deleted:
  description: What became of the packets of a gate that was deleted, as C(plugctl gate delete --json) says it.
  returned: where one was deleted
  type: dict
  sample: {gate: web, discardedPackets: 0, drops: 0, lostPackets: 0}
notes:
  description: What plugctl has said besides, a sentence each.
  returned: always
  type: list
  elements: str
commands:
  description: The command lines of plugctl that were run.
  returned: always
  type: list
  elements: str
rc:
  description: The exit status of plugctl.
  returned: where it failed
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.plugctl.fault.plugins.module_utils.plugctl import (
    EXECUTABLE,
    ONE_PLACE,
    WHERE,
    Plugctl,
    flag,
    option,
)

# What a diff shows of a gate, by the module's words and by plugctl's.
SHOWN = {
    "devices": "devs",
    "direction": "direction",
    "match": "match",
    "except": "except",
    "every": "every",
    "probability": "probability",
    "limit": "limitBytes",
    "priority": "priority",
}


# Directions, in the module's words, by plugctl's.
DIRECTIONS = {"ingress": "in", "egress": "out"}


def described(gate):
    """What a diff shows of a gate that is there."""
    values = {word: gate[key] for word, key in SHOWN.items() if gate.get(key) not in (None, [])} if gate else {}
    return {word: DIRECTIONS.get(value, value) if word == "direction" else value for word, value in values.items()}


def wanted(params):
    """What a diff shows of one that is yet to be made."""
    return {word: params[word] for word in SHOWN if params[word] not in (None, [])}


def add(plugctl, params):
    module = plugctl.module
    words = [
        params["name"],
        *option("dev", params["devices"]),
        *[word for name in ("direction", "match", "except", "every", "limit", "priority") for word in option(name, params[name])],
        *option("probability", params["probability"]),
        *flag("with-arp", params["with_arp"]),
        *flag("replace", params["replace"]),
        *flag("force", params["force"]),
        "--json",
    ]
    if not (module.check_mode or module._diff):
        gate = plugctl.run("gate add", *words)
        plugctl.exit(gate["made"], gate=gate)
    foreseen = plugctl.run("gate add", *words, "--check")
    before = foreseen.get("existing")
    changes = foreseen["would"] != "keep"
    gate = plugctl.run("gate add", *words) if changes and not module.check_mode else before
    after = described(gate) if gate is not before else wanted(params) if changes else described(before)
    values = {"gate": gate} if gate else {}
    plugctl.exit(changes, diff={"before": described(before), "after": after}, **values)


def delete(plugctl, params):
    gates = plugctl.run("gate list", "--json")
    gate = next((each for each in gates if each["name"] == params["name"]), None)
    plugctl.notes.clear()
    if gate is None:
        plugctl.exit(False, diff={"before": {}, "after": {}})
    diff = {"before": described(gate), "after": {}}
    words = [
        params["name"],
        *option("timeout", params["timeout"]),
        *flag("drop", params["drop"]),
        *flag("force", params["force"]),
        "--json",
    ]
    if plugctl.module.check_mode:
        plugctl.exit(True, gate=gate, diff=diff)
    status, reports, complaint = plugctl.attempt("gate delete", *words)
    report = reports[0] if reports else None
    if status != 0:
        plugctl.fail(complaint, status, deleted=report)
    plugctl.exit(True, deleted=report, diff=diff)


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "devices": {"type": "list", "elements": "str", "aliases": ["device", "dev"]},
            "direction": {"type": "str", "choices": ["in", "out", "both"]},
            "match": {"type": "list", "elements": "str", "default": []},
            "except": {"type": "list", "elements": "str", "default": []},
            "with_arp": {"type": "bool", "default": False},
            "every": {"type": "int"},
            "probability": {"type": "str"},
            "limit": {"type": "str"},
            "priority": {"type": "int"},
            "replace": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
            "drop": {"type": "bool", "default": False},
            "timeout": {"type": "str"},
            **EXECUTABLE,
            **WHERE,
        },
        required_if=[("state", "present", ["devices", "direction"])],
        mutually_exclusive=ONE_PLACE,
        supports_check_mode=True,
    )
    plugctl = Plugctl(module)
    if module.params["state"] == "present":
        add(plugctl, module.params)
    delete(plugctl, module.params)


if __name__ == "__main__":
    main()
