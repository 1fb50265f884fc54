"""Load, call, save: the life of a recording, what of the captured audio belongs to it, and how it is finished."""
