"""The memory of the desk: records proposals, assessments and feedback."""
