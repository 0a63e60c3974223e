#!/usr/bin/python
"""Holds packets with plugctl."""

DOCUMENTATION = """
module: hold
short_description: Hold the packets of gates and devices, for a time or until they are released
description:
  - With I(for) or I(until) the task takes as long as the hold, and reports it.
  - Without them the task begins a hold, which goes on when it has ended, until M(plugctl.fault.release) ends it. A guardian, a
    process that plugctl leaves on the managed host, releases after I(max_hold), whatever has become of Ansible or of the
    connection.
  - What a guardian will release already is held already, and is left as it is.
extends_documentation_fragment: [plugctl.fault.plugctl]
options:
  gates:
    description: The gates whose packets are held. Make them with M(plugctl.fault.gate).
    type: list
    elements: str
    default: []
    aliases: [gate]
  devices:
    description:
      - The devices of which all that leaves is held.
      - Where the task begins a hold, a plug is attached to those that have none. It stays when the hold has ended, and lets
        everything pass. M(plugctl.fault.release) takes it away with I(detach).
    type: list
    elements: str
    default: []
    aliases: [device, dev]
  for:
    description: Hold for this time, such as C(200ms) or C(5s), then release, and wait until all has left.
    type: str
  until:
    description: Hold until this is true, such as C(backlog>=10), but no longer than I(for) or I(max_hold).
    type: str
  at:
    description:
      - With I(for) or I(until), begin at this time, by the clock of the managed host, such as C(12:00:03.5) or C(@SECONDS). Until
        then all is checked and set up, and packets pass, so that all hosts begin at one moment, as far as their clocks agree.
      - A time that has passed is an error.
    type: str
  max_late:
    description: How late it may begin after I(at), such as C(50ms), the default.
    type: str
  max_hold:
    description: How long it may be held at the most, which a guardian sees to. By default C(30s), or C(5s) more than I(for).
    type: str
  renew:
    description: Set the deadline of what is held already anew. What has been held until then becomes an epoch of its own.
    type: bool
    default: false
  except:
    description: Which packets of devices pass meanwhile, written as for tcpdump. With I(for) or I(until).
    type: list
    elements: str
    default: []
  limit:
    description: How much a plug that is attached for the hold holds before it drops packets, such as C(16m).
    type: str
  expect_lossless:
    description: Fail where a packet was dropped. With I(for) or I(until).
    type: bool
    default: false
  force:
    description: Hold though packets of a gate bypass filters that others have put behind it.
    type: bool
    default: false
seealso:
  - module: plugctl.fault.gate
  - module: plugctl.fault.release
notes:
  - A device that carries the SSH connection holds that, too, so that Ansible hears of the hold when it has ended. Use a gate with
    I(except), or I(except).
  - With I(for) a hold is made each time that the task runs, so that it always reports a change.
  - In check mode a gate that is not there is no error, as a task before may be about to make it.
"""

EXAMPLES = """
- name: New connections wait while the server restarts
  block:
    - plugctl.fault.hold:
        gates: [web]
        max_hold: 30s
    - ansible.builtin.service:
        name: my-server
        state: restarted
  always:
    - plugctl.fault.release:
        gates: [web]

- name: Nothing leaves eth1 for two seconds
  plugctl.fault.hold:
    devices: [eth1]
    for: 2s

- name: A moment, the same for all hosts
  ansible.builtin.set_fact:
    moment: "@{{ now().timestamp() | int + 10 }}"
  run_once: true

- name: All hosts hold from then on, for two seconds
  plugctl.fault.hold:
    gates: [web]
    at: "{{ moment }}"
    for: 2s

- name: Until ten packets wait
  plugctl.fault.hold:
    gates: [web]
    until: backlog>=10
    for: 5s
"""

RETURN = """
queues:
  description:
    - What holds from now on, as C(plugctl show --json) shows it, where the task has begun a hold. C(endsInMs) says after how
      many milliseconds a guardian releases at the latest. In check mode as it is.
  returned: without I(for) and I(until)
  type: list
  elements: dict
  sample: [{dev: plug-web, gate: web, backlogPackets: 0, backlogBytes: 0, packets: 17, bytes: 1238, drops: 0, endsInMs: 29981}]
attached:
  description: The devices that a plug was attached to.
  returned: without I(for) and I(until)
  type: list
  elements: str
report:
  description: What was held, as C(plugctl hold --json) says it.
  returned: with I(for) or I(until), but not in check mode
  type: dict
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
    flag,
    named,
    option,
    shown_devices,
    shown_gates,
)


def hold_and_wait(plugctl, params):
    """Holds and releases, and returns when that has ended."""
    words = [
        *named(params),
        *[word for name in ("for", "until", "at", "limit", "except") for word in option(name, params[name])],
        *option("max-late", params["max_late"]),
        *option("max-hold", params["max_hold"]),
        *flag("expect-lossless", params["expect_lossless"]),
        *flag("force", params["force"]),
    ]
    if plugctl.module.check_mode:
        shown_devices(plugctl, params["devices"])
        plugctl.run("hold", *words, "--dry-run", "--quiet")
        plugctl.exit(True)
    status, report, complaint = plugctl.attempt("hold", *words, "--json")
    if status != 0:
        plugctl.fail(complaint, status, **({"report": report} if report else {}))
    plugctl.exit(True, report=report)


def begin(plugctl, params):
    """Begins a hold, with a guardian that ends it."""
    gates = shown_gates(plugctl, params["gates"])
    devices = shown_devices(plugctl, params["devices"])
    queues = [*gates, *devices.values()]
    held = [] if params["renew"] else [plug for plug in queues if "endsInMs" in plug]
    passing = {
        "gates": [gate for gate in params["gates"] if not any(plug.get("gate") == gate for plug in held)],
        "devices": [name for name in params["devices"] if devices.get(name) not in held],
    }
    bare = [name for name in params["devices"] if name not in devices]
    if not named(passing):
        plugctl.exit(False, queues=queues, attached=[])
    buffer = [
        *named(passing),
        *option("max-hold", params["max_hold"] or DEFAULT_MAX_HOLD),
        *flag("force", params["force"]),
    ]
    if plugctl.module.check_mode:
        plugctl.run("buffer", *buffer, "--dry-run", "--quiet")
        plugctl.exit(True, queues=queues, attached=bare)
    if bare:
        plugctl.run("attach", *option("dev", bare), *option("limit", params["limit"]))
    status, _, complaint = plugctl.attempt("buffer", *buffer, "--json")
    if status != 0:
        if bare:
            plugctl.attempt("detach", *option("dev", bare))
        plugctl.fail(complaint, status)
    queues = [*shown_gates(plugctl, params["gates"]), *shown_devices(plugctl, params["devices"]).values()]
    plugctl.exit(True, queues=queues, attached=bare)


DEFAULT_MAX_HOLD = "30s"


def main():
    module = AnsibleModule(
        argument_spec={
            "for": {"type": "str"},
            "until": {"type": "str"},
            "at": {"type": "str"},
            "max_late": {"type": "str"},
            "max_hold": {"type": "str"},
            "renew": {"type": "bool", "default": False},
            "except": {"type": "list", "elements": "str", "default": []},
            "limit": {"type": "str"},
            "expect_lossless": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
            **QUEUES,
            **EXECUTABLE,
            **WHERE,
        },
        mutually_exclusive=ONE_PLACE,
        supports_check_mode=True,
    )
    params = module.params
    if not params["gates"] and not params["devices"]:
        module.fail_json(msg="hold needs gates or devices")
    waits = params["for"] is not None or params["until"] is not None
    if not waits and (params["except"] or params["expect_lossless"]):
        module.fail_json(msg="except and expect_lossless go with for or until: without these, use a gate that has an except")
    if not waits and params["at"] is not None:
        module.fail_json(msg="at goes with for or until")
    plugctl = Plugctl(module)
    if waits:
        hold_and_wait(plugctl, params)
    begin(plugctl, params)


if __name__ == "__main__":
    main()
