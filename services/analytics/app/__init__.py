"""From the stream into the tables, from the tables to an answer, and what is forgotten of them."""
