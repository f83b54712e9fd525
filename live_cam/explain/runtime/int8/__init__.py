"""The step in 8-bit integers: convolutions computed over ranges that were measured on photographs."""
