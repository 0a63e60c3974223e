"""Tells what comes of each task on each host, for a test: a line of JSON each."""

import json

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: ansible_events
type: stdout
short_description: a line of JSON for each result
description: For tests.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "ansible_events"

    def say(self, outcome, result):
        host, task = result._host.get_name(), result._task.get_name()
        print(json.dumps({"host": host, "task": task, "outcome": outcome, "result": result._result}), flush=True)

    def v2_runner_on_ok(self, result):
        self.say("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.say("failed", result)

    def v2_runner_on_unreachable(self, result):
        self.say("unreachable", result)

    def v2_runner_on_skipped(self, result):
        self.say("skipped", result)
