"""The public language of Rostrum: events, commands, queries, subjects and headers.

Everything that crosses a process border is declared here and nowhere else. This package imports nothing of ours.
Within a version a model only ever grows: fields are added with a default, never renamed, retyped or removed.
"""
