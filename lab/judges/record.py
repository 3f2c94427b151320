# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of a capture, crash.json."""

import json
from pathlib import Path
from typing import Any

from ..errors import LabError


def read_record(path: Path) -> dict[str, Any]:
    """crash.json."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise LabError(f"{path.name}: {err}") from err
    if not isinstance(record, dict):
        raise LabError(f"{path.name} holds no object")
    return record
