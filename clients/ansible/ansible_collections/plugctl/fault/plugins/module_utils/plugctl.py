"""Runs plugctl on the managed host. What is held, and whether a gate is the same, plugctl says: nothing of it is decided here."""

import json

PREFIX = "plugctl: "
# Where to look, the same for each module.
WHERE = {
    "netns": {"type": "str"},
    "container": {"type": "str"},
    "pod": {"type": "str"},
}
EXECUTABLE = {"executable": {"type": "str", "default": "plugctl"}}
QUEUES = {
    "gates": {"type": "list", "elements": "str", "default": [], "aliases": ["gate"]},
    "devices": {"type": "list", "elements": "str", "default": [], "aliases": ["device", "dev"]},
}
ONE_PLACE = [("netns", "container", "pod")]


def option(name, value):
    """The words of an option that takes a value: one for each of a list, none where there is no value."""
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    return [f"--{name}={each}" for each in values]


def flag(name, is_given):
    return [f"--{name}"] if is_given else []


class Plugctl:
    """plugctl, for one module, which it ends where plugctl fails: with plugctl's sentence and exit status."""

    def __init__(self, module):
        self.module = module
        self.notes = []
        self.commands = []
        self._path = module.get_bin_path(module.params["executable"], required=True)
        self._where = [word for name in WHERE for word in option(name, module.params[name])]

    def run(self, command, *words):
        """Runs a command, and returns what its JSON says; nothing where it prints none."""
        status, value, complaint = self.attempt(command, *words)
        if status != 0:
            self.fail(complaint, status)
        return value

    def attempt(self, command, *words):
        """As run, and returns the exit status, the value and what was said where it is not 0."""
        line = [*command.split(), *words, *self._where]
        self.commands.append(" ".join(["plugctl", *line]))
        status, output, said = self.module.run_command([self._path, *line], environ_update={"NO_COLOR": "1"})
        sentences = [each[len(PREFIX):] if each.startswith(PREFIX) else each for each in said.splitlines()]
        if status == 0:
            self.notes.extend(sentences)
        value = json.loads(output) if output.strip().startswith(("[", "{")) else None
        return status, value, "\n".join(sentences)

    def fail(self, complaint, status, **values):
        self.module.fail_json(
            msg=complaint or f"plugctl ended with exit status {status}",
            rc=status,
            commands=self.commands,
            notes=self.notes,
            **values,
        )

    def exit(self, changed, **values):
        self.module.exit_json(changed=changed, commands=self.commands, notes=self.notes, **values)


def named(params):
    """The words that name gates and devices."""
    return [*option("gate", params["gates"]), *option("dev", params["devices"])]


def shown_gates(plugctl, names):
    """The plugs of gates, as plugctl shows them: one that is not there is not among them."""
    if not names:
        return []
    return [plug for plug in show(plugctl) if plug.get("gate") in names]


def shown_devices(plugctl, names):
    """The plugs at the root of devices by the names that these were called by: nothing of one that has none."""
    plugs = {name: [plug for plug in show(plugctl, *option("dev", name)) if plug["parent"] == "root"] for name in names}
    return {name: found[0] for name, found in plugs.items() if found}


def show(plugctl, *words):
    """What plugctl shows, without what it tells of the devices themselves, and what it says besides."""
    plugs = plugctl.run("show", *words, "--json", "--quiet")
    return [{key: value for key, value in plug.items() if key != "link"} for plug in plugs]


def holds(plug):
    """Whether a plug holds, as far as the kernel and guardians tell: a guardian will release it, or packets wait."""
    return "endsInMs" in plug or plug["backlogPackets"] > 0
