//! The snapshot's words on logging, turned into those of the writers.

use config_schema::document::{AccessLogFormat, AccessLogPath};
use gateway_snapshot::AccessLog;

use crate::access_log::{Destination, Format};

/// Returns how access records are written; nothing when they are not.
pub(crate) fn format(settings: &AccessLog) -> Option<Format> {
    match settings.format {
        AccessLogFormat::Off => None,
        AccessLogFormat::Text => Some(Format::Text),
        AccessLogFormat::Json => Some(Format::Json),
    }
}

/// Returns where access records go.
pub(crate) fn destination(settings: &AccessLog) -> Destination {
    match &settings.path {
        AccessLogPath::Stdout => Destination::Stdout,
        AccessLogPath::File(path) => Destination::File(path.into()),
    }
}
