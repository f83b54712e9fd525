"""Opens Keras models of others, of Keras 2 and 3, in every format they were saved in, without running their code."""
