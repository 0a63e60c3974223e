"""What the options of all modules say."""


class ModuleDocFragment:
    DOCUMENTATION = """
options:
  executable:
    description:
      - The program plugctl on the managed host, by its path, or by its name where it is in C(PATH).
    type: str
    default: plugctl
  netns:
    description:
      - The network namespace, as C(--netns) of plugctl takes it. A name, a path, or C(pid:N).
    type: str
  container:
    description:
      - Instead, a container of Docker or Podman on the managed host, by name, ID or a pattern.
    type: str
  pod:
    description:
      - Instead, a pod of Kubernetes on the managed host, C(NAMESPACE/NAME) or a pattern.
    type: str
requirements:
  - plugctl on the managed host, and root there or C(CAP_NET_ADMIN), so that most playbooks need C(become)
attributes:
  check_mode:
    description: Says what would change, and touches nothing.
    support: full
  diff_mode:
    description: Shows what changes.
    support: none
  platform:
    description: The managed host is a Linux.
    support: full
    platforms: linux
author:
  - the authors of plugctl (@plugctl)
"""
