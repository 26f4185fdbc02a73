"""Telling people that there is news, by web push or SMS: never what about, never at night."""
