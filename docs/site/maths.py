"""Formulas as MathML, so that a page needs neither a script nor the network to show them."""

import html
import re

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">(?:\\\((.*?)\\\)|\\\[(.*?)\\\])</\1>', re.DOTALL)


def with_mathml(page: str) -> str:
    r"""A built page, its formulas $\sigma_0$ turned from LaTeX into MathML."""
    return FORMULA.sub(_formula, page)


def _formula(found: re.Match[str]) -> str:
    inline, block = found[2], found[3]
    latex = html.unescape(inline if inline is not None else block).strip()
    made = convert(latex, display="inline" if inline is not None else "block")
    made = made.replace("<mo>&#x0002F;</mo>", '<mo lspace="0" rspace="0">/</mo>')
    return made if inline is not None else f'<div class="scroll" tabindex="0">{made}</div>'
