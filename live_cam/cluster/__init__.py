"""Work spread over machines by Ray; the only package that imports it."""
