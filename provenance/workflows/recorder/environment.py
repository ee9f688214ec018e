"""Which variables of the environment are recorded, and which the command does not get.

By allow-list: only names that are known to change results and to carry no secret. The values of all others stay out,
unless the user names them, and a name that speaks of a secret is refused even then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from provenance.errors import UsageError
from provenance.workflows.recorder.cleaning import clean_text, is_secret_name

OURS = "PROVENANCE_"
# What a job may ask its CI system for an identity with: the command could sign as whoever records it.
_IDENTITY = frozenset({"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "SIGSTORE_ID_TOKEN"})
_NAMES = frozenset({
    "ATEN_CPU_CAPABILITY", "BLIS_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING",
    "CUDA_VISIBLE_DEVICES", "GOTO_NUM_THREADS", "HF_DATASETS_OFFLINE", "HF_HUB_OFFLINE", "HIP_VISIBLE_DEVICES", "LANG",
    "LANGUAGE", "NCCL_ALGO", "NCCL_PROTO", "NPY_DISABLE_CPU_FEATURES", "NUMEXPR_MAX_THREADS", "NUMEXPR_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE", "PYTHONHASHSEED", "PYTHONUTF8", "PYTORCH_CUDA_ALLOC_CONF", "SOURCE_DATE_EPOCH",
    "TF_CUDNN_DETERMINISTIC", "TF_DETERMINISTIC_OPS", "TOKENIZERS_PARALLELISM", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "TRANSFORMERS_OFFLINE", "TZ", "VECLIB_MAXIMUM_THREADS", "XLA_FLAGS",
})
_FAMILIES = ("DNNL_", "KMP_", "LC_", "MKL_", "OMP_", "ONEDNN_", "OPENBLAS_")
# Slurm's variables also name the user, the hosts and the account: these do not.
_SLURM = (
    "ARRAY_JOB_ID", "ARRAY_TASK_ID", "CPUS_ON_NODE", "CPUS_PER_TASK", "GPUS", "GPUS_ON_NODE", "GPUS_PER_NODE", "JOB_ID",
    "JOB_NUM_NODES", "JOB_PARTITION", "NNODES", "NPROCS", "NTASKS", "PROCID", "RESTART_COUNT", "STEP_ID",
    "TASKS_PER_NODE",
)


def for_command(inherited: Mapping[str, str]) -> dict[str, str]:
    """The command's environment: what this process has, less this tool's own variables and ways to an identity.

    Python is asked not to write `__pycache__`, which would change a folder of code that is an input.
    """
    passed = {name: value for name, value in inherited.items() if not name.startswith(OURS) and name not in _IDENTITY}
    return {"PYTHONDONTWRITEBYTECODE": "1", **passed}


def recorded(
    environment: Mapping[str, str], also: Iterable[str], folder: Path, secrets: Sequence[str]
) -> dict[str, str]:
    """The variables that go into the statement; UsageError for a name that speaks of a secret."""
    wanted = frozenset(also)
    for name in sorted(wanted):
        if is_secret_name(name) or name.startswith(OURS):
            raise UsageError("usage", f"{name} looks like a secret, which is never recorded", location="environment",
                             hint="leave it out")
    return {name: clean_text(value, folder, secrets) for name, value in sorted(environment.items())
            if name in wanted or is_allowed(name)}


def is_allowed(name: str) -> bool:
    """Whether a variable is on the allow-list."""
    return name in _NAMES or name.startswith(_FAMILIES)


def scheduler(environment: Mapping[str, str]) -> dict[str, Any]:
    """What the batch scheduler says of the job, without users and hosts; empty outside a job."""
    found = {name: environment[f"SLURM_{name}"] for name in _SLURM if f"SLURM_{name}" in environment}
    return {"name": "slurm", "variables": {f"SLURM_{name}": value for name, value in found.items()}} if found else {}
