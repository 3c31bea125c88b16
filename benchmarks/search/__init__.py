"""Which optimiser finds better configurations in fewer evaluations: ours and its peers on surrogates, tables, BBOB."""
