"""Findings written by hand."""

from stepwell.study.judge import Finding

STATEMENT = 'On plateau $k$ the `loss` waits & 50 % of "runs" <fall> by σ0_x ~ {1}.'


def finding(claim="first", **changes):
    """A finding; what is given replaces what stands here."""
    words = {
        "study": "toy",
        "claim": claim,
        "statement": STATEMENT,
        "source": "essay2026, section 8.6",
        "reading": "intended",
        "scope": "source",
        "scale": "quick",
        "verdict": "HOLDS",
        "expected": "HOLDS",
        "note": "one of 6 gave no value",
    }
    numbers = {"predicted": 1.0526, "measured": 1.05304, "uncertainty": 0.0021, "tolerance": 0.0316}
    return Finding(**{**words, **numbers, "seconds": 1.25, "counts": True, **changes})
