# SPDX-License-Identifier: AGPL-3.0-or-later
"""Do what the image does before TorchServe starts: find the archive and check it.

A program of its own, run in the container's environment: ``model_check.py FOLDER``. It prints the
archive's path and the worker's variables as JSON, or ends with the reason.
"""

import json
import os
import sys
from pathlib import Path

from pid1.archive import check_archive, find_archive
from pid1.errors import ServeError
from pid1.settings import Settings, own_variables


def main(folder: str) -> int:
    """Check what lies in a folder; 0, or 1 and the reason on stderr."""
    try:
        settings = Settings.read(os.environ)
        archive = find_archive([Path(folder)])
        check_archive(archive, settings.archive_sha256)
    except ServeError as err:
        print(err, file=sys.stderr)
        return 1
    dropped = sorted(own_variables() & os.environ.keys())
    print(json.dumps({"archive": str(archive), "dropped": dropped}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
