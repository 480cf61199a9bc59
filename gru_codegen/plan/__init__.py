"""Program -> Plan: the place of every value, decided before a target spells it.

arrays     Array, Place, View and Plan: the decisions, as frozen data
decide     the decisions themselves
validity   soundness of a plan: no value is read where another one lies by then
memory     a run of the program on arrays that share storage as the plan says
"""

from gru_codegen.plan.arrays import Array, Place, Plan, View
from gru_codegen.plan.decide import plan
from gru_codegen.plan.validity import validate

__all__ = ["Array", "Place", "Plan", "View", "plan", "validate"]
