"""Arithmetic of the trade that anybody may ask for."""
