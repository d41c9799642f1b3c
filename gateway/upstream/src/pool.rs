//! The connections of one worker to one endpoint.

pub(crate) mod h1;
pub(crate) mod h2;
