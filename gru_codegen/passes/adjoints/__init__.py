"""Backward loops are linear in what they compute; these passes rest on that."""
