"""Prints what the modules of the collection take, by their names, as they tell AnsibleModule: a line of JSON."""

import importlib
import json
import sys

from ansible.module_utils import basic


class Asked(Exception):
    """A module has said what it takes."""


class Module:
    def __init__(self, argument_spec, **_):
        raise Asked(argument_spec)


basic.AnsibleModule = Module
specs = {}
for name in sys.argv[1:]:
    module = importlib.import_module(f"ansible_collections.plugctl.fault.plugins.modules.{name}")
    try:
        module.main()
    except Asked as asked:
        specs[name] = asked.args[0]
print(json.dumps(specs))
