"""Whether code compiles. Nothing of it is run."""


def check(code: str) -> None:
    """Compile `code` and throw the result away.

    Raises:
        ValueError: it does not, and why.
    """
    try:
        compile(code, "policy.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"expected code that compiles: {error}"[:300]) from None
