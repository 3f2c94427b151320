# SPDX-License-Identifier: GPL-2.0-or-later
"""The one exception for everything that can go wrong outside of the lab's own code."""


class LabError(Exception):
    """A drill could not be run, or a judge could not judge; the message is for the user."""


class Unavailable(LabError):
    """This machine cannot do what the lab wants, through no fault of what is tested."""


class NotTogether(LabError):
    """A target or fault cannot be laid over that scenario: whoever makes a matrix may leave it out."""
