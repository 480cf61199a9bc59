"""The version of the package: the build reads it here, and kernels and certificates say it."""

__all__ = ["__version__"]

__version__ = "0.2.0"
