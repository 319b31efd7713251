"""The pytest plugin by a name of the package, for `-p tailorbird.testing.plugin`.

pytest finds it by itself as `_tailorbird_pytest`, which loads nothing of the package.
"""

from __future__ import annotations

from _tailorbird_pytest import no_network, pytest_configure, virtual_clock

__all__ = ["no_network", "pytest_configure", "virtual_clock"]
