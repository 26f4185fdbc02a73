"""The words of the house: ids, time, canonical forms, refusals, the mandate.

No input or output; imports nothing of ours.
"""
