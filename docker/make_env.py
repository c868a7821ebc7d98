"""Write docker/.env with fresh secrets: `python docker/make_env.py`. Needs nothing but Python, and never overwrites."""

import base64
import os
import re
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def filled(example: str) -> str:
    """Return the example's text with a random value for each empty variable."""

    def fill(match: re.Match[str]) -> str:
        # A Fernet key is 32 bytes in URL-safe base64; the others must pass through a URL unquoted, as this does.
        value = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        return match[0] + (value if match[1] == "AIRFLOW_FERNET_KEY" else value.rstrip("="))

    return re.sub(r"^([A-Z_]+)=$", fill, example, flags=re.MULTILINE)


def main(folder: Path = HERE) -> int:
    """Write the file for its owner's eyes only; return the exit code."""
    target = folder / ".env"
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(f"error: {target} is there already: edit it, or remove it to make new secrets\n")
        return 2
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(filled((HERE / ".env.example").read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
