//! Answers of the gateway itself are ones that HTTP knows.

use super::View;
use crate::{
    diagnostic::{Code, Findings},
    document::Handler,
};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for (_, route, path) in view.routes() {
        let path = path.key("handler").key(route.handler.name());
        match &route.handler {
            Handler::Redirect(redirect) if !matches!(redirect.status.code(), 301 | 302 | 303 | 307 | 308) => {
                let message = format!("{} is no redirect", redirect.status.code());
                let finding = view.error(Code::BadStatus, path.key("status"), message);
                findings.push(finding.help("redirects are 301, 302, 303, 307 and 308"));
            }
            Handler::Respond(respond)
                if matches!(respond.status.code(), 204 | 205 | 304) && !respond.body.is_empty() =>
            {
                let message = format!("a response with status {} has no body", respond.status.code());
                findings.push(
                    view.error(Code::BadStatus, path.key("body"), message).help("leave `body` out, or answer 200"),
                );
            }
            _ => {}
        }
    }
}
