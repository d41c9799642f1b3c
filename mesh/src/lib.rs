//! A node of the mesh, assembled from its parts: calling services by name, and being one.
