//! Publish and subscribe, as go-micro services know it; one module a back end.
