"""Storage: three-address code, storage reuse and the memory order of matrices."""
