"""Packing and horizontal fusion: variables are stored side by side, and one call serves them."""
