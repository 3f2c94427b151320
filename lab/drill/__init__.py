# SPDX-License-Identifier: GPL-2.0-or-later
"""`lifeboat drill`: which scenarios are run, in what order, and what is told of them. What one run is, lab/crash.py says.

    select.py    words of the command line → runs: scenario × target × faults × kernel × crashkernel size
    engine.py    runs → results, as many at a time as CPUs and memory allow; one.py is the process of one of them
    progress.py  what a person sees meanwhile; listing.py: what could be run
    result.py    one run's result and a whole drill's, as JSON; timeline.py takes them out of a run's folder
    text.py, junit.py, page.py    a drill for a person, a CI server, a browser
    compare.py   two drills: what has become slower, larger or wrong
    support.py   docs/support-matrix.md out of a drill
"""

import sys

if sys.version_info < (3, 11):
    raise SystemExit(f"lifeboat drill: Python 3.11 or newer is needed, this is {sys.version.split()[0]}")
