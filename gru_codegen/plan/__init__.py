"""Program -> Plan: where every value lives, decided before a target spells it.

arrays     Array, Place, View and Plan: the decisions, as frozen data
decide     the decisions themselves
validity   what makes a plan sound
memory     arrays that share storage as a plan says, for the interpreter
"""

from gru_codegen.plan.arrays import Array, Place, Plan, View
from gru_codegen.plan.decide import plan

__all__ = ["Array", "Place", "Plan", "View", "plan"]
