"""Every version that was ever tried, with its proof and its lineage."""
