"""The Space as an aggregate: what has happened to it, and what may happen next.

Pure: times and people are arguments. `values` holds what facts and decisions are made of, `facts` what is stored,
`state` the Space after its facts, `lifecycle` and `stage` the decisions.
"""
