"""Functions of generated kernels: checks, casts and messages, each copied into the kernels as text.

The emitter copies whole functions, only those that a kernel calls, and imports nothing of this
package. So they know of a kernel only what their arguments say and what every kernel declares,
`kernel`. They run on the oldest Python that kernels run on, 3.9, and import NumPy and the standard
library alone.
"""
