"""The conformance gate as ready tests: ten, each named after what it checks.

What never happens here: a check that is made twice; each class certifies its package once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ._gateway import Gateway


class ConformanceGate:
    """The gate's ten checks, as tests of the class that inherits it.

    Its name has to be one that pytest collects, and it says where the package is:

        class TestConformance(ConformanceGate):
            package = Path(__file__).parent.parent

    It needs the ``omega`` binary, as :class:`Gateway` does. The package's folder is left as it is.
    """

    #: The package's folder.
    package: ClassVar[str | Path]
    _report: ClassVar[dict[str, Any] | None] = None

    @classmethod
    def report(cls) -> dict[str, Any]:
        """What the gate says of the package: the content of ``CONFORMANCE.json``."""
        if cls._report is None:
            with Gateway() as gateway:
                cls._report = gateway.certify(cls.package)
        return cls._report

    def _check(self, check_id: str) -> None:
        (check,) = (check for check in self.report()["checks"] if check["id"] == check_id)
        if not check["passed"]:
            raise AssertionError(f"{check_id} {check['name']}: {check['detail']}")

    def test_cg_01_manifest_valid(self) -> None:
        """All fields of the manifest."""
        self._check("CG-01")

    def test_cg_02_schema_io_valid(self) -> None:
        """Every descriptor has a schema and a size limit."""
        self._check("CG-02")

    def test_cg_03_capabilities_permitted(self) -> None:
        """No capability that nobody gets."""
        self._check("CG-03")

    def test_cg_04_determinism(self) -> None:
        """Two runs of each example give the same, where that is promised."""
        self._check("CG-04")

    def test_cg_05_stateless(self) -> None:
        """No call shows in another."""
        self._check("CG-05")

    def test_cg_06_fail_closed(self) -> None:
        """Empty, wrong and mutated inputs are refused, and nothing crashes."""
        self._check("CG-06")

    def test_cg_07_timeout_respected(self) -> None:
        """Each example is within its time, and the gateway's stop works."""
        self._check("CG-07")

    def test_cg_08_non_actuating(self) -> None:
        """Outputs are data, and the host is as before."""
        self._check("CG-08")

    def test_cg_09_proof_generation(self) -> None:
        """Evidence is there and right."""
        self._check("CG-09")

    def test_cg_10_version_compatible(self) -> None:
        """The API version is one of the gateway's."""
        self._check("CG-10")
