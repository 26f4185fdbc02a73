"""The case desk: one list by due time, a call script, an outcome in three keys, visits without a network."""
