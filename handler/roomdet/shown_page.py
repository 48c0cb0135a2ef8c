# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where points of a PDF page lie on it as it is shown.

To be called by what :mod:`roomdet.documents` calls alone, which sees to it that one thread is
inside PDFium.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium_c

if TYPE_CHECKING:
    import pypdfium2 as pdfium

_DEVICE = 10**6  # what PDFium's whole-numbered device is wide and high here


@dataclass(frozen=True, slots=True)
class ShownPage:
    """From points of a page to fractions of it as it is shown: cropped and turned.

    Attributes:
        origin: Where the point 0, 0 lies.
        step_x: How far a point to the right goes.
        step_y: How far a point up goes.
    """

    origin: tuple[float, float]
    step_x: tuple[float, float]
    step_y: tuple[float, float]

    @classmethod
    def of(cls, sheet: pdfium.PdfPage) -> ShownPage:
        """Ask PDFium which points of a page three corners of what is shown are.

        The other way round PDFium has whole numbers that end where a page is far from the origin.
        """

        def point(x: int, y: int) -> tuple[float, float]:
            x_pt, y_pt = ctypes.c_double(), ctypes.c_double()
            pdfium_c.FPDF_DeviceToPage(sheet, 0, 0, _DEVICE, _DEVICE, 0, x, y, x_pt, y_pt)
            return x_pt.value, y_pt.value

        (x, y), right, below = point(0, 0), point(_DEVICE, 0), point(0, _DEVICE)
        across, down = (right[0] - x, right[1] - y), (below[0] - x, below[1] - y)
        width, height = math.hypot(*across) ** 2, math.hypot(*down) ** 2
        step_x = (across[0] / width, down[0] / height)
        step_y = (across[1] / width, down[1] / height)
        origin = (-x * step_x[0] - y * step_y[0], -x * step_x[1] - y * step_y[1])
        return cls(origin, step_x, step_y)

    def fraction(self, x_pt: float, y_pt: float) -> tuple[float, float]:
        """Where a point of the page lies, in fractions of it as it is shown."""
        (x, y), (right_x, right_y), (up_x, up_y) = self.origin, self.step_x, self.step_y
        return x + x_pt * right_x + y_pt * up_x, y + x_pt * right_y + y_pt * up_y

    def turned_degrees(self, angle_degrees: float) -> float:
        """Clockwise on the shown page, of an angle counterclockwise on the page."""
        across, up = math.cos(math.radians(angle_degrees)), math.sin(math.radians(angle_degrees))
        x = across * self.step_x[0] + up * self.step_y[0]
        y = across * self.step_x[1] + up * self.step_y[1]
        return math.degrees(math.atan2(y, x))
