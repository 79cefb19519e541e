"""HTTP doors of the mesh: keys, limits, problem bodies, docs. Whoever has one installs `osiris-mesh[http]`."""
