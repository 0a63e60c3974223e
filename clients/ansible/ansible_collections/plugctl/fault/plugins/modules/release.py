#!/usr/bin/python
"""Releases packets that plugctl holds."""

DOCUMENTATION = """
module: release
short_description: Release the packets that gates and devices hold
description:
  - Everything that waits leaves, in order, and packets pass from here on. It reports how many that were.
  - Where nothing was held, nothing changes.
extends_documentation_fragment: [plugctl.fault.plugctl]
options:
  gates:
    description: The gates whose packets are released. One that is not there holds nothing.
    type: list
    elements: str
    default: []
    aliases: [gate]
  devices:
    description: The devices whose packets are released. One without a plug holds nothing.
    type: list
    elements: str
    default: []
    aliases: [device, dev]
  packets:
    description: Release only so many of the packets of a gate, those that have waited longest, and hold the rest.
    type: int
  rate:
    description: Release the packets of a gate step by step, so many in a time, such as C(100/s).
    type: str
  over:
    description: Release the packets of a gate step by step within this time, such as C(2s).
    type: str
  detach:
    description: Also delete the plugs of the devices, once all has left.
    type: bool
    default: false
seealso:
  - module: plugctl.fault.gate
  - module: plugctl.fault.hold
notes:
  - The kernel does not tell whether a plug holds. It is known of one that a guardian will release, as it does whatever
    M(plugctl.fault.hold) holds, and of one where packets wait. One that C(plugctl buffer) holds without a deadline, and where
    nothing waits, is released as well, but not reported as a change.
"""

EXAMPLES = """
- name: Let them go
  plugctl.fault.release:
    gates: [web]
  register: released

- ansible.builtin.debug:
    msg: "{{ released.releasedPackets }} packets have waited"

- name: Release what leaves eth1, and leave no plug there
  plugctl.fault.release:
    devices: [eth1]
    detach: true
"""

RETURN = """
releasedPackets:
  description: How many packets have left, of all gates and devices together. In check mode how many wait.
  returned: always
  type: int
released:
  description: What has left of each, as C(plugctl release --json) says it. In check mode what C(plugctl show --json) says.
  returned: always
  type: list
  elements: dict
  sample: [{dev: plug-web, gate: web, action: release, releasedPackets: 3, waitingPackets: 0, lostPackets: 0}]
detached:
  description: The devices whose plug was deleted.
  returned: always
  type: list
  elements: str
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
    QUEUES,
    WHERE,
    Plugctl,
    holds,
    named,
    option,
    shown_devices,
    shown_gates,
)


def release(plugctl, params):
    gates = shown_gates(plugctl, params["gates"])
    devices = shown_devices(plugctl, params["devices"])
    before = [*gates, *devices.values()]
    there = {"gates": [plug["gate"] for plug in gates], "devices": list(devices)}
    plugctl.notes.extend(f"there is no gate {name}" for name in params["gates"] if name not in there["gates"])
    if not before:
        plugctl.exit(False, releasedPackets=0, released=[], detached=[])
    was_held = any(holds(plug) for plug in before)
    detached = list(devices) if params["detach"] else []
    words = [*named(there), *[word for name in ("packets", "rate", "over") for word in option(name, params[name])]]
    if plugctl.module.check_mode:
        plugctl.run("release", *words, "--dry-run", "--quiet")
        waiting = sum(plug["backlogPackets"] for plug in before)
        plugctl.exit(was_held or bool(detached), releasedPackets=waiting, released=before, detached=detached)
    status, released, complaint = plugctl.attempt("release", *words, "--json")
    released = released or []
    packets = sum(each["releasedPackets"] for each in released)
    if status != 0:
        plugctl.fail(complaint, status, releasedPackets=packets, released=released, detached=[])
    if detached:
        plugctl.run("detach", *option("dev", detached))
    plugctl.exit(was_held or packets > 0 or bool(detached), releasedPackets=packets, released=released, detached=detached)


def main():
    module = AnsibleModule(
        argument_spec={
            "packets": {"type": "int"},
            "rate": {"type": "str"},
            "over": {"type": "str"},
            "detach": {"type": "bool", "default": False},
            **QUEUES,
            **EXECUTABLE,
            **WHERE,
        },
        mutually_exclusive=[*ONE_PLACE, ("packets", "rate", "over")],
        supports_check_mode=True,
    )
    if not module.params["gates"] and not module.params["devices"]:
        module.fail_json(msg="release needs gates or devices")
    release(Plugctl(module), module.params)


if __name__ == "__main__":
    main()
