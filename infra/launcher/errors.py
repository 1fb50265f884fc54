"""What can go wrong with a system as a whole; the text is one line for the person at the terminal."""


class LauncherError(Exception):
    """The system did not start, or could not go on."""


class AlreadyRunning(LauncherError):
    """Another launcher holds this folder."""


class PortTaken(LauncherError):
    """Somebody else listens where the gateway should."""


class StartFailed(LauncherError):
    """A process could not start."""


class GaveUp(LauncherError):
    """A process kept dying."""


class DataGone(LauncherError):
    """The folder of data was removed or replaced while the system ran."""
