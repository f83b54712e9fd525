"""Classes that a person teaches by showing them: examples, the head that is fitted to them, and what it learnt."""
