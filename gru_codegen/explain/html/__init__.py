"""A document as one HTML page: MathML, no script, nothing that is fetched.

page      the head, the sections, what is lit under the pointer
blocks    one function for each kind of block
anchors   the ids, and which formula and which line of code lead to each other
formulas  formulas and prose
listing   the code, line by line
graph     the picture of what reads what
markup    elements and their attributes
"""

from gru_codegen.explain.html.page import render

__all__ = ["render"]
