"""The console's sections and whose they are: a worker's menu has what the worker may open and nothing else."""

ROLES: dict[str, tuple[str, ...]] = {
    "today": (),
    "mandates": ("console", "mandate-officer", "auditor"),
    "campaigns": ("console", "campaign-officer", "lab-desk"),
    "board": ("console", "campaign-officer", "lab-desk"),
    "booking": ("console", "campaign-officer", "case-worker"),
    "planner": ("console", "campaign-officer", "lab-desk"),
    "custody": ("sampler", "courier"),
    "laboratory": ("console", "lab-desk", "campaign-officer"),
    "notices": ("console", "reviewer", "case-worker", "duty-doctor", "campaign-officer"),
    "desk": ("case-worker", "duty-doctor"),
    "gates": ("console", "mandate-officer", "auditor"),
    "policy": ("console", "mandate-officer", "auditor"),
    "counter": ("console", "case-worker", "campaign-officer"),
    "access": ("console", "mandate-officer"),
    "exports": ("campaign-officer", "mandate-officer", "console", "data-officer", "auditor"),
    "glass": ("duty-doctor", "case-worker"),
    "looks": ("data-officer", "auditor"),
}


def sections_of(role: str) -> list[tuple[str, str]]:
    """(key, address) of each section that a role may open, in the menu's order. `()` above means every role."""
    return [
        (key, "/console" if key == "today" else f"/console/{key}")
        for key, roles in ROLES.items()
        if not roles or role in roles
    ]
